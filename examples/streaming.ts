// Streaming: text as it is written, tool calls as they begin and end. Dropping the stream cancels the run.
// With Claude: import { Anthropic } from "@volley/core/anthropic", and provide `Anthropic.modelFromEnv("claude-sonnet-5-5")`.
import { Agent, type RunEvent } from "@volley/core"
import { ModelScript, ScriptedModel } from "@volley/core/testing"
import { Effect, Schema, Stream } from "effect"

const nodes = Agent.tool("count_nodes", {
  description: "Number of nodes of the cluster in a state",
  class: "readonly",
  parameters: { state: Schema.Literals(["ready", "not ready"]) },
  run: ({ state }) => Effect.as(Effect.sleep("50 millis"), { state, nodes: state === "ready" ? 11 : 1 })
})

const agent = Agent.make("cluster", { tools: [nodes] })

const show = (item: RunEvent.RunEvent | RunEvent.Delta): string => {
  switch (item._tag) {
    case "TextDelta":
      return item.text
    case "ToolCallRequested":
      return `\n-> ${item.name} ${JSON.stringify(item.params)}`
    case "ToolCallAnswered":
      return `\n<- ${item.ok ? JSON.stringify(item.result) : "failed"}`
    case "TurnClosed":
      return "\n"
    case "RunEnded":
      return `\n(${item.outcome})\n`
    default:
      return ""
  }
}

const model = Effect.map(
  ScriptedModel.make([
    ModelScript.reply({
      content: [
        { type: "text", text: "I will look at the nodes." },
        { type: "tool_use", name: "count_nodes", input: { state: "ready" } },
        { type: "tool_use", name: "count_nodes", input: { state: "not ready" } }
      ],
      interval: "5 millis"
    }),
    ModelScript.text("11 of 12 nodes are ready; one is not.", { interval: "5 millis" })
  ]),
  (scripted) => scripted.layer
)

const program = Effect.flatMap(
  model,
  (layer) =>
    Agent.stream(agent, "Analyse the health of our production cluster").pipe(
      Stream.runForEach((item) => Effect.sync(() => process.stdout.write(show(item)))),
      Effect.provide(layer)
    )
)

await Effect.runPromise(program)

// prints:
//   I will look at the nodes.
//   -> count_nodes {"state":"ready"}
//   -> count_nodes {"state":"not ready"}
//   <- {"state":"ready","nodes":11}
//   <- {"state":"not ready","nodes":1}
//   11 of 12 nodes are ready; one is not.
//
//   (completed)
