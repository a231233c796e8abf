import { assert, describe, it } from "@effect/vitest"
import { Agent, Check, Journal, Outcome } from "@volley/core"
import { Ledger, ModelScript, ScriptedModel } from "@volley/core/testing"
import { Effect, Fiber, Queue, Schema, Stream } from "effect"
import { Tool, Toolkit } from "effect/ai"
import { TestClock } from "effect/testing"
import { inTime, ofTag } from "../support/observe.ts"
import { isEvent, type Item } from "./support.ts"

const echo = Agent.tool("echo", {
  description: "Says it again",
  class: "readonly",
  parameters: { text: Schema.String },
  run: ({ text }) => text
})

const Steps = Tool.make("steps", {
  description: "Goes step by step",
  parameters: Schema.Struct({ n: Schema.Int }),
  success: Schema.String
})
const kit = Toolkit.make(Steps)
const stepping = Agent.make("stepping", {
  tools: [kit],
  layer: kit.toLayer({
    steps: ({ n }, { preliminary }) =>
      Effect.as(
        Effect.forEach(Array.from({ length: n }, (_, i) => i), (i) =>
          Effect.andThen(preliminary(`step ${i}`), Effect.sleep(10))),
        "arrived"
      )
  })
})

const settle = Effect.repeat(Effect.yieldNow, { times: 500 })

const streamed = Effect.fnUntraced(function*<Tools, E, R>(
  agent: Agent.Agent<Tools, E, R, unknown>,
  script: ModelScript.Script,
  options: Omit<Agent.RunOptions, "onEvent"> = {}
) {
  const model = yield* ScriptedModel.make(script)
  return { model, stream: Agent.stream(agent, "Go", options).pipe(Stream.provide(model.layer)) }
})

const collected = Effect.fnUntraced(function*<Tools, E, R>(
  agent: Agent.Agent<Tools, E, R, unknown>,
  script: ModelScript.Script
) {
  const { stream } = yield* streamed(agent, script)
  return yield* inTime(Stream.runCollect(stream))
})

describe("Agent.stream", () => {
  it.effect("gives every event of the journal and every delta, in order", () =>
    Effect.gen(function*() {
      const journal = Journal.makeMemory()
      const { stream } = yield* streamed(
        Agent.make("streamed", { tools: [echo] }),
        [
          ModelScript.reply({
            content: [
              { type: "thinking", thinking: "let me think about it", signature: "c2ln" },
              { type: "text", text: "I will look" },
              { type: "tool_use", name: "echo", input: { text: "a" } }
            ],
            chunkSize: 4
          }),
          ModelScript.text("the whole answer", { chunkSize: 4 })
        ],
        { runId: "r" }
      )
      const items = yield* Stream.runCollect(stream).pipe(Effect.provideService(Journal.current, journal))
      const events = items.filter(isEvent)
      assert.deepStrictEqual(events, yield* journal.read("r"))
      assert.deepStrictEqual(Check.all(events), [])
      assert.strictEqual(items.at(-1)?._tag, "RunEnded")
      // deltas come after their request and before their block is complete
      const textOf = (tag: "TextDelta" | "ThinkingDelta", from: number, to: number) =>
        items.slice(from, to).flatMap((item) => item._tag === tag ? [item.text] : []).join("")
      const blocks = items.flatMap((item, i) => item._tag === "BlockReceived" ? [i] : [])
      assert.strictEqual(textOf("ThinkingDelta", 0, blocks[0]!), "let me think about it")
      assert.strictEqual(textOf("TextDelta", 0, blocks[0]!), "")
      assert.strictEqual(textOf("TextDelta", blocks[0]!, blocks[1]!), "I will look")
      assert.strictEqual(textOf("TextDelta", blocks[1]!, blocks[2]!), "the whole answer")
      assert.isAbove(items.filter(({ _tag }) => _tag === "TextDelta").length, 5)
    }))

  it.effect("deltas come when they are said, not when the reply is complete", () =>
    Effect.gen(function*() {
      const { stream } = yield* streamed(Agent.make("streamed"), [
        ModelScript.text("abcdef", { chunkSize: 2, interval: 100 })
      ])
      const seen: Array<readonly [number, string]> = []
      yield* Stream.runForEach(stream, (item) =>
        Effect.clockWith((clock) =>
          Effect.sync(() =>
            item._tag === "TextDelta" && seen.push([clock.currentTimeMillisUnsafe(), item.text])
          )
        )).pipe(inTime)
      assert.deepStrictEqual(seen.map(([, text]) => text), ["ab", "cd", "ef"])
      const [first, second, third] = seen.map(([at]) => at)
      assert.deepStrictEqual([second! - first!, third! - second!], [100, 100])
    }))

  it.effect("progress of a handler comes between the begin and the end of its attempt, in order", () =>
    Effect.gen(function*() {
      const items = yield* collected(stepping, [
        ModelScript.toolUse([{ name: "steps", input: { n: 3 } }]),
        ModelScript.text("done")
      ])
      const progress = items.flatMap((item, i) => item._tag === "Progress" ? [{ ...item, i }] : [])
      assert.deepStrictEqual(progress.map(({ index, turn, value }) => [turn, index, value]), [
        [1, 0, "step 0"],
        [1, 0, "step 1"],
        [1, 0, "step 2"]
      ])
      const tags = items.map(({ _tag }) => _tag)
      assert.isAbove(progress[0]!.i, tags.indexOf("AttemptStarted"))
      assert.isBelow(progress.at(-1)!.i, tags.indexOf("AttemptEnded"))
      assert.deepStrictEqual(ofTag(items.filter(isEvent), "ToolCallAnswered").map(({ result }) => result), ["arrived"])
    }))

  it.effect("fails as the run does, after its last event", () =>
    Effect.gen(function*() {
      const { stream } = yield* streamed(Agent.make("refused"), [ModelScript.refusal("cyber")])
      const tags: Array<string> = []
      const error = yield* Stream.runForEach(stream, ({ _tag }) => Effect.sync(() => tags.push(_tag))).pipe(Effect.flip)
      assert.instanceOf(error, Outcome.Refused)
      assert.strictEqual(tags.at(-1), "RunEnded")
    }))

  it.effect("is lazy, and each time it is run it is a run of its own", () =>
    Effect.gen(function*() {
      const { model, stream } = yield* streamed(Agent.make("twice"), [ModelScript.text("one"), ModelScript.text("two")])
      assert.deepStrictEqual(yield* model.requests, [])
      const texts = yield* Effect.forEach([1, 2], () =>
        Effect.map(Stream.runCollect(stream), (items) =>
          items.flatMap((item) =>
            item._tag === "RunEnded" ? [item.text] : []
          )))
      assert.deepStrictEqual(texts, [["one"], ["two"]])
    }))
})

