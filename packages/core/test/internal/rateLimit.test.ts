import { assert, describe, it } from "@effect/vitest"
import { Agent, Dependencies, Dispatcher, type RunEvent, ToolFailure, ToolPolicy } from "@volley/core"
import { Simulation } from "@volley/core/testing"
import { Clock, type Context, Effect, Exit, Fiber, Layer, References, Schema } from "effect"
import { CircuitBreaker, RateLimiter } from "effect/persistence"
import { TestClock } from "effect/testing"
import { inTime, ofTag } from "../support/observe.ts"
import { dispatchTurn, type TurnOptions } from "../support/turn.ts"

interface Arguments {
  readonly id: number
  readonly host?: string
}

/** A tool that notes when it was run, and with what. */
const limited = (
  rateLimit: ToolPolicy.RateLimit<Arguments>,
  { millis = 0, name = "limited" }: { readonly millis?: number; readonly name?: string } = {}
) => {
  const ran: Array<readonly [id: number, at: number]> = []
  const tool = Agent.tool(name, {
    description: "Notes when it was run",
    class: "readonly",
    parameters: { id: Schema.Int, host: Schema.optionalKey(Schema.String) },
    failure: ToolFailure.ToolFailure,
    run: ({ id }) =>
      Effect.flatMap(Clock.currentTimeMillis, (at) => {
        ran.push([id, at])
        return Effect.as(Effect.sleep(millis), id)
      })
  })
  return { ran, tool: ToolPolicy.readonly(tool, { retry: { times: 0 }, rateLimit }) }
}

type Limited = ReturnType<typeof limited>["tool"]

const ids = (count: number) => Array.from({ length: count }, (_, id) => ({ name: "limited", params: { id } }))

const turn = (tool: Limited, count: number, options?: TurnOptions) => inTime(dispatchTurn([tool], ids(count), options))

const waits = (events: ReadonlyArray<RunEvent.RunEvent>) =>
  ofTag(events, "RateLimited").map(({ at, index, key, wait }) => [index, at, key, wait])

const started = (call: Effect.Effect<unknown, unknown>) => Effect.forkChild(call, { startImmediately: true })

const isolated = Effect.provide(Dependencies.layerMemory)

