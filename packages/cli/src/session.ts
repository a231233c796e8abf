/**
 * What the commands that run the agent have in common: a model, tools with their handlers, and who approves their calls.
 *
 * @internal
 */
import type * as Approval from "@volley/core/Approval"
import * as Redactor from "@volley/core/Redactor"
import type * as LanguageModel from "effect/ai/LanguageModel"
import * as Effect from "effect/Effect"
import type * as Layer from "effect/Layer"
import * as Approver from "./approver.ts"
import type { Exit } from "./exit.ts"
import * as Model from "./model.ts"
import type { Platform } from "./source.ts"
import { screen } from "./stdio.ts"
import * as Toolbox from "./toolbox.ts"

/** What the command line says. @internal */
export interface Options extends Toolbox.Sources {
  readonly model: string | undefined
  readonly maxTokens: number | undefined
  /** Names of tools whose calls are approved in advance, or "all". */
  readonly approve: ReadonlyArray<string>
  readonly quiet: boolean
}

/** @internal */
export interface Session extends Toolbox.Toolbox {
  /** Says what the user did not choose, and gives the model. */
  readonly model: Effect.Effect<Layer.Layer<LanguageModel.LanguageModel>>
  readonly approver: Approval.Approver
}

/** A line on stderr that is not an error. @internal */
export const note = ({ quiet }: Pick<Options, "quiet">, text: string): void => quiet ? undefined : screen.print(text)

/** @internal */
export const open = Effect.fnUntraced(function*(
  options: Options
): Effect.fn.Return<Session, Exit, Platform> {
  const choice = Model.choose(options.model, yield* Model.reachable)
  if ("_tag" in choice) return yield* choice
  const toolbox = yield* Toolbox.open(options)
  yield* Approver.checkNames(options.approve, toolbox.tools)
  const { redact } = yield* Redactor.current
  const model = Effect.suspend(() => {
    if (choice.note !== undefined) note(options, choice.note)
    if (choice.id === Model.offline && options.maxTokens !== undefined) {
      note(options, "--max-tokens has no effect on the offline planner")
    }
    return Model.layer(choice.id, options.maxTokens)
  })
  return { ...toolbox, model, approver: yield* Approver.make(Approver.terminal(), { ...options, redact }) }
})
