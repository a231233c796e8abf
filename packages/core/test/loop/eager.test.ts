import { assert, describe, it } from "@effect/vitest"
import { Agent, Check, type Limits, RunState, ToolPolicy } from "@volley/core"
import { Ledger, ModelScript, ScriptedModel, Simulation } from "@volley/core/testing"
import { Cause, Effect, Exit, References, Schema } from "effect"
import { answers, inTime, ofTag } from "../support/observe.ts"
import { isEvent, type Item, positionOf, success, timesOf, watch } from "./support.ts"

const parameters = { id: Schema.String }

/** Tools that note when they begin and whether they came to their end. */
const world = Effect.gen(function*() {
  const ledger = yield* Ledger.make
  const run = (name: string, millis: number) => ({ id }: { readonly id: string }) =>
    ledger.track(
      `${name} ${id}`,
      Effect.onInterrupt(Effect.as(Effect.sleep(millis), `${name} ${id}`), () => ledger.record(`interrupted ${id}`))
    )
  const look = Agent.tool("look", { description: "Looks", class: "readonly", parameters, run: run("look", 300) })
  const pay = Agent.tool("pay", { description: "Pays", class: "effectful", parameters, run: run("pay", 300) })
  const put = Agent.tool("put", { description: "Puts", class: "idempotent", parameters, run: run("put", 300) })
  const later = ToolPolicy.readonly(
    Agent.tool("later", { description: "Looks later", class: "readonly", parameters, run: run("later", 300) }),
    { after: ["look"] }
  )
  const asked = Object.assign(
    Agent.tool("asked", { description: "Has to be asked for", class: "readonly", parameters, run: run("asked", 300) }),
    { needsApproval: true }
  )
  const bare = Agent.tool("bare", {
    description: "Looks at everything",
    class: "readonly",
    parameters: {},
    run: () => run("bare", 300)({ id: "" })
  })
  return { ledger, tools: [look, pay, put, later, asked, bare] as const }
})

/** Which calls of the first turn had begun before the reply was complete. */
const early = (items: ReadonlyArray<Item>): ReadonlyArray<number> =>
  items.slice(0, positionOf(items, ({ _tag }) => _tag === "ModelResponded"))
    .flatMap((item) => item._tag === "AttemptStarted" ? [item.index] : [])

const calls = (...names: ReadonlyArray<string>) =>
  ModelScript.toolUse(names.map((name, i) => ({ name, input: { id: `${i}` } })), { interval: 10 })

const play = Effect.fnUntraced(function*(first: ModelScript.Step, limits: Limits.Limits = {}) {
  const { ledger, tools } = yield* world
  const watched = yield* watch(Agent.make("eager", { tools, limits }), [first, ModelScript.text("done")]).pipe(inTime)
  return { ...watched, ledger, early: early(watched.items) }
})