describe("rate limit", () => {
  it.effect("fixed window - so many calls at once, the others in order when the next windows begin", () =>
    Effect.gen(function*() {
      const { ran, tool } = limited({ limit: 2, window: "1 second" })
      const { answers, events } = yield* turn(tool, 5)
      assert.deepStrictEqual(ran, [[0, 0], [1, 0], [2, 1000], [3, 1000], [4, 2000]])
      assert.deepStrictEqual(answers.map(({ result }) => result), [0, 1, 2, 3, 4])
      assert.deepStrictEqual(waits(events), [[2, 0, "limited", 1000], [4, 1000, "limited", 1000]])
    }).pipe(isolated))

  it.effect("token bucket - so many calls at once, the others in order as tokens come back", () =>
    Effect.gen(function*() {
      const { ran, tool } = limited({ limit: 2, window: "1 second", algorithm: "token-bucket" })
      const { events } = yield* turn(tool, 5)
      assert.deepStrictEqual(ran, [[0, 0], [1, 0], [2, 500], [3, 1000], [4, 1500]])
      assert.deepStrictEqual(waits(events), [
        [2, 0, "limited", 500],
        [3, 500, "limited", 500],
        [4, 1000, "limited", 500]
      ])
    }).pipe(isolated))

  it.effect("G18 - a call that waits holds no place of the dispatch", () =>
    Effect.gen(function*() {
      const { ran, tool } = limited({ limit: 1, window: "1 second" })
      const other = limited({ limit: 100, window: "1 second" }, { name: "other" })
      const calls = [...ids(3), { name: "other", params: { id: 9 } }]
      yield* inTime(dispatchTurn([tool, other.tool], calls, { concurrency: 1 }))
      assert.deepStrictEqual(ran, [[0, 0], [1, 1000], [2, 2000]])
      assert.deepStrictEqual(other.ran, [[9, 0]])
    }).pipe(isolated))

  it.effect("handlers run side by side: the rate bounds how many begin", () =>
    Effect.gen(function*() {
      const { ran, tool } = limited({ limit: 3, window: "1 second" }, { millis: 5000 })
      const { answers } = yield* turn(tool, 4)
      assert.deepStrictEqual(ran, [[0, 0], [1, 0], [2, 0], [3, 1000]])
      assert.deepStrictEqual(answers.map(({ at }) => at), [5000, 5000, 5000, 6000])
    }).pipe(isolated))

  it.effect("a call whose turn comes only at its deadline fails at once, uses up nothing and is not retried", () =>
    Effect.gen(function*() {
      const { ran, tool } = limited({ limit: 1, window: "1 second" })
      yield* Dispatcher.call(tool, { id: 0 })
      yield* TestClock.adjust(400)
      const patient = ToolPolicy.readonly(tool, { retry: { times: 2 } })
      const refused = yield* Dispatcher.call(patient, { id: 1 }, { limits: { deadline: 600 } })
      assert.deepStrictEqual(refused.failure, {
        kind: "transient",
        reason: "RateLimited",
        message: "the rate of calls of \"limited\" is reached (no time is left to retry)",
        executed: false,
        retryAfter: 600
      })
      assert.strictEqual(refused.attempts, 0)
      assert.deepStrictEqual(waits(refused.events), [])
      const late = yield* started(Dispatcher.call(tool, { id: 2 }, { limits: { deadline: 601 } }))
      yield* TestClock.adjust(600)
      yield* Fiber.join(late)
      assert.deepStrictEqual(ran, [[0, 0], [2, 1000]])
    }).pipe(isolated))

  it.effect("G8 - a call behind others fails at its own deadline, exactly; those behind it keep their turn", () =>
    Effect.gen(function*() {
      const { ran, tool } = limited({ limit: 1, window: "1 second" })
      yield* Dispatcher.call(tool, { id: 0 })
      const first = yield* started(Dispatcher.call(tool, { id: 1 }))
      const hasty = yield* started(
        Effect.zip(Dispatcher.call(tool, { id: 2 }, { limits: { deadline: 300 } }), Clock.currentTimeMillis)
      )
      const last = yield* started(Dispatcher.call(tool, { id: 3 }))
      yield* inTime(Effect.all([Fiber.join(first), Fiber.join(last)]))
      const [report, at] = (yield* Fiber.join(hasty)) as [Dispatcher.CallReport, number]
      assert.strictEqual(at, 300)
      assert.deepStrictEqual(report.failure, {
        kind: "transient",
        reason: "RateLimited",
        message: "the rate of calls of \"limited\" is reached",
        executed: false
      })
      assert.deepStrictEqual(ran, [[0, 0], [1, 1000], [3, 2000]])
    }).pipe(isolated))

  it.effect("one that waits and is interrupted makes way: the next one has its turn", () =>
    Effect.gen(function*() {
      const { ran, tool } = limited({ limit: 1, window: "1 second" })
      yield* Dispatcher.call(tool, { id: 0 })
      const calls = yield* Effect.forEach([1, 2, 3, 4], (id) => started(Dispatcher.call(tool, { id })))
      yield* TestClock.adjust(500)
      // the one that sleeps, and one behind it
      yield* Effect.forEach([0, 2], (i) => Fiber.interrupt(calls[i]!))
      yield* inTime(Effect.all([Fiber.join(calls[1]!), Fiber.join(calls[3]!)]))
      assert.deepStrictEqual(ran, [[0, 0], [2, 1000], [4, 2000]])
    }).pipe(isolated))

  it.effect("a rate belongs to its key: by argument, and over tools", () =>
    Effect.gen(function*() {
      const byHost = { limit: 1, window: 1000, key: ({ host = "" }: Arguments) => host }
      const [read, write] = [limited(byHost, { name: "read" }), limited(byHost, { name: "write" })]
      const calls = [
        { name: "read", params: { id: 0, host: "a" } },
        { name: "read", params: { id: 1, host: "b" } },
        { name: "write", params: { id: 2, host: "a" } },
        { name: "read", params: { id: 3, host: "b" } }
      ]
      const { events } = yield* inTime(dispatchTurn([read.tool, write.tool], calls))
      assert.deepStrictEqual(read.ran, [[0, 0], [1, 0], [3, 1000]])
      assert.deepStrictEqual(write.ran, [[2, 1000]])
      assert.sameDeepMembers(waits(events), [[2, 0, "a", 1000], [3, 0, "b", 1000]])
    }).pipe(isolated))

  it.effect.each<[string, number, ReadonlyArray<readonly [id: number, at: number]>]>([
    ["for the rate", 1, [[0, 0]]],
    ["behind others", 2, [[0, 0], [1, 0], [2, 300]]]
  ])("a hedge does not wait %s: the first attempt's result stands", ([, limit, expected]) =>
    Effect.gen(function*() {
      const { ran, tool } = limited({ limit, window: 300 }, { millis: 1000 })
      const hedged = ToolPolicy.readonly(tool, { hedge: { after: 50 } })
      const { answers, events } = yield* turn(hedged, expected.length)
      assert.isTrue(answers.every(({ ok }) => ok))
      assert.deepStrictEqual(ran, expected)
      assert.isNotEmpty(ofTag(events, "HedgeStarted"))
    }).pipe(isolated))

  it.effect("a key that cannot be computed is a defect of the tool, which is not run", () =>
    Effect.gen(function*() {
      const { ran, tool } = limited({
        limit: 1,
        window: 1000,
        key: () => {
          throw new Error("secret")
        }
      })
      const { failure, result } = yield* Dispatcher.call(tool, { id: 0 })
      assert.deepInclude(failure, { kind: "defect", executed: false })
      assert.notInclude(JSON.stringify([failure, result]), "secret")
      assert.deepStrictEqual(ran, [])
    }).pipe(Effect.provideService(References.MinimumLogLevel, "None"), isolated))
})

