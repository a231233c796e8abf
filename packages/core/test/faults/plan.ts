import { ModelScript, Simulation } from "@volley/core/testing"

/** What a handler does of its own accord, beside the fault that is injected. */
export type Fate = "ok" | "refused" | "down" | "committed" | "odd" | "bug"

export const toolNames = ["look", "big", "put", "pay", "book", "refund"] as const

export type ToolName = typeof toolNames[number]

/** A run as data: what the model asks turn by turn, and what the handlers do at their nth execution. */
export interface Plan {
  readonly seed: number
  readonly turns: ReadonlyArray<ReadonlyArray<{ readonly tool: ToolName; readonly n: number }>>
  readonly concurrency: number
  /** Whether the ids of the model's calls begin anew in each process. */
  readonly repeatedIds: boolean
  readonly cached: boolean
  /** Steps of work in a handler, in milliseconds, before and after its effect. */
  readonly work: (n: number) => number
  readonly fate: (n: number, nth: number) => Fate
}

const thinking = { type: "thinking", thinking: "step by step", signature: "c2lnbmF0dXJl" } as const

/** The reply of a turn (from 0); after the last one the answer. */
export const reply = ({ repeatedIds, turns }: Plan, turn: number): ModelScript.Reply => {
  const calls = turns[turn]
  if (calls === undefined) return ModelScript.text("done")
  return ModelScript.reply({
    content: [
      thinking,
      ...(turn === 0 ? [{ type: "text" as const, text: "Let me see." }] : []),
      ...calls.map(({ n, tool }, i) => ({
        type: "tool_use" as const,
        name: tool,
        input: { n },
        ...(repeatedIds ? {} : { id: ModelScript.callId(turn, i) })
      }))
    ],
    chunkSize: 100
  })
}

/** A run with a call of every kind of tool, in which nothing goes wrong of its own accord. */
export const calm: Plan = {
  seed: 1,
  turns: [
    [{ tool: "look", n: 1 }, { tool: "pay", n: 2 }, { tool: "put", n: 3 }],
    [{ tool: "book", n: 4 }, { tool: "big", n: 5 }, { tool: "refund", n: 6 }],
    [{ tool: "pay", n: 7 }]
  ],
  concurrency: 3,
  repeatedIds: false,
  cached: true,
  work: () => 5,
  fate: () => "ok"
}

/** The same, but that some first attempts fail, with and without an effect. */
export const troubled: Plan = {
  ...calm,
  repeatedIds: true,
  fate: (n, nth) => nth > 0 ? "ok" : n === 1 ? "down" : n === 7 ? "refused" : n === 3 || n === 4 ? "committed" : "ok"
}

const fates: ReadonlyArray<Fate> = ["refused", "down", "committed", "odd", "bug"]

export const plan = (seed: number): Plan => {
  const random = Simulation.randomNumbers(seed)
  const upTo = (most: number): number => Math.floor(random() * (most + 1))
  const oneOf = <A>(items: ReadonlyArray<A>): A => items[upTo(items.length - 1)]!
  let n = 1
  const turns = Array.from(
    { length: 1 + upTo(2) },
    () => Array.from({ length: 1 + upTo(3) }, () => ({ tool: oneOf(toolNames), n: n++ }))
  )
  const trouble = oneOf([0, 0.2, 0.5])
  return {
    seed,
    turns,
    concurrency: 1 + upTo(3),
    repeatedIds: random() < 0.5,
    cached: random() < 0.5,
    work: (n) => (n * seed) % 4 * 5,
    fate: (n, nth) => {
      const numbers = Simulation.randomNumbers(seed * 7919 + n * 101 + nth)
      numbers()
      return numbers() < trouble ? fates[Math.floor(numbers() * fates.length)]! : "ok"
    }
  }
}
