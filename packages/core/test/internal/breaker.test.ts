import { assert, describe, it } from "@effect/vitest"
import { Agent, Dependencies, Dispatcher, type RunEvent, ToolFailure, ToolPolicy } from "@volley/core"
import { Simulation } from "@volley/core/testing"
import { Clock, Deferred, Effect, Exit, Fiber, Layer, References, Schema } from "effect"
import { CircuitBreaker, RateLimiter } from "effect/persistence"
import { TestClock } from "effect/testing"
import { breaker } from "../../src/internal/dispatch/breaker.ts"
import type { Call, Failed, Plan, Shared } from "../../src/internal/dispatch/stage.ts"
import { inTime, ofTag } from "../support/observe.ts"
import { dispatchTurn } from "../support/turn.ts"

class Bug extends Schema.TaggedError<Bug>()("Bug", {}) {
  readonly [ToolFailure.kind] = "fatal" as const
}

const down = (more: { readonly retryAfter?: number; readonly executed?: false } = {}) =>
  Effect.fail(ToolFailure.transient({ reason: "Unavailable", message: "down", ...more }))

const behaviours: { readonly [behaviour: string]: Effect.Effect<unknown, unknown> } = {
  ok: Effect.succeed("ok"),
  down: down(),
  "down, not executed": down({ executed: false }),
  throttled: down({ retryAfter: 30_000 }),
  odd: Effect.fail(new ToolFailure.Unknown({ message: "odd" })),
  die: Effect.die(new Error("bug")),
  unencodable: Effect.succeed(10n),
  hang: Effect.never,
  deaf: Effect.uninterruptible(Effect.sleep(60_000)),
  "not found": Effect.fail(ToolFailure.permanent({ reason: "NotFound", message: "none" })),
  fatal: Effect.fail(new Bug()),
  cancelled: Effect.interrupt
}

interface Arguments {
  readonly does: string
}

/** A tool that does what its argument says. */
const obedient = (
  policy: Partial<ToolPolicy.Breaker<Arguments>> & { readonly rateLimit?: ToolPolicy.RateLimit<Arguments> } = {},
  name = "obedient"
) => {
  const seen: Array<string> = []
  const tool = Agent.tool(name, {
    description: "Does what it is told",
    class: "readonly",
    parameters: { does: Schema.String },
    failure: Schema.Union([ToolFailure.ToolFailure, Bug]),
    run: ({ does }) => {
      seen.push(does)
      return (behaviours[does.split(" @")[0] ?? ""] ?? Effect.void) as Effect.Effect<unknown, Bug>
    }
  })
  const { rateLimit, ...breaker } = policy
  return {
    seen,
    tool: ToolPolicy.set(tool, {
      timeout: 100,
      retry: { times: 0 },
      breaker: { tripPolicy: CircuitBreaker.consecutive(3), openDuration: "10 seconds", ...breaker },
      ...(rateLimit === undefined ? {} : { rateLimit })
    })
  }
}

type Obedient = ReturnType<typeof obedient>["tool"]

const ask = (tool: Obedient, does: string) => Dispatcher.call(tool, { does })

const opened = (events: ReadonlyArray<RunEvent.RunEvent>) =>
  ofTag(events, "CircuitOpened").map(({ at, key, openFor }) => [at, key, openFor])

const isolated = Effect.provide(Dependencies.layerMemory)

