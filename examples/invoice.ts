// Structured output: the answer is decoded by a schema, and `outcome.output` has its type. An answer that does not fit goes
// back to the model once, with what is wrong with it.
// With Claude: import { Anthropic } from "@volley/core/anthropic", and give `model: Anthropic.modelFromEnv("claude-sonnet-5-5")`.
import { Agent } from "@volley/core"
import { ModelScript, ScriptedModel } from "@volley/core/testing"
import { Console, Effect, Schema } from "effect"

const Invoice = Schema.Struct({
  number: Schema.String,
  total: Schema.Finite,
  lines: Schema.Array(Schema.Struct({
    description: Schema.String,
    quantity: Schema.Int,
    unitPrice: Schema.Finite
  }))
})

const agent = Agent.make("invoices", { instructions: "Extract the fields of the invoice.", output: Invoice })

const invoice = `INVOICE 2026-117
3 x Hosting, medium at 120.00
1 x Support at 60.00
Total: EUR 420.00`

const lines = [
  { description: "Hosting, medium", quantity: 3, unitPrice: 120 },
  { description: "Support", quantity: 1, unitPrice: 60 }
]
// A model that cannot be held to a schema is given one more tool, `final_answer`; Claude is held to it.
const answer = (total: string | number) =>
  ModelScript.toolUse([{ name: "final_answer", input: { number: "2026-117", total, lines } }])
const { layer: model } = Effect.runSync(ScriptedModel.make([answer("EUR 420.00"), answer(420)]))

const { output } = await Agent.runPromise(agent, invoice, {
  model,
  onEvent: (event) =>
    event._tag === "ToolCallAnswered" && !event.ok ? Console.log(`sent back: ${event.failure?.message}`) : Effect.void
})
for (const { description, quantity, unitPrice } of output?.lines ?? []) {
  console.log(`${quantity} x ${description} = ${quantity * unitPrice}`)
}
console.log(`invoice ${output?.number}: ${output?.total} euros`)

// prints:
//   sent back: total: Expected number
//   3 x Hosting, medium = 360
//   1 x Support = 60
//   invoice 2026-117: 420 euros
