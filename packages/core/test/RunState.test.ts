import { assert, describe, it } from "@effect/vitest"
import { Check, Limits, type RunEvent, RunState } from "@volley/core"
import { Effect } from "effect"
import { Prompt } from "effect/ai"
import * as Arbitrary from "effect/Arbitrary"
import * as Notes from "../src/internal/fold/notes.ts"
import { integer } from "./support/arbitraries.ts"
import {
  answered,
  approvalDecided,
  approvalRequested,
  attemptEnded,
  attemptStarted,
  ended,
  event,
  failure,
  goodRun,
  intended,
  modelFailed,
  modelRequested,
  outputChecked,
  reconciled,
  requested,
  responded,
  resumed,
  started,
  subRunEnded,
  text,
  turnClosed,
  usage
} from "./support/events.ts"

const fold = (events: ReadonlyArray<RunEvent.RunEvent>): RunState.RunState =>
  events.reduce(RunState.apply, RunState.initial)

type Events = ReadonlyArray<RunEvent.RunEvent>

const next = (events: Events, now = 0, bounds?: RunState.Bounds): ReadonlyArray<RunState.Command> =>
  RunState.next(fold(events), now, bounds)

const run = (limits: Limits.Limits, ...events: Events): Events => [started(limits), ...events]

const callModel = (
  turn: number,
  more: Partial<Extract<RunState.Command, { readonly _tag: "CallModel" }>> = {}
): RunState.Command => ({
  _tag: "CallModel",
  turn,
  request: 1,
  limit: undefined,
  maxTokens: undefined,
  demand: false,
  wait: 0,
  ...more,
  note: more.note ?? (more.limit === undefined ? undefined : Notes.lastTurn(more.limit))
})

const stop = (outcome: "completed" | "limited" | "refused" | "failed", reason?: string) => ({
  _tag: "Stop",
  outcome,
  ...(reason === undefined ? {} : { reason })
})

const intend = (...indices: ReadonlyArray<number>) => ({ _tag: "IntendDispatch", indices })
const start = (index: number) => ({ _tag: "StartCall", index })
const answer = (index: number, why: RunState.Withheld) => ({ _tag: "AnswerCall", index, why })
const awaitApproval = (index: number) => ({ _tag: "AwaitApproval", index })
const closeTurn = { _tag: "CloseTurn" }
const checkOutput = { _tag: "CheckOutput" }

const at = (event: RunEvent.RunEvent, time: number): RunEvent.RunEvent => ({ ...event, at: time } as RunEvent.RunEvent)

type Request = Partial<RunEvent.Of<"ModelRequested">>
type Reply = Partial<RunEvent.Of<"ModelResponded">>

/** A turn of one reply without calls. */
const textTurn = (turn: number, words: string, finish = "stop", request: Request = {}, reply: Reply = {}): Events => [
  modelRequested(turn, 1, request),
  ...(words === "" ? [] : [text(turn, 1, words)]),
  responded(turn, 1, finish, reply),
  turnClosed(turn)
]

/** A turn of one call. */
const callTurn = (
  turn: number,
  { finish, name, ok = true, params = { turn }, reply = {}, request = {}, result = `result ${turn}` }: {
    readonly finish?: string
    readonly name?: string
    readonly ok?: boolean
    readonly params?: unknown
    readonly reply?: Reply
    readonly request?: Request
    readonly result?: unknown
  } = {}
): Events => [
  modelRequested(turn, 1, request),
  requested(turn, 1, 0, name, undefined, params),
  responded(turn, 1, finish, reply),
  ...(finish === "length" ? [] : [intended(turn, 1, [0])]),
  answered(turn, 1, 0, ok, { result }),
  turnClosed(turn)
]

const turns = (count: number, turn: (n: number) => Events): Events =>
  Array.from({ length: count }, (_, i) => turn(i + 1)).flat()

type Row = readonly [name: string, events: Events, commands: ReadonlyArray<unknown>, now?: number]