describe("circuit breaker", () => {
  it.effect("opens after the last of so many failures, lets one probe through after its time, closes when that succeeds", () =>
    Effect.gen(function*() {
      const { seen, tool } = obedient()
      for (const does of ["down", "down"]) {
        assert.deepStrictEqual(opened((yield* ask(tool, does)).events), [])
      }
      assert.deepStrictEqual(opened((yield* ask(tool, "down")).events), [[0, "obedient", 10_000]])

      yield* TestClock.adjust(2500)
      const refused = yield* ask(tool, "ok")
      assert.deepStrictEqual(refused.failure, {
        kind: "transient",
        reason: "CircuitOpen",
        message: "too many calls of \"obedient\" failed, so it is not called for another 7.5 s",
        executed: false,
        retryAfter: 7500
      })
      assert.strictEqual(refused.attempts, 0)
      assert.deepStrictEqual(refused.events, [])

      yield* TestClock.adjust(7499)
      assert.strictEqual((yield* ask(tool, "ok")).failure?.retryAfter, 1)
      yield* TestClock.adjust(1)
      assert.isTrue((yield* ask(tool, "ok")).ok)
      assert.lengthOf(seen, 4)

      // closed: the count begins anew
      for (const does of ["down", "down"]) {
        assert.deepStrictEqual(opened((yield* ask(tool, does)).events), [])
      }
      assert.deepStrictEqual(opened((yield* ask(tool, "down")).events), [[10_000, "obedient", 10_000]])
    }).pipe(isolated))

  it.effect("while one call probes, the others are refused and told so", () =>
    Effect.gen(function*() {
      const { seen, tool } = obedient({ tripPolicy: CircuitBreaker.consecutive(1) })
      yield* ask(tool, "down")
      yield* TestClock.adjust("10 seconds")
      const probe = yield* Effect.forkChild(ask(tool, "hang"), { startImmediately: true })
      const { failure } = yield* ask(tool, "ok")
      assert.deepStrictEqual(failure, {
        kind: "transient",
        reason: "CircuitOpen",
        message: "\"obedient\" is being tried by another call after it failed",
        executed: false
      })
      yield* TestClock.adjust(100)
      assert.deepStrictEqual(opened((yield* Fiber.join(probe)).events), [[10_100, "obedient", 10_000]])
      assert.strictEqual((yield* ask(tool, "ok")).failure?.retryAfter, 10_000)
      assert.deepStrictEqual(seen, ["down", "hang"])
    }).pipe(isolated))

  it.effect("a probe that is interrupted says nothing: the next call probes", () =>
    Effect.gen(function*() {
      const { tool } = obedient({ tripPolicy: CircuitBreaker.consecutive(1) })
      yield* ask(tool, "down")
      yield* TestClock.adjust("10 seconds")
      const probe = yield* Effect.forkChild(ask(tool, "hang"), { startImmediately: true })
      yield* Fiber.interrupt(probe)
      assert.isTrue((yield* ask(tool, "ok")).ok)
      assert.isTrue((yield* ask(tool, "ok")).ok)
    }).pipe(isolated))

  it.effect.each<[string]>([
    ["down"],
    ["down, not executed"],
    ["odd"],
    ["die"],
    ["unencodable"],
    ["hang"],
    ["deaf"]
  ])("counts as a failure: %s", ([does]) =>
    Effect.gen(function*() {
      const { tool } = obedient({ tripPolicy: CircuitBreaker.consecutive(1) })
      const { events } = yield* inTime(ask(tool, does))
      assert.lengthOf(opened(events), 1)
    }).pipe(Effect.provideService(References.MinimumLogLevel, "None"), isolated))

  it.effect.each<[string]>([["ok"], ["not found"]])("counts as a success: %s", ([does]) =>
    Effect.gen(function*() {
      const { tool } = obedient({ tripPolicy: CircuitBreaker.consecutive(2) })
      for (const step of ["down", does, "down", does]) {
        assert.deepStrictEqual(opened((yield* ask(tool, step)).events), [])
      }
    }).pipe(isolated))

  it.effect.each<[string]>([["fatal"], ["cancelled"]])(
    "says nothing of the system: %s",
    ([does]) =>
      Effect.gen(function*() {
        const { seen, tool } = obedient({ tripPolicy: CircuitBreaker.consecutive(2) })
        for (const step of [does, does, "down", does, does]) yield* Effect.exit(ask(tool, step))
        assert.lengthOf(opened((yield* ask(tool, "down")).events), 1)
        assert.lengthOf(seen, 6)
      }).pipe(isolated)
  )

  it.effect("says nothing of the system: a call that never began, for want of rate", () =>
    Effect.gen(function*() {
      const { seen, tool } = obedient({
        tripPolicy: CircuitBreaker.consecutive(2),
        rateLimit: { limit: 1, window: "10 minutes" }
      })
      const calls = Effect.gen(function*() {
        yield* ask(tool, "down")
        const { events, failure } = yield* ask(tool, "down")
        assert.strictEqual(failure?.reason, "RateLimited")
        assert.deepStrictEqual(opened(events), [])
        yield* TestClock.adjust("10 minutes")
        return yield* ask(tool, "down")
      })
      assert.lengthOf(opened((yield* calls).events), 1)
      assert.lengthOf(seen, 2)
    }).pipe(isolated))

  it.effect("says nothing of the system: a call that found no place to run", () =>
    Effect.gen(function*() {
      const { seen, tool } = obedient({ tripPolicy: CircuitBreaker.consecutive(2) })
      const narrow = { concurrency: 1, deadline: 50 }
      const asked = (does: string) => ({ name: "obedient", params: { does } })
      const { answers } = yield* inTime(dispatchTurn([tool], [asked("deaf"), asked("ok")], narrow))
      assert.deepStrictEqual(answers.map(({ failure }) => failure?.reason), ["Timeout", "Unavailable"])
      assert.lengthOf(opened((yield* ask(tool, "down")).events), 1)
      assert.deepStrictEqual(seen, ["deaf", "down"])
    }).pipe(isolated))

  it.effect("stays open for as long as the system asks, up to the maximum", () =>
    Effect.gen(function*() {
      const once = CircuitBreaker.consecutive(1)
      const patient = obedient({ tripPolicy: once }, "patient").tool
      assert.deepStrictEqual(opened((yield* ask(patient, "throttled")).events), [[0, "patient", 30_000]])
      const hasty = obedient({ tripPolicy: once, maxOpenDuration: "15 seconds" }, "hasty").tool
      assert.deepStrictEqual(opened((yield* ask(hasty, "throttled")).events), [[0, "hasty", 15_000]])
    }).pipe(isolated))

  it.effect("an open circuit is not waited for, though retries are left", () =>
    Effect.gen(function*() {
      const { seen, tool } = obedient({ tripPolicy: CircuitBreaker.consecutive(2) })
      const retried = ToolPolicy.set(tool, { retry: { times: 5 } })
      const { attempts, events, failure } = yield* inTime(ask(retried, "down"))
      assert.strictEqual(attempts, 2)
      assert.strictEqual(failure?.reason, "CircuitOpen")
      assert.isTrue(failure?.executed)
      assert.lengthOf(opened(events), 1)
      assert.lengthOf(seen, 2)
    }).pipe(isolated))

  it.effect("a circuit belongs to its key: by argument, and over tools", () =>
    Effect.gen(function*() {
      const byHost = {
        tripPolicy: CircuitBreaker.consecutive(1),
        key: ({ does }: Arguments) => does.split(" @")[1] ?? ""
      }
      const [read, write] = [obedient(byHost, "read").tool, obedient(byHost, "write").tool]
      assert.deepStrictEqual(opened((yield* ask(read, "down @a")).events), [[0, "a", 10_000]])
      assert.strictEqual((yield* ask(read, "ok @a")).failure?.reason, "CircuitOpen")
      assert.include((yield* ask(write, "ok @a")).failure?.message, "\"a\"")
      assert.isTrue((yield* ask(read, "ok @b")).ok)
      assert.isTrue((yield* ask(write, "ok @b")).ok)
    }).pipe(isolated))

  it.effect("a key that cannot be computed is a defect of the tool, which is not run", () =>
    Effect.gen(function*() {
      const { seen, tool } = obedient({
        key: () => {
          throw new Error("secret")
        }
      })
      const { failure, result } = yield* ask(tool, "ok")
      assert.deepInclude(failure, { kind: "defect", executed: false })
      assert.notInclude(JSON.stringify([failure, result]), "secret")
      assert.deepStrictEqual(seen, [])
    }).pipe(Effect.provideService(References.MinimumLogLevel, "None"), isolated))
})

