import { assert, describe, it } from "@effect/vitest"
import { Check, type Limits, type RunEvent, type ToolPolicy } from "@volley/core"
import { Effect } from "effect"
import { Prompt } from "effect/ai"
import * as Arbitrary from "effect/Arbitrary"
import {
  abandoned,
  answered,
  attemptEnded,
  attemptStarted,
  ended,
  event,
  goodRun,
  intended,
  modelFailed,
  modelRequested,
  released,
  requested,
  responded,
  retryScheduled,
  started,
  text,
  turnClosed,
  user
} from "./support/events.ts"

type Events = ReadonlyArray<RunEvent.RunEvent>

/** A run of one turn with these calls, of which the dispatch is this. */
const withDispatch = (names: ReadonlyArray<string>, dispatch: Events): Events => [
  started(),
  modelRequested(1),
  ...names.map((name, index) => requested(1, 1, index, name)),
  responded(1),
  intended(1, 1, names.map((_, index) => index)),
  ...dispatch,
  turnClosed(1),
  modelRequested(2),
  text(2, 1, "Done."),
  responded(2, 1, "stop"),
  turnClosed(2),
  ended()
]

const lifecycle = (index: number): Events => [
  attemptStarted(1, 1, index),
  attemptEnded(1, 1, index),
  answered(1, 1, index)
]

const found = (events: Events): ReadonlyArray<string> =>
  Check.all(events).map(({ guarantee, message }) => `${guarantee}: ${message}`)

