/**
 * Who approves tool calls that want approval.
 *
 * **Details**
 *
 * A call wants approval where its tool says so (`needsApproval`) or is annotated `Tool.Destructive` explicitly. Only that call
 * waits; when nothing else is left to do, the time of the run stands still. What is decided is in the journal, so a run that is
 * resumed does not ask again. An approval is for one call: the run, the place in it, the tool and the arguments; it serves once.
 *
 * **Example** (Approve small amounts)
 *
 * ```ts
 * import { Agent, Approval } from "@volley/core"
 * import { ModelScript, ScriptedModel } from "@volley/core/testing"
 * import { Effect, Schema } from "effect"
 *
 * const refund = Agent.tool("refund", {
 *   description: "Pays an amount in euros back",
 *   needsApproval: true,
 *   parameters: { amount: Schema.Finite },
 *   run: ({ amount }) => `${amount} paid back`
 * })
 *
 * const approval = Approval.layer(({ params, tool }) =>
 *   Effect.succeed({
 *     approved: tool === "refund" && (params as { amount: number }).amount <= 10,
 *     by: "the rule for small amounts",
 *     reason: "amounts up to 10 alone"
 *   })
 * )
 *
 * const model = ScriptedModel.layer([
 *   ModelScript.toolUse([{ name: "refund", input: { amount: 8 } }]),
 *   ModelScript.toolUse([{ name: "refund", input: { amount: 80 } }]),
 *   ModelScript.text("The first is paid back.")
 * ])
 *
 * const program = Agent.run(Agent.make("shop", { tools: [refund] }), "Pay me back", {
 *   onEvent: (event) => Effect.sync(() => event._tag === "ToolCallAnswered" && console.log(event.result))
 * })
 * await Effect.runPromise(Effect.provide(program, [model, approval]))
 * ```
 *
 * ```text
 * 8 paid back
 * This call was not approved: amounts up to 10 alone; it was not executed.
 * ```
 *
 * @since 0.1.0
 */
import * as Context from "effect/Context"
import * as Effect from "effect/Effect"
import * as Layer from "effect/Layer"

/**
 * A call that wants approval; `params` are the arguments as the model gave them, `key` is the call's idempotency key.
 *
 * @category models
 * @since 0.1.0
 */
export interface Request {
  readonly runId: string
  readonly agent: string
  readonly tenant: string | undefined
  readonly callId: string
  readonly turn: number
  readonly index: number
  readonly tool: string
  readonly params: unknown
  readonly key: string
}

/**
 * What was decided. `by` and `reason` are kept in the journal, and the model reads the reason of a refusal. After `expires`
 * (milliseconds since the epoch, default never) an approval that was not used is none.
 *
 * @category models
 * @since 0.1.0
 */
export interface Decision {
  readonly approved: boolean
  readonly by?: string
  readonly reason?: string
  readonly expires?: number
}

/**
 * Decides. It may take as long as it needs; it is interrupted when the run ends. One that dies has refused.
 *
 * @category models
 * @since 0.1.0
 */
export type Approver = (request: Request) => Effect.Effect<Decision>

/**
 * The approver in use. By default nobody is there, and every call that wants approval is refused.
 *
 * @category references
 * @since 0.1.0
 */
export const current: Context.Reference<Approver> = Context.Reference<Approver>("@volley/core/Approval", {
  defaultValue: () => () => Effect.succeed({ approved: false, reason: "nobody is there to approve it" })
})

/**
 * Provides an approver.
 *
 * **Example** (Small amounts pass, larger ones are refused with a reason)
 *
 * ```ts
 * import { Approval } from "@volley/core"
 * import { Effect, Schema } from "effect"
 *
 * const isSmall = Schema.is(Schema.Struct({ amount: Schema.Finite.check(Schema.isLessThanOrEqualTo(100)) }))
 *
 * export const policy = Approval.layer(({ params }) =>
 *   Effect.succeed(isSmall(params) ? { approved: true, by: "policy" } : { approved: false, reason: "above 100" })
 * )
 * ```
 *
 * @category layers
 * @since 0.1.0
 */
export const layer = (approver: Approver): Layer.Layer<never> => Layer.succeed(current, approver)
