// Retries by kind: a transient failure is tried again, a permanent one is not, one that nobody classified is once.
// With Claude: import { Anthropic } from "@volley/core/anthropic", and give `model: Anthropic.modelFromEnv("claude-sonnet-5-5")`.
import { Agent, ToolFailure, ToolPolicy } from "@volley/core"
import { ModelScript, ScriptedModel } from "@volley/core/testing"
import { Effect, Schema } from "effect"

class UpstreamBusy extends Schema.TaggedError<UpstreamBusy>()("UpstreamBusy", {}) {}
class NoSuchCity extends Schema.TaggedError<NoSuchCity>()("NoSuchCity", { city: Schema.String }) {}

let requests = 0

// The policy says what each of the tool's own errors means. Leave one out, and this does not compile.
const weather = ToolPolicy.set(
  Agent.tool("get_weather", {
    description: "Current weather of a city",
    class: "readonly",
    parameters: { city: Schema.String },
    failure: Schema.Union([UpstreamBusy, NoSuchCity]),
    run: ({ city }): Effect.Effect<string, UpstreamBusy | NoSuchCity> => {
      if (city === "Atlantis") return Effect.fail(new NoSuchCity({ city }))
      return ++requests <= 2 ? Effect.fail(new UpstreamBusy()) : Effect.succeed(`${city}: 7 °C`)
    }
  }),
  { failures: { UpstreamBusy: "transient", NoSuchCity: "permanent" }, retry: { times: 3 } }
)

const news = Agent.tool("get_news", {
  description: "News of a city",
  class: "readonly",
  parameters: { city: Schema.String },
  run: ({ city }) => Promise.reject(new Error(`no news of ${city} today`))
})

// Each execution counts: it is tried again only if it is known that nothing happened.
const send = Agent.tool("send_report", {
  description: "Sends a report by mail",
  class: "effectful",
  parameters: { to: Schema.String },
  run: () => Effect.fail(ToolFailure.transient({ reason: "ConnectionLost", message: "the mail server went away" }))
})

const agent = Agent.make("retries", { tools: [weather, news, send], limits: { retries: 10 } })

const { layer: model } = Effect.runSync(ScriptedModel.make([
  ModelScript.toolUse([
    { name: "get_weather", input: { city: "Oslo" } },
    { name: "get_weather", input: { city: "Atlantis" } },
    { name: "get_news", input: { city: "Oslo" } },
    { name: "send_report", input: { to: "ada" } }
  ]),
  ModelScript.text("Oslo has 7 °C. There is no Atlantis and no news; whether the mail was sent is not known.")
]))

const ends: Array<string> = []
const outcome = await Agent.runPromise(agent, "Send Ada the weather and the news of Oslo and Atlantis", {
  model,
  onEvent: (event) =>
    Effect.sync(() => {
      if (event._tag !== "ToolCallAnswered") return
      ends[event.index] = `call ${event.index}: attempts ${event.attempts}, ${event.failure?.kind ?? "ok"}`
    })
})
console.log(ends.join("\n"))
console.log(outcome.text)

// prints:
//   call 0: attempts 3, ok
//   call 1: attempts 1, permanent
//   call 2: attempts 2, unknown
//   call 3: attempts 1, transient
//   Oslo has 7 °C. There is no Atlantis and no news; whether the mail was sent is not known.