describe("all", () => {
  it("accepts a good journal with every kind of event", () => {
    assert.deepStrictEqual(Check.all(goodRun), [])
  })

  it("accepts a good journal cut after any event", () => {
    for (let length = 0; length <= goodRun.length; length++) assert.deepStrictEqual(found(goodRun.slice(0, length)), [])
  })

  const good: ReadonlyArray<[string, Events]> = [
    ["calls one after another", withDispatch(["look", "pay"], [...lifecycle(0), ...lifecycle(1)])],
    ["answers in another order than the calls", withDispatch(["look", "pay"], [...lifecycle(1), ...lifecycle(0)])],
    [
      "as many in flight as the dispatch allows",
      withDispatch(["look", "look"], [
        attemptStarted(1, 1, 0),
        attemptStarted(1, 1, 1),
        attemptEnded(1, 1, 0),
        answered(1, 1, 0),
        attemptEnded(1, 1, 1),
        answered(1, 1, 1)
      ])
    ],
    ["a call answered without an attempt", withDispatch(["look"], [answered(1, 1, 0, false)])],
    ["an empty reply, which is not kept", [
      started(),
      modelRequested(1),
      responded(1, 1, "stop"),
      turnClosed(1),
      ended()
    ]],
    ["calls above a limit, answered before the others are intended", [
      started(),
      modelRequested(1),
      requested(1, 1, 0),
      requested(1, 1, 1),
      responded(1),
      answered(1, 1, 1, false),
      intended(1, 1, [0]),
      ...lifecycle(0),
      turnClosed(1),
      ended("limited")
    ]],
    ["a refusal", [
      started(),
      modelRequested(1),
      text(1, 1, "No"),
      responded(1, 1, "content-filter"),
      ended("refused")
    ]],
    ["a run that gave up on the model", [started(), modelRequested(1), modelFailed(1), ended("failed")]],
    ["a handler that outlives its run", [
      ...withDispatch(["look"], [
        attemptStarted(1, 1, 0),
        abandoned(1, 1, 0),
        attemptEnded(1, 1, 0),
        answered(1, 1, 0, false)
      ]),
      released(1, 1, 0)
    ]]
  ]
  it.each(good)("accepts %s", (_, events) => {
    assert.deepStrictEqual(found(events), [])
  })

  const planted: ReadonlyArray<[name: string, events: Events, expected: string]> = [
    [
      "a missing answer",
      withDispatch(["look", "pay"], lifecycle(0)),
      "G1: call 1 (pay) is not answered when its turn closes"
    ],
    [
      "a double answer",
      withDispatch(["look"], [...lifecycle(0), answered(1, 1, 0)]),
      "G1: call 0 (look) is answered twice"
    ],
    [
      "an answer to a call that was never requested",
      withDispatch(["look"], [...lifecycle(0), answered(1, 1, 7)]),
      "G1: an answer to call 7, which was never requested"
    ],
    [
      "swapped calls",
      [started(), modelRequested(1), requested(1, 1, 1), requested(1, 1, 0)],
      "G2: call 1 was requested in place 0"
    ],
    [
      "too many in flight in the dispatch",
      withDispatch(["look", "look", "pay"], [
        attemptStarted(1, 1, 0),
        attemptStarted(1, 1, 1),
        attemptStarted(1, 1, 2),
        ...[0, 1, 2].flatMap((index) => [attemptEnded(1, 1, index), answered(1, 1, index)])
      ]),
      "G6: 3 handlers run, limit 2"
    ],
    [
      "too many in flight of one tool",
      withDispatch(["pay", "pay"], [
        attemptStarted(1, 1, 0),
        attemptStarted(1, 1, 1),
        ...[0, 1].flatMap((index) => [attemptEnded(1, 1, index), answered(1, 1, index)])
      ]),
      "G6: 2 handlers of pay run, limit 1"
    ],
    [
      "an abandoned handler whose place was given away",
      withDispatch(["pay", "pay"], [
        attemptStarted(1, 1, 0),
        abandoned(1, 1, 0),
        attemptEnded(1, 1, 0),
        answered(1, 1, 0, false),
        ...lifecycle(1)
      ]),
      "G6: 2 handlers of pay run, limit 1"
    ],
    [
      "an attempt before its intention",
      [
        started(),
        modelRequested(1),
        requested(1, 1, 0),
        requested(1, 1, 1),
        responded(1),
        intended(1, 1, [0]),
        attemptStarted(1, 1, 1)
      ],
      "order: call 1 started before it was intended"
    ],
    [
      "an empty message",
      [started(), modelRequested(1), text(1, 1, ""), responded(1, 1, "stop"), turnClosed(1)],
      "G11: message 1 (assistant) has empty content"
    ],
    [
      "two calls of one id",
      [
        started(),
        modelRequested(1),
        requested(1, 1, 0, "look", "same"),
        requested(1, 1, 1, "look", "same"),
        responded(1),
        intended(1, 1, [0, 1]),
        ...lifecycle(0),
        ...lifecycle(1),
        turnClosed(1)
      ],
      "G11: two calls have the id \"same\""
    ],
    ["a second start", [started(), started()], "order: RunStarted while the run is ready"],
    ["a run without a start", [modelRequested(1)], "order: ModelRequested while the run is new"],
    ["events after the end", [...goodRun, modelRequested(3)], "order: ModelRequested while the run is ended"],
    [
      "a call after the reply's end",
      [started(), modelRequested(1), requested(1, 1, 0), responded(1), requested(1, 1, 1)],
      "order: ToolCallRequested while the run is responded"
    ],
    [
      "an attempt before the dispatch",
      [started(), modelRequested(1), requested(1, 1, 0), responded(1), attemptStarted(1, 1, 0)],
      "order: AttemptStarted while the run is responded"
    ],
    [
      "a request while calls are open",
      [started(), modelRequested(1), requested(1, 1, 0), responded(1), intended(1, 1, [0]), modelRequested(2)],
      "order: ModelRequested while the run is dispatching"
    ],
    [
      "an end while calls are open",
      [started(), modelRequested(1), requested(1, 1, 0), responded(1), intended(1, 1, [0]), ended()],
      "order: RunEnded while the run is dispatching"
    ],
    [
      "an end before the turn of a kept reply is closed",
      [started(), modelRequested(1), text(1, 1, "Yes"), responded(1, 1, "stop"), ended()],
      "order: RunEnded before the turn of a kept reply is closed"
    ],
    ["a completion without an answer", [started(), ended()], "order: the run completed while it was ready"],
    [
      "an answer of the request before",
      [
        started(),
        modelRequested(1),
        requested(1, 1, 0),
        modelFailed(1),
        modelRequested(1, 2),
        requested(1, 2, 0),
        responded(1, 2),
        intended(1, 2, [0]),
        answered(1, 1, 0)
      ],
      "order: ToolCallAnswered of request 1.1 in 1.2"
    ]
  ]
  it.each(planted)("catches %s", (_, events, expected) => {
    assert.include(found(events), expected)
  })

  it("says at which event", () => {
    const events = withDispatch(["look"], [...lifecycle(0), answered(1, 1, 0)])
    const at = events.findLastIndex(({ _tag }) => _tag === "ToolCallAnswered")
    assert.deepStrictEqual(Check.all(events), [
      { guarantee: "G1", event: at, message: "call 0 (look) is answered twice" }
    ])
  })

  it("G1 - no answer of a good journal can be left out or doubled unseen", () => {
    for (const [i, { _tag }] of goodRun.entries()) {
      if (_tag !== "ToolCallAnswered") continue
      assert.include(found(goodRun.toSpliced(i, 1)).join(), "is not answered when its turn closes")
      assert.include(found(goodRun.toSpliced(i, 0, goodRun[i]!)).join(), "is answered twice")
    }
  })

  it("no event that moves a run on can be left out unseen", () => {
    const silent = new Set([
      "BlockReceived",
      "AttemptStarted",
      "AttemptEnded",
      "AttemptAbandoned",
      "AttemptReleased",
      "CallQueued",
      "CallJoined",
      "CacheHit",
      "HedgeStarted",
      "RateLimited",
      "CircuitOpened",
      "RetryScheduled",
      "RetryRefused",
      "CallReconciled",
      "FallbackStarted",
      "RunEnded"
    ])
    // nothing is owed for a call of a reply that was discarded; a run may end with a complete reply, as a refused one does
    const free = new Set([
      goodRun.findIndex(({ _tag }) => _tag === "ToolCallRequested"),
      goodRun.findLastIndex(({ _tag }) => _tag === "TurnClosed")
    ])
    for (const [i, { _tag }] of goodRun.entries()) {
      if (!silent.has(_tag) && !free.has(i)) assert.isNotEmpty(found(goodRun.toSpliced(i, 1)), `${_tag} at ${i}`)
    }
  })

  it.effect.prop("is total: no sequence of events makes it throw", [Arbitrary.array(event, { maxLength: 30 })], (
    [events]
  ) =>
    Effect.sync(() => {
      for (const { event: at } of Check.all([started(), ...events])) {
        assert.isAtLeast(at, 0)
        assert.isAtMost(at, events.length + 1)
      }
    }))

  it("the retry of a call is no violation, its wait holds no place", () => {
    const events = withDispatch(["pay", "pay"], [
      attemptStarted(1, 1, 0),
      attemptEnded(1, 1, 0),
      retryScheduled(1, 1, 0),
      ...lifecycle(1),
      attemptStarted(1, 1, 0, 2),
      attemptEnded(1, 1, 0, 2),
      answered(1, 1, 0)
    ])
    assert.deepStrictEqual(found(events), [])
  })
})

