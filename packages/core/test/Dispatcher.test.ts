import { assert, describe, it } from "@effect/vitest"
import { Agent, Dispatcher, type RunEvent, ToolFailure, ToolPolicy } from "@volley/core"
import { Ledger } from "@volley/core/testing"
import { Clock, Duration, Effect, Exit, Fiber, Random, Schedule, Schema } from "effect"
import { Tool, Toolkit } from "effect/ai"
import * as Arbitrary from "effect/Arbitrary"
import { TestClock } from "effect/testing"
import { inTime, ofTag, recordIn } from "./support/observe.ts"

type Result = "ok" | "transient" | "notExecuted" | "permanent" | "unknown" | "hang" | "die"

const play = (result: Result): Effect.Effect<string, ToolFailure.ToolFailure> => {
  switch (result) {
    case "ok":
      return Effect.succeed("fine")
    case "transient":
      return Effect.fail(ToolFailure.transient({ reason: "Unavailable", message: "down" }))
    case "notExecuted":
      return Effect.fail(ToolFailure.transient({ reason: "Unavailable", message: "refused", executed: false }))
    case "permanent":
      return Effect.fail(ToolFailure.permanent({ reason: "NotFound", message: "none" }))
    case "unknown":
      return Effect.fail(new ToolFailure.Unknown({ message: "odd" }))
    case "hang":
      return Effect.never
    case "die":
      return Effect.die(new Error("bug"))
  }
}

/** A tool that plays a programme of results, one an attempt; the last one repeats. */
const programme = (effectClass: ToolPolicy.EffectClass, results: ReadonlyArray<Result>) => {
  let attempts = 0
  return Agent.tool("programme", {
    description: "Plays a programme",
    class: effectClass,
    success: Schema.String,
    failure: ToolFailure.ToolFailure,
    run: () => Effect.suspend(() => play(results[Math.min(attempts++, results.length - 1)] ?? "ok"))
  })
}

const waits = (events: ReadonlyArray<RunEvent.RunEvent>) => ofTag(events, "RetryScheduled").map(({ wait }) => wait)

