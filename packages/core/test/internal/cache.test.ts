import { assert, describe, it } from "@effect/vitest"
import { Agent, Dependencies, Dispatcher, ToolCache, ToolFailure, ToolPolicy } from "@volley/core"
import { Cause, Clock, Effect, Exit, Fiber, Layer, Logger, Schema } from "effect"
import { Tool, Toolkit } from "effect/ai"
import * as Arbitrary from "effect/Arbitrary"
import { CircuitBreaker } from "effect/persistence"
import { TestClock } from "effect/testing"
import { integer, oneOf, utf16 } from "../support/arbitraries.ts"
import { inTime, ofTag } from "../support/observe.ts"
import { dispatchTurn } from "../support/turn.ts"

class Bug extends Schema.TaggedError<Bug>()("Bug", {}) {
  readonly [ToolFailure.kind] = "fatal" as const
}

type Fate = "ok" | "transient" | "permanent" | "unknown" | "fatal" | "die" | "interrupt" | "hang"

const play = (fate: Fate, value: string): Effect.Effect<string, ToolFailure.ToolFailure | Bug> => {
  switch (fate) {
    case "ok":
      return Effect.succeed(value)
    case "transient":
      return Effect.fail(ToolFailure.transient({ reason: "Unavailable", message: "down" }))
    case "permanent":
      return Effect.fail(ToolFailure.permanent({ reason: "NotFound", message: `no ${value}` }))
    case "unknown":
      return Effect.fail(new ToolFailure.Unknown({ message: "odd" }))
    case "fatal":
      return Effect.fail(new Bug())
    case "die":
      return Effect.die(new Error("bug"))
    case "interrupt":
      return Effect.interrupt
    case "hang":
      return Effect.never
  }
}

/** A tool whose fate can be changed; its results count its executions. */
const lookup = (policy: ToolPolicy.ReadonlyOptions, name = "lookup") => {
  const world = { fate: "ok" as Fate, executions: 0 }
  const tool = ToolPolicy.readonly(
    Agent.tool(name, {
      description: "Looks something up",
      parameters: { id: Schema.String },
      success: Schema.String,
      failure: Schema.Union([ToolFailure.ToolFailure, Bug]),
      run: ({ id }) => Effect.suspend(() => play(world.fate, `${id} ${++world.executions}`))
    }),
    { retry: { times: 0 }, ...policy }
  )
  return { world, tool }
}

const isolated = Layer.mergeAll(Dependencies.layerMemory, ToolCache.layerMemory())

const cached = { cache: { timeToLive: "30 seconds", staleIfError: "10 minutes" } } as const