/** Shares the rates of this store. */
const sharing = (store: Context.Service.Shape<typeof RateLimiter.RateLimiterStore>) =>
  Effect.provide(
    Layer.provide(
      Dependencies.layerShared,
      Layer.merge(CircuitBreaker.layerStoreMemory(), Layer.succeed(RateLimiter.RateLimiterStore, store))
    )
  )

const memory = Effect.provide(RateLimiter.RateLimiterStore, Layer.fresh(RateLimiter.layerStoreMemory))

describe("rate limit in a store", () => {
  const error = new RateLimiter.RateLimiterError({
    reason: new RateLimiter.RateLimitStoreError({ message: "redis://secret@host is gone" })
  })

  it.effect("that fails: the call is refused, the next one asks again", () =>
    Effect.gen(function*() {
      const store = yield* memory
      let isDown = true
      const { ran, tool } = limited({ limit: 1, window: 1000 })
      const flaky = sharing({
        ...store,
        fixedWindow: (options) => isDown ? Effect.fail(error) : store.fixedWindow(options)
      })
      const reports = Effect.gen(function*() {
        const refused = yield* Dispatcher.call(tool, { id: 0 })
        isDown = false
        return [refused, yield* Dispatcher.call(tool, { id: 1 })] as const
      })
      const [refused, after] = yield* flaky(reports)
      assert.deepStrictEqual(refused.failure, {
        kind: "transient",
        reason: "Unavailable",
        message: "the store of the rate limiter failed",
        executed: false
      })
      assert.isTrue(after.ok)
      assert.deepStrictEqual(ran, [[1, 0]])
    }))

  const ways: ReadonlyArray<readonly [how: string, never: Effect.Effect<never>, interrupted: number]> = [
    ["", Effect.never, 100],
    [" and cannot be interrupted", Effect.uninterruptible(Effect.never), 150]
  ]
  for (const [how, never, interrupted] of ways) {
    const hanging = <A, E>(effect: Effect.Effect<A, E>) =>
      Effect.flatMap(memory, (store) => sharing({ ...store, fixedWindow: () => never })(effect))

    it.effect.each([[60_000, 500], [300, 300]] as const)(
      `that hangs${how}: with %i ms left the call is refused after %i ms`,
      ([deadline, expected]) =>
        Effect.gen(function*() {
          const { ran, tool } = limited({ limit: 1, window: 1000 })
          const call = Dispatcher.call(tool, { id: 0 }, { limits: { deadline } })
          const [{ failure }, at] = yield* inTime(Effect.zip(call, Clock.currentTimeMillis))
          assert.deepStrictEqual(failure, {
            kind: "transient",
            reason: "Unavailable",
            message: "the store of the rate limiter failed",
            executed: false
          })
          assert.strictEqual(at, expected)
          assert.deepStrictEqual(ran, [])
        }).pipe(hanging)
    )

    it.effect(`that hangs${how}: a call that is interrupted ends at once, or after the grace`, () =>
      Effect.gen(function*() {
        const { ran, tool } = limited({ limit: 1, window: 1000 })
        const call = yield* started(Dispatcher.call(tool, { id: 0 }))
        yield* TestClock.adjust(100)
        assert.strictEqual(yield* inTime(Effect.andThen(Fiber.interrupt(call), Clock.currentTimeMillis)), interrupted)
        assert.deepStrictEqual(ran, [])
      }).pipe(hanging))
  }

  it.effect("no key meets one of another program, of the other algorithm, or what the store keeps beside another", () =>
    Effect.gen(function*() {
      const store = yield* memory
      const keys: Array<string> = []
      const noted = sharing({
        ...store,
        fixedWindow: (options) => {
          keys.push(options.key)
          return store.fixedWindow(options)
        },
        tokenBucket: (options) => {
          keys.push(options.key, `${options.key}:refill`)
          return store.tokenBucket(options)
        }
      })
      const of = (key: string, algorithm: "fixed-window" | "token-bucket") =>
        Dispatcher.call(limited({ limit: 1, window: 1000, key: () => key, algorithm }).tool, { id: 0 })
      yield* noted(Effect.gen(function*() {
        for (const key of ["a", "a:", "a:refill", "a::refill", ":refill", ""]) {
          yield* of(key, "fixed-window")
          yield* of(key, "token-bucket")
        }
      }))
      assert.lengthOf(new Set(keys), 18)
      assert.isTrue(keys.every((key) => key.startsWith("volley:")))
    }))
})

