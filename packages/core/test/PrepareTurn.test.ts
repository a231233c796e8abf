import { assert, describe, it } from "@effect/vitest"
import { PrepareTurn, type RunEvent, RunState } from "@volley/core"
import { Effect } from "effect"
import * as Arbitrary from "effect/Arbitrary"
import {
  answered,
  event,
  intended,
  modelRequested,
  requested,
  responded,
  started,
  text,
  turnClosed
} from "./support/events.ts"

type Events = ReadonlyArray<RunEvent.RunEvent>

const fold = (events: Events): RunState.RunState => events.reduce(RunState.apply, RunState.initial)

const callTurn = (turn: number): Events => [
  modelRequested(turn, 1, { settings: { gathering: true } }),
  requested(turn, 1, 0),
  responded(turn),
  intended(turn, 1, [0]),
  answered(turn, 1, 0),
  turnClosed(turn)
]

const textTurn = (turn: number): Events => [
  modelRequested(turn, 1, { settings: { gathering: true } }),
  text(turn, 1, "Enough."),
  responded(turn, 1, "stop"),
  turnClosed(turn)
]

const after = (...turns: ReadonlyArray<Events>): RunState.RunState => fold([started(), ...turns.flat()])

describe("gatherThenAnswer", () => {
  const prepare = PrepareTurn.gatherThenAnswer(2)

  it("the model may call tools on the first turns, and has to answer on the next", () => {
    assert.deepStrictEqual(prepare(RunState.initial), {})
    assert.deepStrictEqual(prepare(after()), {})
    assert.deepStrictEqual(prepare(after(callTurn(1))), {})
    assert.deepStrictEqual(prepare(after(callTurn(1), callTurn(2))), { toolChoice: "none" })
    assert.deepStrictEqual(prepare(after(callTurn(1), callTurn(2), callTurn(3))), { toolChoice: "none" })
  })

  it("refuses fewer than one turn", () => {
    for (const turns of [0, -1, 1.5, Number.NaN, Number.POSITIVE_INFINITY]) {
      assert.throws(
        () => PrepareTurn.gatherThenAnswer(turns),
        RangeError,
        "gatherThenAnswer must be a whole number of at least 1"
      )
    }
  })
})

describe("routeByPhase", () => {
  const prepare = PrepareTurn.routeByPhase({ gather: "small", answer: "large", turns: 2 })
  const gather = { model: "small", gathering: true }
  const answer = { model: "large", toolChoice: "none" }

  it("the one model gathers, until its turns are over", () => {
    assert.deepStrictEqual<unknown>(prepare(after()), gather)
    assert.deepStrictEqual<unknown>(prepare(after(callTurn(1))), gather)
    assert.deepStrictEqual<unknown>(prepare(after(callTurn(1), callTurn(2))), answer)
  })

  it("or until it calls no tool: the other answers", () => {
    assert.deepStrictEqual<unknown>(prepare(after(textTurn(1))), answer)
  })

  it("gathers on five turns by default", () => {
    const five = PrepareTurn.routeByPhase({ gather: "small", answer: "large" })
    const gathered = (turns: number) => after(...Array.from({ length: turns }, (_, i) => callTurn(i + 1)))
    assert.deepStrictEqual<unknown>(five(gathered(4)), gather)
    assert.deepStrictEqual<unknown>(five(gathered(5)), answer)
  })

  it("refuses fewer than one turn", () => {
    for (const turns of [0, 0.5, Number.NaN]) {
      assert.throws(
        () => PrepareTurn.routeByPhase({ gather: "a", answer: "b", turns }),
        RangeError,
        "routeByPhase.turns must be a whole number of at least 1"
      )
    }
  })
})

it.effect.prop(
  "the same state has the same settings",
  [Arbitrary.array(event, { maxLength: 25 })],
  ([events]) =>
    Effect.sync(() => {
      const prepares = [
        PrepareTurn.gatherThenAnswer(2),
        PrepareTurn.routeByPhase({ gather: "a", answer: "b", turns: 2 })
      ]
      for (const prepare of prepares) assert.deepStrictEqual(prepare(fold(events)), prepare(fold(events)))
    })
)
