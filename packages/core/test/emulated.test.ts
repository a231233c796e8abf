import { assert, describe, it } from "@effect/vitest"
import { Agent, Check, type Limits, Outcome, type RunEvent, RunState, ToolFailure } from "@volley/core"
import { Anthropic } from "@volley/core/anthropic"
import { Emulator, Ledger, ModelScript } from "@volley/core/testing"
import { Cause, Effect, Exit, Fiber, Layer, Redacted, Schema } from "effect"
import type { Prompt } from "effect/ai"
import { answers, ofTag } from "./support/observe.ts"

// These tests run live: bytes go through real sockets, whose time no test clock knows.

const modelAt = (baseUrl: string) =>
  Layer.provide(Anthropic.model("claude-sonnet-5-5"), Anthropic.layer({ baseUrl, apiKey: Redacted.make("test-key") }))

const tools = Effect.gen(function*() {
  const ledger = yield* Ledger.make
  let refusals = 1
  const slow = Agent.tool("slow", {
    description: "Takes its time",
    parameters: { city: Schema.String },
    run: ({ city }) => ledger.track("handlers", Effect.as(Effect.sleep(60), city), `slow ${city}`)
  })
  const flaky = Agent.tool("flaky", {
    description: "Is refused once",
    run: () =>
      ledger.track(
        "handlers",
        Effect.suspend(() =>
          refusals-- > 0
            ? Effect.fail(ToolFailure.transient({ reason: "Unavailable", message: "refused", executed: false }))
            : Effect.as(Effect.sleep(30), "healed")
        ),
        "flaky"
      )
  })
  const missing = Agent.tool("missing", {
    description: "Finds nothing",
    run: () =>
      ledger.track("handlers", Effect.fail(ToolFailure.permanent({ reason: "NotFound", message: "none" })), "missing")
  })
  return { ledger, tools: [slow, flaky, missing] as const }
})

const thinking = { type: "thinking", thinking: "three at once", signature: "c2lnbmF0dXJl" } as const

/** One run against an emulated Claude; every request is checked by the validator. */
const emulate = Effect.fnUntraced(function*(
  script: ModelScript.Script,
  options: Agent.RunOptions & { readonly limits?: Limits.Limits; readonly cancelAt?: number } = {}
) {
  const emulator = yield* Emulator.make(script, { issued: [{ content: [thinking], stopReason: "tool_use" }] })
  const { ledger, tools: list } = yield* tools
  const agent = Agent.make("emulated", { instructions: "Be brief", tools: list, limits: options.limits ?? {} })
  const events: Array<RunEvent.RunEvent> = []
  let cancel = (): void => {}
  const run = Agent.run(agent, "Go", {
    ...options,
    onEvent: (item) =>
      Effect.sync(() => {
        if (item._tag === "TextDelta" || item._tag === "ThinkingDelta" || item._tag === "Progress") return
        events.push(item)
        if (events.length === options.cancelAt) cancel()
      })
  }).pipe(Effect.provide(modelAt(emulator.url)))
  const fiber = yield* Effect.forkChild(run)
  cancel = () => fiber.interruptUnsafe()
  const exit = yield* Fiber.await(fiber)
  const requests = yield* emulator.requests
  assert.deepStrictEqual(requests.flatMap(({ violations }) => violations), [])
  assert.deepStrictEqual(Check.all(events), [])
  return { events, exit, ledger, requests, unconsumed: yield* emulator.unconsumed }
})

const all = ModelScript.reply({
  content: [
    thinking,
    { type: "text", text: "Let me look." },
    { type: "tool_use", name: "slow", input: { city: "Oslo" } },
    { type: "tool_use", name: "flaky" },
    { type: "tool_use", name: "missing" }
  ],
  chunkSize: 3
})

const text = (exit: Exit.Exit<Outcome.Outcome, unknown>): string => {
  if (Exit.isFailure(exit)) assert.fail(Cause.pretty(exit.cause))
  return exit.value.text
}

