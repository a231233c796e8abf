import { assert, describe, it } from "@effect/vitest"
import { Check, type Limits, type RunEvent, type ToolPolicy } from "@volley/core"
import { Effect } from "effect"
import { Prompt } from "effect/ai"
import * as Arbitrary from "effect/Arbitrary"
import {
  abandoned,
  answered,
  approvalDecided,
  approvalRequested,
  attemptEnded,
  attemptStarted,
  discarded,
  ended,
  event,
  goodRun,
  intended,
  modelFailed,
  modelRequested,
  outputChecked,
  outputRun,
  reconciled,
  released,
  requested,
  responded,
  resumed,
  retryScheduled,
  started,
  subRunEnded,
  text,
  turnClosed,
  usage,
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

const goodRuns: ReadonlyArray<Events> = [goodRun, outputRun]

const found = (events: Events): ReadonlyArray<string> =>
  Check.all(events).map(({ guarantee, message }) => `${guarantee}: ${message}`)

describe("all", () => {
  it("accepts good journals, which have every kind of event", () => {
    assert.deepStrictEqual(goodRuns.flatMap(Check.all), [])
  })

  it("accepts a good journal cut after any event", () => {
    for (const run of goodRuns) {
      for (let length = 0; length <= run.length; length++) assert.deepStrictEqual(found(run.slice(0, length)), [])
    }
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
      modelRequested(2),
      responded(2, 1, "stop"),
      turnClosed(2),
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
      ended("cancelled")
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
      "order: call 0 started before it was intended"
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
      "SubRunEnded",
      "RunEnded"
    ])
    for (const run of goodRuns) {
      for (const [i, { _tag }] of run.entries()) {
        if (!silent.has(_tag)) assert.isNotEmpty(found(run.toSpliced(i, 1)), `${_tag} at ${i}`)
      }
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
    const asked = (executed: boolean) => [failed(0, down), reconciled(1, 1, 0, executed), ...second]
    assert.deepStrictEqual(found(run("effectful", asked(false))), [])
    assert.include(found(run("effectful", asked(true))), twice)
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

type Row = [name: string, events: Events, expected: string]

/** Each is a good journal but for one thing, and that is all that is found. */
const exactly = (rows: ReadonlyArray<Row>): void => {
  it.each(rows)("catches %s", (_, events, expected) => {
    assert.deepStrictEqual(found(events), [expected])
  })
}

const accepts = (rows: ReadonlyArray<[name: string, events: Events]>): void => {
  it.each(rows)("accepts %s", (_, events) => {
    assert.deepStrictEqual(found(events), [])
  })
}

const at = (event: RunEvent.RunEvent, time: number): RunEvent.RunEvent => ({ ...event, at: time } as RunEvent.RunEvent)

describe("G10 - a run that is resumed", () => {
  const run = (effectClass: ToolPolicy.EffectClass, ...dispatch: Events): Events => [
    started(),
    modelRequested(1),
    requested(1, 1, 0, "pay"),
    requested(1, 1, 1, "pay"),
    responded(1),
    intended(1, 1, [0, 1], effectClass),
    ...dispatch
  ]
  const again = [attemptStarted(1, 1, 0, 2), attemptEnded(1, 1, 0, 2), answered(1, 1, 0)]
  const down = { kind: "transient", reason: "Unavailable", message: "down", executed: false } as const

  accepts([
    ["a call that does no harm and is begun again", run("idempotent", attemptStarted(1, 1, 0), resumed(), ...again)],
    [
      "an effectful call that is known not to have acted",
      run("effectful", attemptStarted(1, 1, 0), resumed(), reconciled(1, 1, 0, false), ...again)
    ],
    [
      "an effectful call whose attempt ended without having acted",
      run("effectful", attemptStarted(1, 1, 0), { ...attemptEnded(1, 1, 0), failure: down }, resumed(), ...again)
    ],
    ["an effectful call that was not begun", run("effectful", resumed(), ...lifecycle(0))],
    [
      "G6 - places of handlers that are gone with their process",
      run(
        "readonly",
        attemptStarted(1, 1, 0),
        resumed(),
        attemptStarted(1, 1, 1),
        attemptEnded(1, 1, 1),
        resumed(),
        ...again
      )
    ],
    [
      "G6 - places of abandoned handlers that are gone with their process",
      run(
        "readonly",
        attemptStarted(1, 1, 0),
        abandoned(1, 1, 0),
        attemptEnded(1, 1, 0),
        resumed(),
        attemptStarted(1, 1, 1)
      )
    ],
    ["G8 - the time between two processes", [
      ...run("readonly", attemptStarted(1, 1, 0), resumed(1_000_000)),
      ...again.map((event) => at(event, 1_000_010))
    ]]
  ])

  exactly([
    [
      "a call that is begun again after it was answered",
      run("idempotent", ...lifecycle(0), resumed(), attemptStarted(1, 1, 0, 2)),
      "G10: call 0 (pay) is begun again after it was answered"
    ],
    [
      "that within one process as well",
      run("idempotent", ...lifecycle(0), attemptStarted(1, 1, 0, 2)),
      "G10: call 0 (pay) is begun again after it was answered"
    ],
    [
      "an effectful call that may have acted",
      run("effectful", attemptStarted(1, 1, 0), resumed(), ...again),
      "G10: call 0 (pay) may be executed twice, by two processes"
    ],
    [
      "an effectful call that has acted",
      run("effectful", attemptStarted(1, 1, 0), resumed(), reconciled(1, 1, 0, true), ...again),
      "G10: call 0 (pay) may be executed twice, by two processes"
    ],
    [
      "G4 - an effectful call that the later process executes twice",
      run(
        "effectful",
        attemptStarted(1, 1, 0),
        resumed(),
        reconciled(1, 1, 0, false),
        attemptStarted(1, 1, 0, 2),
        attemptEnded(1, 1, 0, 2),
        attemptStarted(1, 1, 0, 3)
      ),
      "G4: call 0 (pay) may be executed twice"
    ],
    [
      "G8 - what is begun after the time that counts",
      run("readonly", attemptStarted(1, 1, 0), resumed(1_000_000), at(attemptStarted(1, 1, 0, 2), 1_300_000)),
      "G8: call 0 is begun 0 ms after the deadline"
    ]
  ])

  it("may be resumed after any event of a good journal, without a false report", () => {
    for (const run of goodRuns) {
      for (let length = 1; length < run.length; length++) {
        assert.deepStrictEqual(found([...run.slice(0, length), resumed(10)]), [], `after ${length} events`)
      }
    }
  })
})

describe("G12 - a reply that is not kept", () => {
  const begun = [started(), modelRequested(1), requested(1, 1, 0), intended(1, 1, [0])]

  accepts([
    ["its calls, ended", [
      ...begun,
      attemptStarted(1, 1, 0),
      attemptEnded(1, 1, 0),
      discarded(1, 1, 0),
      modelFailed(1)
    ]],
    ["its calls, answered before it broke off", [...begun, ...lifecycle(0), discarded(1, 1, 0), modelFailed(1)]],
    ["those of a refusal", [
      ...begun,
      ...lifecycle(0),
      responded(1, 1, "content-filter"),
      discarded(1, 1, 0),
      ended("refused")
    ]],
    ["one of a process that is gone", [...begun, attemptStarted(1, 1, 0), resumed(), modelRequested(1, 2)]],
    ["an id that the next reply gives again", [
      ...begun,
      ...lifecycle(0),
      discarded(1, 1, 0),
      modelFailed(1),
      modelRequested(1, 2),
      requested(1, 2, 0, "look", "call-1-1-0"),
      responded(1, 2),
      intended(1, 2, [0]),
      attemptStarted(1, 2, 0),
      attemptEnded(1, 2, 0),
      answered(1, 2, 0),
      turnClosed(1, 2)
    ]]
  ])

  exactly([
    [
      "a second kept reply of a turn",
      [started(), modelRequested(1), text(1, 1, "…"), responded(1, 1, "pause"), turnClosed(1), modelRequested(1, 2)],
      "G12: request 1.2 is sent although the reply before it was kept"
    ],
    [
      "a call that may do harm and begins before its reply is complete",
      [
        started(),
        modelRequested(1),
        requested(1, 1, 0, "pay"),
        intended(1, 1, [0], "effectful"),
        attemptStarted(1, 1, 0)
      ],
      "G12: calls 0 begin before their reply is complete, and may do harm"
    ],
    [
      "a call that is not ended when its reply breaks off",
      goodRun.filter(({ _tag }) => _tag !== "CallDiscarded"),
      "G12: call 0 (look) goes on although its reply is not kept"
    ],
    [
      "a call that is not ended when its run is",
      [...begun, attemptStarted(1, 1, 0), ended("cancelled")],
      "G12: call 0 (look) goes on although its reply is not kept"
    ],
    [
      "a call that is not ended when the model refuses",
      [...begun, ...lifecycle(0), responded(1, 1, "content-filter"), ended("refused")],
      "G12: call 0 (look) goes on although its reply is not kept"
    ],
    [
      "an answer to a discarded call",
      [...begun, discarded(1, 1, 0), answered(1, 1, 0), modelFailed(1)],
      "G12: call 0 (look) is answered after it was discarded"
    ],
    [
      "an attempt of a discarded call",
      [...begun, discarded(1, 1, 0), attemptStarted(1, 1, 0)],
      "G12: call 0 (look) is begun after it was discarded"
    ],
    [
      "a call that is discarded although its reply is kept",
      [...begun, ...lifecycle(0), discarded(1, 1, 0), responded(1), turnClosed(1)],
      "G12: call 0 (look) was discarded although its reply is kept"
    ],
    [
      "a call that is discarded before it was begun",
      [started(), modelRequested(1), requested(1, 1, 0), discarded(1, 1, 0), modelFailed(1)],
      "order: call 0 is discarded unbegun"
    ],
    [
      "an answer to a call of the reply that broke off",
      [...begun, discarded(1, 1, 0), modelFailed(1), answered(1, 1, 0)],
      "order: ToolCallAnswered while the run is ready"
    ],
    [
      "a result before the intention",
      [started(), modelRequested(1), requested(1, 1, 0), responded(1), answered(1, 1, 0)],
      "order: call 0 has a result before it was intended"
    ]
  ])
})

describe("G15 - what a run decides", () => {
  const parent = { parent: { runId: "above", depth: 1 } }
  const last = modelRequested(1, 1, { limit: "turns" })
  const short = { toolCallsPerTurn: 1 }
  const two = [modelRequested(1), requested(1, 1, 0), requested(1, 1, 1), responded(1)]
  const answer = [modelRequested(1), text(1, 1, "Yes"), responded(1, 1, "stop"), turnClosed(1)]

  accepts([
    ["its limits", [
      started({ turns: 1 }),
      last,
      text(1, 1, "So far"),
      responded(1, 1, "stop"),
      turnClosed(1),
      ended("limited", "turns")
    ]],
    ["the deadline, between two events", [
      started({ deadline: 1000 }),
      modelRequested(1),
      at(ended("limited", "deadline"), 1000)
    ]],
    ["a request that was decided just before the time for tools was over", [
      started({ deadline: 1000 }),
      at(modelRequested(1), 900)
    ]],
    ["a sub-agent's, by what the runs above left", [started({}, parent), last, requested(1, 1, 0), responded(1)]],
    ["the end of a sub-agent by a limit above", [started({}, parent), ended("limited", "cost")]],
    ["a failure, whatever it was, and a cancellation", [started(), ended("failed", "Defect")]],
    ["calls that start early, as many as were there", [started(), ...two.slice(0, 3), intended(1, 1, [0])]],
    ["calls that start early and the rest later", [
      started(),
      modelRequested(1),
      requested(1, 1, 0),
      intended(1, 1, [0]),
      requested(1, 1, 1, "pay"),
      responded(1),
      intended(1, 1, [1], "effectful")
    ]],
    ["an early intention, whose reply has become complete meanwhile", [
      started(),
      modelRequested(1),
      requested(1, 1, 0),
      responded(1, 1, "length"),
      intended(1, 1, [0])
    ]],
    ["a turn of which all calls have started early", [
      started(),
      modelRequested(1),
      requested(1, 1, 0),
      intended(1, 1, [0]),
      responded(1),
      ...lifecycle(0),
      turnClosed(1)
    ]]
  ])

  exactly([
    ["a limit that is not reached", [started(), last], "G15: request 1.1 is sent, which was not to be"],
    ["a turn that is left out", [started(), modelRequested(2)], "G15: request 2.1 is sent, which was not to be"],
    [
      "a turn after the last",
      [
        started({ turns: 1 }, { tools: [] }),
        ...answer.slice(0, 2),
        responded(1, 1, "pause"),
        turnClosed(1),
        modelRequested(2)
      ],
      "G15: request 2.1 is sent, which was not to be"
    ],
    [
      "a request after a failure that will not pass",
      [started(), modelRequested(1), modelFailed(1, 1, false), modelRequested(1, 2)],
      "G15: request 1.2 is sent, which was not to be"
    ],
    [
      "the next turn in place of the one that failed",
      [started(), modelRequested(1), modelFailed(1), modelRequested(2)],
      "G15: request 2.1 is sent, which was not to be"
    ],
    [
      "more calls than the turn has",
      [started(short), ...two, intended(1, 1, [0, 1])],
      "G15: calls 0,1 are intended, which were not to be"
    ],
    [
      "an intention of nothing",
      [started(), ...answer.slice(0, 3), intended(1, 1, [])],
      "G15: no calls are intended, which were not to be"
    ],
    [
      "a call that is intended once it is answered",
      [started(), ...two, answered(1, 1, 1, false), intended(1, 1, [1])],
      "G15: calls 1 are intended, which were not to be"
    ],
    [
      "a call that starts early after one that may do harm",
      [started(), modelRequested(1), requested(1, 1, 0, "pay"), requested(1, 1, 1), intended(1, 1, [1])],
      "G15: calls 1 are intended, which were not to be"
    ],
    [
      "an output that nobody wants",
      [started(), ...answer, outputChecked(1)],
      "G15: the output is checked, which was not to be"
    ],
    [
      "an end before the output is checked",
      outputRun.toSpliced(-2, 1),
      "G15: the run ends completed, which it was not to"
    ],
    [
      "an end by a limit that is not reached",
      [started(), ended("limited", "cost")],
      "G15: the run ends limited (cost), which it was not to"
    ],
    [
      "an end by another limit",
      [started({ deadline: 1000 }), modelRequested(1), at(ended("limited", "cost"), 1000)],
      "G15: the run ends limited (cost), which it was not to"
    ],
    [
      "a refusal that was none",
      [started(), ...answer, ended("refused")],
      "G15: the run ends refused, which it was not to"
    ]
  ])
})

describe("G16 - what is counted", () => {
  const negative = { usage: usage(-1, 0) }
  const closing = [attemptEnded(1, 1, 0), answered(1, 1, 0)]

  accepts([
    ["runs that tools start, also where a reply is asked for again", [
      started(),
      modelRequested(1),
      requested(1, 1, 0),
      intended(1, 1, [0]),
      attemptStarted(1, 1, 0),
      subRunEnded(1, 1, 0),
      attemptEnded(1, 1, 0),
      discarded(1, 1, 0),
      modelFailed(1, 1, true, { usage: usage(3, 1), cost: 0.1 }),
      modelRequested(1, 2),
      requested(1, 2, 0),
      intended(1, 2, [0]),
      attemptStarted(1, 2, 0),
      subRunEnded(1, 2, 0)
    ]]
  ])

  exactly([
    [
      "a reply that used less than nothing",
      [started(), modelRequested(1), text(1, 1, "x"), responded(1, 1, "stop", negative)],
      "G16: request 1.1 has used less than nothing"
    ],
    [
      "a reply with a negative cost",
      [started(), modelRequested(1), text(1, 1, "x"), responded(1, 1, "stop", { cost: -0.1 })],
      "G16: request 1.1 has used less than nothing"
    ],
    [
      "a failed request that used less than nothing",
      [started(), modelRequested(1), modelFailed(1, 1, true, negative)],
      "G16: request 1.1 has used less than nothing"
    ],
    [
      "a run of a tool that used less than nothing",
      withDispatch(["look"], [attemptStarted(1, 1, 0), subRunEnded(1, 1, 0, { turns: -1 }), ...closing]),
      "G16: run run.1.0.1 has used less than nothing"
    ],
    [
      "a run of a tool that is counted twice",
      withDispatch(["look"], [attemptStarted(1, 1, 0), subRunEnded(1, 1, 0), subRunEnded(1, 1, 0), ...closing]),
      "G16: run run.1.0.1 is counted twice"
    ]
  ])
})

describe("T13 - a call that wants approval", () => {
  const gated = (...dispatch: Events): Events => [
    started({ deadline: 10_000 }),
    modelRequested(1),
    requested(1, 1, 0, "send"),
    requested(1, 1, 1, "send"),
    responded(1),
    intended(1, 1, [0, 1], "effectful", [0, 1]),
    ...dispatch
  ]
  const ask = [approvalRequested(1, 1, 0), approvalRequested(1, 1, 1)]
  const expires = { at: 10, expires: 100 }
  const queued = { _tag: "CallQueued", turn: 1, request: 1, index: 0, at: 20, behind: "tool" } as const

  accepts([
    [
      "each begun once it is approved",
      gated(
        ...ask,
        approvalDecided(1, 1, 1),
        ...lifecycle(1),
        approvalDecided(1, 1, 0),
        ...lifecycle(0),
        turnClosed(1)
      )
    ],
    ["a refused one that is not begun", gated(...ask, approvalDecided(1, 1, 0, false), answered(1, 1, 0, false))],
    ["one that is answered undecided", gated(...ask, answered(1, 1, 0, false))],
    ["one that is asked for again when the run is resumed", gated(...ask, resumed(), ...ask, approvalDecided(1, 1, 0))],
    [
      "one that was approved before the run was resumed",
      gated(...ask, approvalDecided(1, 1, 0), resumed(), ...lifecycle(0))
    ],
    [
      "one that begins within a second of its end",
      gated(
        ...ask,
        approvalDecided(1, 1, 0, true, expires),
        at(attemptStarted(1, 1, 0), 1100)
      )
    ],
    [
      "one that waited for its place",
      gated(
        ...ask,
        approvalDecided(1, 1, 0, true, expires),
        queued,
        at(attemptStarted(1, 1, 0), 5000)
      )
    ],
    [
      "G8 - an hour until it is decided",
      gated(
        ...ask,
        approvalDecided(1, 1, 1, false, { at: 3_600_000 }),
        at(answered(1, 1, 1, false), 3_600_000),
        approvalDecided(1, 1, 0, true, { at: 7_200_000 }),
        at(attemptStarted(1, 1, 0), 7_200_100)
      )
    ]
  ])

  exactly([
    ["begun undecided", gated(...ask, ...lifecycle(0)), "T13: call 0 (send) is begun without an approval"],
    [
      "begun by the approval of another",
      gated(...ask, approvalDecided(1, 1, 0), attemptStarted(1, 1, 1)),
      "T13: call 1 (send) is begun without an approval"
    ],
    [
      "begun although it was refused",
      gated(...ask, approvalDecided(1, 1, 0, false), attemptStarted(1, 1, 0)),
      "T13: call 0 (send) is begun although it was refused"
    ],
    [
      "done without an attempt and without an approval",
      gated(...ask, answered(1, 1, 0)),
      "T13: call 0 (send) is done without an approval"
    ],
    [
      "begun with an approval that was over when it was given",
      gated(
        ...ask,
        approvalDecided(1, 1, 0, true, { at: 100, expires: 100 }),
        queued,
        at(attemptStarted(1, 1, 0), 100)
      ),
      "T13: call 0 (send) is begun after its approval expired"
    ],
    [
      "begun after its approval was over",
      gated(...ask, approvalDecided(1, 1, 0, true, expires), at(attemptStarted(1, 1, 0), 1101)),
      "T13: call 0 (send) is begun after its approval expired"
    ],
    ["decided about unasked", gated(approvalDecided(1, 1, 0)), "T13: call 0 (send) is decided about unasked"],
    [
      "decided about twice",
      gated(...ask, approvalDecided(1, 1, 0, false), approvalDecided(1, 1, 0)),
      "T13: call 0 (send) is decided about twice"
    ],
    [
      "asked for where none is wanted",
      [started(), modelRequested(1), requested(1, 1, 0), responded(1), intended(1, 1, [0]), approvalRequested(1, 1, 0)],
      "T13: call 0 (look) is asked for, which wants no approval"
    ],
    [
      "G8 - begun after the time that counts",
      gated(...ask, approvalDecided(1, 1, 0, true, { at: 3_600_000 }), at(attemptStarted(1, 1, 0), 3_610_000)),
      "G8: call 0 is begun 0 ms after the deadline"
    ]
  ])
})

describe("recovery", () => {
  const failed = (turn: number, index: number, number = 1): RunEvent.RunEvent => ({
    ...attemptEnded(turn, 1, index, number),
    failure: { kind: "transient", reason: "Unavailable", message: "down", executed: true }
  })
  const once = (turn: number, index: number, ok: boolean): Events => [
    attemptStarted(turn, 1, index),
    ok ? attemptEnded(turn, 1, index) : failed(turn, index),
    answered(turn, 1, index, ok)
  ]
  const turnOf = (turn: number, params: ReadonlyArray<unknown>, dispatch: Events, tool = "look"): Events => [
    modelRequested(turn),
    ...params.map((value, index) => requested(turn, 1, index, tool, `${turn}-${index}`, value)),
    responded(turn),
    intended(turn, 1, params.map((_, index) => index)),
    ...dispatch,
    turnClosed(turn)
  ]

  it("is whole where nothing failed", () => {
    assert.deepStrictEqual(Check.recovery([]), { failed: 0, healed: 0, ratio: 1 })
    assert.deepStrictEqual(Check.recovery([started(), ...turnOf(1, [{}], once(1, 0, true))]), {
      failed: 0,
      healed: 0,
      ratio: 1
    })
  })

  it("a call heals by its own retry", () => {
    const retried = [attemptStarted(1, 1, 0), failed(1, 0), attemptStarted(1, 1, 0, 2), attemptEnded(1, 1, 0, 2)]
    const events = [started(), ...turnOf(1, [{}], [...retried, answered(1, 1, 0)])]
    assert.deepStrictEqual(Check.recovery(events), { failed: 1, healed: 1, ratio: 1 })
  })

  it("a call heals by a later one of the same tool with the same arguments, in whatever order of keys", () => {
    const first = turnOf(1, [{ a: 1, b: 2 }, { a: 2 }], [...once(1, 0, false), ...once(1, 1, false)])
    const second = (params: unknown, tool?: string) => turnOf(2, [params], once(2, 0, true), tool)
    assert.deepStrictEqual(Check.recovery([started(), ...first]), { failed: 2, healed: 0, ratio: 0 })
    assert.deepStrictEqual(Check.recovery([started(), ...first, ...second({ b: 2, a: 1 })]), {
      failed: 2,
      healed: 1,
      ratio: 0.5
    })
    assert.strictEqual(Check.recovery([started(), ...first, ...second({ a: 1 })]).healed, 0)
    assert.strictEqual(Check.recovery([started(), ...first, ...second({ a: 1, b: 2 }, "peek")]).healed, 0)
  })

  it("an earlier success heals nothing", () => {
    const events = [started(), ...turnOf(1, [{}], once(1, 0, true)), ...turnOf(2, [{}], once(2, 0, false))]
    assert.deepStrictEqual(Check.recovery(events), { failed: 1, healed: 0, ratio: 0 })
  })

  it("calls that were not tried, that are open, and those of replies that are not kept", () => {
    const refused = turnOf(1, [{}], [answered(1, 1, 0, false)])
    assert.strictEqual(Check.recovery([started(), ...refused]).failed, 0)
    const open = turnOf(1, [{}], [attemptStarted(1, 1, 0), failed(1, 0)]).slice(0, -1)
    assert.deepStrictEqual(Check.recovery([started(), ...open]), { failed: 1, healed: 0, ratio: 0 })
    // of its failed attempts one is of a reply that broke off
    assert.deepStrictEqual(Check.recovery(goodRun), { failed: 1, healed: 1, ratio: 1 })
    const filtered = [requested(1, 1, 0), intended(1, 1, [0]), failed(1, 0), responded(1, 1, "content-filter")]
    assert.strictEqual(Check.recovery([started(), modelRequested(1), ...filtered]).failed, 0)
  })

  it.effect.prop("is total, and a share", [Arbitrary.array(event, { maxLength: 30 })], ([events]) =>
    Effect.sync(() => {
      const { failed, healed, ratio } = Check.recovery(events)
      assert.isTrue(healed >= 0 && healed <= failed)
      assert.strictEqual(ratio, failed === 0 ? 1 : healed / failed)
    }))
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