describe("retry", () => {
  it.effect("G3 - a permanent failure is never retried, whatever the class", () =>
    Effect.gen(function*() {
      for (const effectClass of ["readonly", "idempotent", "effectful"] as const) {
        const report = yield* Dispatcher.call(programme(effectClass, ["permanent"]), {})
        assert.strictEqual(report.attempts, 1)
      }
    }))

  const table: ReadonlyArray<[ToolPolicy.EffectClass, Result, number]> = [
    ["readonly", "transient", 3],
    ["readonly", "notExecuted", 3],
    ["readonly", "unknown", 2],
    ["readonly", "die", 1],
    ["idempotent", "transient", 3],
    ["idempotent", "unknown", 2],
    ["effectful", "transient", 1],
    ["effectful", "notExecuted", 3],
    ["effectful", "unknown", 1],
    ["effectful", "die", 1]
  ]
  it.effect.each(table)(
    "attempts - %s tool, always %s: %d",
    ([effectClass, result, attempts]) =>
      Effect.gen(function*() {
        const report = yield* inTime(Dispatcher.call(programme(effectClass, [result]), {}))
        assert.strictEqual(report.attempts, attempts)
        assert.isFalse(report.ok)
      })
  )

  it.effect("G7 - default waits are within 0 and 200 ms × 2ⁿ, exactly kept", () =>
    Effect.gen(function*() {
      for (let seed = 0; seed < 30; seed++) {
        const tool = ToolPolicy.set(programme("readonly", ["transient"]), { retry: { times: 6 } })
        const report = yield* inTime(Random.withSeed(Dispatcher.call(tool, {}), `${seed}`), 50)
        const seen = waits(report.events)
        assert.strictEqual(seen.length, 6)
        for (const [n, wait] of seen.entries()) {
          assert.isAtLeast(wait, 0)
          assert.isAtMost(wait, Math.min(5000, 200 * 2 ** n))
        }
        const starts = ofTag(report.events, "AttemptStarted").map(({ at }) => at)
        const ends = ofTag(report.events, "AttemptEnded").map(({ at }) => at)
        for (const [n, wait] of seen.entries()) assert.isAtLeast(starts[n + 1]! - ends[n]!, wait)
      }
    }))

  it.effect("G7 - a schedule of one's own decides the waits and the number", () =>
    Effect.gen(function*() {
      const tool = ToolPolicy.set(programme("readonly", ["transient"]), {
        retry: Schedule.exponential("100 millis").pipe(Schedule.upTo({ times: 3 }))
      })
      const report = yield* inTime(Dispatcher.call(tool, {}))
      assert.deepStrictEqual(waits(report.events), [100, 200, 400])
      assert.strictEqual(report.attempts, 4)
    }))

  it.effect("Retry-After - is the least wait; one above 30 s is not waited for", () =>
    Effect.gen(function*() {
      const busy = (retryAfter: Duration.Input) =>
        Agent.tool("busy", {
          description: "Is busy",
          run: () =>
            Effect.fail(ToolFailure.transient({ reason: "RateLimited", message: "busy", executed: false, retryAfter }))
        })
      const short = yield* inTime(Dispatcher.call(busy("20 seconds"), {}), 100)
      assert.deepStrictEqual(waits(short.events), [20_000, 20_000])
      const long = yield* inTime(Dispatcher.call(busy("31 seconds"), {}), 100)
      assert.deepStrictEqual(waits(long.events), [])
      assert.include(String(long.result), "The same call may succeed after 31 s.")
    }))

  it.effect("times: 0 - turns retries off", () =>
    Effect.gen(function*() {
      const tool = ToolPolicy.set(programme("readonly", ["transient"]), { retry: { times: 0 } })
      assert.strictEqual((yield* Dispatcher.call(tool, {})).attempts, 1)
    }))

  it.effect("deadline - a retry that cannot begin in time is not begun", () =>
    Effect.gen(function*() {
      const tool = ToolPolicy.set(programme("readonly", ["transient"]), { retry: Schedule.spaced("10 seconds") })
      const report = yield* inTime(Dispatcher.call(tool, {}, { limits: { deadline: "25 seconds", retries: 100 } }), 100)
      assert.deepStrictEqual(waits(report.events), [10_000, 10_000])
      assert.include(String(report.result), "no time is left to retry")
      assert.strictEqual(ofTag(report.events, "AttemptEnded").at(-1)!.at, 20_000)
    }))

  it.effect.prop("G5 - attempts never exceed 1 + times, and stop at the first success", [
    Arbitrary.array(Arbitrary.Constant<Result>("transient"), { maxLength: 6 }),
    Schema.Int.check(Schema.isBetween({ minimum: 0, maximum: 5 })),
    Schema.Literals(["readonly", "idempotent"])
  ], ([failures, times, effectClass]) =>
    Effect.gen(function*() {
      const tool = ToolPolicy.set(programme(effectClass, [...failures, "ok"]), { retry: { times } })
      const report = yield* inTime(Dispatcher.call(tool, {}), 100)
      assert.strictEqual(report.attempts, Math.min(failures.length, times) + 1)
      assert.strictEqual(report.ok, failures.length <= times)
    }), { arbitrary: { runs: 40 } })
})

