import { Agent, Dispatcher, ToolCall, ToolPolicy } from "@volley/core"
import { Simulation } from "@volley/core/testing"
import { Duration, Effect, Schema } from "effect"

const calls = 20_000
const callers = 8
const stragglers = 0.05

export const title =
  `Hedging: ${calls} calls of 50-150 ms by ${callers} callers, 5 % of the attempts take ten times as long (ms of simulated time)`

/** How long the attempts of each call take: the same with and without hedging. */
const durations = (() => {
  const random = Simulation.randomNumbers(1)
  const draw = (): number => Math.round((50 + 100 * random()) * (random() < stragglers ? 10 : 1))
  return Array.from({ length: calls }, () => [draw(), draw()])
})()

const measure = (hedge?: ToolPolicy.Hedge) => {
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
          return Effect.sleep(durations[n]?.[(call?.attempt ?? 1) - 1] ?? 0)
        })
    }),
    hedge === undefined ? {} : { hedge }
  )
  const call = (n: number) =>
    Effect.map(
      Effect.timed(Dispatcher.call(tool, { n })),
      ([took]) => void latencies.push(Math.round(Duration.toMillis(took)))
    )
  const { stop } = Simulation.simulate(
    Effect.forEach(durations.keys(), call, { concurrency: callers, discard: true }),
    { seed: 1, yieldProbability: 0, maxSteps: Number.POSITIVE_INFINITY }
  )
  if (stop._tag !== "Done") throw new Error(`the simulation ended: ${stop._tag}`)
  const sorted = latencies.toSorted((left, right) => left - right)
  const percentile = (share: number): number => sorted[Math.ceil(calls * share) - 1] ?? NaN
  return { p50: percentile(0.5), p95: percentile(0.95), p99: percentile(0.99), extra: attempts / calls - 1 }
}

/** Without and with hedging; `change` is that of `p99`, `extra` the attempts over one for each call. */
export const compared = () => {
  const alone = measure()
  const { extra, ...hedged } = measure({ after: "p95" })
  return { alone, hedged, change: hedged.p99 / alone.p99 - 1, extra }
}

const percent = (share: number): string => `${(100 * share).toFixed(1)} %`

export const run = () => {
  const { alone, change, extra, hedged } = compared()
  return [
    { hedge: "none", p50: alone.p50, p95: alone.p95, p99: alone.p99 },
    { hedge: "after p95", ...hedged, "p99 against none": percent(change), extra: percent(extra) },
    { hedge: "target", "p99 against none": "≤ -60 %", extra: "≤ 7 %" }
  ]
}