describe("an agent against the Messages API", () => {
  it.live("three tools at once - answered in call order, attempts 1, 2, 1, handlers overlap, the next request is valid", () =>
    Effect.gen(function*() {
      const { events, exit, ledger, requests } = yield* emulate([all, ModelScript.text("done")])
      assert.strictEqual(text(exit), "done")
      assert.deepStrictEqual(answers(events).map(({ attempts }) => attempts), [1, 2, 1])
      assert.deepStrictEqual(answers(events).map(({ ok }) => ok), [true, true, false])
      assert.isAtLeast((yield* ledger.inFlight("handlers")).peak, 2)
      const body = requests[1]?.body as {
        readonly messages: ReadonlyArray<{ readonly role: string; readonly content: unknown }>
      }
      assert.deepStrictEqual(body.messages.map(({ role }) => role), ["user", "assistant", "user"])
      assert.deepStrictEqual(body.messages[2]?.content, [
        { type: "tool_result", tool_use_id: "toolu_0_0", content: "Oslo" },
        { type: "tool_result", tool_use_id: "toolu_0_1", content: "healed" },
        {
          type: "tool_result",
          tool_use_id: "toolu_0_2",
          content: "Permanent failure (NotFound): none. Tried once. The same call will fail again.",
          is_error: true,
          cache_control: { type: "ephemeral" }
        }
      ])
    }).pipe(Effect.scoped))

  it.live("G12 - a stream cut inside a tool call is asked for again; no half call runs, each tool runs once", () =>
    Effect.gen(function*() {
      const { events, exit, ledger, unconsumed } = yield* emulate([
        ModelScript.cut(all, { insideBlock: 2 }),
        all,
        ModelScript.text("done")
      ])
      assert.strictEqual(text(exit), "done")
      assert.deepStrictEqual(ofTag(events, "ModelFailed").map(({ restartable }) => restartable), [true])
      assert.deepStrictEqual(unconsumed, [])
      const entries = (yield* ledger.entries).map(({ detail }) => detail)
      assert.sameMembers(entries, ["flaky", "flaky", "missing", "slow Oslo"])
    }).pipe(Effect.scoped))

  it.live("529 once - the provider asks again, the run sees one request", () =>
    Effect.gen(function*() {
      const { events, exit, requests } = yield* emulate([ModelScript.status(529), ModelScript.text("done")])
      assert.strictEqual(text(exit), "done")
      assert.strictEqual(requests.length, 2)
      assert.strictEqual(ofTag(events, "ModelRequested").length, 1)
    }).pipe(Effect.scoped))

  it.live("refusal - is a typed failure", () =>
    Effect.gen(function*() {
      const { exit } = yield* emulate([ModelScript.refusal("cyber", "no")])
      if (Exit.isSuccess(exit)) assert.fail("the run succeeded")
      const [reason] = exit.cause.reasons
      assert.isTrue(reason?._tag === "Fail" && reason.error instanceof Outcome.Refused)
    }).pipe(Effect.scoped))

  it.live("G11 - cancelled at any event, the transcript goes on as a valid conversation", () =>
    Effect.gen(function*() {
      const continues = (history: Prompt.Prompt) =>
        Effect.map(emulate([ModelScript.text("go on")], { history }), ({ exit }) => text(exit))
      for (let cancelAt = 1; cancelAt <= 30; cancelAt++) {
        const { events } = yield* emulate([all, ModelScript.text("done")], { cancelAt })
        const state = events.reduce(RunState.apply, RunState.initial)
        assert.strictEqual(state.phase, "ended", `cancelled at event ${cancelAt}`)
        if (state.ended?.outcome === "completed") {
          assert.isAbove(cancelAt, 15)
          return
        }
        assert.strictEqual(yield* continues(state.transcript), "go on", `cancelled at event ${cancelAt}`)
      }
      assert.fail("the run never completed")
    }).pipe(Effect.scoped), 20_000)
})
