// A sub-agent: an agent as a tool of another. It has tools and instructions of its own, and draws on the limits of the run
// that calls it.
// With Claude: import { Anthropic } from "@volley/core/anthropic", and provide `Anthropic.modelFromEnv("claude-sonnet-5-5")`.
import { Agent } from "@volley/core"
import { ModelScript, ScriptedModel } from "@volley/core/testing"
import { Console, Effect, Schema } from "effect"

const prices = new Map([["Oslo", 210], ["Bergen", 140]])

const trainPrice = Agent.tool("train_price", {
  description: "Price of a train ticket to a city in euros",
  class: "readonly",
  parameters: { city: Schema.String },
  run: ({ city }) => {
    console.log(`train_price(${city})`)
    return { city, euros: prices.get(city) }
  }
})

const travel = Agent.make("travel", { instructions: "You find out what journeys cost.", tools: [trainPrice] })

const assistant = Agent.make("assistant", {
  instructions: "You plan trips. Leave prices to the travel expert.",
  tools: [Agent.asTool(travel, { description: "An expert on what journeys cost" })],
  limits: { turns: 10, subRuns: 3 }
})

// Both agents ask the same model; the scripted one tells them apart by their tools.
const asked = { assistant: 0, travel: 0 }
const scripts = {
  assistant: [
    ModelScript.toolUse([{ name: "travel", input: { task: "What do trains to Oslo and Bergen cost?" } }]),
    ModelScript.text("Go to Bergen: it is 70 euros cheaper than Oslo.")
  ],
  travel: [
    ModelScript.toolUse(["Oslo", "Bergen"].map((city) => ({ name: "train_price", input: { city } }))),
    ModelScript.text("Oslo 210 euros, Bergen 140 euros")
  ]
}
const { layer: model } = Effect.runSync(ScriptedModel.make(({ tools }) => {
  const who = tools.some(({ name }) => name === "travel") ? "assistant" : "travel"
  return scripts[who][asked[who]++]
}))

const program = Agent.run(assistant, "Oslo or Bergen by train?", {
  onEvent: (event) => {
    if (event._tag === "ToolCallAnswered") return Console.log(`the expert says: ${JSON.stringify(event.result)}`)
    return event._tag === "SubRunEnded"
      ? Console.log(`the expert took ${event.turns} turns, ${event.toolCalls} calls`)
      : Effect.void
  }
})
const outcome = await Effect.runPromise(Effect.provide(program, model))
console.log(outcome.text)

// prints:
//   train_price(Oslo)
//   train_price(Bergen)
//   the expert took 2 turns, 2 calls
//   the expert says: "Oslo 210 euros, Bergen 140 euros"
//   Go to Bergen: it is 70 euros cheaper than Oslo.
