import { Agent, Dependencies, Dispatcher, Journal, ToolFailure, ToolPolicy } from "@volley/core"
import { Clock, Effect, Schema, Semaphore } from "effect"
import type { Tool } from "effect/ai"
import { CircuitBreaker } from "effect/persistence"
import * as path from "node:path"
/* oxlint-disable house/rooms -- the stages alone have no public door */
import type * as After from "../packages/core/src/internal/dispatch/after.ts"
import type * as Retries from "../packages/core/src/internal/dispatch/retries.ts"
import type { Call, Shared } from "../packages/core/src/internal/dispatch/stage.ts"
import type * as Permits from "../packages/core/src/internal/permits.ts"
/* oxlint-enable house/rooms */

/** A module from beside the public one, so that both are sources or both are built. */
const internal = <M>(name: string): Promise<M> => {
  const door = import.meta.resolve("@volley/core")
  return import(new URL(`internal/${name}${path.extname(door)}`, door).href)
}

const { makeSubmitted } = await internal<typeof After>("dispatch/after")
const { makeRetries } = await internal<typeof Retries>("dispatch/retries")
const { make: makePermits } = await internal<typeof Permits>("permits")

export const title =
  "CPU per tool call over its bare handler (µs, median of 15 interleaved rounds of 4,000 calls; dispatched in turns of 8)"

const rounds = 15
const callsARound = 4000
const batch = 8

let counter = 0

const handler = ({ n }: { readonly n: number }) => Effect.succeed(`result ${n}`)

const tool = (name: string, effectClass?: ToolPolicy.EffectClass) =>
  Agent.tool(name, {
    description: "Does nothing",
    ...(effectClass === undefined ? {} : { class: effectClass }),
    parameters: { n: Schema.Int },
    success: Schema.String,
    failure: ToolFailure.ToolFailure,
    run: handler
  })

// says nothing of itself: an effectful tool
const plain = tool("plain")
const common = ToolPolicy.readonly(tool("common", "readonly"), {
  timeout: "10 seconds",
  retry: { times: 2 },
  concurrency: 8
})
const all = ToolPolicy.readonly(tool("all", "readonly"), {
  timeout: "10 seconds",
  retry: { times: 2 },
  concurrency: 8,
  serial: ({ n }) => `${n}`,
  cache: { timeToLive: "1 hour", staleIfError: "1 hour" },
  breaker: { tripPolicy: CircuitBreaker.consecutive(5), openDuration: "30 seconds" },
  rateLimit: { limit: 1_000_000_000, window: "1 second" },
  hedge: { after: "1 second" },
  fallback: tool("spare", "readonly"),
  after: ["earlier"],
  maxResultSize: "64 KiB"
})

/** A call that succeeded, which those of every policy come after. */
const earlier = { name: "earlier", index: batch, ok: true }

const retries = { allowed: 10, left: 10 }

/** Calls one after another through the compiled stages of a tool: no dispatch around them, events go nowhere. */
const stagesAlone = Effect.fnUntraced(function*(one: Tool.Any) {
  const { cache, dependencies, tools } = yield* Dispatcher.make([one])
  const compiled = tools.get(one.name)
  const submitted = makeSubmitted()
  submitted.close([earlier])
  const shared: Shared = {
    runId: "bench",
    tenant: undefined,
    permits: makePermits(8),
    lanes: new Map(),
    flights: new Map(),
    submitted,
    dependencies,
    cache,
    retries: makeRetries(retries, dependencies, undefined),
    emit: () => Effect.void,
    publish: () => Effect.void
  }
  const deadline = (yield* Clock.currentTimeMillis) + 3_600_000
  const call = (): Call => {
    const params = { n: counter++ }
    const asked = { turn: 1, request: 1, index: 0, id: "0", name: one.name, key: "key", params, decoded: params }
    return { ...asked, deadline, shared, history: { attempts: 0, handlers: [] }, hedge: false, handler: undefined }
  }
  return Effect.gen(function*() {
    for (let n = 0; n < callsARound; n++) yield* compiled?.execute(call()) ?? Effect.void
  })
})

