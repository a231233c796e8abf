import { assert, describe, it } from "@effect/vitest"
import { Agent, Dependencies, Dispatcher, type RunEvent, ToolCall, ToolFailure, ToolPolicy } from "@volley/core"
import { Ledger, Simulation } from "@volley/core/testing"
import { Cause, Clock, Effect, Exit, Fiber, Layer, References, Schedule, Schema } from "effect"
import { hedge } from "../../src/internal/dispatch/hedge.ts"
import type { OfRun } from "../../src/internal/dispatch/retries.ts"
import type { Plan } from "../../src/internal/dispatch/stage.ts"
import { inTime, ofTag, recordIn } from "../support/observe.ts"
import { dispatchTurn, type TurnOptions } from "../support/turn.ts"

class Bug extends Schema.TaggedError<Bug>()("Bug", {}) {
  readonly [ToolFailure.kind] = "fatal" as const
}

/** Retries that others have taken. */
interface Spent {
  readonly dependency?: number
  readonly thread?: number
}

type End = Effect.Effect<string, ToolFailure.ToolFailure | Bug>

interface Step {
  readonly millis: number
  readonly end?: End
  readonly deaf?: boolean
}

const down = (reason: ToolFailure.TransientReason = "Unavailable", more: object = {}) =>
  Effect.fail(ToolFailure.transient({ reason, message: reason, ...more }))
const none = Effect.fail(ToolFailure.permanent({ reason: "NotFound", message: "none" }))

/** A tool whose attempts take their time and end as they are told, the last step for all that follow. */
const stepping = (...steps: ReadonlyArray<Step>) =>
  Agent.tool("read", {
    description: "Reads",
    class: "readonly",
    parameters: {},
    success: Schema.String,
    failure: Schema.Union([ToolFailure.ToolFailure, Bug]),
    run: () =>
      Effect.flatMap(ToolCall.current, (current) => {
        const attempt = current?.attempt ?? 1
        const step = steps[Math.min(attempt, steps.length) - 1]
        const sleep = Effect.sleep(step?.millis ?? 0)
        return Effect.andThen(
          step?.deaf === true ? Effect.uninterruptible(sleep) : sleep,
          step?.end ?? Effect.succeed(`result ${attempt}`)
        )
      })
  })

const policy = { hedge: { after: 100 }, retry: { times: 0 } } as const

const dispatched = (steps: ReadonlyArray<Step>, options: TurnOptions = {}, more: object = {}) =>
  Effect.map(
    inTime(
      dispatchTurn([ToolPolicy.readonly(stepping(...steps), { ...policy, ...more })], [{ name: "read" }], options)
    ),
    ({ answers, events }) => ({ answer: answers[0]!, events })
  )

const startsOf = (events: ReadonlyArray<RunEvent.RunEvent>) => ofTag(events, "AttemptStarted").map(({ at }) => at)

const endsOf = (events: ReadonlyArray<RunEvent.RunEvent>) =>
  ofTag(events, "AttemptEnded").map(({ at, attempt, failure }) => [attempt, at, failure?.reason ?? "ok"])

const alone = Effect.provide(Dependencies.layerMemory)
const fresh = Effect.provide(Layer.fresh(Dependencies.layerMemory))
const quiet = Effect.provideService(References.MinimumLogLevel, "None")

