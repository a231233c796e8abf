import { Agent, Dependencies, Dispatcher, Journal, type RunEvent, ToolFailure, ToolPolicy } from "@volley/core"
import { Clock, Effect, Schema, Semaphore } from "effect"
import type { Tool } from "effect/ai"
import { CircuitBreaker } from "effect/persistence"
/* oxlint-disable house/rooms -- the stages alone have no public door */
import { makeSubmitted } from "../packages/core/src/internal/dispatch/after.ts"
import { makeRetries } from "../packages/core/src/internal/dispatch/retries.ts"
import type { Call, Shared } from "../packages/core/src/internal/dispatch/stage.ts"
import * as Permits from "../packages/core/src/internal/permits.ts"
/* oxlint-enable house/rooms */

export const title =
  "CPU per tool call over its bare handler (µs, best of 15 interleaved rounds of 4,000 calls; dispatched in turns of 8)"

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
  maxResultSize: "64 KiB"
})

const retries = { allowed: 10, left: 10 }

/** Calls one after another through the compiled stages of a tool: no dispatch around them, events go nowhere. */
const stagesAlone = Effect.fnUntraced(function*(one: Tool.Any) {
  const { cache, dependencies, tools } = yield* Dispatcher.make([one])
  const compiled = tools.get(one.name)
  const shared: Shared = {
    runId: "bench",
    tenant: undefined,
    permits: Permits.make(8),
    lanes: new Map(),
    flights: new Map(),
    submitted: makeSubmitted(),
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
  const writer = yield* Journal.makeMemory().open("bench")
  const deadline = (yield* Clock.currentTimeMillis) + 3_600_000
  const turn = (turn: number) =>
    Effect.gen(function*() {
      const dispatch = Dispatcher.open(dispatcher, {
        runId: "bench",
        tenant: undefined,
        thread: undefined,
        concurrency: 8,
        retries,
        emit: (event: RunEvent.RunEvent) => writer.append(event),
        publish: () => Effect.void
      })
      const submitted: Array<Effect.Effect<Dispatcher.Answer>> = []
      for (let index = 0; index < batch; index++) {
        const asked = { turn, request: 1, index, id: `${index}`, name: one.name, params: { n: counter++ } }
        submitted.push(yield* dispatch.submit({ ...asked, key: Dispatcher.idempotencyKey("bench", asked) }, deadline))
      }
      dispatch.close()
      yield* Effect.all(submitted, { concurrency: "unbounded", discard: true })
    })
  return Effect.gen(function*() {
    for (let n = 0; n < callsARound / batch; n++) yield* turn(n)
  })
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

const program = Effect.gen(function*() {
  const rows = [
    { call: "bare handler", target: "", run: repeated(() => Effect.suspend(() => handler({ n: counter++ }))) },
    { call: "effect's timeout + retry + semaphore", target: "2.7-5.7", run: yield* effectsOwn },
    { call: "stages alone: no policy", target: "≤ 3", run: yield* stagesAlone(plain) },
    { call: "stages alone: timeout, retry, concurrency", target: "≤ 12", run: yield* stagesAlone(common) },
    { call: "stages alone: every policy", target: "", run: yield* stagesAlone(all) },
    { call: "dispatched, with events in memory: no policy", target: "≤ 15", run: yield* dispatched(plain) },
    { call: "dispatched: timeout, retry, concurrency", target: "", run: yield* dispatched(common) },
    { call: "dispatched: every policy", target: "≤ 50", run: yield* dispatched(all) }
  ]
  const best = rows.map(() => Number.POSITIVE_INFINITY)
  for (let round = 0; round < rounds; round++) {
    for (const [i, { run }] of rows.entries()) best[i] = Math.min(best[i] ?? 0, yield* micros(run))
  }
  const [bare = 0] = best
  return rows.map(({ call, target }, i) => ({ call, "µs": ((best[i] ?? 0) - (i === 0 ? 0 : bare)).toFixed(1), target }))
})

export const run = () => Effect.runPromise(program.pipe(Effect.scoped, Effect.provide(Dependencies.layerMemory)))
