import { assert, describe, it } from "@effect/vitest"
import { Check, type Limits, type RunEvent, RunState } from "@volley/core"
import { Effect } from "effect"
import { Prompt } from "effect/ai"
import * as Arbitrary from "effect/Arbitrary"
import { integer } from "./support/arbitraries.ts"
import {
  answered,
  attemptEnded,
  attemptStarted,
  ended,
  event,
  goodRun,
  intended,
  modelFailed,
  modelRequested,
  requested,
  responded,
  started,
  text,
  turnClosed,
  usage
} from "./support/events.ts"

const fold = (events: ReadonlyArray<RunEvent.RunEvent>): RunState.RunState =>
  events.reduce(RunState.apply, RunState.initial)

const next = (events: ReadonlyArray<RunEvent.RunEvent>, now = 0): ReadonlyArray<RunState.Command> =>
  RunState.next(fold(events), now)

const run = (limits: Limits.Limits, ...events: ReadonlyArray<RunEvent.RunEvent>) => [started(limits), ...events]

const callModel = (turn: number, request = 1, limit?: Limits.Reached, wait = 0) => ({
  _tag: "CallModel",
  turn,
  request,
  limit,
  wait
})

describe("apply", () => {
  it("apply - the phases of a run", () => {
    const phases = goodRun.map((_, i) => fold(goodRun.slice(0, i + 1)).phase)
    assert.deepStrictEqual(phases.filter((phase, i) => phase !== phases[i - 1]), [
      "ready",
      "requested",
      "ready",
      "requested",
      "responded",
      "dispatching",
      "ready",
      "requested",
      "responded",
      "finished",
      "ended"
    ])
  })

  it("G2 - the transcript has the answers in call order, whatever the order in which they came", () => {
    const { content } = fold(goodRun).transcript
    assert.deepStrictEqual(content.map(({ role }) => role), ["user", "assistant", "tool", "assistant"])
    const ids = content.map((message) =>
      typeof message.content === "string"
        ? []
        : message.content.flatMap((part) => part.type === "tool-call" || part.type === "tool-result" ? [part.id] : [])
    )
    assert.deepStrictEqual(ids, [[], ["call-1-2-0", "call-1-2-1", "call-1-2-2"], [
      "call-1-2-0",
      "call-1-2-1",
      "call-1-2-2"
    ], []])
  })

  it("apply - the transcript only ever grows, and only when a turn closes or a note is added", () => {
    let before = RunState.initial
    for (const found of goodRun) {
      const after = RunState.apply(before, found)
      const kept = after.transcript.content.slice(0, before.transcript.content.length)
      assert.deepStrictEqual(kept, before.transcript.content)
      if (found._tag !== "TurnClosed" && found._tag !== "RunStarted") {
        assert.strictEqual(after.transcript, before.transcript)
      }
      before = after
    }
  })

  it("apply - a reply that failed leaves nothing behind, not in the transcript and not in the calls", () => {
    const state = fold(goodRun.slice(0, 5))
    assert.deepStrictEqual(state.calls, [])
    assert.deepStrictEqual(state.blocks, [])
    assert.strictEqual(state.toolCalls, 0)
    assert.notInclude(JSON.stringify(fold(goodRun).transcript), "Half a")
  })

  it("G16 - usage is the sum over the replies", () => {
    assert.deepStrictEqual(fold(goodRun).usage, usage(20, 2))
  })

  it("apply - tool calls of the run are those that were intended", () => {
    assert.strictEqual(fold(goodRun).toolCalls, 3)
  })

  it("apply - an empty reply is not kept", () => {
    const state = fold(run({}, modelRequested(1), responded(1, 1, "stop"), turnClosed(1)))
    assert.deepStrictEqual(state.transcript.content.map(({ role }) => role), ["user"])
    assert.strictEqual(state.phase, "finished")
  })

  it("apply - a note of a limit joins the transcript once, however often the request is repeated", () => {
    const note = { limit: "turns" as const, note: { role: "system" as const, text: "Answer now." } }
    const state = fold(run({}, modelRequested(1, 1, note), modelFailed(1), modelRequested(1, 2, note)))
    const notes = state.transcript.content.filter(({ content }) => JSON.stringify(content).includes("Answer now."))
    assert.strictEqual(notes.length, 1)
    assert.strictEqual(state.limit, "turns")
  })

  it("text - is that of the last complete reply", () => {
    const texts = goodRun.map((_, i) => RunState.text(fold(goodRun.slice(0, i + 1))))
    assert.deepStrictEqual(texts.filter((words, i) => words !== texts[i - 1]), ["", "Let me look.", "", "Done."])
    const refused = run({}, modelRequested(1), text(1, 1, "I will n"), responded(1, 1, "content-filter"))
    assert.strictEqual(RunState.text(fold(refused)), "")
  })

  it("prompt - the instructions go before the transcript", () => {
    const state = fold(run({}))
    assert.deepStrictEqual(RunState.prompt(state).content.map(({ role }) => role), ["system", "user"])
    const { instructions: _, ...bare } = started()
    assert.strictEqual(RunState.prompt(fold([bare])), fold([bare]).transcript)
    assert.strictEqual(RunState.prompt(RunState.initial), Prompt.empty)
  })
})

