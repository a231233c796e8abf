// A cached tool: the same query is asked once in 30 seconds, whichever turn or run wants it.
// With Claude: import { Anthropic } from "@volley/core/anthropic", and give `model: Anthropic.modelFromEnv("claude-sonnet-5-5")`.
// Results are kept in memory; `ToolCache.layerPersistence` shares them between processes, in Redis for instance.
import { Agent, ToolPolicy } from "@volley/core"
import { ModelScript, ScriptedModel } from "@volley/core/testing"
import { Console, Effect, Schema } from "effect"

const metric = ToolPolicy.readonly(
  Agent.tool("get_metric", {
    description: "Value of a Prometheus query",
    class: "readonly",
    parameters: { query: Schema.String },
    run: ({ query }) => {
      console.log(`Prometheus is asked for ${query}`)
      return { query, value: query.startsWith("up") ? 1 : 0.95 }
    }
  }),
  // for ten more minutes a result stands in when Prometheus does not answer; the model is told its age
  { cache: { timeToLive: "30 seconds", staleIfError: "10 minutes" } }
)

const agent = Agent.make("metrics", { tools: [metric] })

const ask = (query: string) => ModelScript.toolUse([{ name: "get_metric", input: { query } }])

const { layer: model } = Effect.runSync(ScriptedModel.make([
  ask("memory"),
  ask("up"),
  ModelScript.text("api-xyz is up and uses 95 % of its memory."),
  ask("memory"),
  ModelScript.text("Still 95 %.")
]))

for (const question of ["How is api-xyz?", "And its memory now?"]) {
  // oxlint-disable-next-line no-await-in-loop -- the second question follows the first
  const outcome = await Agent.runPromise(agent, question, {
    model,
    onEvent: (event) => event._tag === "CacheHit" ? Console.log("the cache answers") : Effect.void
  })
  console.log(outcome.text)
}

// prints:
//   Prometheus is asked for memory
//   Prometheus is asked for up
//   api-xyz is up and uses 95 % of its memory.
//   the cache answers
//   Still 95 %.