describe("cache", () => {
  it.effect("a result is given again for exactly its time to live", () =>
    Effect.gen(function*() {
      const { tool, world } = lookup({ cache: { timeToLive: "30 seconds" } })
      const first = yield* Dispatcher.call(tool, { id: "a" })
      yield* TestClock.adjust(29_999)
      const second = yield* Dispatcher.call(tool, { id: "a" })
      yield* TestClock.adjust(1)
      const third = yield* Dispatcher.call(tool, { id: "a" })
      assert.deepStrictEqual([first, second, third].map(({ result }) => result), ["a 1", "a 1", "a 2"])
      assert.deepStrictEqual([first, second, third].map(({ attempts }) => attempts), [1, 0, 1])
      assert.deepStrictEqual(second.events.map((event) => event._tag), ["CacheHit"])
      assert.deepStrictEqual(ofTag(second.events, "CacheHit").map(({ age, stale }) => ({ age, stale })), [
        { age: 29_999, stale: false }
      ])
      assert.strictEqual(world.executions, 2)
    }).pipe(Effect.provide(isolated)))

  it.effect("equal arguments share a result in any order of their keys; other arguments and other tools do not", () =>
    Effect.gen(function*() {
      const { tool, world } = lookup(cached)
      const twin = lookup(cached, "twin")
      const ask = (id: string, params: object, one: Tool.Any = tool) =>
        Effect.map(dispatchTurn([one], [{ name: one.name, params, id }]), ({ answers }) => answers[0]?.result)
      assert.strictEqual(yield* ask("1", { id: "a", extra: 1 }), "a 1")
      assert.strictEqual(yield* ask("2", { extra: 1, id: "a" }), "a 1")
      assert.strictEqual(yield* ask("3", { id: "b" }), "b 2")
      assert.strictEqual(yield* ask("4", { id: "a", extra: 1 }, twin.tool), "a 1")
      assert.deepStrictEqual([world.executions, twin.world.executions], [2, 1])
    }).pipe(Effect.provide(isolated)))

  it.effect("a tool that gives nothing is cached as well", () =>
    Effect.gen(function*() {
      let executions = 0
      const ping = ToolPolicy.readonly(
        Agent.tool("ping", {
          description: "Gives nothing",
          run: () =>
            Effect.sync(() => {
              executions++
            })
        }),
        cached
      )
      const first = yield* Dispatcher.call(ping, {})
      const second = yield* Dispatcher.call(ping, {})
      assert.deepStrictEqual([first.result, second.result], ["done", "done"])
      assert.strictEqual(executions, 1)
    }).pipe(Effect.provide(isolated)))

  it.effect("nobody can change what is kept through a reference to it", () =>
    Effect.gen(function*() {
      const list = ToolPolicy.readonly(
        Agent.tool("list", {
          description: "Gives a list",
          success: Schema.Array(Schema.String),
          run: () => Effect.succeed(["a"])
        }),
        cached
      )
      for (let i = 0; i < 3; i++) {
        const { result } = yield* Dispatcher.call(list, {})
        assert.deepStrictEqual(result, ["a"])
        ;(result as Array<string>).push("changed")
      }
    }).pipe(Effect.provide(isolated)))

  it.effect("tools that are not read-only have no cache, whatever their policy says", () =>
    Effect.gen(function*() {
      const { tool, world } = lookup(cached)
      const call = dispatchTurn([tool.annotate(Tool.Readonly, false)], [{ name: "lookup", params: { id: "a" } }])
      yield* call
      yield* call
      assert.strictEqual(world.executions, 2)
    }).pipe(Effect.provide(isolated)))

  it.effect("an interrupted call leaves nothing behind", () =>
    Effect.gen(function*() {
      const { tool, world } = lookup(cached)
      world.fate = "hang"
      const fiber = yield* Effect.forkChild(Dispatcher.call(tool, { id: "a" }))
      yield* TestClock.adjust(10)
      yield* Fiber.interrupt(fiber)
      world.fate = "ok"
      assert.strictEqual((yield* Dispatcher.call(tool, { id: "a" })).result, "a 2")
    }).pipe(Effect.provide(isolated)))
})