describe("next", () => {
  const turn = [modelRequested(1), requested(1, 1, 0), requested(1, 1, 1), requested(1, 1, 2, "pay")]
  const replied = [...turn, responded(1)]
  const dispatched = [...replied, intended(1, 1, [0, 1, 2])]
  const allAnswered = [...dispatched, answered(1, 1, 2), answered(1, 1, 0), answered(1, 1, 1)]

  const table: ReadonlyArray<
    [name: string, events: ReadonlyArray<RunEvent.RunEvent>, now: number, commands: ReadonlyArray<unknown>]
  > = [
    ["nothing before the first event", [], 0, []],
    ["the model is asked first", run({}), 0, [callModel(1)]],
    ["nothing while the reply comes", run({}, ...turn), 0, []],
    ["a complete reply is intended", run({}, ...replied), 0, [{ _tag: "IntendDispatch", indices: [0, 1, 2] }]],
    ["all intended calls are started", run({}, ...dispatched), 0, [
      { _tag: "StartCall", index: 0 },
      { _tag: "StartCall", index: 1 },
      { _tag: "StartCall", index: 2 }
    ]],
    ["an answered call is not", run({}, ...dispatched, answered(1, 1, 1)), 0, [
      { _tag: "StartCall", index: 0 },
      { _tag: "StartCall", index: 2 }
    ]],
    [
      "a running one is asked for again: what is in flight is the Runner's to know",
      run({}, ...dispatched, answered(1, 1, 1), answered(1, 1, 2), attemptStarted(1, 1, 0), attemptEnded(1, 1, 0)),
      0,
      [{ _tag: "StartCall", index: 0 }]
    ],
    ["G1 - the turn closes when all are answered", run({}, ...allAnswered), 0, [{ _tag: "CloseTurn" }]],
    ["the model is asked again", run({}, ...allAnswered, turnClosed(1)), 0, [callModel(2)]],
    ["the last turn but none is without tools", run({ turns: 2 }, ...allAnswered, turnClosed(1)), 0, [
      callModel(2, 1, "turns")
    ]],
    ["no turn is left", run({ turns: 1 }, ...allAnswered, turnClosed(1)), 0, [
      { _tag: "Stop", outcome: "limited", reason: "turns" }
    ]],
    ["no tool call is left: the tools are withheld", run({ toolCalls: 3 }, ...allAnswered, turnClosed(1)), 0, [
      callModel(2, 1, "toolCalls")
    ]],
    ["calls above the run's are answered", run({ toolCalls: 2 }, ...replied), 0, [
      { _tag: "AnswerCall", index: 2, why: "tooManyInRun" }
    ]],
    ["calls above the turn's are answered", run({ toolCallsPerTurn: 1 }, ...replied), 0, [
      { _tag: "AnswerCall", index: 1, why: "tooManyInTurn" },
      { _tag: "AnswerCall", index: 2, why: "tooManyInTurn" }
    ]],
    [
      "then the rest is intended",
      run({ toolCallsPerTurn: 1 }, ...replied, answered(1, 1, 1, false), answered(1, 1, 2, false)),
      0,
      [{ _tag: "IntendDispatch", indices: [0] }]
    ],
    [
      "calls of a cut reply are answered as cut",
      run({}, ...turn, responded(1, 1, "length")),
      0,
      [0, 1, 2].map((index) => ({
        _tag: "AnswerCall",
        index,
        why: "cut"
      }))
    ],
    ["a refusal ends the run", run({}, ...turn, responded(1, 1, "content-filter")), 0, [
      { _tag: "Stop", outcome: "refused" }
    ]],
    [
      "a pause is continued",
      run({}, modelRequested(1), text(1, 1, "…"), responded(1, 1, "pause"), turnClosed(1)),
      0,
      [
        callModel(2)
      ]
    ],
    [
      "an answer that is cut is limited",
      run({}, modelRequested(1), text(1, 1, "…"), responded(1, 1, "length"), turnClosed(1)),
      0,
      [{ _tag: "Stop", outcome: "limited", reason: "outputTokens" }]
    ],
    ["an answer completes", goodRun.slice(0, -1), 0, [{ _tag: "Stop", outcome: "completed" }]],
    ["nothing after the end", goodRun, 0, []],
    ["a reply that broke off is asked for again after its wait", run({}, modelRequested(1), modelFailed(1)), 0, [
      callModel(1, 2, undefined, 100)
    ]],
    ["at most three requests a turn", run({}, modelRequested(1, 3), modelFailed(1, 3)), 0, [
      { _tag: "Stop", outcome: "failed", reason: "NetworkError" }
    ]],
    ["a failure that will not pass ends the run", run({}, modelRequested(1), modelFailed(1, 1, false)), 0, [
      { _tag: "Stop", outcome: "failed", reason: "NetworkError" }
    ]],
    ["tools stop at nine tenths of the deadline", run({ deadline: 1000 }), 900, [callModel(1, 1, "deadline")]],
    ["not before", run({ deadline: 1000 }), 899, [callModel(1)]],
    ["at the deadline the run ends", run({ deadline: 1000 }), 1000, [
      { _tag: "Stop", outcome: "limited", reason: "deadline" }
    ]],
    ["so it does in a request", run({ deadline: 1000 }, ...turn), 1000, [
      { _tag: "Stop", outcome: "limited", reason: "deadline" }
    ]],
    ["G1 - open calls are answered first", run({ deadline: 1000 }, ...dispatched, answered(1, 1, 0)), 1000, [
      { _tag: "AnswerCall", index: 1, why: "deadline" },
      { _tag: "AnswerCall", index: 2, why: "deadline" }
    ]],
    [
      "calls on the last turn are answered without being run",
      run({}, modelRequested(1, 1, { limit: "turns" }), requested(1, 1, 0), responded(1)),
      0,
      [{ _tag: "AnswerCall", index: 0, why: "noToolsLeft" }]
    ],
    [
      "and the run ends by its limit",
      run({}, modelRequested(1, 1, { limit: "turns" }), text(1, 1, "So far"), responded(1, 1, "stop"), turnClosed(1)),
      0,
      [{ _tag: "Stop", outcome: "limited", reason: "turns" }]
    ],
    ["an agent without tools may answer on its last turn", [{ ...started({ turns: 1 }), tools: [] }], 0, [
      callModel(1)
    ]]
  ]
  it.each(table)("next - %s", (_, events, now, commands) => {
    assert.deepStrictEqual(next(events, now), commands)
  })

  const anySequence = Arbitrary.array(event, { maxLength: 25 })

  it.effect.prop(
    "apply and next are total: no sequence of events, in no order, at no time, makes them throw",
    [anySequence, integer(-10, 800_000)],
    ([events, now]) =>
      Effect.sync(() => {
        for (const prefix of [events, [started(), ...events]]) {
          let state = RunState.initial
          for (const found of prefix) {
            state = RunState.apply(state, found)
            const commands = RunState.next(state, now)
            assert.isTrue(Array.isArray(commands))
            assert.deepStrictEqual(RunState.next(state, now), commands)
            assert.isString(RunState.text(state))
            assert.isTrue(Prompt.isPrompt(RunState.prompt(state)))
          }
        }
      }),
    { arbitrary: { runs: 300 } }
  )

  it.effect.prop("G19 - a run that has not ended always has a next command, unless its reply is on its way", [
    anySequence,
    integer(0, 800_000)
  ], ([events, now]) =>
    Effect.sync(() => {
      let state = RunState.apply(RunState.initial, started())
      for (const found of events) {
        state = RunState.apply(state, found)
        if (state.phase === "ended" || state.phase === "requested") continue
        assert.isNotEmpty(RunState.next(state, now))
      }
    }))

  /** The shortest events that a command may bring about. */
  const play = (command: RunState.Command, { request, turn }: RunState.RunState): ReadonlyArray<RunEvent.RunEvent> => {
    switch (command._tag) {
      case "CallModel":
        return [
          modelRequested(command.turn, command.request, command.limit === undefined ? {} : { limit: command.limit }),
          requested(command.turn, command.request, 0),
          responded(command.turn, command.request)
        ]
      case "IntendDispatch":
        return [intended(turn, request, command.indices)]
      case "StartCall":
      case "AnswerCall":
        return [answered(turn, request, command.index)]
      case "CloseTurn":
        return [turnClosed(turn, request)]
      case "Stop":
        return [ended(command.outcome)]
    }
  }

  it.effect.prop("G19 - a model that never stops calling tools ends after the turns that it has", [integer(1, 6)], (
    [turns]
  ) =>
    Effect.sync(() => {
      const events: Array<RunEvent.RunEvent> = [started({ turns })]
      for (let [command] = next(events); command !== undefined; [command] = next(events)) {
        events.push(...play(command, fold(events)))
      }
      assert.strictEqual(events.filter(({ _tag }) => _tag === "ModelRequested").length, turns)
      assert.deepStrictEqual(events.at(-1), ended("limited"))
      assert.deepStrictEqual(Check.all(events), [])
    }))
})
