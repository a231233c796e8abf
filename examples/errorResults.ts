// Error results: a tool that fails does not end the run. The model reads what went wrong, and answers with what it has.
// With Claude: import { Anthropic } from "@volley/core/anthropic", and give `model: Anthropic.modelFromEnv("claude-sonnet-5-5")`.
import { Agent, ToolFailure, ToolPolicy } from "@volley/core"
import { ModelScript, ScriptedModel } from "@volley/core/testing"
import { Console, Effect, Schema } from "effect"

const orders = new Map([["1001", { order: "1001", status: "shipped" }]])

const orderStatus = Agent.tool("order_status", {
  description: "Status of one order by its number",
  class: "readonly",
  parameters: { order: Schema.String },
  run: ({ order }) => {
    const found = orders.get(order)
    return found === undefined
      ? Effect.fail(ToolFailure.permanent({ reason: "NotFound", message: `there is no order ${order}` }))
      : Effect.succeed(found)
  }
})

const customer = Agent.tool("customer_of", {
  description: "Name and address of the customer of an order",
  class: "readonly",
  parameters: { order: Schema.String },
  run: () => Effect.fail(ToolFailure.permanent({ reason: "PermissionDenied", message: "addresses are confidential" }))
})

// It hangs: the timeout of its policy answers for it.
const delivery = ToolPolicy.set(
  Agent.tool("delivery_date", {
    description: "Day on which an order arrives",
    class: "readonly",
    parameters: { order: Schema.String },
    run: () => Effect.never
  }),
  { timeout: "200 millis" }
)

const agent = Agent.make("shop", { tools: [orderStatus, customer, delivery], resilienceNote: true })

const { layer: model } = Effect.runSync(ScriptedModel.make([
  ModelScript.toolUse([
    { name: "order_status", input: { order: "1001" } },
    { name: "order_status", input: { order: "9999" } },
    { name: "order_status", input: { number: 1001 } },
    { name: "customer_of", input: { order: "1001" } },
    { name: "delivery_date", input: { order: "1001" } }
  ]),
  ModelScript.text("Order 1001 is shipped; there is no order 9999. When 1001 arrives I could not find out.")
]))

const outcome = await Agent.runPromise(agent, "Where are orders 1001 and 9999?", {
  model,
  onEvent: (event) =>
    event._tag === "ToolCallAnswered"
      ? Console.log(`${event.index} ${event.ok ? "ok" : "failed"}: ${JSON.stringify(event.result)}`)
      : Effect.void
})
console.log(outcome.text)

// prints:
//   0 ok: {"order":"1001","status":"shipped"}
//   1 failed: "Permanent failure (NotFound): there is no order 9999. Tried once. The same call will fail again."
//   2 failed: "Permanent failure (InvalidArguments): order: Missing key, expected string. It was not executed. The same call will fail again: correct the arguments."
//   3 failed: "Permanent failure (PermissionDenied): addresses are confidential. Tried once. The same call will fail again."
//   4 failed: "Transient failure (Timeout): no result within 200 ms. Tried 3 times. The same call may succeed later."
//   Order 1001 is shipped; there is no order 9999. When 1001 arrives I could not find out.