describe("the attempts of a call", () => {
  const failed = (index: number, failure: RunEvent.Failure, number = 1): RunEvent.RunEvent => ({
    ...(attemptEnded(1, 1, index, number) as RunEvent.Of<"AttemptEnded">),
    failure
  })
  const down = { kind: "transient", reason: "Unavailable", message: "down", executed: true } as const
  const gone = { kind: "permanent", reason: "NotFound", message: "none", executed: true } as const
  const second = [attemptStarted(1, 1, 0, 2), attemptEnded(1, 1, 0, 2), answered(1, 1, 0)]
  const run = (effectClass: ToolPolicy.EffectClass, dispatch: Events, limits: Limits.Limits = {}): Events => [
    started(limits),
    modelRequested(1),
    requested(1, 1, 0, "pay"),
    responded(1),
    intended(1, 1, [0], effectClass),
    attemptStarted(1, 1, 0),
    ...dispatch
  ]

  it("G3 - a permanent failure that is tried again", () => {
    assert.deepStrictEqual(found(run("readonly", [failed(0, down), ...second])), [])
    assert.include(
      found(run("readonly", [failed(0, gone), ...second])),
      "G3: call 0 (pay) failed for good and is tried again"
    )
  })

  it("G4 - an effectful call that may be executed twice", () => {
    const twice = "G4: call 0 (pay) may be executed twice"
    assert.include(found(run("effectful", [failed(0, down), ...second])), twice)
    assert.include(found(run("effectful", second)), twice)
    assert.include(found(run("effectful", [attemptEnded(1, 1, 0), ...second])), twice)
    assert.deepStrictEqual(found(run("idempotent", [failed(0, down), ...second])), [])
    assert.deepStrictEqual(found(run("effectful", [failed(0, { ...down, executed: false }), ...second])), [])
    const reconciled = (executed: boolean): RunEvent.RunEvent => ({
      _tag: "CallReconciled",
      turn: 1,
      request: 1,
      index: 0,
      at: 0,
      attempt: 1,
      executed
    })
    assert.deepStrictEqual(found(run("effectful", [failed(0, down), reconciled(false), ...second])), [])
    assert.include(found(run("effectful", [failed(0, down), reconciled(true), ...second])), twice)
  })

  it("G5 - more retries than the run has", () => {
    const retried = [failed(0, down), retryScheduled(1, 1, 0), ...second]
    assert.deepStrictEqual(found(run("readonly", retried, { retries: 1 })), [])
    assert.include(found(run("readonly", retried, { retries: 0 })), "G5: 1 retries, limit 0")
  })

  it("G7 - an attempt that is too early, and a plan that ignores what was asked for", () => {
    const busy = { ...down, retryAfter: 40 }
    const again = (at: number) => [{ ...(attemptStarted(1, 1, 0, 2) as RunEvent.Of<"AttemptStarted">), at }]
    assert.deepStrictEqual(found(run("readonly", [failed(0, busy), retryScheduled(1, 1, 0, 50), ...again(50)])), [])
    assert.include(
      found(run("readonly", [failed(0, busy), retryScheduled(1, 1, 0, 50), ...again(45)])),
      "G7: call 0 (pay) is tried again 5 ms too early"
    )
    assert.include(
      found(run("readonly", [failed(0, busy), retryScheduled(1, 1, 0, 30), ...again(40)])),
      "G7: call 0 (pay) is to be tried again after 30 ms, asked were 40"
    )
  })

  it("G8 - what is begun or answered too late", () => {
    const late = (at: number): RunEvent.RunEvent => ({ ...answered(1, 1, 0), at } as RunEvent.RunEvent)
    const begun = (at: number): RunEvent.RunEvent => ({ ...attemptStarted(1, 1, 0, 2), at })
    const limits = { deadline: 100 }
    assert.deepStrictEqual(found(run("readonly", [failed(0, down), begun(99), late(1100)], limits)), [])
    assert.include(
      found(run("readonly", [failed(0, down), begun(100)], limits)),
      "G8: call 0 is begun 0 ms after the deadline"
    )
    assert.include(
      found(run("readonly", [failed(0, down), late(1101)], limits)),
      "G8: call 0 is answered 1001 ms after the deadline"
    )
  })

  it("G6 - two attempts of one call hold two places", () => {
    const hedged = [attemptStarted(1, 1, 0, 2), attemptEnded(1, 1, 0), attemptEnded(1, 1, 0, 2), answered(1, 1, 0)]
    assert.deepStrictEqual(found(run("readonly", hedged)).filter((message) => !message.includes("of pay")), [])
    assert.include(found(run("readonly", hedged, { concurrency: 1 })), "G6: 2 handlers run, limit 1")
  })
})