describe("staleIfError", () => {
  const after = Effect.fnUntraced(function*(millis: number, fate: Fate, policy: object = {}) {
    const { tool, world } = lookup({ ...cached, ...policy })
    yield* Dispatcher.call(tool, { id: "a" })
    yield* TestClock.adjust(millis)
    world.fate = fate
    return yield* Effect.exit(Dispatcher.call(tool, { id: "a" }))
  })

  const limit = 30_000 + 600_000

  it.effect("an old result stands in for a tool that fails for now, and says so", () =>
    Effect.gen(function*() {
      const report = yield* yield* after(180_000, "transient")
      assert.strictEqual(
        report.result,
        "a 1\n\n(from the cache, 3 min old, since the tool fails for now (Unavailable))"
      )
      assert.isTrue(report.ok)
      assert.strictEqual(report.attempts, 1)
      assert.deepStrictEqual(ofTag(report.events, "CacheHit").map(({ age, stale }) => ({ age, stale })), [
        { age: 180_000, stale: true }
      ])
    }).pipe(Effect.provide(isolated)))

  const outcomes: ReadonlyArray<[string, Fate, number, boolean]> = [
    ["just in time", "transient", limit - 1, true],
    ["just too old", "transient", limit, false],
    ["unknown failure", "unknown", 60_000, true],
    ["permanent failure", "permanent", 60_000, false],
    ["defect", "die", 60_000, false]
  ]
  it.effect.each(outcomes)("%s: %s after %d ms: stands in: %s", ([, fate, millis, standsIn]) =>
    Effect.gen(function*() {
      const report = yield* yield* after(millis, fate)
      assert.strictEqual(report.ok, standsIn)
      assert.lengthOf(ofTag(report.events, "CacheHit"), standsIn ? 1 : 0)
    }).pipe(Effect.provide(isolated)))

  it.effect("a fatal failure ends the run all the same", () =>
    Effect.gen(function*() {
      assert.deepStrictEqual(yield* after(60_000, "fatal"), Exit.fail(new Bug()))
    }).pipe(Effect.provide(isolated)))

  it.effect("is off where the policy does not say it", () =>
    Effect.gen(function*() {
      const report = yield* yield* after(30_000, "transient", { cache: { timeToLive: "30 seconds" } })
      assert.isFalse(report.ok)
    }).pipe(Effect.provide(isolated)))

  it.effect("an old result stands in while the circuit is open", () =>
    Effect.gen(function*() {
      const { tool: plain, world } = lookup(cached)
      const breaker = { tripPolicy: CircuitBreaker.consecutive(1), openDuration: "1 hour" } as const
      const tool = ToolPolicy.set(plain, { breaker })
      yield* Dispatcher.call(tool, { id: "a" })
      yield* TestClock.adjust(31_000)
      world.fate = "transient"
      yield* Dispatcher.call(tool, { id: "a" })
      const report = yield* Dispatcher.call(tool, { id: "a" })
      assert.strictEqual(report.result, "a 1\n\n(from the cache, 31 s old, since the tool fails for now (CircuitOpen))")
      assert.strictEqual(report.attempts, 0)
    }).pipe(Effect.provide(isolated)))

  it.effect("the result of a fallback is not kept, nor an old one that stood in", () =>
    Effect.gen(function*() {
      const spare = Agent.tool("spare", {
        description: "Stands in",
        class: "readonly",
        parameters: { id: Schema.String },
        success: Schema.String,
        failure: ToolFailure.ToolFailure,
        run: () => Effect.succeed("spare")
      })
      const { tool: plain, world } = lookup({ cache: { timeToLive: "30 seconds", staleIfError: "1 minute" } })
      const tool = ToolPolicy.set(plain, { fallback: spare })
      world.fate = "transient"
      const first = yield* Dispatcher.call(tool, { id: "a" })
      assert.include(String(first.result), "from \"spare\"")
      const second = yield* Dispatcher.call(tool, { id: "a" })
      assert.deepStrictEqual(ofTag(second.events, "CacheHit"), [])
      assert.strictEqual(world.executions, 2)

      const stale = lookup({ cache: { timeToLive: "30 seconds", staleIfError: "1 minute" } }, "stale")
      yield* Dispatcher.call(stale.tool, { id: "a" })
      stale.world.fate = "transient"
      yield* TestClock.adjust(80_000)
      assert.isTrue((yield* Dispatcher.call(stale.tool, { id: "a" })).ok)
      yield* TestClock.adjust(10_000)
      assert.isFalse((yield* Dispatcher.call(stale.tool, { id: "a" })).ok)
    }).pipe(Effect.provide(isolated)))
})