describe("timeout and abandonment", () => {
  const quick = { timeout: "100 millis", retry: { times: 0 } } as const

  it.effect("G8 - a cooperative handler is interrupted at its timeout, exactly", () =>
    Effect.gen(function*() {
      const ledger = yield* Ledger.make
      const tool = ToolPolicy.set(
        Agent.tool("slow", {
          description: "Sleeps",
          failure: ToolFailure.ToolFailure,
          run: () => Effect.onInterrupt(Effect.never, () => ledger.record("interrupted"))
        }),
        quick
      )
      const report = yield* inTime(Dispatcher.call(tool, {}))
      assert.strictEqual(ofTag(report.events, "AttemptEnded")[0]?.at, 100)
      assert.strictEqual(
        report.result,
        "Outcome unknown (Timeout): no result within 100 ms. Tried once. "
          + "It may have taken effect: verify before you repeat it."
      )
      assert.strictEqual(yield* ledger.count("interrupted"), 1)
      assert.deepStrictEqual(ofTag(report.events, "AttemptAbandoned"), [])
    }))

  const deaf = {
    "an uninterruptible region": Effect.uninterruptible(Effect.sleep(1000)),
    "a slow finalizer": Effect.ensuring(Effect.never, Effect.sleep(1000)),
    "a promise that ignores its signal": Effect.promise(() => new Promise<void>(() => {}))
  }
  for (const [name, handler] of Object.entries(deaf)) {
    it.effect(`G8 - ${name} is answered within the grace of 50 ms`, () =>
      Effect.gen(function*() {
        const tool = ToolPolicy.set(
          Agent.tool("deaf", { description: "Does not listen", failure: ToolFailure.ToolFailure, run: () => handler }),
          quick
        )
        const report = yield* inTime(Dispatcher.call(tool, {}))
        assert.isAtMost(ofTag(report.events, "AttemptEnded")[0]!.at, 150)
        assert.strictEqual(report.failure?.reason, "Timeout")
        const seen = ofTag(report.events, "AttemptAbandoned").length
        assert.strictEqual(seen, name.startsWith("a promise") ? 0 : 1)
      }))
  }
})

