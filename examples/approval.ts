// Approval: a refund above 10 euros waits for somebody to approve it, the calls beside it do not.
// With Claude: import { Anthropic } from "@volley/core/anthropic", and provide `Anthropic.modelFromEnv("claude-sonnet-5-5")`.
import { Agent, Approval } from "@volley/core"
import { ModelScript, ScriptedModel } from "@volley/core/testing"
import { Console, Effect, Schema } from "effect"

const refund = Agent.tool("refund", {
  description: "Refunds an amount in euros to a customer",
  parameters: { customer: Schema.String, euros: Schema.Finite },
  needsApproval: ({ euros }) => euros > 10,
  run: ({ customer, euros }) => Effect.as(Console.log(`paid: ${euros} euros to ${customer}`), "paid")
})

// Whoever decides may take hours; here a rule stands in for a person who ponders large amounts longer. What is decided is in
// the journal.
const Approver = Approval.layer(Effect.fnUntraced(function*({ params, tool }) {
  const { euros } = params as typeof refund.parametersSchema.Type
  yield* Console.log(`asked: ${tool} of ${euros} euros?`)
  yield* Effect.sleep(euros)
  return euros <= 100
    ? { approved: true, by: "ada" }
    : { approved: false, by: "ada", reason: "above 100 euros the manager has to be asked" }
}))

const agent = Agent.make("refunds", { tools: [refund] })

const program = Effect.gen(function*() {
  const { layer } = yield* ScriptedModel.make([
    ModelScript.toolUse([5, 50, 500].map((euros) => ({ name: "refund", input: { customer: "Kim", euros } }))),
    ModelScript.text("Kim got 5 and 50 euros back; for the 500 the manager has to be asked.")
  ])
  const outcome = yield* Agent.run(agent, "Refund Kim 5, 50 and 500 euros", {
    onEvent: (event) =>
      event._tag === "ToolCallAnswered" && !event.ok
        ? Console.log(`the model reads: ${JSON.stringify(event.result)}`)
        : Effect.void
  }).pipe(Effect.provide(layer))
  yield* Console.log(outcome.text)
})

await Effect.runPromise(program.pipe(Effect.provide(Approver)))

// prints:
//   paid: 5 euros to Kim
//   asked: refund of 50 euros?
//   asked: refund of 500 euros?
//   paid: 50 euros to Kim
//   the model reads: "This call was not approved: above 100 euros the manager has to be asked; it was not executed."
//   Kim got 5 and 50 euros back; for the 500 the manager has to be asked.