describe("hedge", () => {
  it.effect("a second attempt begins after the wait; the first result is the answer, the other attempt is interrupted", () =>
    Effect.gen(function*() {
      const { answer, events } = yield* dispatched([{ millis: 500 }, { millis: 30 }])
      assert.deepInclude(answer, { ok: true, result: "result 2", at: 130, attempts: 2 })
      assert.deepStrictEqual(ofTag(events, "HedgeStarted"), [
        { _tag: "HedgeStarted", turn: 1, request: 1, index: 0, at: 100, after: 100 }
      ])
      assert.deepStrictEqual(startsOf(events), [0, 100])
      assert.deepStrictEqual(endsOf(events), [[2, 130, "ok"], [1, 130, "Cancelled"]])
      assert.deepStrictEqual(events.map(({ _tag }) => _tag).slice(0, 3), [
        "AttemptStarted",
        "HedgeStarted",
        "AttemptStarted"
      ])
    }).pipe(alone))

  it.effect("the first attempt may still win", () =>
    Effect.gen(function*() {
      const { answer, events } = yield* dispatched([{ millis: 150 }, { millis: 500 }])
      assert.deepInclude(answer, { result: "result 1", at: 150, attempts: 2 })
      assert.deepStrictEqual(endsOf(events), [[1, 150, "ok"], [2, 150, "Cancelled"]])
    }).pipe(alone))

  it.effect("a call that ends before the wait has one attempt, whatever its end", () =>
    Effect.gen(function*() {
      for (const end of [undefined, down(), none, Effect.die("bug")]) {
        const { answer, events } = yield* dispatched([{ millis: 90, ...(end === undefined ? {} : { end }) }])
        assert.deepInclude(answer, { ok: end === undefined, at: 90 + (ofTag(events, "AttemptStarted")[0]?.at ?? 0) })
        assert.strictEqual(answer.attempts, 1)
        assert.deepStrictEqual(ofTag(events, "HedgeStarted"), [])
      }
    }).pipe(alone, quiet))

  const decisive: { readonly [kind: string]: End } = {
    permanent: none,
    defect: Effect.die(new Error("bug")),
    fatal: Effect.fail(new Bug())
  }
  for (const [kind, end] of Object.entries(decisive)) {
    it.effect(`a ${kind} failure of either attempt decides at once`, () =>
      Effect.gen(function*() {
        const ofFirst = yield* dispatched([{ millis: 120, end }, { millis: 500 }])
        assert.deepInclude(ofFirst.answer, { ok: false, at: 120, attempts: 2 })
        assert.strictEqual(ofFirst.answer.failure?.kind, kind)
        assert.deepInclude(endsOf(ofFirst.events), [2, 120, "Cancelled"])
      }).pipe(alone, quiet))

    it.effect(`a ${kind} failure of the second attempt decides at once`, () =>
      Effect.gen(function*() {
        const { answer, events } = yield* dispatched([{ millis: 500 }, { millis: 20, end }])
        assert.deepInclude(answer, { ok: false, at: 120, attempts: 2 })
        assert.strictEqual(answer.failure?.kind, kind)
        assert.deepInclude(endsOf(events), [1, 120, "Cancelled"])
      }).pipe(alone, quiet))
  }

  const passing: { readonly [kind: string]: End } = {
    transient: down(),
    unknown: Effect.fail(new ToolFailure.Unknown({ message: "odd" }))
  }
  for (const [kind, end] of Object.entries(passing)) {
    it.effect(`after a failure of one attempt that is ${kind} the other decides`, () =>
      Effect.gen(function*() {
        const first = yield* dispatched([{ millis: 120, end }, { millis: 80 }])
        assert.deepInclude(first.answer, { ok: true, result: "result 2", at: 180 })
      }).pipe(alone))

    it.effect(`after a failure of the second attempt that is ${kind} the first decides`, () =>
      Effect.gen(function*() {
        const { answer } = yield* dispatched([{ millis: 250, end: none }, { millis: 20, end }])
        assert.deepInclude(answer, { ok: false, at: 250 })
        assert.strictEqual(answer.failure?.reason, "NotFound")
      }).pipe(alone))
  }

  it.effect("when both fail the later failure stands, with the longer wait that was asked for", () =>
    Effect.gen(function*() {
      const asking = down("RateLimited", { retryAfter: "2 seconds", executed: false })
      const first = yield* dispatched([{ millis: 150, end: asking }, { millis: 80, end: down("Overloaded") }])
      assert.deepInclude(first.answer, { ok: false, at: 180 })
      assert.deepInclude(first.answer.failure, { reason: "Overloaded", retryAfter: 2000, executed: true })
    }).pipe(alone))

  it.effect("when both fail what either may have done stays done", () =>
    Effect.gen(function*() {
      const { answer } = yield* dispatched([{ millis: 250, end: down("Overloaded", { executed: false }) }, {
        millis: 80,
        end: down()
      }])
      assert.deepInclude(answer, { ok: false, at: 250 })
      assert.deepInclude(answer.failure, { reason: "Overloaded", executed: true })
    }).pipe(alone))

  it.effect("when both fail a retry follows, which is not hedged a second time where no hedge is left", () =>
    Effect.gen(function*() {
      const { answer, events } = yield* dispatched(
        [{ millis: 150, end: down() }, { millis: 80, end: down() }, { millis: 300 }],
        {},
        { retry: Schedule.recurs(1).pipe(Schedule.addDelay(() => Effect.succeed("1 second"))) }
      )
      assert.deepInclude(answer, { ok: true, result: "result 3", at: 1480, attempts: 3 })
      assert.deepStrictEqual(startsOf(events), [0, 100, 1180])
    }).pipe(alone))

  it.effect("a second attempt that finds no place is refused, and says nothing of the tool", () =>
    Effect.gen(function*() {
      const { answer, events } = yield* dispatched([{ millis: 150, end: down("Overloaded") }], {}, { concurrency: 1 })
      assert.deepInclude(answer, { ok: false, at: 150, attempts: 1 })
      assert.deepInclude(answer.failure, { reason: "Overloaded", executed: true })
      assert.lengthOf(ofTag(events, "HedgeStarted"), 1)
      assert.deepStrictEqual(ofTag(events, "CallQueued"), [])
    }).pipe(alone))

  it.effect("a second attempt that is above the rate is refused, and asks for no wait", () =>
    Effect.gen(function*() {
      const { answer, events } = yield* dispatched([{ millis: 150, end: down() }], {}, {
        rateLimit: { limit: 1, window: "10 seconds" }
      })
      assert.deepInclude(answer, { ok: false, at: 150, attempts: 1 })
      assert.deepStrictEqual(answer.failure, {
        kind: "transient",
        reason: "Unavailable",
        message: "Unavailable",
        executed: true
      })
      assert.deepStrictEqual(ofTag(events, "RateLimited"), [])
    }).pipe(alone))

  it.effect("a call that waits for its place is not hedged", () =>
    Effect.gen(function*() {
      const busy = Agent.tool("busy", { description: "Takes the place", run: () => Effect.sleep(150) })
      const slow = ToolPolicy.readonly(stepping({ millis: 50 }), policy)
      const { answers, events } = yield* inTime(
        dispatchTurn([busy, slow], [{ name: "busy" }, { name: "read" }], { concurrency: 1 })
      )
      assert.deepInclude(answers[1], { ok: true, at: 200, attempts: 1 })
      assert.deepStrictEqual(ofTag(events, "HedgeStarted"), [])
    }).pipe(alone))

  it.effect.each<[retries: number, hedges: number]>([[6, 1], [5, 0]])(
    "of %i retries 3 are spent: %i hedge",
    ([retries, hedges]) =>
      Effect.gen(function*() {
        const flaky = ToolPolicy.set(
          Agent.tool("flaky", {
            description: "Fails three times",
            failure: ToolFailure.ToolFailure,
            run: () =>
              Effect.flatMap(
                ToolCall.current,
                (call) => call?.attempt === 4 ? Effect.succeed("ok") : down("Unavailable", { executed: false })
              )
          }),
          { retry: Schedule.spaced(10) }
        )
        const slow = ToolPolicy.readonly(stepping({ millis: 200 }), policy)
        const { events } = yield* inTime(
          dispatchTurn([flaky, slow], [{ name: "flaky" }, { name: "read" }], { retries })
        )
        assert.lengthOf(ofTag(events, "RetryScheduled"), 3)
        assert.lengthOf(ofTag(events, "HedgeStarted"), hedges)
      }).pipe(alone)
  )

  /** Whether a slow call is hedged, of a run with these retries, after so many were taken from the budgets of others. */
  const isHedged = Effect.fnUntraced(function*(retries: OfRun, { dependency = 0, thread = 0 }: Spent = {}) {
    const dependencies = yield* Dependencies.current
    for (let n = 0; n < dependency; n++) dependencies.retryBudget("read").take(0)
    for (let n = 0; n < thread; n++) dependencies.threadBudget("thread").take(0)
    const events: Array<RunEvent.RunEvent> = []
    const dispatch = Dispatcher.open(
      yield* Dispatcher.make([ToolPolicy.readonly(stepping({ millis: 200 }), policy)]),
      {
        runId: "run",
        tenant: undefined,
        thread: "thread",
        concurrency: 5,
        retries,
        emit: recordIn(events),
        publish: () => Effect.void
      }
    )
    const asked = { turn: 1, request: 1, index: 0, id: "0", name: "read", params: {}, key: "key" }
    yield* inTime(Effect.flatten(dispatch.submit(asked, 60_000)))
    return ofTag(events, "HedgeStarted").length > 0
  })

  const full: OfRun = { allowed: 6, left: 6 }
  const large: OfRun = { allowed: 1000, left: 1000 }
  it.effect.each<[whose: string, half: [OfRun, Spent?], less: [OfRun, Spent?]]>([
    ["the dependency", [full, { dependency: 50 }], [full, { dependency: 51 }]],
    ["the thread", [full, { thread: 5 }], [full, { thread: 6 }]],
    ["the run", [{ ...full, left: 3 }], [{ ...full, left: 2 }]],
    ["the run above", [{ ...full, above: { ...large, left: 500 } }], [{ ...full, above: { ...large, left: 499 } }]],
    [
      "the run above that",
      [{ ...full, above: { ...full, above: { ...large, left: 500 } } }],
      [{ ...full, above: { ...full, above: { ...large, left: 499 } } }]
    ],
    ["a run that has more than the one above it", [{ ...large, above: full }], [{ ...large, left: 499, above: full }]]
  ])(
    "a call is hedged while half of the retries are left to %s, not with less",
    ([, half, less]) =>
      Effect.gen(function*() {
        assert.isTrue(yield* isHedged(...half).pipe(fresh))
        assert.isFalse(yield* isHedged(...less).pipe(fresh))
      })
  )

  it.effect("a deaf attempt that lost holds the answer up for the grace, and is abandoned", () =>
    Effect.gen(function*() {
      const { answer, events } = yield* dispatched([{ millis: 500, deaf: true }, { millis: 30 }])
      assert.deepInclude(answer, { ok: true, result: "result 2", at: 180 })
      assert.deepStrictEqual(ofTag(events, "AttemptAbandoned").map(({ at, attempt }) => [attempt, at]), [[1, 180]])
      assert.deepStrictEqual(endsOf(events), [[2, 130, "ok"], [1, 180, "Cancelled"]])
    }).pipe(alone, quiet))

  it.effect("an interrupted call interrupts both attempts, and both are in the journal", () =>
    Effect.gen(function*() {
      const events: Array<RunEvent.RunEvent> = []
      const tool = ToolPolicy.readonly(stepping({ millis: 500 }), policy)
      yield* inTime(Effect.gen(function*() {
        const fiber = yield* Effect.forkChild(
          dispatchTurn([tool], [{ name: "read" }], { onEvent: (event) => Effect.sync(() => void events.push(event)) })
        )
        yield* Effect.sleep(200)
        yield* Fiber.interrupt(fiber)
        assert.strictEqual(yield* Clock.currentTimeMillis, 200)
      }))
      assert.deepStrictEqual(endsOf(events).toSorted((left, right) => Number(left[0]) - Number(right[0])), [[
        1,
        200,
        "Cancelled"
      ], [
        2,
        200,
        "Cancelled"
      ]])
    }).pipe(alone))

  it("G4 - only calls of read-only tools are hedged", () => {
    for (const effectClass of ["idempotent", "effectful"] as const) {
      assert.isUndefined(hedge({ effectClass, policy: { hedge: { after: 1 } } } as Plan))
    }
  })
})

