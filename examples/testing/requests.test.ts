// What does the model get to see? A model that may use nothing but the request fails where the request lacks something.
import { assert, describe, it } from "@effect/vitest"
import { Agent } from "@volley/core"
import { ModelScript, RequestOnlyModel } from "@volley/core/testing"
import { Effect, Schema } from "effect"

const convert = Agent.tool("convert", {
  description: "Converts an amount of money. Currencies are ISO 4217 codes.",
  class: "readonly",
  parameters: { amount: Schema.Finite, to: Schema.Literals(["EUR", "NOK"]) },
  run: ({ amount, to }) => `${(to === "NOK" ? amount * 11.5 : amount).toFixed(2)} ${to}`
})

const agent = Agent.make("money", { instructions: "Answer with the amount alone.", tools: [convert] })

/** It reads the amount from the question, the currencies from the tool's schema, and the answer from the tool's result. */
const reader = RequestOnlyModel.make(({ messages, tools = [] }, turn) => {
  const [first, , last] = messages
  if (turn > 0) {
    const [result] = last!.content as ReadonlyArray<{ readonly content: string }>
    return ModelScript.text(result!.content)
  }
  const amount = Number(/[\d.]+/.exec(JSON.stringify(first))?.[0])
  const [tool] = tools
  const { to } = tool!.input_schema.properties as { readonly to: { readonly enum: ReadonlyArray<string> } }
  return ModelScript.toolUse([{ name: tool!.name, input: { amount, to: to.enum.at(-1)! } }])
})

describe("money agent", () => {
  it.effect("shows the model all that it needs for an answer", () =>
    Effect.gen(function*() {
      const model = yield* reader
      const { text } = yield* Agent.run(agent, "What are 20 euros in Norway?").pipe(Effect.provide(model.layer))
      assert.strictEqual(text, "230.00 NOK")
    }))
})
