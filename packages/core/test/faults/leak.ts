/** Runs an agent many times in one process and prints what is left of that, as one line of JSON. */
import { Agent, Journal } from "@volley/core"
import { ModelScript, ScriptedModel } from "@volley/core/testing"
import { Effect, Layer, Metric, Schema } from "effect"

const runs = Number(process.argv[2])

/** Runs before anything is measured: what is compiled and allocated once. */
const warmUp = 300

/** Fibers that have begun and not ended. */
let fibers = 0
let begun = 0
const counting: Metric.FiberRuntimeMetricsService = {
  recordFiberStart: () => {
    fibers++
    begun++
  },
  recordFiberEnd: () => {
    fibers--
  }
}

const parameters = { n: Schema.Int }
const look = Agent.tool("look", { description: "Looks", class: "readonly", parameters, run: ({ n }) => `seen ${n}` })
const pay = Agent.tool("pay", {
  description: "Pays",
  parameters,
  run: ({ n }) => n % 5 === 0 ? Effect.never : Effect.as(Effect.yieldNow, "paid")
})
const agent = Agent.make("leaking", { tools: [look, pay], limits: { deadline: "1 minute", toolTimeout: "3 millis" } })

const call = (name: string, n: number) => ({ name, input: { n } })

/** One run in ten is cancelled, one in five has a handler that hangs until its deadline. */
const one = (n: number) =>
  Effect.gen(function*() {
    const { layer } = yield* ScriptedModel.make([
      ModelScript.toolUse([call("look", n), call("look", n + 1), call("pay", n)]),
      ModelScript.toolUse([call("pay", 1)]),
      ModelScript.text("done")
    ])
    let count = 0
    let cancel: () => void = () => {}
    const run = Agent.run(agent, "Go", {
      runId: `run-${n}`,
      onEvent: () => Effect.sync(() => ++count === 12 && n % 10 === 1 && cancel())
    }).pipe(Effect.provide(Layer.merge(layer, Journal.layerMemory)))
    const controller = new AbortController()
    cancel = () => controller.abort()
    const services = yield* Effect.context()
    yield* Effect.promise(() => Effect.runPromiseExitWith(services)(run, { signal: controller.signal }))
  })

const settled = Effect.sleep(60)

const resources = (): ReadonlyArray<string> => process.getActiveResourcesInfo().toSorted()

const collect = (): void => {
  globalThis.gc?.()
  globalThis.gc?.()
}

/** Bytes a run, by least squares over the second half. */
const slope = (samples: ReadonlyArray<readonly [run: number, bytes: number]>): number => {
  const half = samples.slice(Math.floor(samples.length / 2))
  const meanOf = (place: 0 | 1) => half.reduce((sum, sample) => sum + sample[place], 0) / half.length
  const [x, y] = [meanOf(0), meanOf(1)]
  const covariance = half.reduce((sum, [run, bytes]) => sum + (run - x) * (bytes - y), 0)
  return covariance / half.reduce((sum, [run]) => sum + (run - x) ** 2, 0)
}

const program = Effect.gen(function*() {
  for (let n = 0; n < warmUp; n++) yield* one(n)
  yield* settled
  collect()
  const before = { fibers, resources: resources() }
  const rss: Array<readonly [number, number]> = []
  const heap: Array<readonly [number, number]> = []
  for (let n = 1; n <= runs; n++) {
    yield* one(n)
    if (n % Math.ceil(runs / 100) !== 0) continue
    collect()
    const used = process.memoryUsage()
    rss.push([n, used.rss])
    heap.push([n, used.heapUsed + used.external])
  }
  yield* settled
  collect()
  const after = { fibers, resources: resources() }
  return { begun, before, after, slopes: { rss: slope(rss), heap: slope(heap) } }
})

// oxlint-disable-next-line no-console -- the test reads it
console.log(JSON.stringify(
  await Effect.runPromise(Effect.provideService(program, Metric.FiberRuntimeMetrics, counting))
))