/** What a handler does is told by the number of its call. */
const counted = (name: string, run: (n: number) => End, more: object = {}) =>
  ToolPolicy.readonly(
    Agent.tool(name, {
      description: name,
      class: "readonly",
      parameters: { n: Schema.Int },
      success: Schema.String,
      failure: Schema.Union([ToolFailure.ToolFailure, Bug]),
      run: ({ n }) => run(n)
    }),
    { ...policy, ...more }
  )

/** The events of calls one after another, with a fresh memory of the tool. */
const oneByOne = (tool: ReturnType<typeof counted>, count: number): ReadonlyArray<RunEvent.RunEvent> => {
  const calls = Effect.forEach(Array.from({ length: count }, (_, n) => n), (n) => Dispatcher.call(tool, { n }))
  const { stop } = Simulation.simulate(calls, { seed: 1, yieldProbability: 0, maxSteps: Number.POSITIVE_INFINITY })
  if (stop._tag !== "Done" || Exit.isFailure(stop.exit)) throw new Error(stop._tag)
  return stop.exit.value.flatMap(({ events }) => events)
}

const slowly = Effect.as(Effect.sleep(200), "slow")

describe("the budget of hedges", () => {
  it("of 1,000 slow calls 5 % and one are hedged", () => {
    assert.lengthOf(ofTag(oneByOne(counted("slow", () => slowly), 1000), "HedgeStarted"), 51)
  })

  it("a retry is no call", () => {
    const flaky = (n: number) =>
      n >= 100
        ? slowly
        : Effect.flatMap(ToolCall.current, (call) => call?.attempt === 3 ? Effect.succeed("ok") : down())
    const events = oneByOne(
      counted("flaky", flaky, { retry: Schedule.spaced("1 second").pipe(Schedule.upTo({ times: 2 })) }),
      110
    )
    assert.lengthOf(ofTag(events, "RetryScheduled"), 200)
    assert.lengthOf(ofTag(events, "HedgeStarted"), 6)
  })
})