describe("every order of fibers, any call cancelled or late at any time", () => {
  const window = 60

  /** Plays one seed; gives how many calls had to wait. */
  const play = (seed: number): number => {
    const random = Simulation.randomNumbers(seed)
    const draw = (end: number) => Math.floor(random() * end)
    const limit = 1 + draw(3)
    const { ran, tool } = limited({ limit, window }, { millis: draw(5) * 10 })
    const calls = Array.from({ length: 3 + draw(10) }, () => ({
      begins: draw(4) * 20,
      cancelled: random() < 0.2 ? draw(6) * 20 : undefined,
      deadline: random() < 0.2 ? 10 + draw(6) * 20 : 10_000
    }))
    const world = Effect.forEach(
      calls.entries(),
      Effect.fnUntraced(function*([id, { begins, cancelled, deadline }]) {
        yield* Effect.sleep(begins)
        const call = Dispatcher.call(tool, { id }, { limits: { deadline } })
        const fiber = yield* Effect.forkChild(Effect.zip(call, Clock.currentTimeMillis))
        if (cancelled !== undefined) yield* Effect.andThen(Effect.sleep(cancelled), Fiber.interrupt(fiber))
        return yield* Fiber.await(fiber)
      }),
      { concurrency: "unbounded" }
    )
    const { stop } = Simulation.simulate(world, { seed })
    if (stop._tag !== "Done" || Exit.isFailure(stop.exit)) return assert.fail(`seed ${seed}: ${stop._tag}`)

    // the windows as the limiter keeps them: each call makes its window last for a share of the whole
    let [count, expires] = [0, 0]
    for (const [, at] of ran) {
      if (at >= expires) [count, expires] = [0, at]
      count++
      expires += window / limit
      assert.isAtMost(count, limit, `seed ${seed}: calls that began in the window of ${at}`)
    }

    let waited = 0
    for (const [id, exit] of stop.exit.value.entries()) {
      const { begins, cancelled, deadline } = calls[id]!
      const starts = ran.filter(([one]) => one === id)
      assert.isAtMost(starts.length, 1, `seed ${seed}: call ${id} ran twice`)
      if (Exit.isFailure(exit)) {
        assert.isDefined(cancelled, `seed ${seed}: call ${id} was lost`)
        continue
      }
      const [{ events, failure, ok }, at] = exit.value
      if (deadline === 10_000) assert.isTrue(ok, `seed ${seed}: call ${id} was refused: ${failure?.reason}`)
      assert.isAtMost(at, begins + deadline, `seed ${seed}: call ${id} ended after its deadline`)
      if (ok) assert.lengthOf(starts, 1)
      if (failure?.reason === "RateLimited") assert.lengthOf(starts, 0, `seed ${seed}: call ${id} ran though refused`)
      if (ofTag(events, "RateLimited").length > 0) waited++
    }
    const last = Math.max(...calls.map(({ begins }) => begins))
    const latest = Math.max(0, ...ran.map(([, at]) => at))
    assert.isAtMost(
      latest,
      last + Math.ceil(calls.length / limit) * window,
      `seed ${seed}: time was lost`
    )
    return waited
  }

  it("G19 - never more calls than the rate allows, and none is lost", () => {
    let waited = 0
    for (let seed = 1; seed <= 600; seed++) waited += play(seed)
    assert.isAbove(waited, 600)
  }, 30_000)
})