describe("circuit breaker in a store that fails", () => {
  const error = new CircuitBreaker.CircuitBreakerError({
    reason: new CircuitBreaker.CircuitBreakerStoreError({ message: "redis://secret@host is gone" })
  })
  const broken = Layer.provide(
    Dependencies.layerShared,
    Layer.merge(
      Layer.succeed(CircuitBreaker.CircuitBreakerStore, {
        admit: () => Effect.fail(error),
        record: () => Effect.fail(error),
        state: () => Effect.fail(error)
      }),
      RateLimiter.layerStoreMemory
    )
  )

  it.effect("calls go through where nothing else is said", () =>
    Effect.gen(function*() {
      assert.isTrue((yield* ask(obedient().tool, "ok")).ok)
    }).pipe(Effect.provide(broken)))

  it.effect("calls are refused where that is asked for", () =>
    Effect.gen(function*() {
      const { seen, tool } = obedient({ onStoreError: "fail" })
      const { failure } = yield* ask(tool, "ok")
      assert.deepStrictEqual(failure, {
        kind: "transient",
        reason: "Unavailable",
        message: "the store of the circuit breaker failed",
        executed: false
      })
      assert.deepStrictEqual(seen, [])
    }).pipe(Effect.provide(broken)))
})

describe("circuit breaker in a store that hangs", () => {
  type Store = CircuitBreaker.CircuitBreakerStore["Service"]

  const memory = Effect.provide(CircuitBreaker.CircuitBreakerStore, Layer.fresh(CircuitBreaker.layerStoreMemory()))

  const sharing = (store: Store) =>
    Effect.provide(
      Layer.provide(
        Dependencies.layerShared,
        Layer.merge(Layer.succeed(CircuitBreaker.CircuitBreakerStore, store), RateLimiter.layerStoreMemory)
      )
    )

  /** Shares the circuits of a store in memory, parts of which hang. */
  const hanging = (parts: Partial<Store>) => <A, E>(effect: Effect.Effect<A, E>) =>
    Effect.flatMap(memory, (store) => sharing({ ...store, ...parts })(effect)).pipe(
      Effect.provideService(References.MinimumLogLevel, "None")
    )

  const timed = (tool: Obedient, does: string, deadline = 60_000) =>
    inTime(Effect.zip(Dispatcher.call(tool, { does }, { limits: { deadline } }), Clock.currentTimeMillis))

  /** When a call ends that is interrupted at a time. */
  const interruptedAt = Effect.fnUntraced(function*(tool: Obedient, does: string, millis: number) {
    const call = yield* Effect.forkChild(ask(tool, does), { startImmediately: true })
    yield* TestClock.adjust(millis)
    return yield* inTime(Effect.andThen(Fiber.interrupt(call), Clock.currentTimeMillis))
  })

  const ways: ReadonlyArray<readonly [how: string, never: Effect.Effect<never>]> = [
    ["", Effect.never],
    [" and cannot be interrupted", Effect.uninterruptible(Effect.never)]
  ]
  for (const [how, never] of ways) {
    it.effect(`when it admits${how}: after half a second the call goes through`, () =>
      Effect.gen(function*() {
        const [report, at] = yield* timed(obedient().tool, "ok")
        assert.isTrue(report.ok)
        assert.strictEqual(at, 500)
      }).pipe(hanging({ admit: () => never, record: () => never })))

    it.effect(`when it admits${how}: after half a second the call is refused where that is asked for`, () =>
      Effect.gen(function*() {
        const { seen, tool } = obedient({ onStoreError: "fail" })
        const [{ failure }, at] = yield* timed(tool, "ok")
        assert.deepStrictEqual(failure, {
          kind: "transient",
          reason: "Unavailable",
          message: "the store of the circuit breaker failed",
          executed: false
        })
        assert.strictEqual(at, 500)
        assert.deepStrictEqual(seen, [])
      }).pipe(hanging({ admit: () => never })))

    it.effect(`G8 - when it admits${how}: is not waited for beyond the deadline`, () =>
      Effect.gen(function*() {
        const { seen, tool } = obedient()
        const [{ failure }, at] = yield* timed(tool, "ok", 300)
        assert.deepInclude(failure, { reason: "Timeout", executed: false })
        assert.strictEqual(at, 300)
        assert.deepStrictEqual(seen, [])
      }).pipe(hanging({ admit: () => never })))

    it.effect(`when it admits${how}: a call that is interrupted ends when it has waited, and is not run`, () =>
      Effect.gen(function*() {
        const { seen, tool } = obedient()
        assert.strictEqual(yield* interruptedAt(tool, "ok", 100), 500)
        assert.deepStrictEqual(seen, [])
      }).pipe(hanging({ admit: () => never })))

    it.effect(`when it records${how}: what the attempt came to is the answer, half a second later`, () =>
      Effect.gen(function*() {
        const { seen, tool } = obedient()
        const [{ attempts, ok, result }, at] = yield* timed(tool, "ok")
        assert.deepStrictEqual([ok, result, attempts, at], [true, "ok", 1, 500])
        const [{ failure }, later] = yield* timed(tool, "not found")
        assert.deepStrictEqual(failure, { kind: "permanent", reason: "NotFound", message: "none", executed: true })
        assert.strictEqual(later, 1000)
        assert.deepStrictEqual(seen, ["ok", "not found"])
      }).pipe(hanging({ record: () => never })))

    it.effect.each<[does: string, deadline: number, reason: string | undefined, at: number]>([
      ["ok", 300, undefined, 300],
      ["hang", 80, "Timeout", 130]
    ])(
      `G8 - when it records${how}: "%s" until %i, at most 50 ms beyond the deadline`,
      ([does, deadline, reason, at]) =>
        Effect.gen(function*() {
          const [{ failure }, ended] = yield* timed(obedient().tool, does, deadline)
          assert.deepStrictEqual([failure?.reason, ended], [reason, at])
        }).pipe(hanging({ record: () => never }))
    )

    it.effect(`when it records${how}: a call that is interrupted ends half a second later`, () =>
      Effect.gen(function*() {
        assert.strictEqual(yield* interruptedAt(obedient().tool, "hang", 50), 550)
      }).pipe(hanging({ record: () => never })))
  }

  it.effect("a call that is late is recorded by a store that takes its time, and tells that it opened the circuit", () =>
    Effect.gen(function*() {
      const store = yield* memory
      const slow = {
        ...store,
        record: (options: Parameters<Store["record"]>[0]) => Effect.delay(store.record(options), 20)
      }
      const { tool } = obedient({ tripPolicy: CircuitBreaker.consecutive(1) })
      const [{ events }, at] = yield* sharing(slow)(timed(tool, "hang", 80))
      assert.deepStrictEqual(opened(events), [[100, "obedient", 10_000]])
      assert.strictEqual(at, 100)
    }))
})

