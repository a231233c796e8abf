import { Agent, Dependencies, type RunEvent, type ToolPolicy } from "@volley/core"
import { ModelScript, ScriptedModel } from "@volley/core/testing"
import { Effect, Layer, Schema } from "effect"

const takes = 300
const rounds = 7

export const title =
  `Eager calls: the blocks of three calls end after 100, 200 and 300 ms, the reply after 800 ms, each call takes ${takes} ms `
  + `(wall ms of the turn, median of ${rounds} interleaved rounds)`

/**
 * Four events in 100 ms. A call is a start, an empty piece, its arguments and an end; the first has none, but a ping before it.
 * The text is a start, 16 pieces and an end, and two events end the reply.
 */
const script = ModelScript.reply({
  content: [
    { type: "tool_use", name: "look", input: {} },
    { type: "tool_use", name: "look", input: { n: 1 } },
    { type: "tool_use", name: "look", input: { n: 2 } },
    { type: "text", text: "x".repeat(16 * 20) }
  ],
  chunkSize: 20,
  interval: 25
})

const agentOf = (effectClass: ToolPolicy.EffectClass) =>
  Agent.make("eager", {
    tools: [
      Agent.tool("look", {
        description: "Takes its time",
        class: effectClass,
        parameters: { n: Schema.optionalKey(Schema.Int) },
        run: ({ n }) => Effect.as(Effect.sleep(takes), n)
      })
    ]
  })

/** When the blocks of the calls, the reply and the turn ended, in milliseconds after the model was asked. */
const measure = Effect.fnUntraced(function*(effectClass: ToolPolicy.EffectClass) {
  const { layer } = yield* ScriptedModel.make([script, ModelScript.text("done")])
  const times: Array<{ readonly tag: (RunEvent.RunEvent | RunEvent.Delta)["_tag"]; readonly at: number }> = []
  const outcome = yield* Agent.run(agentOf(effectClass), "Look", {
    onEvent: ({ _tag: tag }) => Effect.sync(() => void times.push({ tag, at: performance.now() }))
  }).pipe(Effect.provide(Layer.merge(layer, Dependencies.layerMemory)))
  if (outcome.toolCalls !== 3) throw new Error(`${outcome.toolCalls} calls were run`)
  const begun = times.find(({ tag }) => tag === "ModelRequested")?.at ?? NaN
  const ends = (wanted: RunEvent.RunEvent["_tag"]) =>
    times.flatMap(({ at, tag }) => tag === wanted ? [Math.round(at - begun)] : [])
  const [reply = NaN] = ends("ModelResponded")
  const [turn = NaN] = ends("TurnClosed")
  return { blocks: ends("ToolCallRequested"), reply, turn }
})

const inOrder = (values: ReadonlyArray<number>) => values.toSorted((left, right) => left - right)

const median = (values: ReadonlyArray<number>): number => inOrder(values)[values.length >> 1] ?? NaN

type Measured = Effect.Success<ReturnType<typeof measure>>

const program = Effect.gen(function*() {
  const rows = [
    { effectClass: "readonly" as const, ideal: 800, runs: Array.of<Measured>() },
    { effectClass: "effectful" as const, ideal: 800 + takes, runs: Array.of<Measured>() }
  ]
  for (let round = 0; round < rounds; round++) {
    for (const { effectClass, runs } of rows) runs.push(yield* measure(effectClass))
  }
  return rows.map(({ effectClass, ideal, runs }) => {
    const turns = inOrder(runs.map(({ turn }) => turn))
    return {
      class: effectClass,
      "blocks end": [0, 1, 2].map((block) => median(runs.map(({ blocks }) => blocks[block] ?? NaN))).join(", "),
      "reply ends": median(runs.map(({ reply }) => reply)),
      "turn after it": median(runs.map(({ reply, turn }) => turn - reply)),
      turn: median(turns),
      fastest: turns[0],
      slowest: turns.at(-1),
      ideal
    }
  })
})

export const run = () => Effect.runPromise(program)