describe("which calls start before their reply is complete", () => {
  it.effect("a read-only call starts as soon as its arguments are whole", () =>
    Effect.gen(function*() {
      const { early, events, exit, items } = yield* play(ModelScript.reply({
        content: [
          { type: "tool_use", name: "look", input: { id: "0" } },
          { type: "text", text: "and some words that take a while" }
        ],
        interval: 100,
        chunkSize: 10
      }))
      assert.strictEqual(success(exit).text, "done")
      assert.deepStrictEqual(early, [0])
      assert.deepStrictEqual(timesOf(events, "AttemptStarted"), timesOf(events, "ToolCallRequested"))
      // its intention is in the journal before it begins
      const tags = items.map(({ _tag }) => _tag)
      assert.isBelow(tags.indexOf("DispatchIntended"), tags.indexOf("AttemptStarted"))
      // it is answered while the reply is still being received
      assert.isBelow(tags.indexOf("ToolCallAnswered"), tags.indexOf("ModelResponded"))
    }))

  it.effect("several read-only calls start one by one", () =>
    Effect.gen(function*() {
      const { early, events } = yield* play(calls("look", "look", "look"))
      assert.deepStrictEqual(early, [0, 1, 2])
      assert.deepStrictEqual(timesOf(events, "AttemptStarted"), timesOf(events, "ToolCallRequested"))
      assert.deepStrictEqual(answers(events).map(({ result }) => result), ["look 0", "look 1", "look 2"])
    }))

  it.effect("one without argument text starts when the next block or the stop reason shows that it was not cut", () =>
    Effect.gen(function*() {
      const bare = { type: "tool_use", name: "bare", partialJson: "" } as const
      const { early, events } = yield* play(ModelScript.reply({ content: [bare, bare], interval: 10 }))
      assert.deepStrictEqual(early, [0])
      assert.strictEqual(answers(events).length, 2)
    }))

  const cases: ReadonlyArray<readonly [string, ReadonlyArray<string>, ReadonlyArray<number>]> = [
    ["not an effectful one, nor what comes behind it", ["look", "pay", "look"], [0]],
    ["not an idempotent one, nor what comes behind it", ["look", "put", "look"], [0]],
    ["none behind an effectful one", ["pay", "look", "look"], []],
    ["not one that comes after others, nor what comes behind it", ["look", "later", "look"], [0]],
    ["not one that may want approval, nor what comes behind it", ["look", "asked", "look"], [0]],
    ["none behind a call of a tool that does not exist", ["look", "lok", "look"], [0]]
  ]
  for (const [fact, names, expected] of cases) {
    it.effect(fact, () =>
      Effect.gen(function*() {
        const { early, events } = yield* play(calls(...names))
        assert.deepStrictEqual(early, expected)
        assert.strictEqual(answers(events).length, names.length)
      }))
  }

  it.effect("not one beyond toolCallsPerTurn", () =>
    Effect.gen(function*() {
      const { early, events } = yield* play(calls("look", "look", "look"), { toolCallsPerTurn: 2 })
      assert.deepStrictEqual(early, [0, 1])
      assert.deepStrictEqual(answers(events).map(({ attempts }) => attempts), [1, 1, 0])
    }))

  it.effect("not one beyond the tool calls of the run", () =>
    Effect.gen(function*() {
      const { early, events } = yield* play(calls("look", "look", "look"), { toolCalls: 1 })
      assert.deepStrictEqual(early, [0])
      assert.deepStrictEqual(answers(events).map(({ attempts }) => attempts), [1, 0, 0])
    }))

  it.effect("not one whose arguments were cut, which is never run at all", () =>
    Effect.gen(function*() {
      const { early, events, ledger } = yield* play(ModelScript.toolUse([
        { name: "look", input: { id: "0" } },
        { name: "look", partialJson: "{\"id\":\"1" }
      ], { interval: 10, stopReason: "max_tokens" }))
      assert.deepStrictEqual(early, [0])
      assert.strictEqual(yield* ledger.count("look 1"), 0)
      assert.deepStrictEqual(
        ofTag(events, "DispatchIntended").flatMap(({ calls }) => calls.map(({ index }) => index)),
        [0]
      )
      assert.include(String(answers(events)[1]?.result), "The reply was cut before this call was complete")
    }))

  it.effect("not one on the last turn, where no tool can be called", () =>
    Effect.gen(function*() {
      const { early, events } = yield* play(calls("look", "look"), { turns: 1 })
      assert.deepStrictEqual(early, [])
      assert.deepStrictEqual(answers(events).map(({ attempts }) => attempts), [0, 0])
    }))

  it.effect("not more at once than the concurrency of the run", () =>
    Effect.gen(function*() {
      const { events, ledger } = yield* play(calls("look", "look", "look", "look"), { concurrency: 2 })
      assert.deepStrictEqual(answers(events).map(({ ok }) => ok), [true, true, true, true])
      const starts = (yield* ledger.entries).map(({ at }) => at)
      assert.isAtLeast(starts[2]! - starts[0]!, 300)
    }))

  it.effect("calls that are read-only already run when the reply turns out to be cut; they are answered with their results", () =>
    Effect.gen(function*() {
      const { events } = yield* play(ModelScript.toolUse([
        { name: "look", input: { id: "0" } },
        { name: "pay", input: { id: "1" } }
      ], { interval: 10, stopReason: "max_tokens" }))
      assert.deepStrictEqual(answers(events).map(({ attempts }) => attempts), [1, 0])
    }))

  it.effect("a refusal takes back what was begun: it is interrupted, discarded and not answered", () =>
    Effect.gen(function*() {
      const { events, ledger } = yield* play(ModelScript.reply({
        content: ["0", "1"].map((id) => ({ type: "tool_use", name: "look", input: { id } })),
        stopReason: "refusal",
        interval: 10
      }))
      assert.strictEqual(ofTag(events, "CallDiscarded").length, 2)
      assert.deepStrictEqual(answers(events), [])
      assert.strictEqual(yield* ledger.count("interrupted 0"), 1)
      assert.strictEqual(yield* ledger.count("interrupted 1"), 1)
    }))
})