describe("the call that opens the circuit", () => {
  const failure: Failed = { kind: "transient", reason: "Unavailable", message: "down", executed: true }
  const policy = { breaker: { tripPolicy: CircuitBreaker.consecutive(1), openDuration: 1000 } }
  const plan = { name: "direct", policy } as unknown as Plan

  /** The stage around an attempt that begins and fails. */
  const guarded = Effect.fnUntraced(function*(emit: Shared["emit"]) {
    const call = { turn: 1, request: 1, index: 0 } as Call
    const shared = { dependencies: yield* Dependencies.current, emit } as Shared
    const execute = breaker(plan)!((call) => {
      call.handler = {} as NonNullable<Call["handler"]>
      return Effect.fail(failure)
    })
    return execute({ ...call, shared, handler: undefined })
  })

  it.effect("fails with the journal when that cannot be written", () =>
    Effect.gen(function*() {
      const lost: Failed = { kind: "fatal", reason: "JournalFailure", message: "lost", executed: false }
      assert.deepStrictEqual(yield* Effect.exit(yield* guarded(() => Effect.fail(lost))), Exit.fail(lost))
    }).pipe(isolated))

  it.effect("tells so though it is interrupted meanwhile", () =>
    Effect.gen(function*() {
      const [asked, written] = [yield* Deferred.make<void>(), yield* Deferred.make<void>()]
      const events: Array<string> = []
      const emit: Shared["emit"] = (event) =>
        Deferred.succeed(asked, undefined).pipe(
          Effect.andThen(Deferred.await(written)),
          Effect.andThen(Effect.sync(() => void events.push(event(0)._tag)))
        )
      const fiber = yield* Effect.forkChild(yield* guarded(emit))
      yield* Deferred.await(asked)
      const interrupting = yield* Effect.forkChild(Fiber.interrupt(fiber), { startImmediately: true })
      yield* Deferred.succeed(written, undefined)
      yield* Fiber.join(interrupting)
      assert.deepStrictEqual(events, ["CircuitOpened"])
    }).pipe(isolated))
})