/** Whole turns as a run dispatches them, each call with other arguments, so that none is joined or cached. */
const dispatched = Effect.fnUntraced(function*(one: Tool.Any) {
  const dispatcher = yield* Dispatcher.make([one])
  const deadline = (yield* Clock.currentTimeMillis) + 3_600_000
  const turn = (writer: Journal.Writer, turn: number) =>
    Effect.gen(function*() {
      const dispatch = Dispatcher.open(dispatcher, {
        runId: "bench",
        tenant: undefined,
        thread: undefined,
        concurrency: 8,
        retries,
        emit: (event) => Effect.clockWith((clock) => writer.append(event(clock.currentTimeMillisUnsafe()))),
        publish: () => Effect.void
      })
      const submitted: Array<Effect.Effect<Dispatcher.Answer>> = []
      for (let index = 0; index < batch; index++) {
        const asked = { turn, request: 1, index, id: `${index}`, name: one.name, params: { n: counter++ } }
        submitted.push(yield* dispatch.submit({ ...asked, key: Dispatcher.idempotencyKey("bench", asked) }, deadline))
      }
      dispatch.close([earlier])
      yield* Effect.all(submitted, { concurrency: "unbounded", discard: true })
    })
  return Effect.scoped(Effect.gen(function*() {
    const writer = yield* Journal.makeMemory().open("bench")
    for (let n = 0; n < callsARound / batch; n++) yield* turn(writer, n)
  }))
})

const repeated = (call: () => Effect.Effect<unknown, unknown>) =>
  Effect.gen(function*() {
    for (let n = 0; n < callsARound; n++) yield* call()
  })

/** What effect itself costs for the same three policies. */
const effectsOwn = Effect.map(Semaphore.make(8), (semaphore) =>
  repeated(() =>
    semaphore.withPermit(
      Effect.suspend(() => handler({ n: counter++ })).pipe(Effect.timeout("10 seconds"), Effect.retry({ times: 2 }))
    )
  ))

const micros = (effect: Effect.Effect<void, unknown>) =>
  Effect.gen(function*() {
    const before = process.cpuUsage()
    yield* effect
    const { system, user } = process.cpuUsage(before)
    return (user + system) / callsARound
  })

/** `metric`: its name in the comparison with peers. */
const cases = Effect.gen(function*() {
  return [
    { call: "bare handler", target: "", run: repeated(() => Effect.suspend(() => handler({ n: counter++ }))) },
    { call: "effect's timeout + retry + semaphore", target: "2.7-5.7", run: yield* effectsOwn },
    { metric: "stages", call: "stages alone: no policy", target: "≤ 3", run: yield* stagesAlone(plain) },
    {
      metric: "common",
      call: "stages alone: timeout, retry, concurrency",
      target: "≤ 12",
      run: yield* stagesAlone(common)
    },
    { call: "stages alone: every policy", target: "", run: yield* stagesAlone(all) },
    {
      metric: "none",
      call: "dispatched, with events in memory: no policy",
      target: "≤ 15",
      run: yield* dispatched(plain)
    },
    { call: "dispatched: timeout, retry, concurrency", target: "", run: yield* dispatched(common) },
    { metric: "every", call: "dispatched: every policy", target: "≤ 50", run: yield* dispatched(all) }
  ]
})

const median = (values: ReadonlyArray<number>): number =>
  values.toSorted((left, right) => left - right)[values.length >> 1] ?? NaN

/** Each case with what it costs over the bare handler, which comes first, once all have run for so many seconds. */
const measured = Effect.fnUntraced(function*(seconds: number) {
  const all = yield* cases
  const round = Effect.forEach(all, ({ run }) => micros(run))
  const warm = performance.now() + seconds * 1000
  while (performance.now() < warm) yield* round
  const samples: Array<ReadonlyArray<number>> = []
  for (let n = 0; n < rounds; n++) samples.push(yield* round)
  const costs = all.map((_, i) => median(samples.map((costs) => costs[i] ?? NaN)))
  return all.map((one, i) => ({ ...one, cost: (costs[i] ?? NaN) - (i === 0 ? 0 : costs[0] ?? NaN) }))
})

const runMeasured = (seconds: number) =>
  Effect.runPromise(measured(seconds).pipe(Effect.scoped, Effect.provide(Dependencies.layerMemory)))

export const run = async () =>
  (await runMeasured(1)).map(({ call, cost, target }) => ({ call, "µs": cost.toFixed(1), target }))

/** For the comparison with peers: µs of a call. */
export const measure = async (seconds: number): Promise<Record<string, number>> =>
  Object.fromEntries(
    (await runMeasured(seconds)).flatMap(({ cost, metric }) => metric === undefined ? [] : [[metric, cost]])
  )
