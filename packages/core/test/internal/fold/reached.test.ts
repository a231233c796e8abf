import { assert, describe, it } from "@effect/vitest"
import { Limits, type RunEvent, RunState } from "@volley/core"
import { Effect } from "effect"
import * as Arbitrary from "effect/Arbitrary"
import * as Reached from "../../../src/internal/fold/reached.ts"
import { integer } from "../../support/arbitraries.ts"
import { event, responded, started, usage } from "../../support/events.ts"

interface Spent {
  readonly turns?: number
  readonly toolCalls?: number
  readonly usage?: RunEvent.Usage
  readonly cost?: number | undefined
}

/** A state that has spent so much, of which the last reply took `last`. */
const state = (
  limits: Limits.Limits,
  spent: Spent = {},
  last?: Partial<RunEvent.Of<"ModelResponded">>,
  more: Partial<RunState.RunState> = {}
): RunState.RunState => ({
  ...RunState.initial,
  started: started(limits),
  spent: { ...RunState.initial.spent, ...spent },
  response: last === undefined ? undefined : responded(1, 1, "stop", last) as RunEvent.Of<"ModelResponded">,
  ...more
})

const cost = (usd: number) => ({ cost: { usd } })

describe("over", () => {
  const over = (limits: Limits.Limits, spent: Spent) => Reached.over(state(limits, spent))

  it("nothing is by default, however much was spent", () => {
    assert.isUndefined(over({}, { turns: 9, toolCalls: 999, usage: usage(1e9, 1e9), cost: undefined }))
  })

  it("turns - when all are taken", () => {
    assert.isUndefined(over({ turns: 3 }, { turns: 2 }))
    assert.strictEqual(over({ turns: 3 }, { turns: 3 }), "turns")
  })

  it("tokens - when as many are used", () => {
    assert.isUndefined(over({ tokens: { input: 10, output: 5, total: 15 } }, { usage: usage(9, 4) }))
    assert.strictEqual(over({ tokens: { input: 10 } }, { usage: usage(10, 0) }), "inputTokens")
    assert.strictEqual(over({ tokens: { output: 5 } }, { usage: usage(0, 5) }), "outputTokens")
    assert.strictEqual(over({ tokens: 15 }, { usage: usage(10, 5) }), "totalTokens")
  })

  it("cost - when it is spent, or not known", () => {
    assert.isUndefined(over(cost(1), { cost: 0.99 }))
    assert.strictEqual(over(cost(1), { cost: 1 }), "cost")
    assert.strictEqual(over(cost(1), { cost: undefined }), "cost")
  })

  it("the first of several is named", () => {
    assert.strictEqual(over({ turns: 1, tokens: 1 }, { turns: 1, usage: usage(1, 1) }), "turns")
    assert.strictEqual(over({ tokens: { input: 1, total: 1 } }, { usage: usage(1, 1) }), "inputTokens")
  })
})

describe("last", () => {
  const last = (
    limits: Limits.Limits,
    spent: Spent = {},
    reply?: Partial<RunEvent.Of<"ModelResponded">>,
    elapsed = 0,
    more: Partial<RunState.RunState> = {}
  ) => Reached.last(state(limits, spent, reply, more), elapsed)

  it("turns, toolCalls, deadline - only where there are tools to withhold", () => {
    const bare = { started: started({ turns: 1, toolCalls: 0, deadline: 1000 }, { tools: [] }) }
    assert.strictEqual(last({ turns: 1 }), "turns")
    assert.isUndefined(last({ turns: 2 }))
    assert.strictEqual(last({ toolCalls: 2 }, { toolCalls: 2 }), "toolCalls")
    assert.isUndefined(last({ toolCalls: 2 }, { toolCalls: 1 }))
    assert.strictEqual(last({ deadline: 1000 }, {}, undefined, 900), "deadline")
    assert.isUndefined(last({ deadline: 1000 }, {}, undefined, 899))
    assert.isUndefined(last({}, {}, undefined, 900, bare))
  })

  it("repetition - when a call was repeated once more than the model was told", () => {
    assert.isUndefined(last({ repetition: 2 }, {}, undefined, 0, { repeated: 2 }))
    assert.strictEqual(last({ repetition: 2 }, {}, undefined, 0, { repeated: 3 }), "repetition")
  })

  it("tokens and cost - when two more requests like the last would be too many", () => {
    const reply = { usage: usage(10, 4), cost: 0.5 }
    const spent = { usage: usage(30, 8), cost: 2 }
    assert.isUndefined(last({ tokens: { input: 50, output: 16, total: 66 }, ...cost(3) }, spent, reply))
    assert.strictEqual(last({ tokens: { input: 49 } }, spent, reply), "inputTokens")
    assert.strictEqual(last({ tokens: { output: 15 } }, spent, reply), "outputTokens")
    assert.strictEqual(last({ tokens: 65 }, spent, reply), "totalTokens")
    assert.strictEqual(last(cost(2.9), spent, reply), "cost")
  })

  it("context - from nine tenths of the window, or of the limit that stands for it", () => {
    const reply = { usage: usage(80, 10), window: 100 }
    assert.strictEqual(last({}, {}, reply), "context")
    assert.isUndefined(last({}, {}, { ...reply, window: 101 }))
    assert.isUndefined(last({ tokens: { context: 1000 } }, {}, reply))
    assert.strictEqual(last({ tokens: { context: 100 } }, {}, { usage: usage(80, 10) }), "context")
    assert.isUndefined(last({}, {}, { usage: usage(1e9, 1e9) }))
  })

  it("nothing is before the first reply", () => {
    assert.isUndefined(last({ tokens: 1, ...cost(0.01) }))
  })
})

describe("exceeded", () => {
  it("tokens and cost - when another request like the last would be too many", () => {
    const reply = { usage: usage(10, 4), cost: 0.5 }
    const spent = { usage: usage(10, 4), cost: 0.5 }
    assert.isUndefined(Reached.exceeded(state({ tokens: 28, ...cost(1) }, spent, reply)))
    assert.strictEqual(Reached.exceeded(state({ tokens: 27 }, spent, reply)), "totalTokens")
    assert.strictEqual(Reached.exceeded(state(cost(0.9), spent, reply)), "cost")
  })

  it("repetition - as for the last turn", () => {
    assert.isUndefined(Reached.exceeded(state({}, {}, undefined, { repeated: 3 })))
    assert.strictEqual(Reached.exceeded(state({}, {}, undefined, { repeated: 4 })), "repetition")
  })

  it("turns and deadline are used to their end", () => {
    assert.isUndefined(Reached.exceeded(state({ turns: 1, deadline: 1 })))
  })
})

it.effect.prop("each names a limit or none, in any state, at any time", [
  Arbitrary.array(event, { maxLength: 20 }),
  integer(0, 800_000)
], ([events, elapsed]) =>
  Effect.sync(() => {
    const found = [started(), ...events].reduce(RunState.apply, RunState.initial)
    for (const limit of [Reached.over(found), Reached.last(found, elapsed), Reached.exceeded(found)]) {
      if (limit !== undefined) assert.include(Limits.Reached.literals, limit)
    }
  }))
