// Gather, then answer: two turns to search, then tools are off the table and the model has to write what it knows.
// With Claude: import { Anthropic } from "@volley/core/anthropic", and give `model: Anthropic.modelFromEnv("claude-sonnet-5-5")`.
// `PrepareTurn.routeByPhase({ gather: "claude-haiku-5-5", answer: "claude-sonnet-5-5" })` has a small model do the searching.
import { Agent, PrepareTurn } from "@volley/core"
import { ModelScript, ScriptedModel } from "@volley/core/testing"
import { Effect, Schema } from "effect"

const articles = [
  "Heat pumps: three units of heat for one of power",
  "Heat pumps in cold winters",
  "Gas boilers: what they cost in 2026"
]

const search = Agent.tool("search", {
  description: "Titles of the articles that contain a word",
  class: "readonly",
  parameters: { word: Schema.String },
  run: ({ word }) => {
    const found = articles.filter((title) => title.toLowerCase().includes(word.toLowerCase()))
    console.log(`search "${word}": ${found.length} found`)
    return found
  }
})

const agent = Agent.make("researcher", {
  instructions: "Research the question, then answer it in one sentence.",
  tools: [search],
  prepareTurn: PrepareTurn.gatherThenAnswer(2)
})

// A model that would search for ever, if it were allowed to.
const words = ["heat pump", "boiler"]
const { layer: model, requests } = Effect.runSync(ScriptedModel.make(({ toolChoice }, n) =>
  toolChoice === "none"
    ? ModelScript.text("Heat pumps give three units of heat for one of power.")
    : ModelScript.toolUse([{ name: "search", input: { word: words[n] ?? "more" } }])
))

const outcome = await Agent.runPromise(agent, "Heat pump or gas boiler?", { model })
console.log(outcome.text)
const choices = (await Effect.runPromise(requests)).map(({ toolChoice }) => JSON.stringify(toolChoice))
console.log(`tool choice of each turn: ${choices.join(", ")}`)

// prints:
//   search "heat pump": 2 found
//   search "boiler": 1 found
//   Heat pumps give three units of heat for one of power.
//   tool choice of each turn: "auto", "auto", "none"
