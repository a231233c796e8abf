import { assert, describe, it } from "@effect/vitest"
import { Agent, type RunEvent } from "@volley/core"
import { Anthropic } from "@volley/core/anthropic"
import { Emulator, ModelScript } from "@volley/core/testing"
import { Effect, Layer } from "effect"

const look = Agent.tool("look", { description: "Looks", class: "readonly", run: () => Effect.succeed("seen") })

describe("the prompt cache", () => {
  it.live("Claude is told which reply was before, and why its cache missed is in the journal", () =>
    Effect.gen(function*() {
      const emulator = yield* Emulator.make([
        ModelScript.toolUse([{ name: "look" }]),
        ModelScript.reply({
          content: [{ type: "text", text: "done" }],
          cacheMissReason: { type: "tools_changed", cache_missed_input_tokens: 1200 }
        })
      ])
      const events: Array<RunEvent.RunEvent | RunEvent.Delta> = []
      yield* Agent.run(Agent.make("cached", { tools: [look] }), "Go", {
        onEvent: (event) => Effect.sync(() => events.push(event))
      }).pipe(
        Effect.provide(Layer.provide(
          Anthropic.model("claude-sonnet-5-5"),
          Anthropic.layer({ baseUrl: emulator.url })
        ))
      )
      const bodies = (yield* emulator.requests).map(({ body }) => body as { readonly diagnostics?: unknown })
      assert.deepStrictEqual(bodies.map(({ diagnostics }) => diagnostics), [
        { previous_message_id: null },
        { previous_message_id: "msg_0" }
      ])
      const misses = events.flatMap((event) => event._tag === "ModelResponded" ? [event.cacheMiss] : [])
      assert.deepStrictEqual(misses, [undefined, { reason: "tools_changed", tokens: 1200 }])
    }).pipe(Effect.scoped))
})
