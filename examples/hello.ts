// One tool, one question, twelve lines. Runs without a key: the model is the offline planner.
// With Claude: import { Anthropic } from "@volley/core/anthropic", and give `model: Anthropic.modelFromEnv("claude-sonnet-5-5")`.
import { Agent } from "@volley/core"
import { Offline } from "@volley/core/offline"
import { Schema } from "effect"

const weather = Agent.tool("get_weather", {
  description: "Current weather of a city",
  class: "readonly",
  parameters: { city: Schema.String },
  run: ({ city }) => `${city}: 7 °C, light rain`
})

const agent = Agent.make("hello", { tools: [weather] })
const { text } = await Agent.runPromise(agent, "What is the weather in Oslo and Bergen?", { model: Offline.layer })
console.log(text)

// prints:
//   This answer is from the offline planner (not a language model): it matched the question to tools and shows what 2 tool calls returned.
//
//   get_weather(city: "Oslo")
//     Oslo: 7 °C, light rain
//
//   get_weather(city: "Bergen")
//     Bergen: 7 °C, light rain
