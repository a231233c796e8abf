import { Agent, Dependencies, Journal } from "@volley/core"
import { ModelScript, ScriptedModel } from "@volley/core/testing"
import { Effect, Layer, Schema } from "effect"

const calls = 4
const long = 200
const short = 20
const rounds = 21

export const title =
  `Growth: CPU of one turn with ${calls} calls, in runs of ${short} and of ${long} turns, journal in memory and transcript `
  + `included (ms, ${rounds} interleaved rounds)`

const look = Agent.tool("look", {
  description: "Looks something up",
  class: "readonly",
  parameters: { n: Schema.Int },
  run: ({ n }) => ({ n, found: `what was found under ${n}` })
})

const replies = (turns: number) => [
  ...Array.from({ length: turns - 1 }, (_, turn) =>
    ModelScript.toolUse(
      Array.from({ length: calls }, (_, index) => ({ name: "look", input: { n: turn * calls + index } }))
    )),
  ModelScript.text("That is all.")
]

/** One run; its journal holds all that happened. */
const once = Effect.fnUntraced(function*(turns: number) {
  const agent = Agent.make("growth", { tools: [look], limits: { turns: turns + 1 } })
  const { layer } = yield* ScriptedModel.make(replies(turns))
  const journal = Journal.makeMemory()
  const { toolCalls, transcript } = yield* Agent.run(agent, "Look everything up", { runId: "growth" }).pipe(
    Effect.provide(Layer.merge(layer, Dependencies.layerMemory)),
    Effect.provideService(Journal.current, journal)
  )
  const answered = (yield* journal.read("growth")).filter(({ _tag }) => _tag === "ToolCallAnswered").length
  const expected = (turns - 1) * calls
  if (toolCalls !== expected || answered !== expected || transcript.content.length !== 2 * turns) {
    throw new Error(`${toolCalls} calls, ${answered} answers, ${transcript.content.length} messages`)
  }
})

/** As many turns in short runs as in the long one, so that a sample of either takes about as long. */
const perTurn = (turns: number) =>
  Effect.gen(function*() {
    const before = process.cpuUsage()
    for (let run = 0; run < long / turns; run++) yield* once(turns)
    const { system, user } = process.cpuUsage(before)
    return (user + system) / 1000 / long
  })

const row = (run: string, values: ReadonlyArray<number>, target: string) => {
  const sorted = values.toSorted((left, right) => left - right)
  const at = (share: number): string => (sorted[Math.round(share * (sorted.length - 1))] ?? NaN).toFixed(3)
  return { run, median: at(0.5), "25 %": at(0.25), "75 %": at(0.75), least: at(0), most: at(1), target }
}

const program = Effect.gen(function*() {
  yield* Effect.andThen(perTurn(short), perTurn(long))
  const samples: ReadonlyArray<{ readonly turns: number; readonly times: Array<number> }> = [
    { turns: short, times: [] },
    { turns: long, times: [] }
  ]
  const ratios: Array<number> = []
  for (let round = 0; round < rounds; round++) {
    // each goes first in every other round
    for (const { times, turns } of round % 2 === 0 ? samples : samples.toReversed()) times.push(yield* perTurn(turns))
    ratios.push((samples[1]?.times[round] ?? NaN) / (samples[0]?.times[round] ?? NaN))
  }
  return [
    ...samples.map(({ times, turns }) => row(`${turns} turns`, times, "")),
    row("long over short", ratios, "< 1.5")
  ]
})

export const run = () => Effect.runPromise(program)
