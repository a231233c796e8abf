import { assert, describe, it } from "@effect/vitest"
import { Agent, Dependencies, type RunEvent, ToolFailure, ToolPolicy } from "@volley/core"
import { Effect, Fiber, Option, References, Schedule, Schema } from "effect"
import { CircuitBreaker } from "effect/persistence"
import { inTime, ofTag } from "../support/observe.ts"
import { dispatchTurn, type TurnOptions } from "../support/turn.ts"

class Bug extends Schema.TaggedError<Bug>()("Bug", {}) {
  readonly [ToolFailure.kind] = "fatal" as const
}

type End = Effect.Effect<string, ToolFailure.ToolFailure | Bug>

const down = (more: object = {}): End =>
  Effect.fail(ToolFailure.transient({ reason: "Unavailable", message: "down", ...more }))

const tool = (name: string, end: End, effectClass: ToolPolicy.EffectClass = "readonly") =>
  ToolPolicy.set(
    Agent.tool(name, {
      description: name,
      class: effectClass,
      parameters: {},
      success: Schema.String,
      failure: Schema.Union([ToolFailure.ToolFailure, Bug]),
      run: () => end
    }),
    { retry: { times: 0 } }
  )

const kept = tool("kept", Effect.succeed("as of noon"))

const ask = (asked: ReturnType<typeof tool>, options: TurnOptions = {}) =>
  Effect.map(
    inTime(dispatchTurn([asked], [{ name: asked.name }], options)),
    ({ answers, events }) => ({ answer: answers[0]!, events })
  )

const standIns = (events: ReadonlyArray<RunEvent.RunEvent>) => ofTag(events, "FallbackStarted").map(({ tool }) => tool)

const alone = Effect.provide(Dependencies.layerMemory)
const quiet = Effect.provideService(References.MinimumLogLevel, "None")