describe("failures", () => {
  const policy = { cache: { timeToLive: "30 seconds", failures: "5 seconds" } } as const

  it.effect("a permanent failure is given again for exactly so long, not executed and told to be remembered", () =>
    Effect.gen(function*() {
      const { tool, world } = lookup(policy)
      world.fate = "permanent"
      yield* Dispatcher.call(tool, { id: "a" })
      yield* TestClock.adjust(4999)
      const again = yield* Dispatcher.call(tool, { id: "a" })
      assert.deepStrictEqual(again.failure, {
        kind: "permanent",
        reason: "NotFound",
        message: "no a 1 (remembered for 5 s)",
        executed: false
      })
      assert.strictEqual(
        again.result,
        "Permanent failure (NotFound): no a 1 (remembered for 5 s). It was not executed. The same call will fail again."
      )
      yield* TestClock.adjust(1)
      world.fate = "ok"
      assert.strictEqual((yield* Dispatcher.call(tool, { id: "a" })).result, "a 2")
    }).pipe(Effect.provide(isolated)))

  it.effect("no failure is kept without it", () =>
    Effect.gen(function*() {
      const { tool, world } = lookup(cached)
      world.fate = "permanent"
      yield* Dispatcher.call(tool, { id: "a" })
      yield* Dispatcher.call(tool, { id: "a" })
      assert.strictEqual(world.executions, 2)
    }).pipe(Effect.provide(isolated)))

  it.effect.each<[Fate]>([["transient"], ["unknown"], ["fatal"], ["die"], ["interrupt"]])(
    "a failure that is not permanent is never kept: %s",
    ([fate]) =>
      Effect.gen(function*() {
        const { tool, world } = lookup(policy)
        world.fate = fate
        yield* Effect.exit(Dispatcher.call(tool, { id: "a" }))
        world.fate = "ok"
        const { ok } = yield* Dispatcher.call(tool, { id: "a" })
        assert.isTrue(ok)
      }).pipe(Effect.provide(isolated))
  )

  it.effect("that another call of the turn failed is not remembered", () =>
    Effect.gen(function*() {
      const search = lookup({}, "search")
      const { tool: plain, world } = lookup(policy)
      const tool = ToolPolicy.set(plain, { after: ["search"] })
      const turn = dispatchTurn([search.tool, tool], [
        { name: "search", params: { id: "a" } },
        { name: "lookup", params: { id: "a" } }
      ])
      search.world.fate = "permanent"
      const first = yield* turn
      assert.strictEqual(first.answers[1]?.failure?.reason, "DependencyFailed")
      search.world.fate = "ok"
      const second = yield* turn
      assert.isTrue(second.answers[1]?.ok)
      assert.strictEqual(world.executions, 1)
    }).pipe(Effect.provide(isolated)))
})

describe("T16 - tenants", () => {
  const Who = ToolPolicy.readonly(
    Tool.make("who", {
      description: "Who asks",
      parameters: Schema.Struct({ id: Schema.String }),
      success: Schema.String
    }),
    cached
  )

  /** Names that try to pass for another tenant, for none, or for part of a key. */
  const hostile = [
    undefined,
    "undefined",
    "null",
    "",
    "a",
    "A",
    "á",
    "a ",
    "a\",\"who",
    "a\",\"who\"]",
    "[\"a\",\"who\"]",
    "a:who",
    "a\u0000",
    "\ud83d",
    "\ude00",
    "\ufffd",
    "\\ud83d",
    "__proto__"
  ]
  const ids = ["x", "x\""] as const
  const operations = 80

  it.effect.prop("no tenant is given another's value, whatever its name", [
    Arbitrary.all([utf16(3), utf16(3), utf16(3), utf16(3)]),
    Arbitrary.array(Arbitrary.all([integer(0, hostile.length + 3), oneOf(ids)]), {
      minLength: operations,
      maxLength: operations
    })
  ], ([drawn, asked]) =>
    Effect.gen(function*() {
      const names = [...hostile, ...drawn]
      let hits = 0
      for (const [index, id] of asked) {
        const tenant = names[index]
        const own = JSON.stringify([tenant ?? null, id])
        const report = yield* Dispatcher.call(Who, { id }, tenant === undefined ? {} : { tenant }).pipe(
          Effect.provide(Toolkit.make(Who).toLayer({ who: () => Effect.succeed(own) }))
        )
        assert.strictEqual(report.result, own)
        hits += ofTag(report.events, "CacheHit").length
      }
      assert.isAtLeast(hits, operations - names.length * ids.length)
    }).pipe(Effect.provide(isolated)), { arbitrary: { runs: 60 } })
})

