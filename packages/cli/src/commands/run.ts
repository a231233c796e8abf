/**
 * `volley run`: one question, one run, one answer.
 *
 * @internal
 */
import * as Agent from "@volley/core/Agent"
import type * as Limits from "@volley/core/Limits"
import * as Effect from "effect/Effect"
import type * as Stdio from "effect/Stdio"
import * as VolleyAgent from "../agent.ts"
import * as Execution from "../execution.ts"
import * as Ended from "../exit.ts"
import * as Session from "../session.ts"
import type { Platform } from "../source.ts"
import { piped } from "../stdio.ts"

/** What the command line says. @internal */
export interface Options extends Session.Options, Pick<Execution.Options, "output" | "journal"> {
  readonly question: string | undefined
  readonly limits: Limits.Limits
}

/** The question with what was piped as its context. @internal */
export const questionOf = (asked: string | undefined, context: string): string | undefined => {
  const question = asked?.trim() ?? ""
  if (question === "") return context === "" ? undefined : context
  return context === "" ? question : `${question}\n\n${context}`
}

/** @internal */
export const run = Effect.fnUntraced(function*(
  options: Options
): Effect.fn.Return<void, Ended.Exit, Platform | Stdio.Stdio> {
  const { approver, model, services, tools } = yield* Session.open(options)
  const agent = yield* VolleyAgent.define(tools, options.limits)
  const question = questionOf(options.question, yield* piped)
  if (question === undefined) return yield* Ended.usage("no question; give it as an argument or pipe it into stdin")
  const start = (onEvent: Execution.OnEvent) => Agent.run(agent, question, { onEvent })
  yield* Execution.execute({ start, approver, model: yield* model, services }, options)
}, Effect.scoped)