describe("what is gained", () => {
  it.effect("three tools 100 ms apart that take 300 ms, in a message that ends 500 ms later: the turn ends at 800 ms", () =>
    Effect.gen(function*() {
      // every event takes 20 ms: five to the end of each call, 25 more to the end of the message
      const content: ReadonlyArray<ModelScript.Block> = [
        { type: "tool_use", name: "look", partialJson: "{\"id\":\"a\"}" },
        { type: "tool_use", name: "look", partialJson: "{\"id\":\"bbbbbb\"}" },
        { type: "tool_use", name: "look", partialJson: "{\"id\":\"cccccc\"}" },
        { type: "text", text: "x".repeat(21 * 10) }
      ]
      const { events } = yield* play(ModelScript.reply({ content, interval: 20, chunkSize: 10 }))
      assert.deepStrictEqual(timesOf(events, "ToolCallRequested"), [100, 200, 300])
      assert.deepStrictEqual(timesOf(events, "AttemptStarted"), [100, 200, 300])
      assert.deepStrictEqual(timesOf(events, "ToolCallAnswered"), [400, 500, 600])
      assert.strictEqual(timesOf(events, "ModelResponded")[0], 800)
      assert.strictEqual(timesOf(events, "TurnClosed")[0], 800)
    }))
})

describe("a stream that breaks off after a call was started early", () => {
  const whole = ModelScript.reply({
    content: [
      { type: "text", text: "Looking. " },
      { type: "tool_use", name: "look", input: { id: "0" } },
      { type: "text", text: "And more words, which take a while" }
    ],
    interval: 20,
    chunkSize: 5
  })

  const scripts = {
    cut: ModelScript.cut(whole, { insideBlock: 2 }),
    eof: ModelScript.eof(whole, { insideBlock: 2 }),
    error: ModelScript.error(whole, { insideBlock: 2 })
  }
  for (const [fault, broken] of Object.entries(scripts)) {
    it.effect(`${fault} - the call is interrupted, discarded, never answered, and its id is nowhere`, () =>
      Effect.gen(function*() {
        const { ledger, tools } = yield* world
        const { events, exit, items, requests } = yield* watch(Agent.make("eager", { tools }), [
          broken,
          whole,
          ModelScript.text("done")
        ]).pipe(inTime)
        const outcome = success(exit)
        assert.deepInclude(outcome, { _tag: "Completed", text: "done", turns: 2 })
        const began = ofTag(events, "AttemptStarted").map(({ request, turn }) => [turn, request])
        assert.deepStrictEqual(began, [[1, 1], [1, 2]])
        assert.strictEqual(yield* ledger.count("interrupted 0"), 1)
        assert.deepStrictEqual(
          ofTag(events, "CallDiscarded").map(({ index, request, turn }) => [turn, request, index]),
          [[1, 1, 0]]
        )
        assert.deepStrictEqual(answers(events).map(({ request, result }) => [request, result]), [[2, "look 0"]])
        const [lost, kept] = ofTag(events, "ToolCallRequested").map(({ id }) => id)
        assert.notStrictEqual(lost, kept)
        for (const seen of [outcome.transcript, ...requests.map(({ prompt }) => prompt)]) {
          assert.notInclude(JSON.stringify(seen), `"${lost}"`)
        }
        // the call ends before its reply is discarded
        const tags = items.map(({ _tag }) => _tag)
        assert.isBelow(tags.indexOf("CallDiscarded"), tags.indexOf("ModelFailed"))
      }))
  }

  it.effect("G12 - a reader that drops the deltas of a failed request reads each text once", () =>
    Effect.gen(function*() {
      const { tools } = yield* world
      const { exit, items } = yield* watch(Agent.make("eager", { tools }), [
        scripts.cut,
        whole,
        ModelScript.cut(ModelScript.text("the answer", { chunkSize: 2 }), { insideBlock: 0 }),
        ModelScript.text("the answer", { chunkSize: 2 })
      ]).pipe(inTime)
      let read = ""
      let ofRequest = ""
      for (const item of items) {
        if (item._tag === "TextDelta") ofRequest += item.text
        if (item._tag === "ModelFailed") ofRequest = ""
        if (item._tag === "ModelResponded") {
          read += ofRequest
          ofRequest = ""
        }
      }
      assert.strictEqual(read, "Looking. And more words, which take a whilethe answer")
      assert.strictEqual(success(exit).text, "the answer")
    }))

  it.effect("an answer that came before the break is not kept either: the call is run again for the new reply", () =>
    Effect.gen(function*() {
      const { ledger, tools } = yield* world
      const { events, exit } = yield* watch(Agent.make("eager", { tools }), [
        ModelScript.cut({ ...whole, interval: 100 }, { insideBlock: 2 }),
        whole,
        ModelScript.text("done")
      ]).pipe(inTime)
      assert.strictEqual(success(exit).text, "done")
      assert.strictEqual(yield* ledger.count("look 0"), 2)
      assert.deepStrictEqual(ofTag(events, "ToolCallAnswered").map(({ request }) => request).at(-1), 2)
    }))
})