describe("p95", () => {
  const taking = (millis: (n: number) => number) =>
    counted("read", (n) => Effect.as(Effect.sleep(millis(n)), "ok"), { hedge: { after: "p95" } })

  const waits = (events: ReadonlyArray<RunEvent.RunEvent>) => ofTag(events, "HedgeStarted").map(({ after }) => after)

  it("the wait is a tenth longer than 95 % of the calls took, as soon as 20 are known", () => {
    const known = (before: number) => waits(oneByOne(taking((n) => n === before ? 1000 : 100), before + 1))
    assert.deepStrictEqual([known(19), known(20)], [[], [110]])
  })

  it("calls that take no time are given a millisecond", () => {
    assert.deepStrictEqual(waits(oneByOne(taking((n) => n === 20 ? 1000 : 0), 21)), [1])
  })

  it.effect("a hedged call counts from its start", () =>
    Effect.gen(function*() {
      const latencies = (yield* Dependencies.current).latencies("read")
      for (let n = 0; n < 400; n++) latencies.call()
      const tool = ToolPolicy.readonly(stepping({ millis: 1000 }, { millis: 100 }), policy)
      for (let n = 0; n < 20; n++) yield* inTime(dispatchTurn([tool], [{ name: "read" }]))
      assert.strictEqual(latencies.p95(), 200)
    }).pipe(alone))
})

