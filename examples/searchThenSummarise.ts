// Dependencies: `summarise` says that it comes after `search`. Where the model asks for both in one message it waits for the
// search, and is not run where that failed.
// With Claude: import { Anthropic } from "@volley/core/anthropic", and provide `Anthropic.modelFromEnv("claude-sonnet-5-5")`.
import { Agent, ToolFailure, ToolPolicy } from "@volley/core"
import { ModelScript, ScriptedModel } from "@volley/core/testing"
import { Console, Effect, Schema } from "effect"

const library = ["Tides follow the moon.", "Spring tides come with a full moon.", "Bread needs salt."]
const found: Array<string> = []

const search = Agent.tool("search", {
  description: "Collects the notes that contain a word",
  class: "readonly",
  parameters: { word: Schema.String },
  run: Effect.fnUntraced(function*({ word }) {
    yield* Effect.sleep("100 millis")
    const hits = library.filter((note) => note.toLowerCase().includes(word))
    if (hits.length === 0) {
      return yield* ToolFailure.permanent({ reason: "NotFound", message: `no note has the word "${word}"` })
    }
    found.push(...hits)
    yield* Console.log(`search is done: ${hits.length} notes on "${word}"`)
    return hits
  })
})

const summarise = ToolPolicy.set(
  Agent.tool("summarise", {
    description: "Summarises the notes collected so far",
    class: "readonly",
    run: () => Effect.as(Console.log(`summarise sees ${found.length} notes`), found.join(" "))
  }),
  { after: ["search"] }
)

const agent = Agent.make("notes", { tools: [search, summarise] })

const both = (word: string) => ModelScript.toolUse([{ name: "search", input: { word } }, { name: "summarise" }])

const program = Effect.gen(function*() {
  const { layer } = yield* ScriptedModel.make([
    both("tides"),
    ModelScript.text("Tides follow the moon; with a full moon come spring tides."),
    both("rockets"),
    ModelScript.text("There are no notes on rockets.")
  ])
  for (const question of ["Sum up what we know of tides", "And of rockets?"]) {
    const outcome = yield* Agent.run(agent, question, {
      onEvent: (event) =>
        event._tag === "ToolCallAnswered" && !event.ok
          ? Console.log(`call ${event.index} failed: ${event.failure?.message}`)
          : Effect.void
    }).pipe(Effect.provide(layer))
    yield* Console.log(outcome.text)
  }
})

await Effect.runPromise(program)

// prints:
//   search is done: 2 notes on "tides"
//   summarise sees 2 notes
//   Tides follow the moon; with a full moon come spring tides.
//   call 1 failed: it comes after "search", which did not succeed
//   call 0 failed: no note has the word "rockets"
//   There are no notes on rockets.