describe("eager calls under simulation", () => {
  const seeds = process.env["VOLLEY_LONG"] === "1" ? 10_000 : 500

  const scriptOf = (random: () => number): ModelScript.Script => {
    const upTo = (most: number) => Math.floor(random() * (most + 1))
    const block = (): ModelScript.Block => {
      const kind = upTo(9)
      if (kind < 5) return { type: "tool_use", name: "look", input: { id: `${upTo(9)}` } }
      if (kind < 6) return { type: "tool_use", name: "pay", input: { id: `${upTo(9)}` } }
      if (kind < 7) return { type: "tool_use", name: "later", input: { id: `${upTo(9)}` } }
      return { type: "text", text: "some words " }
    }
    const reply = (): ModelScript.Reply => ({
      content: Array.from({ length: 1 + upTo(4) }, block),
      interval: upTo(3) * 50,
      chunkSize: 3
    })
    const broken = (whole: ModelScript.Reply): ModelScript.Reply => {
      const at = { afterEvents: upTo(25) }
      return [ModelScript.cut, ModelScript.eof, ModelScript.error][upTo(2)]!(whole, at)
    }
    const step = () => random() < 0.5 ? broken(reply()) : reply()
    return [...Array.from({ length: 4 }, step), ...Array.from({ length: 6 }, () => ModelScript.text("done"))]
  }

  const program = (seed: number) =>
    Effect.gen(function*() {
      const items: Array<Item> = []
      const { ledger, tools: [look, pay, , later] } = yield* world
      const model = yield* ScriptedModel.make(scriptOf(Simulation.randomNumbers(seed)))
      const exit = yield* Agent.run(
        Agent.make("eager", { tools: [look, pay, later], limits: { concurrency: 3 } }),
        "Go",
        {
          onEvent: (item) => Effect.sync(() => items.push(item))
        }
      ).pipe(Effect.provide(model.layer), Effect.exit)
      return { items, exit, ...(yield* ledger.inFlight()), requests: yield* model.requests }
    }).pipe(Effect.provideService(References.MinimumLogLevel, "None"))

  it(`in ${seeds} seeds nothing of a broken reply is answered, seen or left running`, { timeout: 300_000 }, () => {
    let completed = 0
    let discarded = 0
    let begunEarly = 0
    for (let seed = 1; seed <= seeds; seed++) {
      const { stop } = Simulation.simulate(program(seed), { seed, maxSteps: 1_000_000 })
      if (stop._tag !== "Done") assert.fail(`seed ${seed}: ${stop._tag}`)
      if (Exit.isFailure(stop.exit)) assert.fail(`seed ${seed}: ${Cause.pretty(stop.exit.cause)}`)
      const { current, exit, items, requests } = stop.exit.value
      const events = items.filter(isEvent)
      assert.deepStrictEqual(Check.all(events), [], `seed ${seed}`)
      const seen = JSON.stringify([
        events.reduce(RunState.apply, RunState.initial).transcript,
        requests.map(({ prompt }) => prompt)
      ])
      const failed = new Set(ofTag(events, "ModelFailed").map(({ request, turn }) => `${turn} ${request}`))
      for (const { id, request, turn } of ofTag(events, "ToolCallRequested")) {
        if (failed.has(`${turn} ${request}`)) assert.notInclude(seen, `"${id}"`, `seed ${seed}`)
      }
      for (const [position, item] of items.entries()) {
        if (item._tag !== "AttemptStarted") continue
        const reply = items.findIndex((other) =>
          other._tag === "ModelResponded" && other.turn === item.turn && other.request === item.request
        )
        if (reply !== -1 && reply < position) continue
        begunEarly++
        const asked = ofTag(events, "ToolCallRequested").filter(({ index, request, turn }) =>
          turn === item.turn && request === item.request && index <= item.index
        )
        assert.isTrue(asked.every(({ name }) => name === "look"), `seed ${seed}`)
      }
      assert.strictEqual(current, 0, `seed ${seed}`)
      assert.strictEqual(ofTag(events, "RunEnded").length, 1, `seed ${seed}`)
      if (Exit.isSuccess(exit)) completed++
      discarded += ofTag(events, "CallDiscarded").length
    }
    assert.isAbove(completed, seeds / 3)
    assert.isAbove(discarded, seeds / 10)
    assert.isAbove(begunEarly, seeds)
  })
})
