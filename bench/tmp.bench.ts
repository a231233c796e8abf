import { Agent, Dispatcher, ToolCall, ToolPolicy } from "@volley/core"
import { Simulation } from "@volley/core/testing"
import { Duration, Effect, Schema } from "effect"

export const title =
  "Hedging against stragglers: 20,000 calls of 50-150 ms by 8 callers, 5 % of the attempts take ten times as long (ms, simulated time)"

const calls = 20_000
const callers = 8
const stragglers = 0.05
const targets = { less: 60, extra: 7 }

/** How long each attempt of a call takes, drawn beforehand: the same for both programs. */
const durations = (() => {
  const random = Simulation.randomNumbers(2)
  const draw = (): number => Math.round((50 + 100 * random()) * (random() < stragglers ? 10 : 1))
  return Array.from({ length: calls }, () => [draw(), draw()] as const)
})()

const measure = (hedge: ToolPolicy.Hedge | undefined) => {
  const latencies: Array<number> = []
  let attempts = 0
  const tool = ToolPolicy.readonly(
    Agent.tool("read", {
      description: "Reads",
      class: "readonly",
      parameters: { n: Schema.Int },
      run: ({ n }) =>
        Effect.flatMap(ToolCall.current, (call) => {
          attempts++
          return Effect.sleep(durations[n]?.[call?.attempt === 2 ? 1 : 0] ?? 0)
        })
    }),
    hedge === undefined ? {} : { hedge }
  )
  const call = Effect.fnUntraced(function*(n: number) {
    const [took] = yield* Effect.timed(Dispatcher.call(tool, { n }))
    latencies.push(Math.round(Duration.toMillis(took)))
  })
  const { stop } = Simulation.simulate(
    Effect.forEach(durations.keys(), call, { concurrency: callers, discard: true }),
    { seed: 1, yieldProbability: 0, maxSteps: Number.POSITIVE_INFINITY }
  )
  if (stop._tag !== "Done") throw new Error(`the simulation ended: ${stop._tag}`)
  const sorted = latencies.toSorted((left, right) => left - right)
  const percentile = (share: number): number => sorted[Math.ceil(calls * share) - 1] ?? NaN
  return { p50: percentile(0.5), p95: percentile(0.95), p99: percentile(0.99), extra: (attempts / calls - 1) * 100 }
}

export const run = () => {
  const without = measure(undefined)
  const hedged = measure({ after: "p95" })
  const row = (hedge: string, { extra, p50, p95, p99 }: typeof without) => ({ hedge, p50, p95, p99, "extra %": extra.toFixed(2), "p99 less %": (100 * (1 - p99 / without.p99)).toFixed(1) })
  return [row("none", without), row("after p95", hedged), { hedge: "target", "extra %": `≤ ${targets.extra}`, "p99 less %": `≥ ${targets.less}` }]
}