describe("every order of fibers", () => {
  const openFor = 40

  interface Started {
    readonly at: number
    end: number
    readonly failed: boolean
  }

  /** Plays one seed; gives how often the circuit opened. */
  const play = (seed: number): number => {
    const random = Simulation.randomNumbers(seed)
    const draw = (end: number) => Math.floor(random() * end)
    const now = Effect.clockWith((clock) => clock.currentTimeMillis)
    const attempts: Array<Started> = []
    const tool = ToolPolicy.set(
      Agent.tool("fragile", {
        description: "Fails often",
        parameters: { begins: Schema.Int, takes: Schema.Int, fails: Schema.Boolean },
        failure: ToolFailure.ToolFailure,
        run: Effect.fnUntraced(function*({ fails, takes }) {
          const attempt: Started = { at: yield* now, end: Number.POSITIVE_INFINITY, failed: fails }
          attempts.push(attempt)
          yield* Effect.sleep(takes)
          attempt.end = yield* now
          return yield* fails ? down() : Effect.void
        })
      }),
      { retry: { times: 0 }, breaker: { tripPolicy: CircuitBreaker.consecutive(2), openDuration: openFor } }
    )
    const calls = Array.from({ length: 4 + draw(8) }, () => ({
      begins: draw(15) * 10,
      takes: draw(4) * 10,
      fails: random() < 0.7
    }))
    const world = Effect.forEach(calls, (call) => Effect.delay(Dispatcher.call(tool, call), call.begins), {
      concurrency: "unbounded"
    })
    const { stop } = Simulation.simulate(world, { seed })
    if (stop._tag !== "Done" || Exit.isFailure(stop.exit)) return assert.fail(`seed ${seed}: ${stop._tag}`)
    const reports = stop.exit.value
    const openings = reports.flatMap(({ events }) => ofTag(events, "CircuitOpened").map(({ at }) => at))
      .toSorted((left, right) => left - right)
    assert.strictEqual(
      reports.filter(({ failure }) => failure?.reason === "CircuitOpen").length + attempts.length,
      calls.length,
      `seed ${seed}: each call is executed or refused`
    )
    for (const [i, at] of openings.entries()) {
      const next = openings[i + 1] ?? Number.POSITIVE_INFINITY
      assert.isAtLeast(next - at, openFor, `seed ${seed}: opened at ${at} and at ${next}`)
      const later = attempts.filter((attempt) => attempt.at > at).toSorted((left, right) => left.at - right.at)
      const [probe, second] = later
      assert.isAtLeast(probe?.at ?? next, at + openFor, `seed ${seed}: open since ${at}`)
      if (probe === undefined || second === undefined) continue
      assert.isAtLeast(second.at, probe.end, `seed ${seed}: two probes after ${at}`)
      if (probe.failed) assert.strictEqual(next, probe.end, `seed ${seed}: the probe of ${probe.at} failed`)
    }
    return openings.length
  }

  it("the circuit opens once for all, is kept open, and is probed by one call", () => {
    let openings = 0
    for (let seed = 1; seed <= 600; seed++) openings += play(seed)
    assert.isAbove(openings, 600)
  }, 30_000)
})