describe("bulkhead, serial", () => {
  const Work = Tool.make("work", {
    description: "Works",
    parameters: Schema.Struct({ key: Schema.String, millis: Schema.Int }),
    success: Schema.String
  })

  /** Sends the calls of one turn and gives the answers with what the ledger saw. */
  const turn = Effect.fnUntraced(function*(
    tool: typeof Work,
    calls: ReadonlyArray<typeof Work["parametersSchema"]["Type"]>,
    concurrency: number,
    deadline = 60_000
  ) {
    const ledger = yield* Ledger.make
    const events: Array<RunEvent.RunEvent> = []
    const handlers = Toolkit.make(Work).toLayer({
      work: ({ key, millis }) =>
        ledger.track(
          "work",
          millis === 0
            ? Effect.succeed(key)
            : Effect.as(millis < 0 ? Effect.uninterruptible(Effect.sleep(-millis)) : Effect.sleep(millis), key),
          key
        )
    })
    const answers = yield* Effect.gen(function*() {
      const dispatch = Dispatcher.open(yield* Dispatcher.make([tool]), {
        runId: "r",
        tenant: undefined,
        concurrency,
        thread: undefined,
        retries: { allowed: 10, left: 10 },
        emit: recordIn(events),
        publish: () => Effect.void
      })
      const now = yield* Clock.currentTimeMillis
      const submitted = yield* Effect.forEach(
        calls,
        (params, index) =>
          dispatch.submit(
            { turn: 1, request: 1, index, id: `${index}`, name: "work", params, key: `${index}` },
            now + deadline
          )
      )
      return yield* Effect.all(submitted, { concurrency: "unbounded" })
    }).pipe(Effect.provide(handlers))
    return {
      answers,
      events,
      order: (yield* ledger.entries).map((entry) => entry.detail),
      gauge: yield* ledger.inFlight("work"),
      end: yield* Clock.currentTimeMillis
    }
  })

  it.effect("G6 - the dispatch's bound holds, and calls start in call order", () =>
    Effect.gen(function*() {
      const calls = Array.from({ length: 10 }, (_, i) => ({ key: `${i}`, millis: 100 }))
      const { answers, end, gauge, order } = yield* inTime(turn(Work, calls, 3))
      assert.deepStrictEqual(answers.map(({ result }) => result), calls.map(({ key }) => key))
      assert.deepStrictEqual(order, calls.map(({ key }) => key))
      assert.deepStrictEqual(gauge, { current: 0, peak: 3 })
      assert.strictEqual(end, 400)
    }))

  const onePlace: ReadonlyArray<[string, typeof Work, number]> = [
    ["of the dispatch", Work, 1],
    ["of the tool", ToolPolicy.set(Work, { concurrency: 1 }), 5],
    ["of a serial key", ToolPolicy.set(Work, { serial: true }), 5]
  ]
  for (const [whose, tool, concurrency] of onePlace) {
    it.effect(`G1 - two thousand calls that are done at once are answered through one place ${whose}`, () =>
      Effect.gen(function*() {
        const calls = Array.from({ length: 2000 }, (_, i) => ({ key: `${i}`, millis: i === 0 ? 100 : 0 }))
        const { answers, gauge, order } = yield* inTime(turn(tool, calls, concurrency))
        assert.deepStrictEqual(answers.map(({ result }) => result), calls.map(({ key }) => key))
        assert.deepStrictEqual(order, calls.map(({ key }) => key))
        assert.strictEqual(gauge.peak, 1)
      }))
  }

  it.effect("G6 - the tool's bound holds within the dispatch's", () =>
    Effect.gen(function*() {
      const calls = Array.from({ length: 6 }, (_, i) => ({ key: `${i}`, millis: 100 }))
      const { gauge } = yield* inTime(turn(ToolPolicy.set(Work, { concurrency: 2 }), calls, 5))
      assert.deepStrictEqual(gauge, { current: 0, peak: 2 })
    }))

  it.effect("G6 - an abandoned handler keeps its place; who finds none is answered at the deadline", () =>
    Effect.gen(function*() {
      const calls = [{ key: "deaf", millis: -5000 }, { key: "starved", millis: 10 }]
      const tool = ToolPolicy.set(Work, { timeout: "100 millis" })
      const { answers, events, gauge } = yield* inTime(turn(tool, calls, 1, 1000))
      assert.deepStrictEqual(answers.map(({ failure }) => failure?.reason), ["Timeout", "Unavailable"])
      assert.isFalse(answers[1]?.failure?.executed)
      assert.strictEqual(gauge.peak, 1)
      assert.strictEqual(ofTag(events, "AttemptStarted").length, 1)
    }))

  it.effect("serial: true - one after another, in call order", () =>
    Effect.gen(function*() {
      const calls = [30, 20, 10].map((millis, i) => ({ key: `${i}`, millis }))
      const { end, gauge, order } = yield* inTime(turn(ToolPolicy.set(Work, { serial: true }), calls, 5))
      assert.deepStrictEqual(order, ["0", "1", "2"])
      assert.deepStrictEqual(gauge, { current: 0, peak: 1 })
      assert.strictEqual(end, 60)
    }))

  it.effect("serial: key - only calls of the same key wait for each other", () =>
    Effect.gen(function*() {
      const calls = ["a", "b", "a", "b"].map((key) => ({ key, millis: 50 }))
      const { end, gauge, order } = yield* inTime(turn(ToolPolicy.set(Work, { serial: ({ key }) => key }), calls, 5))
      assert.deepStrictEqual(order, ["a", "b", "a", "b"])
      assert.deepStrictEqual(gauge, { current: 0, peak: 2 })
      assert.strictEqual(end, 100)
    }))

  it.effect("serial: a key that cannot be computed is a defect of that call alone", () =>
    Effect.gen(function*() {
      const serial = ({ key }: { readonly key: string }) => {
        if (key === "bad") throw new Error("no key")
        return key
      }
      const calls = ["good", "bad"].map((key) => ({ key, millis: 10 }))
      const { answers } = yield* inTime(turn(ToolPolicy.set(Work, { serial }), calls, 5))
      assert.deepStrictEqual(answers.map(({ ok }) => ok), [true, false])
      assert.strictEqual(answers[1]?.failure?.kind, "defect")
    }))

  it.effect("no place is held while waiting to retry: a long Retry-After does not stall the others", () =>
    Effect.gen(function*() {
      let first = true
      const limited = ToolPolicy.readonly(
        Tool.make("limited", {
          description: "Is rate limited at first",
          parameters: Schema.Struct({ key: Schema.String }),
          success: Schema.String,
          failure: ToolFailure.ToolFailure
        }),
        { concurrency: 1 }
      )
      const handlers = Toolkit.make(limited).toLayer({
        limited: ({ key }) =>
          Effect.suspend(() => {
            if (key !== "0" || !first) return Effect.as(Effect.sleep(10), key)
            first = false
            return Effect.fail(
              ToolFailure.transient({
                reason: "RateLimited",
                message: "wait",
                retryAfter: "30 seconds",
                executed: false
              })
            )
          })
      })
      const ends: Array<number> = []
      yield* inTime(
        Effect.gen(function*() {
          const dispatch = Dispatcher.open(yield* Dispatcher.make([limited]), {
            runId: "r",
            tenant: undefined,
            concurrency: 1,
            thread: undefined,
            retries: { allowed: 10, left: 10 },
            emit: () => Effect.void,
            publish: () => Effect.void
          })
          const submitted = yield* Effect.forEach(
            ["0", "1", "2"],
            (key, index) =>
              dispatch.submit({ turn: 1, request: 1, index, id: key, name: "limited", params: { key }, key }, 60_000)
          )
          yield* Effect.forEach(submitted, (call) =>
            Effect.andThen(
              call,
              Effect.map(Clock.currentTimeMillis, (at) => ends.push(at))
            ), { concurrency: "unbounded" })
        }).pipe(Effect.provide(handlers))
      )
      assert.deepStrictEqual(ends, [10, 20, 30_010])
    }))
})

