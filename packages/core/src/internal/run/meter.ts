/**
 * What the replies of models cost.
 *
 * @internal
 */
import * as AiError from "effect/ai/AiError"
import * as Model from "effect/ai/Model"
import * as Effect from "effect/Effect"
import * as Option from "effect/Option"
import * as PriceTable from "../../PriceTable.ts"
import type * as RunEvent from "../../RunEvent.ts"

interface Reply {
  readonly model?: string | undefined
  readonly tier?: string | undefined
  readonly usage: RunEvent.Usage
}

/** @internal */
export interface Meter {
  /** In USD; `undefined` where no price is known. `settings.model` is the model that was asked. */
  readonly cost: (settings: RunEvent.TurnSettings, reply: Reply, at: number) => number | undefined
  /** The context window of the model in tokens, where it is known. */
  readonly window: (settings: RunEvent.TurnSettings, reply: Reply, at: number) => number | undefined
  /** The most that a request can cost in USD; 0 where no price is known. */
  readonly most: (
    settings: RunEvent.TurnSettings,
    tokens: Pick<RunEvent.Usage, "inputTokens" | "outputTokens">,
    at: number
  ) => number
  /** Whether the price of the configured model is known. */
  readonly isKnown: (at: number) => boolean
}

/** @internal */
export const make: Effect.Effect<Meter> = Effect.gen(function*() {
  const table = yield* PriceTable.current
  const configured = Option.getOrUndefined(yield* Effect.serviceOption(Model.ModelName))
  const price = ({ model = configured }: RunEvent.TurnSettings, inputTokens: number, at: number, tier?: string) =>
    model === undefined ? undefined : PriceTable.find(table, { model, at, inputTokens, tier })
  return {
    cost: (settings, { model, tier, usage }, at) => {
      const priced = (id: string | undefined) => PriceTable.cost(table, { model: id, at, tier, usage })
      return priced(model) ?? priced(settings.model ?? configured)
    },
    window: (settings, { model, tier, usage: { inputTokens } }, at) =>
      (model === undefined ? undefined : PriceTable.find(table, { model, at, tier, inputTokens })?.window)
        ?? price(settings, inputTokens, at, tier)?.window,
    most: (settings, tokens, at) => {
      const found = price(settings, tokens.inputTokens, at)
      return found === undefined ? 0 : PriceTable.most(found, tokens)
    },
    isKnown: (at) => price({}, 0, at) !== undefined
  }
})

/** @internal */
export const unknownPrice: AiError.AiError = AiError.make({
  module: "Agent",
  method: "run",
  reason: new AiError.InvalidRequestError({
    parameter: "limits.cost",
    description: "the price of the model is not known, so its cost cannot be limited: add it to PriceTable"
  })
})