describe("a slow reader", () => {
  const long = (deltas: number) => ModelScript.text("x".repeat(deltas), { chunkSize: 1 })

  it.effect("holds the run up: no more than the buffer is ahead of it", () =>
    Effect.gen(function*() {
      const journal = Journal.makeMemory()
      const deltas = 2000
      const { stream } = yield* streamed(Agent.make("long"), [long(deltas)], { runId: "r" })
      const taken = yield* Queue.unbounded<Item>()
      const gate = yield* Queue.unbounded<void>()
      const fiber = yield* Effect.forkChild(
        Stream.runForEach(stream, (item) => Effect.andThen(Queue.offer(taken, item), Queue.take(gate))).pipe(
          Effect.provideService(Journal.current, journal)
        )
      )
      yield* Effect.repeat(settle, { times: 20 })
      assert.strictEqual(yield* Queue.size(taken), 1)
      // the whole reply could have been received: it is the reader that it waits for
      const ahead = yield* journal.read("r")
      assert.deepStrictEqual(ofTag(ahead, "ModelResponded"), [])
      yield* Queue.offerAll(gate, Array.from({ length: 500 }, () => undefined))
      yield* Effect.repeat(settle, { times: 20 })
      assert.strictEqual(yield* Queue.size(taken), 501)
      assert.deepStrictEqual(ofTag(yield* journal.read("r"), "ModelResponded"), [])
      yield* Queue.offerAll(gate, Array.from({ length: deltas }, () => undefined))
      yield* Fiber.join(fiber)
      const items = yield* Queue.takeAll(taken)
      assert.strictEqual(items.filter(({ _tag }) => _tag === "TextDelta").length, deltas)
      assert.strictEqual(items.at(-1)?._tag, "RunEnded")
    }))

  it.effect("a quick reader does not", () =>
    Effect.gen(function*() {
      const items = yield* collected(Agent.make("long"), [long(2000)])
      assert.strictEqual(items.filter(({ _tag }) => _tag === "TextDelta").length, 2000)
    }))

  it.effect("the deadline holds for a run whose reader does not read", () =>
    Effect.gen(function*() {
      const journal = Journal.makeMemory()
      const agent = Agent.make("long", { limits: { deadline: 1000 } })
      const { stream } = yield* streamed(agent, [long(2000)], { runId: "r" })
      const gate = yield* Queue.unbounded<void>()
      const fiber = yield* Effect.forkChild(
        Stream.runForEach(stream, () => Queue.take(gate)).pipe(Effect.provideService(Journal.current, journal))
      )
      yield* settle
      yield* TestClock.adjust(5000)
      yield* Queue.offerAll(gate, Array.from({ length: 3000 }, () => undefined))
      yield* Fiber.await(fiber)
      assert.deepInclude((yield* journal.read("r")).at(-1), {
        _tag: "RunEnded",
        outcome: "limited",
        reason: "deadline"
      })
    }))
})

