// Record a run once, replay it in every build: no key, no network. Here a scripted model stands in for the real API, and the
// file is a temporary one; yours would be `Anthropic.modelFromEnv("claude-sonnet-5-5")` and a file beside the test.
import * as NodeFileSystem from "@effect/platform-node/NodeFileSystem"
import { assert, describe, it } from "@effect/vitest"
import { Agent } from "@volley/core"
import { Cassette, ModelScript, ScriptedModel } from "@volley/core/testing"
import { Effect, FileSystem, Schema } from "effect"

const makeAgent = (instructions: string) =>
  Agent.make("greeter", {
    instructions,
    tools: [
      Agent.tool("find_user", {
        description: "The name of a user",
        class: "readonly",
        parameters: { id: Schema.Int },
        run: ({ id }) => id === 7 ? "Ada" : "nobody"
      })
    ]
  })

const realModel = ScriptedModel.layer([
  ModelScript.toolUse([{ name: "find_user", input: { id: 7 } }]),
  ModelScript.text("Good morning, Ada!")
])

describe("greeter", () => {
  it.effect("says what it said when it was recorded, and a changed prompt is noticed", () =>
    Effect.gen(function*() {
      const files = yield* FileSystem.FileSystem
      const cassette = `${yield* files.makeTempDirectoryScoped()}/greeter.cassette`
      yield* Cassette.record(cassette, makeAgent("Greet the user."), "Greet user 7").pipe(Effect.provide(realModel))

      const { text } = yield* Cassette.replay(cassette, makeAgent("Greet the user."))
      assert.strictEqual(text, "Good morning, Ada!")

      const changed = yield* Effect.flip(Cassette.replay(cassette, makeAgent("Insult the user.")))
      assert.strictEqual(
        changed.message,
        `Cassette "${cassette}": request 1 differs at messages[0].content\n`
          + "  recorded: \"Greet the user.\"\n  now:      \"Insult the user.\""
      )
    }).pipe(Effect.scoped, Effect.provide(NodeFileSystem.layer)))
})
