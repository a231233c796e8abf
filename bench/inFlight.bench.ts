import { Agent, Dependencies, Dispatcher, Journal, ToolFailure, ToolPolicy } from "@volley/core"
import { Clock, Effect, Schema } from "effect"

export const title =
  "10,000 calls of one turn in flight at the same time, each sleeping 100 ms (wall and CPU, memory held meanwhile)"

const calls = 10_000
const sleep = 100

const Wait = ToolPolicy.set(
  Agent.tool("wait", {
    description: "Sleeps",
    class: "idempotent",
    parameters: { n: Schema.Int },
    failure: ToolFailure.ToolFailure,
    run: ({ n }) => Effect.as(Effect.sleep(sleep), n)
  }),
  { timeout: "30 seconds", retry: { times: 2 } }
)

const once = Effect.gen(function*() {
  const dispatcher = yield* Dispatcher.make([Wait])
  const writer = yield* Journal.makeMemory().open("bench")
  globalThis.gc?.()
  const before = process.cpuUsage()
  const heap = process.memoryUsage().heapUsed
  const begun = performance.now()
  const now = yield* Clock.currentTimeMillis
  const dispatch = Dispatcher.open(dispatcher, {
    runId: "bench",
    tenant: undefined,
    thread: undefined,
    concurrency: calls,
    retries: { allowed: 10, left: 10 },
    emit: (event) => Effect.clockWith((clock) => writer.append(event(clock.currentTimeMillisUnsafe()))),
    publish: () => Effect.void
  })
  const submitted = yield* Effect.forEach(Array.from({ length: calls }, (_, n) => n), (n) => {
    const asked = { turn: 1, request: 1, index: n, id: `${n}`, name: "wait", params: { n } }
    return dispatch.submit({ ...asked, key: Dispatcher.idempotencyKey("bench", asked) }, now + 60_000)
  })
  dispatch.close()
  let held = 0
  const answers = yield* Effect.all([
    Effect.all(submitted, { concurrency: "unbounded" }),
    Effect.delay(
      Effect.sync(() => {
        held = process.memoryUsage().heapUsed - heap
      }),
      sleep / 2
    )
  ], { concurrency: "unbounded" })
  const { system, user } = process.cpuUsage(before)
  return {
    answered: answers[0].filter(({ ok }) => ok).length,
    wall: performance.now() - begun,
    cpu: (user + system) / calls,
    heap: held / 1024 / 1024
  }
})

/** Milliseconds, µs of a call, MB. */
export const measure = () => Effect.runPromise(Effect.provide(Effect.scoped(once), Dependencies.layerMemory))

export const run = async () => {
  const rows = []
  for (let round = 1; round <= 3; round++) {
    // oxlint-disable-next-line no-await-in-loop -- rounds must not disturb each other
    const { answered, cpu, heap, wall } = await measure()
    rows.push({
      round,
      answered,
      "wall ms": Math.round(wall),
      "CPU ms": Math.round(cpu * calls / 1000),
      "CPU µs a call": Math.round(cpu),
      "heap MB": Math.round(heap)
    })
  }
  return rows
}
