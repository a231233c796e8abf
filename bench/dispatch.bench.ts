import { Agent, Dependencies, Dispatcher, Journal, type RunEvent, ToolFailure, ToolPolicy } from "@volley/core"
import { Clock, Effect, Schema } from "effect"
import type { Tool } from "effect/ai"
import { CircuitBreaker } from "effect/persistence"

export const title =
  "CPU per tool call over its bare handler (µs, best of 9 interleaved rounds of 4,000 calls in batches of 8)"

const rounds = 9
const callsARound = 4000
const batch = 8

const handler = ({ n }: { readonly n: number }) => Effect.succeed(`result ${n}`)

const tool = (name: string) =>
  Agent.tool(name, {
    description: "Does nothing",
    class: "readonly",
    parameters: { n: Schema.Int },
    success: Schema.String,
    failure: ToolFailure.ToolFailure,
    run: handler
  })

const plain = tool("plain")
const common = ToolPolicy.readonly(tool("common"), { timeout: "10 seconds", retry: { times: 2 }, concurrency: 4 })
const all = ToolPolicy.readonly(tool("all"), {
  timeout: "10 seconds",
  retry: { times: 2 },
  concurrency: 4,
  serial: ({ n }) => `${n}`,
  cache: { timeToLive: "1 hour", staleIfError: "1 hour" },
  breaker: { tripPolicy: CircuitBreaker.consecutive(5), openDuration: "30 seconds" },
  rateLimit: { limit: 1_000_000_000, window: "1 second" },
  hedge: { after: "1 second" },
  fallback: tool("spare"),
  maxResultSize: "64 KiB"
})

/** Dispatches turns of eight calls, each with other arguments, so that none is joined or cached. */
const dispatched = (one: Tool.Any, journaled: boolean) =>
  Effect.gen(function*() {
    const dispatcher = yield* Dispatcher.make([one])
    const journal = Journal.makeMemory()
    const writer = yield* journal.open("bench")
    const emit = journaled ? (event: RunEvent.RunEvent) => writer.append(event) : () => Effect.void
    const now = yield* Clock.currentTimeMillis
    return Effect.gen(function*() {
      for (let turn = 0; turn < callsARound / batch; turn++) {
        const dispatch = Dispatcher.open(dispatcher, {
          runId: "bench",
          tenant: undefined,
          thread: undefined,
          concurrency: 8,
          retries: { allowed: 10, left: 10 },
          withheld: [],
          emit,
          publish: () => Effect.void
        })
        const submitted: Array<Effect.Effect<Dispatcher.Answer>> = []
        for (let index = 0; index < batch; index++) {
          const asked = { turn, request: 1, index, id: `${index}`, name: one.name, params: { n: counter++ } }
          const key = journaled ? Dispatcher.idempotencyKey("bench", asked) : "key"
          submitted.push(yield* dispatch.submit({ ...asked, key }, now + 3_600_000))
        }
        dispatch.close()
        yield* Effect.all(submitted, { concurrency: "unbounded", discard: true })
      }
    })
  })

let counter = 0

const bare = Effect.gen(function*() {
  for (let turn = 0; turn < callsARound / batch; turn++) {
    const calls = Array.from({ length: batch }, () => handler({ n: counter++ }))
    yield* Effect.all(calls, { concurrency: "unbounded", discard: true })
  }
})

const micros = (effect: Effect.Effect<void>) =>
  Effect.gen(function*() {
    const before = process.cpuUsage()
    yield* effect
    const { system, user } = process.cpuUsage(before)
    return (user + system) / callsARound
  })

const program = Effect.gen(function*() {
  const rows = [
    { name: "bare handler", target: "", run: bare },
    { name: "stages alone, no policy", target: "≤ 3", run: yield* dispatched(plain, false) },
    { name: "stages alone, timeout + retry + concurrency", target: "≤ 12", run: yield* dispatched(common, false) },
    { name: "stages alone, every policy", target: "", run: yield* dispatched(all, false) },
    { name: "events + memory journal + key, no policy", target: "≤ 15", run: yield* dispatched(plain, true) },
    {
      name: "events + memory journal + key, timeout + retry + concurrency",
      target: "",
      run: yield* dispatched(common, true)
    },
    { name: "events + memory journal + key, every policy", target: "≤ 50", run: yield* dispatched(all, true) }
  ]
  const best = rows.map(() => Number.POSITIVE_INFINITY)
  for (let round = 0; round < rounds; round++) {
    for (const [i, { run }] of rows.entries()) best[i] = Math.min(best[i] ?? 0, yield* micros(run))
  }
  const base = best[0] ?? 0
  return rows.map(({ name, target }, i) => ({
    call: name,
    "µs": ((best[i] ?? 0) - (i === 0 ? 0 : base)).toFixed(2),
    target
  }))
})

export const run = () =>
  Effect.runPromise(
    program.pipe(Effect.scoped, Effect.provide(Dependencies.layerMemory))
  )