/** What the attempts of each call do, drawn as data. */
interface World {
  readonly steps: ReadonlyArray<ReadonlyArray<Step>>
  readonly concurrency: number
  readonly cancelAt: number | undefined
}

const ends: ReadonlyArray<End | undefined> = [
  undefined,
  undefined,
  down(),
  down("RateLimited", { retryAfter: 30, executed: false }),
  none,
  Effect.fail(new ToolFailure.Unknown({ message: "odd" })),
  Effect.die(new Error("bug"))
]

const worldOf = (seed: number): World => {
  const random = Simulation.randomNumbers(seed)
  const pick = <A>(values: ReadonlyArray<A>): A => values[Math.floor(random() * values.length)]!
  return {
    steps: Array.from({ length: 6 }, () =>
      Array.from({ length: 4 }, () => {
        const end = pick(ends)
        return { millis: pick([0, 10, 20, 30, 50]), deaf: random() < 0.1, ...(end === undefined ? {} : { end }) }
      })),
    concurrency: pick([1, 2, 4, 12]),
    cancelAt: random() < 0.3 ? pick([5, 20, 25, 40]) : undefined
  }
}

/** Runs the calls of a world at the same time, then one more. */
const play = (world: World) =>
  Effect.gen(function*() {
    const ledger = yield* Ledger.make
    const { latencies } = yield* Dependencies.current
    for (let n = 0; n < 400; n++) latencies("read").call()
    const tool = counted("read", (n) =>
      ledger.track(
        "handlers",
        Effect.flatMap(ToolCall.current, (call) => {
          const step = world.steps[n]?.[Math.min(call?.attempt ?? 1, 4) - 1] ?? { millis: 0 }
          const sleep = Effect.sleep(step.millis)
          return Effect.andThen(
            step.deaf === true ? Effect.uninterruptible(Effect.andThen(sleep, Effect.sleep(100))) : sleep,
            step.end ?? Effect.succeed("ok")
          )
        })
      ), { hedge: { after: 20 }, retry: { times: 1 }, timeout: 60, concurrency: world.concurrency })
    const events: Array<RunEvent.RunEvent> = []
    const dispatch = Dispatcher.open(yield* Dispatcher.make([tool]), {
      runId: "run",
      tenant: undefined,
      thread: undefined,
      concurrency: world.concurrency,
      retries: { allowed: 20, left: 20 },
      emit: recordIn(events),
      publish: () => Effect.void
    })
    const submit = (n: number) =>
      dispatch.submit({ turn: 1, request: 1, index: n, id: `${n}`, name: "read", params: { n }, key: `${n}` }, 2000)
    const calls = yield* Effect.forEach(world.steps.keys(), submit)
    const fiber = yield* Effect.forkChild(Effect.all(calls, { concurrency: "unbounded" }))
    if (world.cancelAt !== undefined) {
      yield* Effect.sleep(world.cancelAt)
      yield* Fiber.interrupt(fiber)
    }
    const exit = yield* Fiber.await(fiber)
    const later = (yield* Clock.currentTimeMillis) + 200
    yield* Effect.sleep(200)
    const { current, peak } = yield* ledger.inFlight("handlers")
    const last = yield* Effect.flatten(submit(world.steps.length))
    const took = (yield* Clock.currentTimeMillis) - later
    return { current, events, exit, last, peak, took }
  }).pipe(quiet)