describe("fallback", () => {
  it.effect("another tool stands in when the retries are over, and the model is told where the result is from", () =>
    Effect.gen(function*() {
      const status = ToolPolicy.set(tool("status", down()), {
        retry: Schedule.spaced(100).pipe(Schedule.upTo({ times: 1 })),
        fallback: kept
      })
      const { answer, events } = yield* ask(status)
      assert.deepInclude(answer, {
        ok: true,
        result: "as of noon\n\n(from \"kept\", since \"status\" failed (Unavailable): down)",
        attempts: 3,
        at: 100
      })
      assert.deepStrictEqual(ofTag(events, "FallbackStarted"), [{
        _tag: "FallbackStarted",
        turn: 1,
        request: 1,
        index: 0,
        at: 100,
        tool: "kept",
        failure: { kind: "transient", reason: "Unavailable", message: "down", executed: true }
      }])
      assert.deepStrictEqual(events.map(({ _tag }) => _tag), [
        "AttemptStarted",
        "AttemptEnded",
        "RetryScheduled",
        "AttemptStarted",
        "AttemptEnded",
        "FallbackStarted",
        "AttemptStarted",
        "AttemptEnded"
      ])
    }).pipe(alone))

  it.effect("a tool that succeeds has no need of another", () =>
    Effect.gen(function*() {
      const { answer, events } = yield* ask(ToolPolicy.set(tool("status", Effect.succeed("fine")), { fallback: kept }))
      assert.deepInclude(answer, { result: "fine", attempts: 1 })
      assert.deepStrictEqual(standIns(events), [])
    }).pipe(alone))

  it.effect("another tool stands in while the circuit is open", () =>
    Effect.gen(function*() {
      const status = ToolPolicy.set(tool("status", down()), {
        breaker: { tripPolicy: CircuitBreaker.consecutive(1), openDuration: "30 seconds" },
        fallback: kept
      })
      yield* ask(status)
      const { answer, events } = yield* ask(status)
      assert.deepInclude(answer, { ok: true, attempts: 1 })
      assert.match(String(answer.result), /^as of noon\n\n\(from "kept", since "status" failed \(CircuitOpen\): /)
      assert.deepStrictEqual(standIns(events), ["kept"])
    }).pipe(alone))

  const final: { readonly [kind: string]: End } = {
    permanent: Effect.fail(ToolFailure.permanent({ reason: "NotFound", message: "none" })),
    unknown: Effect.fail(new ToolFailure.Unknown({ message: "odd" })),
    defect: Effect.die(new Error("bug")),
    fatal: Effect.fail(new Bug())
  }
  for (const [kind, end] of Object.entries(final)) {
    it.effect(`nothing stands in for a failure that is ${kind}`, () =>
      Effect.gen(function*() {
        const { answer, events } = yield* ask(ToolPolicy.set(tool("status", end), { fallback: kept }))
        assert.strictEqual(answer.failure?.kind, kind)
        assert.deepStrictEqual(standIns(events), [])
      }).pipe(alone, quiet))
  }

  it.effect.each<[ToolPolicy.EffectClass, executed: boolean, standsIn: boolean]>([
    ["readonly", true, true],
    ["readonly", false, true],
    ["idempotent", true, false],
    ["idempotent", false, true],
    ["effectful", true, false],
    ["effectful", false, true]
  ])(
    "G4 - a call that is %s, executed %s: another tool stands in %s",
    ([effectClass, executed, standsIn]) =>
      Effect.gen(function*() {
        const status = ToolPolicy.set(tool("status", down({ executed }), effectClass), { fallback: kept })
        const { answer, events } = yield* ask(status)
        assert.deepStrictEqual(standIns(events), standsIn ? ["kept"] : [])
        assert.strictEqual(answer.ok, standsIn)
      }).pipe(alone)
  )

  it.effect("G4 - another tool stands in where the tool found out that nothing happened", () =>
    Effect.gen(function*() {
      const pay = ToolPolicy.effectful(tool("pay", down(), "effectful"), {
        retry: { times: 0 },
        reconcile: () => Effect.succeed(Option.none()),
        fallback: kept
      })
      const { answer, events } = yield* ask(pay)
      assert.deepStrictEqual(standIns(events), ["kept"])
      assert.isTrue(answer.ok)
    }).pipe(alone))

  it.effect("when both fail the first failure stands and says so", () =>
    Effect.gen(function*() {
      const spare = tool("spare", Effect.fail(ToolFailure.permanent({ reason: "NotFound", message: "none" })))
      const { answer } = yield* ask(ToolPolicy.set(tool("status", down({ retryAfter: 2000 })), { fallback: spare }))
      assert.deepInclude(answer, { ok: false, attempts: 2 })
      assert.deepStrictEqual(answer.failure, {
        kind: "transient",
        reason: "Unavailable",
        message: "down (\"spare\", which stood in, failed as well: NotFound)",
        executed: true,
        retryAfter: 2000
      })
    }).pipe(alone))

  it.effect("G4 - the outcome is open where the one that stood in may have taken effect", () =>
    Effect.gen(function*() {
      const spare = tool("spare", down(), "effectful")
      const pay = ToolPolicy.set(tool("pay", down({ executed: false }), "effectful"), { fallback: spare })
      const { answer } = yield* ask(pay)
      assert.isTrue(answer.failure?.executed)
      assert.match(String(answer.result), /^Outcome unknown/)
    }).pipe(alone))

  it.effect("a fatal failure of the one that stands in is fatal", () =>
    Effect.gen(function*() {
      const { answer } = yield* ask(
        ToolPolicy.set(tool("status", down()), { fallback: tool("spare", Effect.fail(new Bug())) })
      )
      assert.instanceOf(Option.getOrUndefined(answer.fatal), Bug)
    }).pipe(alone, quiet))

  it.effect("the one that stands in has its own stages", () =>
    Effect.gen(function*() {
      let calls = 0
      const spare = ToolPolicy.set(
        tool("spare", Effect.suspend(() => ++calls === 1 ? down() : Effect.succeed("at last"))),
        { retry: Schedule.spaced(100).pipe(Schedule.upTo({ times: 1 })) }
      )
      const { answer } = yield* ask(ToolPolicy.set(tool("status", down()), { fallback: spare }))
      assert.deepInclude(answer, { ok: true, attempts: 3, at: 100 })
    }).pipe(alone))

  it.effect("one that stands in may have a fallback of its own, and the note names all of them", () =>
    Effect.gen(function*() {
      const busy = Effect.fail(ToolFailure.transient({ reason: "Overloaded", message: "busy" }))
      const second = ToolPolicy.set(tool("second", busy), { fallback: kept })
      const { answer, events } = yield* ask(ToolPolicy.set(tool("first", down()), { fallback: second }))
      assert.deepStrictEqual(standIns(events), ["second", "kept"])
      assert.strictEqual(
        answer.result,
        "as of noon\n\n(from \"kept\", since \"second\" failed (Overloaded): busy;"
          + " \"second\" was asked since \"first\" failed (Unavailable): down)"
      )
    }).pipe(alone))

  it.effect("G8 - nothing stands in once the deadline has passed", () =>
    Effect.gen(function*() {
      const { answer, events } = yield* ask(
        ToolPolicy.set(tool("status", Effect.never), { fallback: kept }),
        { deadline: 200 }
      )
      assert.deepInclude(answer, { ok: false, at: 200, attempts: 1 })
      assert.deepStrictEqual(standIns(events), [])
      assert.strictEqual(answer.failure?.message, "no result before the deadline")
    }).pipe(alone))

  it.effect("an interrupted call interrupts the one that stands in", () =>
    Effect.gen(function*() {
      const events: Array<RunEvent.RunEvent> = []
      const status = ToolPolicy.set(tool("status", down()), { fallback: tool("spare", Effect.never) })
      yield* inTime(Effect.gen(function*() {
        const fiber = yield* Effect.forkChild(
          dispatchTurn([status], [{ name: "status" }], {
            onEvent: (event) => Effect.sync(() => void events.push(event))
          })
        )
        yield* Effect.sleep(50)
        yield* Fiber.interrupt(fiber)
      }))
      assert.deepStrictEqual(ofTag(events, "AttemptEnded").map(({ failure }) => failure?.reason), [
        "Unavailable",
        "Cancelled"
      ])
    }).pipe(alone))
})