describe("failures", () => {
  class Busy extends Schema.TaggedError<Busy>()("Busy", { retryAfter: Schema.optionalKey(Schema.Duration) }) {}
  class Gone extends Schema.TaggedError<Gone>()("Gone", { path: Schema.String }) {
    override get message(): string {
      return `"${this.path}" is gone`
    }
  }
  const Read = ToolPolicy.readonly(
    Tool.make("read", {
      description: "Reads",
      parameters: Schema.Struct({ how: Schema.String }),
      success: Schema.String,
      failure: Schema.Union([Busy, Gone])
    }),
    { failures: { Busy: "transient", Gone: "permanent" } }
  )
  const handlers = Toolkit.make(Read).toLayer({
    read: ({ how }) => how === "busy" ? new Busy({ retryAfter: Duration.seconds(2) }) : new Gone({ path: how })
  })

  it.effect("a tool's own errors mean what its policy says of their tags", () =>
    Effect.gen(function*() {
      const gone = yield* Dispatcher.call(Read, { how: "a.txt" })
      assert.deepInclude(gone.failure, { kind: "permanent", reason: "Gone", message: "\"a.txt\" is gone" })
      assert.strictEqual(
        gone.result,
        "Permanent failure (Gone): \"a.txt\" is gone. Tried once. The same call will fail again."
      )
      const busy = yield* inTime(Dispatcher.call(Read, { how: "busy" }), 100)
      assert.deepInclude(busy.failure, { kind: "transient", reason: "Busy", retryAfter: 2000 })
      assert.deepStrictEqual(waits(busy.events), [2000, 2000])
    }).pipe(Effect.provide(handlers)))

  it.effect("G17 - an error that throws whatever is asked of it is answered, and its attempt ends", () =>
    Effect.gen(function*() {
      const refuse = () => {
        throw new Error("hostile")
      }
      const hostile = new Proxy({}, { get: refuse, has: refuse, getPrototypeOf: refuse, ownKeys: refuse })
      const tool = Agent.tool("hostile", { description: "Fails oddly", run: () => Effect.fail(hostile) })
      const report = yield* Dispatcher.call(tool, {})
      assert.deepInclude(report.failure, { kind: "unknown", message: "no message" })
      assert.strictEqual(ofTag(report.events, "AttemptEnded").length, 1)
    }))

  it.effect("a wait without end is no wait: what the journal keeps is finite", () =>
    Effect.gen(function*() {
      const tool = Agent.tool("endless", {
        description: "Asks to wait for ever",
        run: () =>
          Effect.fail(ToolFailure.transient({ reason: "Unavailable", message: "never", retryAfter: Duration.infinity }))
      })
      const report = yield* Dispatcher.call(tool, {})
      assert.strictEqual(report.failure?.retryAfter, undefined)
    }))

  it.effect("G17 - arguments nested 100,000 levels deep are answered, not thrown", () =>
    Effect.gen(function*() {
      let deep: unknown = 1
      for (let level = 0; level < 100_000; level++) deep = [deep]
      const tool = Tool.dynamic("deep", { parameters: { type: "object" } })
      const handlers = Toolkit.make(tool).toLayer({ deep: () => Effect.succeed("ran") })
      const report = yield* Effect.provide(Dispatcher.call(tool, { deep }), handlers)
      assert.include(String(report.result), "the arguments are nested deeper than 256 levels")
    }))

  it.effect("a fatal failure is the effect's own error", () =>
    Effect.gen(function*() {
      class Sealed extends Schema.TaggedError<Sealed>()("Sealed", {}) {
        readonly [ToolFailure.kind] = "fatal" as const
      }
      const vault = Agent.tool("vault", { description: "Opens", failure: Sealed, run: () => new Sealed() })
      assert.instanceOf(yield* Effect.flip(Dispatcher.call(vault, {})), Sealed)
    }))

  it.effect("every bad field is named with what was expected", () =>
    Effect.gen(function*() {
      const tool = Agent.tool("typed", {
        description: "Is typed",
        parameters: {
          name: Schema.String,
          nested: Schema.Struct({ count: Schema.Int }),
          mode: Schema.Literals(["a", "b"])
        },
        run: () => 1
      })
      const report = yield* Dispatcher.call(tool, { name: 1, nested: { count: 1.5 }, mode: "c" } as never)
      assert.include(String(report.result), "name: Expected string")
      assert.include(String(report.result), "nested.count: Expected")
      assert.include(String(report.result), "mode: Expected \"a\" | \"b\"")
    }))

  it.effect("a result above 32 KiB is cut to it, head and tail kept", () =>
    Effect.gen(function*() {
      const tool = Agent.tool("big", { description: "Is big", run: () => `begin${"é".repeat(100_000)}end` })
      const { result } = yield* Dispatcher.call(tool, {})
      assert.isAtMost(new TextEncoder().encode(String(result)).length, 32 * 1024)
      assert.match(String(result), /^beginé+\n\[… \d+ of 200008 bytes left out …\]\né+end$/)
    }))

  it.effect("interrupting a call interrupts its handler", () =>
    Effect.gen(function*() {
      const ledger = yield* Ledger.make
      const tool = Agent.tool("endless", {
        description: "Never ends",
        run: () => Effect.onInterrupt(Effect.never, () => ledger.record("interrupted"))
      })
      const fiber = yield* Effect.forkChild(Dispatcher.call(tool, {}))
      yield* Effect.repeat(Effect.yieldNow, { times: 20 })
      yield* Fiber.interrupt(fiber)
      assert.isTrue(Exit.isFailure(yield* Fiber.await(fiber)))
      assert.strictEqual(yield* ledger.count("interrupted"), 1)
      yield* TestClock.adjust(0)
    }))
})
