/**
 * What is known about the systems that tools depend on, over all runs: which circuits are open, how much of a rate is
 * used, how many retries are still worth it, how long calls take.
 *
 * **Details**
 *
 * By default it is kept in the memory of the process. `layerShared` shares circuits and rates between processes, through
 * the stores of `effect/persistence` (`CircuitBreaker.layerStoreRedis`, `RateLimiter.layerStoreRedis`). Tests give each
 * test its own with `layerMemory`.
 *
 * @since 0.1.0
 */
import * as Context from "effect/Context"
import * as Effect from "effect/Effect"
import * as Layer from "effect/Layer"
import * as CircuitBreaker from "effect/persistence/CircuitBreaker"
import * as RateLimiter from "effect/persistence/RateLimiter"
import * as Scope from "effect/Scope"
import * as Latencies from "./internal/dependency/latencies.ts"
import * as RetryBudget from "./internal/dependency/retryBudget.ts"
import * as Transitions from "./internal/dependency/transitions.ts"
import * as Permits from "./internal/permits.ts"
import type * as ToolPolicy from "./ToolPolicy.ts"

/**
 * The circuits and rates, and what the process has seen of each dependency.
 *
 * - `circuit`: one for each options object; circuits of equal keys share their state. It lives as long as the process.
 * - `limiter`: of all rates.
 * - `retryBudget`: of a dependency (the key of its circuit breaker, else the name of the tool): a fifth of its calls and
 *   10 a second, over 10 seconds.
 * - `threadBudget`: of a thread: a fifth of its calls and 1 a second, over 10 seconds.
 * - `latencies`: of a tool.
 * - `lane`: of a rate: one call at a time asks for it.
 *
 * @category models
 * @since 0.1.0
 */
export interface Dependencies {
  readonly circuit: (options: ToolPolicy.Breaker<never>) => Effect.Effect<CircuitBreaker.CircuitBreaker>
  readonly limiter: Effect.Effect<RateLimiter.RateLimiter>
  readonly retryBudget: (dependency: string) => RetryBudget.RetryBudget
  readonly threadBudget: (thread: string) => RetryBudget.RetryBudget
  readonly latencies: (tool: string) => Latencies.Latencies
  readonly lane: (rate: string) => Permits.Permits
}

/** The most keys of one kind: keys may be computed from arguments, so there is no end of them. */
const mostKeys = 4096

/** Makes what a key stands for when it is first asked for; the key that was not asked for longest is forgotten. */
const registry = <A>(make: () => A): (key: string) => A => {
  const known = new Map<string, A>()
  return (key) => {
    const value = known.get(key) ?? make()
    known.delete(key)
    known.set(key, value)
    const oldest = known.size > mostKeys ? known.keys().next().value : undefined
    if (oldest !== undefined) known.delete(oldest)
    return value
  }
}

/** Retries per second that need no calls. */
const perDependency = 10
const perThread = 1

type Stores = CircuitBreaker.CircuitBreakerStore | RateLimiter.RateLimiterStore

const make = (stores: Effect.Effect<Context.Context<Stores>>): Dependencies => {
  const circuits = new WeakMap<object, CircuitBreaker.CircuitBreaker>()
  let limiter: RateLimiter.RateLimiter | undefined

  const makeCircuit = (options: ToolPolicy.Breaker<never>) =>
    Effect.flatMap(stores, (context) =>
      CircuitBreaker.make(options).pipe(
        Effect.updateService(CircuitBreaker.CircuitBreakerStore, Transitions.observed),
        Effect.provideContext(context),
        // for as long as the process lives
        Effect.provideService(Scope.Scope, Scope.makeUnsafe()),
        Effect.map((made) => {
          const circuit = circuits.get(options) ?? made
          circuits.set(options, circuit)
          return circuit
        })
      ))

  const makeLimiter = Effect.flatMap(
    stores,
    (context) => Effect.map(Effect.provideContext(RateLimiter.make, context), (made) => limiter ??= made)
  )

  return {
    circuit: (options) =>
      Effect.suspend(() => {
        const circuit = circuits.get(options)
        return circuit === undefined ? makeCircuit(options) : Effect.succeed(circuit)
      }),
    limiter: Effect.suspend(() => limiter === undefined ? makeLimiter : Effect.succeed(limiter)),
    retryBudget: registry(() => RetryBudget.make(perDependency)),
    threadBudget: registry(() => RetryBudget.make(perThread)),
    latencies: registry(Latencies.make),
    lane: registry(() => Permits.make(1))
  }
}

/** Stores in memory hold nothing that has to be released. */
const buildMemory = Effect.scoped(
  Layer.build(Layer.fresh(Layer.merge(CircuitBreaker.layerStoreMemory(), RateLimiter.layerStoreMemory)))
)

const makeMemory = (): Dependencies => {
  let stores: Context.Context<Stores> | undefined
  return make(
    Effect.suspend(() =>
      stores === undefined ? Effect.map(buildMemory, (built) => stores ??= built) : Effect.succeed(stores)
    )
  )
}

/**
 * What is known about dependencies; kept in the memory of the process where nothing else is provided.
 *
 * @category references
 * @since 0.1.0
 */
export const current: Context.Reference<Dependencies> = Context.Reference<Dependencies>("@volley/core/Dependencies", {
  defaultValue: makeMemory
})

/**
 * Kept in memory, apart from that of the process: for tests, and for parts of a program that must not affect each other
 * (`Layer.fresh` gives each of them its own).
 *
 * @category layers
 * @since 0.1.0
 */
export const layerMemory: Layer.Layer<never> = Layer.effect(current, Effect.sync(makeMemory))

/**
 * Circuits and rates in the given stores, which other processes may share; the rest in memory. A store that has not answered after
 * 500 ms counts as one that failed: a call is then allowed or refused as its `onStoreError` says, and not begun where its rate is
 * not known.
 *
 * **Example** (Circuits and rates that all processes share, in Redis)
 *
 * ```ts
 * import { NodeRedis } from "@effect/platform-node"
 * import { Agent, Dependencies, Dispatcher, ToolPolicy } from "@volley/core"
 * import { Effect, Layer } from "effect"
 * import { CircuitBreaker, RateLimiter } from "effect/persistence"
 *
 * const dependencies = Dependencies.layerShared.pipe(
 *   Layer.provide([CircuitBreaker.layerStoreRedis(), RateLimiter.layerStoreRedis()]),
 *   Layer.provide(NodeRedis.layer({ url: "redis://127.0.0.1:6379" }))
 * )
 *
 * const weather = ToolPolicy.set(
 *   Agent.tool("get_weather", { description: "Weather of Oslo", class: "readonly", run: () => "7 °C" }),
 *   { rateLimit: { limit: 20, window: "1 second" } } // of all processes together
 * )
 *
 * const program = Dispatcher.call(weather, {}).pipe(Effect.provide(dependencies))
 * console.log((await Effect.runPromise(program)).result)
 * ```
 *
 * ```text
 * 7 °C
 * ```
 *
 * @category layers
 * @since 0.1.0
 */
export const layerShared: Layer.Layer<never, never, Stores> = Layer.effect(
  current,
  Effect.map(Effect.context<Stores>(), (context) => make(Effect.succeed(context)))
)
