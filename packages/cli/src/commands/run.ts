/**
 * `volley run`: one question, one run, one answer.
 *
 * @internal
 */
import * as Agent from "@volley/core/Agent"
import type * as Limits from "@volley/core/Limits"
import * as Effect from "effect/Effect"
import type * as FileSystem from "effect/FileSystem"
import type * as Path from "effect/Path"
import type * as Scope from "effect/Scope"
import type * as Stdio from "effect/Stdio"
import * as Execution from "../execution.ts"
import * as Ended from "../exit.ts"
import * as Model from "../model.ts"
import { piped, screen } from "../stdio.ts"
import * as Toolbox from "../toolbox.ts"

/** What the command line says. @internal */
export interface Options extends Toolbox.Sources, Pick<Execution.Options, "output" | "journal" | "quiet"> {
  readonly question: string | undefined
  readonly model: string | undefined
  readonly limits: Limits.Limits
  readonly maxTokens: number | undefined
}

/** The question with what was piped as its context. @internal */
export const questionOf = (asked: string | undefined, context: string): string | undefined => {
  const question = asked?.trim() ?? ""
  if (question === "") return context === "" ? undefined : context
  return context === "" ? question : `${question}\n\n${context}`
}

const define = (tools: Toolbox.Toolbox["tools"], limits: Limits.Limits) =>
  Effect.try({
    try: () => Agent.make("volley", { tools, limits }),
    catch: (error) => Ended.usage(Ended.messageOf(error))
  })

/** @internal */
export const run = Effect.fnUntraced(function*(
  options: Options
): Effect.fn.Return<void, Ended.Exit, FileSystem.FileSystem | Path.Path | Stdio.Stdio | Scope.Scope> {
  const note = (text: string): void => options.quiet ? undefined : screen.print(text)

  const choice = Model.choose(options.model, yield* Model.reachable)
  if ("_tag" in choice) return yield* choice
  const toolbox = yield* Toolbox.open(options)
  const agent = yield* define(toolbox.tools, options.limits)
  const question = questionOf(options.question, yield* piped)
  if (question === undefined) return yield* Ended.usage("no question; give it as an argument or pipe it into stdin")
  if (choice.note !== undefined) note(choice.note)
  if (choice.id === Model.offline && options.maxTokens !== undefined) {
    note("--max-tokens has no effect on the offline planner")
  }

  const model = yield* Model.layer(choice.id, options.maxTokens)
  const task = { agent, question, model, services: toolbox.services }
  yield* Execution.execute(task, options)
}, Effect.scoped)
