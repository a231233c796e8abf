import { assert, describe, it } from "@effect/vitest"
import { Agent } from "@volley/core"
import { ModelScript } from "@volley/core/testing"
import { Effect, Schema } from "effect"
import { Tool } from "effect/ai"
import { success, watch } from "./support.ts"

const WebSearch = Tool.providerDefined({
  id: "anthropic.web_search_20260318",
  customName: "WebSearch",
  providerName: "web_search",
  args: Schema.Struct({ max_uses: Schema.optionalKey(Schema.Int) })
})

describe("a tool that runs on the provider's server", () => {
  it.effect("is offered with those of the agent, and needs no handler", () =>
    Effect.gen(function*() {
      const look = Agent.tool("look", { description: "Looks", class: "readonly", run: () => Effect.succeed("seen") })
      const agent = Agent.make("searcher", { tools: [look, WebSearch({ max_uses: 1 })] })
      const { exit, requests } = yield* watch(agent, [
        ModelScript.toolUse([{ name: "look" }]),
        ModelScript.text("done")
      ])
      assert.strictEqual(success(exit).text, "done")
      assert.deepStrictEqual(requests[0]?.tools.map(({ name }) => name), ["look", "WebSearch"])
    }))
})