describe("a cache that does not work", () => {
  const withCache = (cache: Partial<ToolCache.ToolCache>) =>
    Effect.provideService(ToolCache.current, { get: () => Effect.undefined, set: () => Effect.void, ...cache })

  const broken: { readonly [name: string]: Partial<ToolCache.ToolCache> } = {
    "reading fails": { get: () => Effect.fail("lost") },
    "reading dies": { get: () => Effect.die("bug") },
    "reading throws": {
      get: () => {
        throw new Error("bug")
      }
    },
    "writing fails": { set: () => Effect.fail("lost") },
    "writing dies": { set: () => Effect.die("bug") },
    "reading hangs": { get: () => Effect.never },
    "writing hangs": { set: () => Effect.never },
    "both hang": { get: () => Effect.never, set: () => Effect.never }
  }
  for (const [name, cache] of Object.entries(broken)) {
    it.effect(`is no failure of a call, and a warning says so: ${name}`, () =>
      Effect.gen(function*() {
        const warnings: Array<unknown> = []
        const logger = Logger.make(({ logLevel, message }) => void warnings.push([logLevel, message]))
        const { tool } = lookup(cached)
        const report = yield* inTime(
          Dispatcher.call(tool, { id: "a" }).pipe(withCache(cache), Effect.provide(Logger.layer([logger])))
        )
        assert.strictEqual(report.result, "a 1")
        assert.isAtMost(yield* Clock.currentTimeMillis, name === "both hang" ? 1000 : 500)
        assert.lengthOf(warnings, name === "both hang" ? 2 : 1)
        assert.include(JSON.stringify(warnings), "Warn")
        assert.include(JSON.stringify(warnings), "cache of tool results")
      }).pipe(Effect.provide(Dependencies.layerMemory)))
  }

  it.effect("G8 - is not waited for beyond the deadline", () =>
    Effect.gen(function*() {
      const { tool } = lookup(cached)
      const hangs = withCache({ set: () => Effect.never })
      const report = yield* inTime(Dispatcher.call(tool, { id: "a" }, { limits: { deadline: 100 } }).pipe(hangs))
      assert.isTrue(report.ok)
      assert.strictEqual(yield* Clock.currentTimeMillis, 100)
    }).pipe(Effect.provide(Dependencies.layerMemory)))

  it.effect("a call that is interrupted while it reads goes no further", () =>
    Effect.gen(function*() {
      const { tool, world } = lookup(cached)
      const call = Dispatcher.call(tool, { id: "a" }).pipe(withCache({ get: () => Effect.never }))
      const fiber = yield* Effect.forkChild(call)
      yield* TestClock.adjust(10)
      yield* Fiber.interrupt(fiber)
      const exit = yield* Fiber.await(fiber)
      assert.isTrue(Exit.isFailure(exit) && Cause.hasInterruptsOnly(exit.cause))
      assert.strictEqual(world.executions, 0)
    }).pipe(Effect.provide(Dependencies.layerMemory)))

  it.effect("one that forgets nothing is told how long to keep what, and is not believed beyond it", () =>
    Effect.gen(function*() {
      const { tool, world } = lookup({ cache: { timeToLive: 30, staleIfError: 100, failures: 50 } })
      const kept = new Map<string, ToolCache.Entry>()
      const times: Array<number> = []
      const forgetsNothing = withCache({
        get: (key) => Effect.sync(() => kept.get(key)),
        set: (key, entry, timeToLive) =>
          Effect.sync(() => {
            kept.set(key, entry)
            times.push(timeToLive)
          })
      })
      const call = Effect.map(Dispatcher.call(tool, { id: "a" }).pipe(forgetsNothing), ({ result }) => String(result))
      yield* call
      world.fate = "transient"
      yield* TestClock.adjust(129)
      assert.include(yield* call, "from the cache")
      yield* TestClock.adjust(1)
      assert.notInclude(yield* call, "from the cache")
      world.fate = "permanent"
      yield* call
      yield* TestClock.adjust(49)
      assert.include(yield* call, "remembered")
      yield* TestClock.adjust(1)
      assert.notInclude(yield* call, "remembered")
      assert.deepStrictEqual(times, [130, 50, 50])
    }).pipe(Effect.provide(Dependencies.layerMemory)))

  it.effect("an entry from a clock that is ahead is new", () =>
    Effect.gen(function*() {
      const { tool } = lookup(cached)
      const entry = { at: 5000, outcome: { value: "kept" } }
      const report = yield* Dispatcher.call(tool, { id: "a" }).pipe(withCache({ get: () => Effect.succeed(entry) }))
      assert.strictEqual(report.result, "kept")
      assert.deepStrictEqual(ofTag(report.events, "CacheHit").map(({ age }) => age), [0])
    }).pipe(Effect.provide(Dependencies.layerMemory)))
})