const check = (seed: number, hedged: Set<string>): void => {
  const world = worldOf(seed)
  const { stop } = Simulation.simulate(play(world), { seed })
  const where = `seed ${seed}`
  if (stop._tag !== "Done") return assert.fail(`${where}: ${stop._tag}`)
  if (Exit.isFailure(stop.exit)) return assert.fail(`${where}: ${Cause.pretty(stop.exit.cause)}`)
  const { current, events, exit, last, peak, took } = stop.exit.value
  if (Exit.isSuccess(exit)) assert.lengthOf(exit.value, world.steps.length, where)
  else assert.isTrue(world.cancelAt !== undefined && Cause.hasInterruptsOnly(exit.cause), where)
  assert.strictEqual(current, 0, `${where}: handlers still run`)
  assert.isAtMost(peak, world.concurrency, `${where}: places`)
  assert.deepInclude(last, { ok: true, result: "ok" }, `${where}: a place was lost`)
  assert.strictEqual(took, 0, `${where}: a place was lost`)
  const key = ({ attempt, index }: { readonly attempt: number; readonly index: number }) => `${index}.${attempt}`
  assert.deepStrictEqual(
    ofTag(events, "AttemptEnded").map(key).toSorted(),
    ofTag(events, "AttemptStarted").map(key).toSorted(),
    `${where}: attempts that did not end in the journal`
  )
  for (const { index } of ofTag(events, "HedgeStarted")) {
    const own = events.filter((event) => "index" in event && event.index === index)
    const since = own.slice(own.findIndex(({ _tag }) => _tag === "HedgeStarted"))
    const end = since.find((event) => event._tag === "AttemptEnded")
    hedged.add(end?._tag === "AttemptEnded" ? `${end.attempt > 1} ${end.failure?.kind ?? "ok"}` : "none")
  }
}

describe("hedge, simulated", () => {
  it("G1, G6, G9 - each call is answered once, no handler runs on, no place is lost, the journal is complete", () => {
    const hedged = new Set<string>()
    for (let seed = 1; seed <= 1500; seed++) check(seed, hedged)
    for (const first of ["true", "false"]) {
      for (const kind of ["ok", "transient", "permanent", "unknown", "defect"]) {
        assert.include(hedged, `${first} ${kind}`)
      }
    }
  })
})
