import { assert, describe, it } from "@effect/vitest"
import { Agent, ToolPolicy } from "@volley/core"
import { Effect, Schema } from "effect"
import { Tool, Toolkit } from "effect/ai"

const plain = (name: string) => Tool.make(name, { success: Schema.String })
const bound = (name: string, effectClass: ToolPolicy.EffectClass) =>
  Agent.tool(name, { description: name, class: effectClass, success: Schema.String, run: () => name })

const refusal = (...tools: ReadonlyArray<Tool.Any | Toolkit.Any>): string => {
  try {
    Agent.make("agent", { tools })
    return ""
  } catch (error) {
    return error instanceof Error ? error.message : "not an error"
  }
}

describe("Agent.make refuses", () => {
  it("cache and hedge of a tool that was made to change something after all", () => {
    const cached = ToolPolicy.readonly(plain("cached"), { cache: { timeToLive: 100 }, hedge: { after: "p95" } })
    assert.strictEqual(refusal(cached), "")
    assert.strictEqual(
      refusal(cached.annotate(Tool.Readonly, false)),
      "Agent \"agent\": tool \"cached\": \"cache\" is for readonly tools, this one is idempotent; "
        + "tool \"cached\": \"hedge\" is for readonly tools, this one is idempotent"
    )
  })

  it("reconcile of a tool that is not effectful", () => {
    const paid = ToolPolicy.effectful(plain("pay"), { reconcile: () => Effect.succeedNone })
    assert.strictEqual(refusal(paid), "")
    assert.include(refusal(paid.annotate(Tool.Idempotent, true)), "\"reconcile\" is for effectful tools")
  })

  it("an order that names no tool, or goes round", () => {
    const after = (name: string, ...others: ReadonlyArray<string>) => ToolPolicy.set(plain(name), { after: others })
    assert.strictEqual(refusal(plain("a"), after("b", "a"), after("c", "a", "b")), "")
    assert.include(refusal(after("b", "a")), "tool \"b\": it comes after \"a\", which is not one of the tools")
    assert.include(refusal(after("a", "a")), "it comes after itself: a → a")
    assert.include(refusal(after("a", "b"), after("b", "c"), after("c", "a")), "it comes after itself: a → b → c → a")
    // reached from a tool that is not part of it
    assert.include(refusal(after("x", "a"), after("a", "b"), after("b", "a")), "tool \"a\": it comes after itself")
    assert.notInclude(refusal(after("x", "a"), after("a", "b"), after("b", "a")), "tool \"x\"")
  })

  it("a fallback without a handler", () => {
    const spare = plain("spare")
    const tool = ToolPolicy.readonly(plain("main"), { fallback: ToolPolicy.readonly(spare) })
    assert.include(refusal(tool), "its fallback \"spare\" has no handler: list it among the tools")
    const listed = ToolPolicy.readonly(spare)
    assert.strictEqual(refusal(Toolkit.make(listed), ToolPolicy.readonly(plain("main"), { fallback: listed })), "")
    assert.strictEqual(refusal(ToolPolicy.readonly(plain("main"), { fallback: bound("spare", "readonly") })), "")
  })

  it("a fallback that does more than the tool", () => {
    assert.include(
      refusal(ToolPolicy.readonly(plain("main"), { fallback: bound("spare", "effectful") })),
      "its fallback \"spare\" is effectful, the tool is readonly"
    )
    assert.strictEqual(refusal(ToolPolicy.effectful(plain("main"), { fallback: bound("spare", "idempotent") })), "")
  })
})

describe("ToolPolicy refuses", () => {
  const refused = (policy: object): string => {
    try {
      ToolPolicy.set(plain("tool"), policy)
      return ""
    } catch (error) {
      return error instanceof RangeError ? error.message : "not a RangeError"
    }
  }
  it("options out of their range, all of them at once", () => {
    assert.strictEqual(
      refused({ concurrency: 0, rateLimit: { limit: 0.5, window: 0 } }),
      "Tool \"tool\": concurrency must be a whole number of at least 1; "
        + "rateLimit.limit must be a whole number of at least 1; rateLimit.window must be a duration above zero"
    )
    for (
      const [name, policy] of Object.entries({
        "cache.timeToLive": { cache: { timeToLive: -1 } },
        "cache.staleIfError": { cache: { timeToLive: 1, staleIfError: 0 } },
        "cache.failures": { cache: { timeToLive: 1, failures: "never" } },
        "hedge.after": { hedge: { after: 0 } },
        "maxResultSize": { maxResultSize: "1 B" },
        "after": { after: [""] }
      })
    ) assert.include(refused(policy), `${name} must be`)
    for (const size of [1023, 1024.5, "1 KB", "KiB", "-1 KiB", "1KiB"]) {
      assert.include(refused({ maxResultSize: size }), "maxResultSize must be a size of at least 1024 bytes")
    }
    for (const size of [1024, "1 KiB", "0.5 MiB", "2048 B"]) assert.strictEqual(refused({ maxResultSize: size }), "")
  })
})
