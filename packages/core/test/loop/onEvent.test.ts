import { assert, describe, it } from "@effect/vitest"
import { Agent, Check, Journal } from "@volley/core"
import { Ledger, ModelScript, ScriptedModel } from "@volley/core/testing"
import { Effect, Fiber, Schema } from "effect"
import { TestClock } from "effect/testing"
import { inTime, ofTag } from "../support/observe.ts"
import { isEvent, type Item } from "./support.ts"

const echo = Agent.tool("echo", {
  description: "Says it again",
  class: "readonly",
  parameters: { text: Schema.String },
  run: ({ text }) => text
})

const agent = Agent.make("watched", { tools: [echo] })

const script = [
  ModelScript.reply({
    content: [
      { type: "text", text: "words and words" },
      { type: "tool_use", name: "echo", input: { text: "a" } },
      { type: "tool_use", name: "echo", input: { text: "b" } }
    ],
    chunkSize: 5
  }),
  ModelScript.text("done")
]

const settle = Effect.repeat(Effect.yieldNow, { times: 500 })

/** A run with its journal. */
const started = Effect.fnUntraced(function*(onEvent: (item: Item) => Effect.Effect<void>) {
  const journal = Journal.makeMemory()
  const model = yield* ScriptedModel.make(script)
  const run = Agent.run(agent, "Go", { runId: "r", onEvent }).pipe(
    Effect.provide(model.layer),
    Effect.provideService(Journal.current, journal)
  )
  return { run, events: journal.read("r") }
})

describe("onEvent", () => {
  it.effect("that never ends, at whatever item, holds a run that is cancelled for a second and no longer", () =>
    Effect.gen(function*() {
      let n = 1
      for (let reached = true; reached; n++) {
        const ledger = yield* Ledger.make
        let seen = 0
        const { events, run } = yield* started(() =>
          ++seen === n ? Effect.onInterrupt(Effect.never, () => ledger.record("interrupted")) : Effect.void
        )
        const fiber = yield* Effect.forkChild(run)
        yield* settle
        reached = seen >= n
        if (!reached) break
        const interrupting = yield* Effect.forkChild(Fiber.interrupt(fiber), { startImmediately: true })
        yield* settle
        yield* TestClock.adjust(1000)
        yield* settle
        assert.isDefined(interrupting.pollUnsafe(), `held at item ${n}`)
        assert.strictEqual(yield* ledger.count("interrupted"), 1, `left running at item ${n}`)
        const written = yield* events
        assert.deepStrictEqual(Check.all(written), [], `at item ${n}`)
        assert.include(["cancelled", "completed"], ofTag(written, "RunEnded").at(0)?.outcome, `at item ${n}`)
      }
      assert.isAbove(n, 20)
    }))

  it.effect("that takes its time is told everything in order, one after the other, also by a run that is cancelled", () =>
    Effect.gen(function*() {
      for (const cancelled of [5, 45, 95, 125]) {
        const items: Array<Item> = []
        let telling = 0
        const { events, run } = yield* started((item) =>
          Effect.suspend(() => {
            assert.strictEqual(++telling, 1)
            return Effect.map(Effect.sleep(10), () => {
              telling--
              items.push(item)
            })
          })
        )
        const fiber = yield* Effect.forkChild(run)
        yield* settle
        for (let at = 0; at < cancelled; at += 5) {
          yield* TestClock.adjust(5)
          yield* settle
        }
        yield* inTime(Fiber.interrupt(fiber))
        assert.deepStrictEqual(items.filter(isEvent), yield* events, `cancelled at ${cancelled} ms`)
      }
    }))

  it.effect("that fails with a defect fails the run, whose journal is closed", () =>
    Effect.gen(function*() {
      for (const slowly of [Effect.void, Effect.sleep(10)]) {
        const { events, run } = yield* started(({ _tag }) =>
          _tag === "AttemptStarted" ? Effect.andThen(slowly, Effect.die("broken")) : Effect.void
        )
        const exit = yield* inTime(Effect.exit(run))
        assert.include(String(exit), "broken")
        assert.deepStrictEqual(Check.all(yield* events), [])
        assert.deepInclude((yield* events).at(-1), { _tag: "RunEnded", outcome: "failed" })
      }
    }))

  it.effect("may run an agent: a run of its own, which is no part of the one it watches", () =>
    Effect.gen(function*() {
      const below: Array<Item> = []
      const judge = Effect.orDie(Effect.asVoid(
        Agent.run(Agent.make("judge"), "Is that right?", {
          onEvent: (item) => Effect.sync(() => void below.push(item))
        })
      ))
      const { events, run } = yield* started((item) =>
        isEvent(item) && item._tag !== "RunEnded"
          ? Effect.flatMap(ScriptedModel.make([ModelScript.text("yes")]), ({ layer }) => Effect.provide(judge, layer))
          : Effect.void
      )
      const outcome = yield* inTime(run)
      assert.strictEqual(outcome._tag, "Completed")
      const written = yield* events
      assert.deepStrictEqual(ofTag(written, "SubRunEnded"), [])
      const begun = ofTag(below.filter(isEvent), "RunStarted")
      assert.lengthOf(begun, written.length - 1)
      assert.isTrue(begun.every(({ parent }) => parent === undefined))
    }))
})