describe("transcript", () => {
  const call = (id: string, providerExecuted = false) =>
    Prompt.toolCallPart({ id, name: "look", params: {}, providerExecuted })
  const result = (id: string) =>
    Prompt.toolResultPart({ id, name: "look", isFailure: false, result: "x", providerExecuted: false })
  const assistant = (...content: ReadonlyArray<Prompt.AssistantMessagePart>) => Prompt.assistantMessage({ content })
  const tool = (...content: ReadonlyArray<Prompt.ToolResultPart>) => Prompt.toolMessage({ content })
  const first = user("Go").content[0]!
  const words = Prompt.textPart({ text: "x" })

  const of = (...messages: ReadonlyArray<Prompt.Message>): ReadonlyArray<string> =>
    Check.transcript(Prompt.fromMessages(messages)).map(({ guarantee, message }) => `${guarantee}: ${message}`)

  it("accepts what the API accepts", () => {
    assert.deepStrictEqual(of(), [])
    assert.deepStrictEqual(of(first, assistant(words, call("a"), call("b")), tool(result("a"), result("b"))), [])
    assert.deepStrictEqual(of(Prompt.systemMessage({ content: "" }), first, assistant(call("s", true), words)), [])
  })

  const refused: ReadonlyArray<[string, ReadonlyArray<Prompt.Message>, string]> = [
    [
      "answers in another order",
      [first, assistant(call("a"), call("b")), tool(result("b"), result("a"))],
      "G2: the answers of message 1 are not in call order"
    ],
    [
      "a missing answer",
      [first, assistant(call("a"), call("b")), tool(result("a"))],
      "G11: the calls and answers of message 1 are not paired"
    ],
    ["no answers at all", [first, assistant(call("a"))], "G11: the calls and answers of message 1 are not paired"],
    [
      "an answer twice",
      [first, assistant(call("a")), tool(result("a"), result("a"))],
      "G11: the calls and answers of message 1 are not paired"
    ],
    [
      "an answer to nothing",
      [first, assistant(words), tool(result("a"))],
      "G11: the calls and answers of message 1 are not paired"
    ],
    ["answers after no reply", [first, tool(result("a"))], "G11: the answers of message 1 follow no call"],
    [
      "an id used in two turns",
      [first, assistant(call("a")), tool(result("a")), assistant(call("a")), tool(result("a"))],
      "G11: two calls have the id \"a\""
    ],
    ["an empty message", [first, assistant()], "G11: message 1 (assistant) has empty content"],
    [
      "an empty text",
      [first, assistant(words, Prompt.textPart({ text: "" }))],
      "G11: message 1 (assistant) has empty content"
    ],
    ["a reply before the user", [assistant(words), first], "G11: the first message is not the user's"]
  ]
  it.each(refused)("refuses %s", (_, messages, expected) => {
    assert.include(of(...messages), expected)
  })
})