const decides = (rows: ReadonlyArray<Row>): void => {
  for (const [name, events, commands, now] of rows) {
    it(`next - ${name}`, () => assert.deepStrictEqual<unknown>(next(events, now), commands))
  }
}

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
    const inOrder = [0, 1, 2, 3].map((index) => `call-1-2-${index}`)
    assert.deepStrictEqual(ids, [[], inOrder, inOrder, []])
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
    const state = fold([started(), modelRequested(1), text(1, 1, "Half a"), requested(1, 1, 0), modelFailed(1)])
    assert.deepStrictEqual(state.calls, [])
    assert.deepStrictEqual(state.blocks, [])
    assert.strictEqual(state.spent.toolCalls, 0)
    assert.notInclude(JSON.stringify(fold(goodRun).transcript), "Half a")
  })

  it("G16 - what is spent is the sum over replies, failed requests and the runs of tools", () => {
    assert.deepStrictEqual(fold(goodRun).spent, {
      turns: 4,
      toolCalls: 6,
      retries: 1,
      subRuns: 1,
      usage: usage(25, 4),
      cost: undefined
    })
    const paid = run(
      {},
      modelRequested(1),
      modelFailed(1, 1, true, { usage: { ...usage(3, 1), cacheWriteLongTokens: 2 }, cost: 0.5 }),
      modelRequested(1, 2),
      requested(1, 2, 0),
      responded(1, 2, "tool-calls", { cost: 1 }),
      intended(1, 2, [0]),
      subRunEnded(1, 2, 0, { cost: 0.25 })
    )
    assert.deepStrictEqual(fold(paid).spent, {
      turns: 3,
      toolCalls: 2,
      retries: 0,
      subRuns: 1,
      usage: { ...usage(18, 4), cacheWriteLongTokens: 2 },
      cost: 1.75
    })
  })

  it.effect.prop(
    "G16 - whatever the order of the events",
    [Arbitrary.array(event, { maxLength: 25 })],
    ([events]) =>
      Effect.sync(() => {
        let [input, output] = [0, 0]
        for (const found of events) {
          if (!("usage" in found) || found.usage === undefined) continue
          input += found.usage.inputTokens
          output += found.usage.outputTokens
        }
        const { usage } = fold(events).spent
        assert.deepStrictEqual([usage.inputTokens, usage.outputTokens], [input, output])
      })
  )

  it("a cost that is not known once is not known, a failed request without usage has none", () => {
    const priced = run(
      {},
      modelRequested(1),
      modelFailed(1),
      modelRequested(1, 2),
      responded(1, 2, "stop", { cost: 1 })
    )
    assert.strictEqual(fold(priced).spent.cost, 1)
    const unknown = [...priced, turnClosed(1, 2), ...textTurn(2, "x"), ...textTurn(3, "x", "stop", {}, { cost: 1 })]
    assert.isUndefined(fold(unknown).spent.cost)
  })

  it("apply - an empty reply is not kept", () => {
    const state = fold(run({}, modelRequested(1), responded(1, 1, "stop"), turnClosed(1)))
    assert.deepStrictEqual(state.transcript.content.map(({ role }) => role), ["user"])
    assert.strictEqual(state.phase, "ready")
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
  const lastTurn = { limit: "turns" } as const

  decides([
    ["nothing before the first event", [], []],
    ["the model is asked first", run({}), [callModel(1)]],
    ["nothing while no call of the reply has come", run({}, modelRequested(1), text(1, 1, "I")), []],
    ["a complete reply is intended", run({}, ...replied), [intend(0, 1, 2)]],
    ["all intended calls are started", run({}, ...dispatched), [start(0), start(1), start(2)]],
    ["an answered call is not", run({}, ...dispatched, answered(1, 1, 1)), [start(0), start(2)]],
    [
      "a running one is asked for again: what is in flight is the Runner's to know",
      run({}, ...dispatched, answered(1, 1, 1), answered(1, 1, 2), attemptStarted(1, 1, 0), attemptEnded(1, 1, 0)),
      [start(0)]
    ],
    ["G1 - the turn closes when all are answered", run({}, ...allAnswered), [closeTurn]],
    ["the model is asked again", run({}, ...allAnswered, turnClosed(1)), [callModel(2)]],
    ["the last turn is without tools", run({ turns: 2 }, ...allAnswered, turnClosed(1)), [callModel(2, lastTurn)]],
    ["no turn is left", run({ turns: 1 }, ...allAnswered, turnClosed(1)), [stop("limited", "turns")]],
    ["no tool call is left: the tools are withheld", run({ toolCalls: 3 }, ...allAnswered, turnClosed(1)), [
      callModel(2, { limit: "toolCalls" })
    ]],
    ["calls above the run's are answered", run({ toolCalls: 2 }, ...replied), [answer(2, "tooManyInRun")]],
    ["calls above the turn's are answered", run({ toolCallsPerTurn: 1 }, ...replied), [
      answer(1, "tooManyInTurn"),
      answer(2, "tooManyInTurn")
    ]],
    [
      "then the rest is intended",
      run({ toolCallsPerTurn: 1 }, ...replied, answered(1, 1, 1, false), answered(1, 1, 2, false)),
      [intend(0)]
    ],
    ["calls of tools that are not active are answered", [
      started(),
      modelRequested(1, 1, { settings: { activeTools: ["pay"] } }),
      ...replied.slice(1)
    ], [answer(0, "inactive"), answer(1, "inactive")]],
    ["calls of a cut reply are answered as cut", run({}, ...turn, responded(1, 1, "length")), [
      answer(0, "cut"),
      answer(1, "cut"),
      answer(2, "cut")
    ]],
    ["a refusal ends the run", run({}, ...turn, responded(1, 1, "content-filter")), [stop("refused")]],
    ["an answer completes", goodRun.slice(0, -1), [stop("completed")]],
    ["nothing after the end", goodRun, []],
    ["a reply that broke off is asked for again after its wait", run({}, modelRequested(1), modelFailed(1)), [
      callModel(1, { request: 2, wait: 100 })
    ]],
    ["on the last turn as well", run({ turns: 1 }, modelRequested(1, 1, lastTurn), modelFailed(1)), [
      { ...callModel(1, { request: 2, wait: 100 }), limit: "turns" }
    ]],
    ["at most three requests a turn", run({}, modelRequested(1, 3), modelFailed(1, 3)), [
      stop("failed", "NetworkError")
    ]],
    ["a failure that will not pass ends the run", run({}, modelRequested(1), modelFailed(1, 1, false)), [
      stop("failed", "NetworkError")
    ]],
    ["tools stop at nine tenths of the deadline", run({ deadline: 1000 }), [callModel(1, { limit: "deadline" })], 900],
    ["not before", run({ deadline: 1000 }), [callModel(1)], 899],
    ["at the deadline the run ends", run({ deadline: 1000 }), [stop("limited", "deadline")], 1000],
    ["so it does in a request", run({ deadline: 1000 }, ...turn), [stop("limited", "deadline")], 1000],
    ["G1 - open calls are answered first", run({ deadline: 1000 }, ...dispatched, answered(1, 1, 0)), [
      answer(1, "deadline"),
      answer(2, "deadline")
    ], 1000],
    [
      "calls on the last turn are answered without being run",
      run({}, modelRequested(1, 1, lastTurn), requested(1, 1, 0), responded(1)),
      [answer(0, "noToolsLeft")]
    ],
    ["and the run ends by its limit", run({}, ...textTurn(1, "So far", "stop", lastTurn)), [stop("limited", "turns")]],
    ["an agent without tools may answer on its last turn", [started({ turns: 1 }, { tools: [] })], [callModel(1)]]
  ])

  describe("calls that start early", () => {
    const tools: RunEvent.Of<"RunStarted">["tools"] = [
      ...started().tools,
      { name: "ask", class: "readonly", approval: true },
      { name: "then", class: "readonly", after: ["look"] },
      { name: "put", class: "idempotent" }
    ]
    const reply = (limits: Limits.Limits, ...names: ReadonlyArray<string>): Events => [
      started(limits, { tools }),
      modelRequested(1),
      ...names.map((name, index) => requested(1, 1, index, name))
    ]

    decides([
      ["a read-only call is intended while its reply comes", reply({}, "look"), [intend(0)]],
      ["then it is started", [...reply({}, "look"), intended(1, 1, [0])], [start(0)]],
      ["the next is intended while it is in flight", [...reply({}, "look"), intended(1, 1, [0]), requested(1, 1, 1)], [
        start(0),
        intend(1)
      ]],
      ["what is answered is not started again", [
        ...reply({}, "look"),
        intended(1, 1, [0]),
        answered(1, 1, 0)
      ], []],
      ["all from the first on", reply({}, "look", "look"), [intend(0, 1)]],
      ["not one that may do harm", reply({}, "pay"), []],
      ["not one that may be repeated", reply({}, "put"), []],
      ["nor what comes after it", reply({}, "look", "pay", "look"), [intend(0)]],
      ["not one that may want approval, nor what comes after it", reply({}, "ask", "look"), []],
      ["not one that comes after others, nor what comes after it", reply({}, "look", "then", "look"), [intend(0)]],
      ["not one of an unknown tool", reply({}, "constructor"), []],
      ["not one above the turn's", reply({ toolCallsPerTurn: 1 }, "look", "look"), [intend(0)]],
      ["not one above the run's", reply({ toolCalls: 1 }, "look", "look"), [intend(0)]],
      ["not one above the run's, of which one runs", [
        ...reply({ toolCalls: 1 }, "look"),
        intended(1, 1, [0]),
        requested(1, 1, 1)
      ], [start(0)]],
      ["not one whose arguments did not arrive complete", [
        ...reply({}),
        requested(1, 1, 0, "look", undefined, "{\"n\":"),
        requested(1, 1, 1)
      ], []],
      ["not on the last turn", [started(), modelRequested(1, 1, lastTurn), requested(1, 1, 0)], []],
      ["not one of a tool that is not active", [
        started(),
        modelRequested(1, 1, { settings: { activeTools: ["pay"] } }),
        requested(1, 1, 0)
      ], []],
      ["the run still ends at its deadline", [...reply({ deadline: 1000 }, "look"), intended(1, 1, [0])], [
        stop("limited", "deadline")
      ], 1000],
      ["those of a complete reply are intended beside it", [
        ...reply({}, "look", "pay"),
        intended(1, 1, [0]),
        responded(1)
      ], [start(0), intend(1)]],
      ["a complete reply of which all have started", [...reply({}, "look"), intended(1, 1, [0]), responded(1)], [
        start(0)
      ]],
      ["it goes on with those that are open", [
        ...reply({}, "look", "look"),
        intended(1, 1, [0, 1]),
        answered(1, 1, 0),
        responded(1)
      ], [start(1)]],
      [
        "at the deadline they are answered",
        [
          ...reply({ deadline: 1000 }, "look", "look"),
          intended(1, 1, [0, 1]),
          answered(1, 1, 0),
          responded(1)
        ],
        [answer(1, "deadline")],
        1000
      ],
      ["a complete reply of which all are answered", [
        ...reply({}, "look"),
        intended(1, 1, [0]),
        answered(1, 1, 0),
        responded(1)
      ], [closeTurn]],
      ["of a cut reply only the others are cut", [
        ...reply({}, "look", "pay"),
        intended(1, 1, [0]),
        responded(1, 1, "length")
      ], [start(0), answer(1, "cut")]],
      ["they count for the run's", [
        ...reply({ toolCalls: 2 }, "look", "pay", "pay"),
        intended(1, 1, [0]),
        responded(1)
      ], [start(0), answer(2, "tooManyInRun")]],
      ["a refused reply", [...reply({}, "look"), intended(1, 1, [0]), responded(1, 1, "content-filter")], [
        stop("refused")
      ]]
    ])

    it("apply - they are forgotten with their reply", () => {
      const state = fold([...reply({}, "look"), intended(1, 1, [0]), attemptStarted(1, 1, 0), modelFailed(1)])
      assert.deepStrictEqual([state.calls, state.blocks, state.phase], [[], [], "ready"])
    })
  })

  describe("approvals", () => {
    const tools: RunEvent.Of<"RunStarted">["tools"] = [
      ...started().tools,
      { name: "tell", class: "effectful", after: ["ship"] }
    ]
    const gated = (limits: Limits.Limits = {}, ...more: Events): Events => [
      started(limits, { tools }),
      modelRequested(1),
      ...["look", "send", "ship", "tell"].map((name, index) => requested(1, 1, index, name)),
      responded(1),
      intended(1, 1, [0, 1, 2, 3], "effectful", [1]),
      ...more
    ]
    const yes = approvalDecided(1, 1, 1)
    const no = approvalDecided(1, 1, 1, false)

    decides([
      ["only the call that wants it waits, and what comes after it", gated(), [start(0), awaitApproval(1)]],
      ["it is awaited until it is decided", gated({}, approvalRequested(1, 1, 1), answered(1, 1, 0)), [
        awaitApproval(1)
      ]],
      ["an approved call is started, with what comes after it", gated({}, yes), [
        start(0),
        start(1),
        start(2),
        start(3)
      ]],
      ["a refused call is answered", gated({}, no), [start(0), answer(1, "denied"), start(2), start(3)]],
      ["and then it is done", gated({}, no, answered(1, 1, 1, false)), [start(0), start(2), start(3)]],
      [
        "at the deadline all are answered",
        gated({ deadline: 1000 }),
        [0, 1, 2, 3].map((i) => answer(i, "deadline")),
        1000
      ],
      ["the deadline stands still while nothing else is open", gated({ deadline: 1000 }, at(answered(1, 1, 0), 900)), [
        awaitApproval(1)
      ], 9_000_000],
      [
        "what is left of it is left when it is decided",
        gated({ deadline: 1000 }, at(answered(1, 1, 0), 900), at(yes, 5000)),
        [start(1), start(2), start(3)],
        5099
      ],
      [
        "and no more",
        gated({ deadline: 1000 }, at(answered(1, 1, 0), 900), at(yes, 5000)),
        [1, 2, 3].map((i) => answer(i, "deadline")),
        5100
      ],
      [
        "nine tenths of it are those of the time that counts",
        gated(
          { deadline: 1000 },
          at(answered(1, 1, 0), 100),
          at(no, 5000),
          ...[1, 2, 3].map((index) => at(answered(1, 1, index), 5000)),
          at(turnClosed(1), 5000)
        ),
        [callModel(2)],
        5799
      ]
    ])

    it("elapsed - the clock stands while nothing is open but approvals and what comes after them", () => {
      const elapsed = (now: number, ...more: Events) => RunState.elapsed(fold(gated({}, ...more)), now)
      assert.strictEqual(elapsed(5000), 5000)
      const waiting = [at(answered(1, 1, 0), 100)]
      assert.strictEqual(elapsed(5000, ...waiting), 100)
      assert.strictEqual(elapsed(5000, ...waiting, at(approvalRequested(1, 1, 1), 700)), 100)
      assert.strictEqual(elapsed(5000, ...waiting, at(yes, 4000)), 1100)
      assert.strictEqual(elapsed(5000, ...waiting, at(no, 4000)), 1100)
    })

    it("elapsed - it stands for each wait", () => {
      const events = [
        started(),
        modelRequested(1),
        requested(1, 1, 0, "send"),
        requested(1, 1, 1, "send"),
        responded(1),
        at(intended(1, 1, [0, 1], "effectful", [0, 1]), 10),
        approvalDecided(1, 1, 0, true, { at: 1010 }),
        at(answered(1, 1, 0), 1030),
        approvalDecided(1, 1, 1, false, { at: 2030 })
      ]
      const elapsed = (length: number, now: number) => RunState.elapsed(fold(events.slice(0, length)), now)
      assert.strictEqual(elapsed(6, 900), 10)
      assert.strictEqual(elapsed(7, 1020), 20)
      assert.strictEqual(elapsed(8, 2000), 30)
      assert.strictEqual(elapsed(9, 2035), 35)
    })
  })

  describe("a run that is resumed", () => {
    const two = run({}, modelRequested(1), requested(1, 1, 0, "pay"), requested(1, 1, 1), responded(1))

    decides([
      ["before its first event nothing", [resumed()], []],
      ["before its first request", run({}, resumed()), [callModel(1)]],
      ["in a request: it is sent again, without a wait", run({}, ...turn, resumed()), [callModel(1, { request: 2 })]],
      ["however often", run({}, modelRequested(1, 3), resumed()), [callModel(1, { request: 4 })]],
      ["in a request of the last turn", run({}, modelRequested(1, 1, lastTurn), resumed()), [
        { ...callModel(1, { request: 2 }), limit: "turns" }
      ]],
      ["before a request that was to be sent again", run({}, modelRequested(1), modelFailed(1), resumed()), [
        callModel(1, { request: 2, wait: 100 })
      ]],
      ["with a complete reply", [...two, resumed()], [intend(0, 1)]],
      ["with calls", [...two, intended(1, 1, [0, 1]), attemptStarted(1, 1, 0), resumed()], [start(0), start(1)]],
      ["with calls that are answered", [...two, intended(1, 1, [0, 1]), answered(1, 1, 0), resumed()], [start(1)]],
      ["with approvals", [
        ...run({}, modelRequested(1), requested(1, 1, 0, "send"), requested(1, 1, 1, "send"), responded(1)),
        intended(1, 1, [0, 1], "effectful", [0, 1]),
        approvalRequested(1, 1, 0),
        approvalDecided(1, 1, 1),
        resumed()
      ], [awaitApproval(0), start(1)]],
      ["between turns", run({}, ...callTurn(1), resumed()), [callModel(2)]],
      ["before its end", run({}, ...textTurn(1, "Done."), resumed()), [stop("completed")]],
      ["after its end nothing", [...goodRun, resumed()], []]
    ])

    it("apply - its calls are known as such, and whether they may have acted", () => {
      const call = (...events: Events) => fold([...two, intended(1, 1, [0, 1]), ...events]).calls[0]!
      const begun = [attemptStarted(1, 1, 0), resumed()]
      assert.include(call(), { resumed: false })
      assert.include(call(resumed()), { resumed: true, attempts: 0, acted: 0 })
      assert.include(call(...begun), { resumed: true, attempts: 1, acted: 1, running: 0 })
      assert.include(call(...begun, reconciled(1, 1, 0, false)), { resumed: true, acted: 0 })
      assert.include(call(...begun, reconciled(1, 1, 0, true)), { resumed: true, acted: 1 })
      const unacted = { ...attemptEnded(1, 1, 0), failure: { ...failure, executed: false } }
      assert.include(call(attemptStarted(1, 1, 0), unacted, resumed()), { resumed: true, acted: 0 })
    })

    it("apply - what its reply had so far is forgotten", () => {
      const state = fold(run({}, ...turn, intended(1, 1, [0]), resumed()))
      assert.deepStrictEqual([state.phase, state.calls, state.blocks], ["ready", [], []])
    })

    it("elapsed - the time in between does not count", () => {
      const events = run({}, at(modelRequested(1), 100), resumed(5000))
      assert.strictEqual(RunState.elapsed(fold(events), 5000), 100)
      assert.strictEqual(RunState.elapsed(fold([...events, at(modelRequested(1, 2), 5010), resumed(9000)]), 9001), 111)
    })

    it("elapsed - a run that waits for approval goes on waiting", () => {
      const waiting = run(
        {},
        modelRequested(1),
        requested(1, 1, 0, "send"),
        responded(1),
        at(intended(1, 1, [0], "effectful", [0]), 20),
        at(approvalRequested(1, 1, 0), 30),
        resumed(5000)
      )
      assert.strictEqual(RunState.elapsed(fold(waiting), 7000), 20)
      assert.strictEqual(RunState.elapsed(fold([...waiting, approvalDecided(1, 1, 0, true, { at: 7000 })]), 7001), 21)
    })
  })

  describe("replies that end otherwise", () => {
    const paused = (turn: number) => textTurn(turn, "…", "pause")
    const cut = (turn: number, reply: Reply = {}) => callTurn(turn, { finish: "length", ok: false, reply })
    const full = { stopReason: "model_context_window_exceeded" }

    decides([
      ["a pause is continued", run({}, ...paused(1)), [callModel(2)]],
      ["five in a row", run({}, ...turns(5, paused)), [callModel(6)]],
      ["not six", run({}, ...turns(6, paused)), [stop("limited", "pauses")]],
      [
        "a turn with calls begins the row again",
        run({ turns: 20 }, ...turns(5, paused), ...callTurn(6), ...paused(7)),
        [
          callModel(8)
        ]
      ],
      ["a pause on the last turn ends it", run({}, ...textTurn(1, "…", "pause", lastTurn)), [stop("limited", "turns")]],
      ["an answer that is cut is limited", run({}, ...textTurn(1, "…", "length")), [stop("limited", "maxTokens")]],
      ["by the window where that is full", run({}, ...textTurn(1, "…", "length", {}, full)), [
        stop("limited", "context")
      ]],
      ["a call that is cut has twice the room", run({}, ...cut(1, { usage: usage(10, 40) })), [
        callModel(2, { maxTokens: 80 })
      ]],
      ["once", run({}, ...cut(1), ...cut(2)), [stop("limited", "maxTokens")]],
      ["once more after a turn that was not cut", run({}, ...cut(1), ...callTurn(2), ...cut(3)), [
        callModel(4, { maxTokens: 2 })
      ]],
      ["not more room than the tokens that are left", run({ tokens: { output: 3 } }, ...cut(1)), [callModel(2)]],
      ["nor than those in all", run({ tokens: 34 }, ...cut(1, { usage: usage(1, 11) })), [
        callModel(2, { limit: "totalTokens" })
      ]],
      ["nor where the reply had none", run({}, ...cut(1, { usage: usage(10, 0) })), [callModel(2)]],
      ["a call that is cut by the window", run({}, ...cut(1, full)), [stop("limited", "context")]],
      ["an empty reply is pointed out", run({}, ...textTurn(1, "")), [callModel(2, { note: Notes.emptyReply })]],
      ["once", run({}, ...textTurn(1, ""), ...textTurn(2, "")), [stop("completed")]],
      ["once in a run", run({}, ...textTurn(1, ""), ...callTurn(2), ...textTurn(3, "")), [stop("completed")]],
      ["not on the last turn", run({}, ...textTurn(1, "", "stop", lastTurn)), [stop("limited", "turns")]],
      ["a reply that ends for an unknown reason is an answer", run({}, ...textTurn(1, "So", "unknown")), [
        stop("completed")
      ]],
      ["its calls are not run", run({}, ...turn, responded(1, 1, "other")), [0, 1, 2].map((i) => answer(i, "cut"))],
      ["calls of a reply that stops are", run({}, ...turn, responded(1, 1, "stop")), [intend(0, 1, 2)]]
    ])
  })

  describe("gathering", () => {
    const gathering = { settings: { gathering: true } } as const

    decides([
      ["a reply without calls asks for the answer", run({}, ...textTurn(1, "Enough", "stop", gathering)), [
        callModel(2, { note: Notes.gathered })
      ]],
      ["an empty one as well", run({}, ...textTurn(1, "", "stop", gathering)), [
        callModel(2, { note: Notes.gathered })
      ]],
      ["a turn with calls goes on", run({}, ...callTurn(1, { request: gathering })), [callModel(2)]],
      ["a reply on the last turn is the answer", run({}, ...textTurn(1, "So", "stop", { ...gathering, ...lastTurn })), [
        stop("limited", "turns")
      ]]
    ])

    it("apply - the state knows that it is over", () => {
      assert.isFalse(fold(run({}, ...callTurn(1, { request: gathering }))).gathered)
      assert.isTrue(fold(run({}, ...textTurn(1, "Enough", "stop", gathering), ...textTurn(2, "So"))).gathered)
    })
  })

  describe("repetition", () => {
    const same = (turn: number) => callTurn(turn, { params: { a: 1, b: [2] }, result: { found: "nothing" } })
    const told = (times: number) => ({ note: Notes.repeated(["look"], times) })

    decides([
      ["twice is nothing", run({}, ...turns(2, same)), [callModel(3)]],
      ["three times the same is told", run({}, ...turns(3, same)), [callModel(4, told(3))]],
      ["once more and the next turn is the last", run({}, ...turns(4, same)), [callModel(5, { limit: "repetition" })]],
      ["after which the run ends", run({}, ...turns(4, same), ...textTurn(5, "So", "stop", { limit: "repetition" })), [
        stop("limited", "repetition")
      ]],
      ["something else in between is no repetition of the last turn", run({}, ...turns(4, same), ...callTurn(5)), [
        callModel(6)
      ]],
      ["the limit is the run's", run({ repetition: 2 }, ...turns(2, same)), [callModel(3, told(2))]],
      ["a result that changes is none", run({}, ...turns(6, (turn) => callTurn(turn, { params: {} }))), [callModel(7)]],
      ["other arguments are none", run({}, ...turns(6, (turn) => callTurn(turn, { result: "same" }))), [callModel(7)]],
      [
        "the order of keys does not matter",
        run(
          {},
          ...turns(2, same),
          ...callTurn(3, { params: { b: [2], a: 1 }, result: { found: "nothing" } })
        ),
        [callModel(4, told(3))]
      ]
    ])
  })

  describe("tokens and cost", () => {
    const spent = (limits: Limits.Limits, reply: Reply = {}) => run(limits, ...callTurn(1, { reply }))
    const limited = (limit: Limits.Reached) => [callModel(2, { limit })]

    decides([
      ["two more requests like the last fit: it goes on", spent({ tokens: 33 }), [callModel(2)]],
      ["only one fits: it is the last", spent({ tokens: 32 }), limited("totalTokens")],
      ["nothing is left", spent({ tokens: 11 }), [stop("limited", "totalTokens")]],
      ["input, two more", spent({ tokens: { input: 30 } }), [callModel(2)]],
      ["input, one more", spent({ tokens: { input: 29 } }), limited("inputTokens")],
      ["input, none", spent({ tokens: { input: 10 } }), [stop("limited", "inputTokens")]],
      ["output, one more", spent({ tokens: { output: 2 } }), limited("outputTokens")],
      ["output, none", spent({ tokens: { output: 1 } }), [stop("limited", "outputTokens")]],
      [
        "what failed requests and runs of tools used counts",
        run(
          { tokens: 60 },
          modelRequested(1),
          modelFailed(1, 1, true, { usage: usage(30, 0) }),
          ...callTurn(1).slice(1),
          subRunEnded(1, 1, 0)
        ),
        limited("totalTokens")
      ],
      ["cost, two more", spent({ cost: { usd: 3 } }, { cost: 1 }), [callModel(2)]],
      ["cost, one more", spent({ cost: { usd: 2.9 } }, { cost: 1 }), limited("cost")],
      ["cost, none", spent({ cost: { usd: 1 } }, { cost: 1 }), [stop("limited", "cost")]],
      ["a cost that is not known may be any", spent({ cost: { usd: 1000 } }), [stop("limited", "cost")]],
      ["the window is nearly full", spent({}, { window: 12 }), limited("context")],
      ["it is not", spent({}, { window: 13 }), [callModel(2)]],
      ["a limit of its own counts in place of the window", spent({ tokens: { context: 100 } }, { window: 12 }), [
        callModel(2)
      ]],
      ["which may be reached", spent({ tokens: { context: 12 } }, { window: 100 }), limited("context")]
    ])
  })

  describe("the bounds of the runs above", () => {
    it("next - the last request that they leave is the answer", () => {
      assert.deepStrictEqual(next(run({}, ...callTurn(1)), 0, { last: "cost" }), [callModel(2, { limit: "cost" })])
      assert.deepStrictEqual(next(run({ turns: 2 }, ...callTurn(1)), 0, { last: "cost" }), [callModel(2, lastTurn)])
    })

    it("next - none is left", () => {
      assert.deepStrictEqual<unknown>(next(run({}), 0, { over: "depth", last: "cost" }), [stop("limited", "depth")])
    })

    it("next - calls above theirs are answered", () => {
      assert.deepStrictEqual<unknown>(next(run({}, ...replied), 0, { toolCalls: 1 }), [
        answer(1, "tooManyInRun"),
        answer(2, "tooManyInRun")
      ])
      const early = [...turn, intended(1, 1, [0]), responded(1)]
      assert.deepStrictEqual<unknown>(next(run({}, ...early), 0, { toolCalls: 1 }), [
        start(0),
        answer(2, "tooManyInRun")
      ])
      assert.deepStrictEqual<unknown>(next(run({}, ...turn), 0, { toolCalls: 0 }), [])
      assert.deepStrictEqual<unknown>(next(run({}, ...replied), 0, { toolCalls: 3 }), [intend(0, 1, 2)])
    })
  })

  describe("a run that is to fail at a limit", () => {
    const failing = (limits: Limits.Limits, ...events: Events): Events => [
      started({}, { limits: Limits.resolve(limits, "fail") }),
      ...events
    ]

    decides([
      ["keeps no turn back", failing({ turns: 2 }, ...callTurn(1)), [callModel(2)]],
      ["ends when none is left", failing({ turns: 2 }, ...turns(2, callTurn)), [stop("limited", "turns")]],
      [
        "ends when more tool calls are asked for than it has",
        failing(
          { toolCalls: 1 },
          ...replied,
          answered(1, 1, 1, false),
          answered(1, 1, 2, false),
          intended(1, 1, [0]),
          answered(1, 1, 0),
          turnClosed(1)
        ),
        [stop("limited", "toolCalls")]
      ],
      ["not before", failing({ toolCalls: 1 }, ...callTurn(1)), [callModel(2)]],
      ["uses its tokens as long as another request like the last fits", failing({ tokens: 22 }, ...callTurn(1)), [
        callModel(2)
      ]],
      ["and ends before it takes more than it has", failing({ tokens: 21 }, ...callTurn(1)), [
        stop("limited", "totalTokens")
      ]],
      ["uses its time", failing({ deadline: 1000 }), [callModel(1)], 999],
      ["and ends without it", failing({ deadline: 1000 }), [stop("limited", "deadline")], 1000],
      [
        "ends when it was told of a repetition in vain",
        failing(
          {},
          ...turns(4, (turn) => callTurn(turn, { params: {}, result: "same" }))
        ),
        [stop("limited", "repetition")]
      ]
    ])
  })

  describe("structured output", () => {
    const wanting = (...events: Events): Events => [started({}, { output: "report" }), ...events]
    const format = { settings: { output: "format" } } as const
    const byTool = { settings: { output: "tool" } } as const
    const said = (turn: number) => textTurn(turn, "{}", "stop", format)
    const gave = (turn: number, ok: boolean, more: Request = {}) =>
      callTurn(turn, { name: "report", ok, request: { ...byTool, ...more } })
    const again = { demand: true, note: Notes.outputInvalid("not so") }
    const no = (turn: number) => outputChecked(turn, 1, false, "not so")

    decides([
      ["an answer is checked", wanting(...said(1)), [checkOutput]],
      ["accepted", wanting(...said(1), outputChecked(1)), [stop("completed")]],
      ["refused, it is asked for again", wanting(...said(1), no(1)), [callModel(2, again)]],
      ["checked again", wanting(...said(1), no(1), ...said(2)), [checkOutput]],
      ["accepted after all", wanting(...said(1), no(1), ...said(2), outputChecked(2)), [stop("completed")]],
      ["refused twice", wanting(...said(1), no(1), ...said(2), no(2)), [stop("failed", "OutputInvalid")]],
      ["on the last turn it is checked", wanting(...textTurn(1, "{}", "stop", { ...format, ...lastTurn })), [
        checkOutput
      ]],
      [
        "but the run is limited, accepted",
        wanting(
          ...textTurn(1, "{}", "stop", { ...format, ...lastTurn }),
          outputChecked(1)
        ),
        [stop("limited", "turns")]
      ],
      ["or not", wanting(...textTurn(1, "{}", "stop", { ...format, ...lastTurn }), no(1)), [stop("limited", "turns")]],
      [
        "demanded on the last turn",
        [started({ turns: 2 }, { output: "report" }), ...callTurn(1, { request: format })],
        [
          callModel(2, { ...lastTurn, demand: true })
        ]
      ],
      ["a cut one is not checked", wanting(...textTurn(1, "{", "length", format)), [stop("limited", "maxTokens")]],
      ["by a call: it is run", wanting(...gave(1, true).slice(0, 3)), [intend(0)]],
      ["by a call: accepted", wanting(...gave(1, true)), [stop("completed")]],
      ["by a call: it is none of the run's tool calls", [
        started({ toolCalls: 1 }, { output: "report" }),
        ...gave(1, false)
      ], [callModel(2, { demand: true })]],
      ["by a call: refused, it is demanded", wanting(...gave(1, false)), [callModel(2, { demand: true })]],
      ["by a call: accepted after all", wanting(...gave(1, false), ...gave(2, true)), [stop("completed")]],
      ["by a call: refused twice", wanting(...gave(1, false), ...gave(2, false)), [stop("failed", "OutputInvalid")]],
      ["by a call: another tool goes on", wanting(...callTurn(1, { request: byTool })), [callModel(2)]],
      ["by a call: text instead", wanting(...textTurn(1, "So", "stop", byTool)), [
        callModel(2, { demand: true, note: Notes.outputMissing("report") })
      ]],
      [
        "by a call: text instead, twice",
        wanting(
          ...textTurn(1, "So", "stop", byTool),
          ...textTurn(2, "So", "stop", byTool)
        ),
        [stop("failed", "OutputInvalid")]
      ],
      ["by a call: refused and then text", wanting(...gave(1, false), ...textTurn(2, "So", "stop", byTool)), [
        stop("failed", "OutputInvalid")
      ]],
      [
        "by a call: on the last turn that tool alone is run",
        wanting(
          modelRequested(1, 1, { ...byTool, ...lastTurn }),
          requested(1, 1, 0, "report"),
          requested(1, 1, 1),
          responded(1)
        ),
        [answer(1, "noToolsLeft")]
      ],
      ["by a call: on the last turn, given", wanting(...gave(1, true, lastTurn)), [stop("limited", "turns")]],
      [
        "by a call: an active tool it need not be",
        wanting(
          modelRequested(1, 1, { settings: { output: "tool", activeTools: [] } }),
          requested(1, 1, 0, "report"),
          responded(1)
        ),
        [intend(0)]
      ]
    ])

    it("outputCall - the call that gave it", () => {
      assert.isUndefined(RunState.outputCall(fold(wanting(...gave(1, false)))))
      assert.isUndefined(RunState.outputCall(fold(wanting(...callTurn(1, { name: "report", request: format })))))
      const given = RunState.outputCall(fold(wanting(...gave(1, false), ...gave(2, true))))
      assert.deepStrictEqual(given?.requested.params, { turn: 2 })
    })
  })

  describe("partial failure", () => {
    const failed = (turn: number) => callTurn(turn, { ok: false })
    const under = (partialFailure: RunEvent.Of<"RunStarted">["partialFailure"] & {}, ...events: Events): Events => [
      started({}, { partialFailure }),
      ...events
    ]
    const note = { noteIf: 1, text: "All failed." }

    decides([
      ["the model reads the failures", run({}, ...failed(1)), [callModel(2)]],
      ["too many fail the run", under({ failIf: 0.5 }, ...failed(1)), [stop("failed", "PartialFailure")]],
      ["too few successes fail the run", under({ quorum: 1 }, ...failed(1)), [stop("failed", "PartialFailure")]],
      ["enough do not", under({ failIf: 0.5 }, ...callTurn(1)), [callModel(2)]],
      ["a note is given", under(note, ...failed(1)), [callModel(2, { note: "All failed." })]],
      ["for its turn only", under(note, ...failed(1), ...callTurn(2)), [callModel(3)]],
      [
        "beside what else is to be said",
        under(
          note,
          ...turns(3, (turn) => callTurn(turn, { ok: false, params: {}, result: "same" }))
        ),
        [callModel(4, { note: `${Notes.repeated(["look"], 3)}\n\nAll failed.` })]
      ],
      ["a note beside the limit's", [
        started({ turns: 2 }, { partialFailure: note }),
        ...failed(1)
      ], [callModel(2, { limit: "turns", note: `All failed.\n\n${Notes.lastTurn("turns")}` })]]
    ])
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
          requested(command.turn, command.request, 0, "look", undefined, { turn: command.turn }),
          responded(command.turn, command.request)
        ]
      case "IntendDispatch":
        return [intended(turn, request, command.indices)]
      case "StartCall":
        return [answered(turn, request, command.index)]
      case "AnswerCall":
        return [answered(turn, request, command.index, false)]
      case "AwaitApproval":
        return [approvalRequested(turn, request, command.index), approvalDecided(turn, request, command.index)]
      case "CloseTurn":
        return [turnClosed(turn, request)]
      case "CheckOutput":
        return [outputChecked(turn, request)]
      case "Stop":
        return [ended(command.outcome, command.reason)]
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
      assert.deepStrictEqual(events.at(-1), ended("limited", "turns"))
      assert.deepStrictEqual(Check.all(events), [])
    }))
})
