// A fallback: when the live service fails and retries are over, another tool answers in its place, and the model is told.
// With Claude: import { Anthropic } from "@volley/core/anthropic", and give `model: Anthropic.modelFromEnv("claude-sonnet-5-5")`.
import { Agent, ToolFailure, ToolPolicy } from "@volley/core"
import { ModelScript, ScriptedModel } from "@volley/core/testing"
import { Console, Effect, Schema } from "effect"

const parameters = { city: Schema.String }
const Weather = Schema.Struct({ city: Schema.String, celsius: Schema.Finite, measured: Schema.String })

const yesterday = Agent.tool("get_weather_of_yesterday", {
  description: "Weather of a city as it was yesterday",
  class: "readonly",
  parameters,
  success: Weather,
  run: ({ city }) => ({ city, celsius: 9, measured: "yesterday" })
})

const weather = ToolPolicy.readonly(
  Agent.tool("get_weather", {
    description: "Current weather of a city",
    class: "readonly",
    parameters,
    success: Weather,
    failure: ToolFailure.ToolFailure,
    run: ({ city }) =>
      city === "Oslo"
        ? Effect.succeed({ city, celsius: 7, measured: "now" })
        : Effect.fail(ToolFailure.transient({ reason: "Unavailable", message: `the station of ${city} is silent` }))
  }),
  { retry: { times: 1 }, fallback: yesterday }
)

const agent = Agent.make("weather", { tools: [weather] })

const { layer: model } = Effect.runSync(ScriptedModel.make([
  ModelScript.toolUse([
    { name: "get_weather", input: { city: "Oslo" } },
    { name: "get_weather", input: { city: "Bergen" } }
  ]),
  ModelScript.text("Oslo has 7 °C. Bergen had 9 °C yesterday; its station is silent today.")
]))

const outcome = await Agent.runPromise(agent, "What is the weather in Oslo and Bergen?", {
  model,
  onEvent: (event) => {
    if (event._tag === "FallbackStarted") return Console.log(`${event.failure.message}: ${event.tool} is asked`)
    return event._tag === "ToolCallAnswered" ? Console.log(JSON.stringify(event.result)) : Effect.void
  }
})
console.log(outcome.text)

// prints:
//   {"city":"Oslo","celsius":7,"measured":"now"}
//   the station of Bergen is silent: get_weather_of_yesterday is asked
//   {"result":{"city":"Bergen","celsius":9,"measured":"yesterday"},"note":"from \"get_weather_of_yesterday\", since \"get_weather\" failed (Unavailable): the station of Bergen is silent"}
//   Oslo has 7 °C. Bergen had 9 °C yesterday; its station is silent today.
