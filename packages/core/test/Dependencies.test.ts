import { assert, describe, it } from "@effect/vitest"
import { Agent, Dependencies, Dispatcher, ToolFailure, ToolPolicy } from "@volley/core"
import { Simulation } from "@volley/core/testing"
import { Effect, Exit, Fiber, Layer, Stream } from "effect"
import { CircuitBreaker, RateLimiter } from "effect/persistence"
import { TestClock } from "effect/testing"

const options: ToolPolicy.Breaker<unknown> = { tripPolicy: CircuitBreaker.consecutive(1), openDuration: "10 seconds" }

const fragile = (breaker: ToolPolicy.Breaker<unknown>) =>
  ToolPolicy.set(
    Agent.tool("fragile", {
      description: "Fails",
      failure: ToolFailure.ToolFailure,
      run: () => Effect.fail(ToolFailure.transient({ reason: "Unavailable", message: "down" }))
    }),
    { retry: { times: 0 }, breaker }
  )

/** Why a call of the tool failed. */
const reasonOf = (tool: ReturnType<typeof fragile>) =>
  Effect.map(Dispatcher.call(tool, {}), ({ failure }) => failure?.reason)

const fresh = Effect.provide(Dependencies.current, Layer.fresh(Dependencies.layerMemory))

const once = { limit: 1, window: "1 minute", key: "key" } as const

/** Whether a rate of one has something left. */
const isLeft = ({ limiter }: Dependencies.Dependencies) =>
  Effect.map(Effect.exit(Effect.flatMap(limiter, ({ consume }) => consume(once))), Exit.isSuccess)

describe("Dependencies.current", () => {
  it.effect("is shared by everything in the process that provides none", () =>
    Effect.gen(function*() {
      const tool = fragile({ ...options, key: () => "only this test uses this" })
      assert.strictEqual(yield* reasonOf(tool), "Unavailable")
      assert.strictEqual(yield* reasonOf(tool), "CircuitOpen")
      assert.strictEqual(yield* Effect.provide(reasonOf(tool), Dependencies.layerMemory), "Unavailable")
    }))
})

describe("Dependencies.layerMemory", () => {
  it.effect("circuit - one for each options object; equal keys share their state", () =>
    Effect.gen(function*() {
      const { circuit } = yield* Dependencies.current
      const other = { ...options }
      assert.strictEqual(yield* circuit(options), yield* circuit(options))
      assert.notStrictEqual(yield* circuit(options), yield* circuit(other))
      const [left, right] = [fragile(options), fragile(other)]
      assert.strictEqual(yield* reasonOf(left), "Unavailable")
      assert.strictEqual(yield* reasonOf(right), "CircuitOpen")
    }).pipe(Effect.provide(Dependencies.layerMemory)))

  it("circuit, limiter - first uses at the same time get the same one", () => {
    for (let seed = 1; seed <= 500; seed++) {
      const asked = Effect.gen(function*() {
        const { circuit, limiter } = yield* Dependencies.current
        return yield* Effect.all([
          Effect.replicateEffect(circuit(options), 4, { concurrency: "unbounded" }),
          Effect.replicateEffect(limiter, 4, { concurrency: "unbounded" })
        ], { concurrency: "unbounded" })
      })
      const { stop } = Simulation.simulate(asked, { seed, yieldProbability: 0.6 })
      if (stop._tag !== "Done" || Exit.isFailure(stop.exit)) return assert.fail(`seed ${seed}: ${stop._tag}`)
      const [circuits, limiters] = stop.exit.value
      assert.deepStrictEqual([new Set(circuits).size, new Set(limiters).size], [1, 1], `seed ${seed}`)
    }
  })

  it.effect("circuit - outlives the fiber and the scope that asked for it first", () =>
    Effect.gen(function*() {
      const { circuit } = yield* Dependencies.current
      const asking = yield* Effect.forkChild(Effect.scoped(circuit(options)))
      const { execute, transitions } = yield* Fiber.join(asking)
      const first = yield* Effect.forkChild(Stream.runHead(transitions), { startImmediately: true })
      yield* Effect.ignore(execute(Effect.fail("down"), { key: "key" }))
      assert.deepInclude(yield* Fiber.join(first), { _tag: "Some" })
      yield* TestClock.adjust("10 seconds")
      assert.strictEqual(yield* execute(Effect.succeed("up"), { key: "key" }), "up")
    }).pipe(Effect.provide(Dependencies.layerMemory)))

  it.effect("each is apart from the others, and from stores in memory that the program has", () =>
    Effect.gen(function*() {
      const limiter = yield* RateLimiter.RateLimiter
      yield* limiter.consume(once)
      const [left, right] = [yield* fresh, yield* fresh]
      assert.isTrue(yield* isLeft(left))
      assert.isTrue(yield* isLeft(right))
      assert.isFalse(yield* isLeft(left))
    }).pipe(Effect.provide(Layer.provide(RateLimiter.layer, RateLimiter.layerStoreMemory))))

  const kinds = ["retryBudget", "threadBudget", "latencies", "lane"] as const
  it.effect.each(kinds.map((kind): [typeof kind] => [kind]))(
    "%s - is the same for the same key; of 4096 keys the one not used for longest is forgotten",
    ([kind]) =>
      Effect.gen(function*() {
        const of: (key: string) => object = (yield* fresh)[kind]
        const [used, idle] = [of("used"), of("idle")]
        assert.notStrictEqual(used, idle)
        for (let i = 0; i < 4094; i++) of(`${i}`)
        assert.strictEqual(of("used"), used)
        assert.strictEqual(of("idle"), idle)
        of("used")
        for (let i = 0; i < 4095; i++) of(`${i}`)
        assert.strictEqual(of("used"), used)
        assert.notStrictEqual(of("idle"), idle)
      })
  )

  it.effect("retryBudget, threadBudget - 100 retries of a dependency and 10 of a thread need no calls", () =>
    Effect.gen(function*() {
      const { retryBudget, threadBudget } = yield* fresh
      const taken = [retryBudget("api"), threadBudget("thread")].map((budget) => {
        let count = 0
        for (; budget.has(0); count++) budget.take(0)
        return count
      })
      assert.deepStrictEqual(taken, [100, 10])
    }))
})

describe("Dependencies.layerShared", () => {
  it.effect("circuits and rates are those of the stores, what else is known is of each", () =>
    Effect.gen(function*() {
      const shared = Layer.fresh(Dependencies.layerShared)
      const [left, right] = [
        yield* Effect.provide(Dependencies.current, shared),
        yield* Effect.provide(Dependencies.current, shared)
      ]
      assert.isTrue(yield* isLeft(left))
      assert.isFalse(yield* isLeft(right))
      const failing = (yield* left.circuit(options)).execute(Effect.fail("down"), { key: "key" })
      yield* Effect.ignore(failing)
      assert.deepInclude(yield* (yield* right.circuit(options)).state("key"), { _tag: "Open" })
      assert.notStrictEqual(left.retryBudget("key"), right.retryBudget("key"))
    }).pipe(Effect.provide([CircuitBreaker.layerStoreMemory(), RateLimiter.layerStoreMemory])))
})