describe("a stream that is dropped", () => {
  const hang = (ledger: Ledger.Ledger) =>
    Agent.tool("hang", {
      description: "Hangs",
      run: () => Effect.onInterrupt(Effect.never, () => ledger.record("interrupted"))
    })

  it.effect("at any item cancels the run in order: handlers are interrupted, its journal is closed", () =>
    Effect.gen(function*() {
      let n = 1
      for (; n < 100; n++) {
        const journal = Journal.makeMemory()
        const ledger = yield* Ledger.make
        const agent = Agent.make("dropped", { tools: [echo, hang(ledger)] })
        const { stream } = yield* streamed(agent, [
          ModelScript.reply({
            content: [
              { type: "text", text: "words and words" },
              { type: "tool_use", name: "echo", input: { text: "a" } },
              { type: "tool_use", name: "hang" }
            ],
            chunkSize: 5
          })
        ], { runId: "r" })
        const items = yield* stream.pipe(
          Stream.take(n),
          Stream.interruptWhen(Effect.sleep(1000)),
          Stream.runCollect,
          Effect.provideService(Journal.current, journal),
          inTime
        )
        const events = yield* journal.read("r")
        assert.deepStrictEqual(Check.all(events), [], `dropped after ${n}`)
        assert.deepInclude(events.at(-1), { _tag: "RunEnded", outcome: "cancelled" }, `dropped after ${n}`)
        const begun = ofTag(events, "AttemptStarted").some(({ index }) => index === 1)
        assert.isAtMost(yield* ledger.count("interrupted"), begun ? 1 : 0, `dropped after ${n}`)
        if (items.length < n) {
          assert.strictEqual(yield* ledger.count("interrupted"), 1)
          break
        }
      }
      assert.isAbove(n, 10)
      assert.isBelow(n, 100)
    }))

  it.effect("while the buffer is full, by a reader that takes nothing more, ends the run as well", () =>
    Effect.gen(function*() {
      const journal = Journal.makeMemory()
      const { stream } = yield* streamed(Agent.make("dropped", { tools: [echo], limits: { toolCalls: 500 } }), [
        ModelScript.toolUse(Array.from({ length: 500 }, (_, n) => ({ name: "echo", input: { text: `${n}` } })))
      ], { runId: "r" })
      const fiber = yield* Effect.forkChild(
        Stream.runForEach(stream, ({ _tag }) => _tag === "AttemptEnded" ? Effect.never : Effect.void).pipe(
          Effect.provideService(Journal.current, journal)
        )
      )
      yield* Effect.repeat(settle, { times: 20 })
      // no time passes: the reader is gone
      yield* Fiber.interrupt(fiber)
      const events = yield* journal.read("r")
      assert.isAbove(events.length, 256)
      assert.deepStrictEqual(Check.all(events), [])
      assert.deepInclude(events.at(-1), { _tag: "RunEnded", outcome: "cancelled" })
    }))

  it.effect("its effect ends when the run has ended, not before", () =>
    Effect.gen(function*() {
      const ledger = yield* Ledger.make
      const slow = Agent.tool("slow", {
        description: "Ends slowly",
        run: () => Effect.onInterrupt(Effect.never, () => Effect.andThen(Effect.sleep(20), ledger.record("released")))
      })
      const { stream } = yield* streamed(Agent.make("slow", { tools: [slow] }), [
        ModelScript.toolUse([{ name: "slow" }])
      ])
      yield* stream.pipe(Stream.takeUntil(({ _tag }) => _tag === "AttemptStarted"), Stream.runDrain, inTime)
      assert.strictEqual(yield* ledger.count("released"), 1)
    }))
})
