import { assert, describe, it } from "@effect/vitest"
import { Agent, Dependencies, Dispatcher, type RunEvent, ToolCall, ToolFailure, ToolPolicy } from "@volley/core"
import { Ledger, Simulation } from "@volley/core/testing"
import { Cause, Clock, Effect, Exit, Fiber, Option, References, Schema } from "effect"
import { inTime, ofTag, recordIn } from "../support/observe.ts"
import { dispatchTurn, type TurnOptions } from "../support/turn.ts"

type End = Effect.Effect<string, ToolFailure.ToolFailure>
type Found = Effect.Effect<Option.Option<string>, unknown>

const down = (more: object = {}): End =>
  Effect.fail(ToolFailure.transient({ reason: "Unavailable", message: "down", ...more }))

const parameters = { n: Schema.Int }

const pay = (
  run: (n: number) => End,
  reconcile: (parameters: { readonly n: number }, call: ToolCall.ToolCall) => Found,
  more: object = {}
) =>
  ToolPolicy.effectful(
    Agent.tool("pay", {
      description: "Pays",
      class: "effectful",
      parameters,
      success: Schema.String,
      failure: ToolFailure.ToolFailure,
      run: ({ n }) => run(n)
    }),
    { retry: { times: 0 }, timeout: 100, ...more, reconcile }
  )

const dispatched = (tool: ReturnType<typeof pay>, options: TurnOptions = {}) =>
  Effect.map(
    inTime(dispatchTurn([tool], [{ name: "pay", params: { n: 1 } }], options)),
    ({ answers, events }) => ({ answer: answers[0]!, events })
  )

const reconciled = (events: ReadonlyArray<RunEvent.RunEvent>) =>
  ofTag(events, "CallReconciled").map(({ at, attempt, executed }) => [attempt, at, executed])

const alone = Effect.provide(Dependencies.layerMemory)
const quiet = Effect.provideService(References.MinimumLogLevel, "None")

const took = (result: string): Found => Effect.succeed(Option.some(result))
const nothing: Found = Effect.succeed(Option.none())
const deaf = (millis: number) => Effect.uninterruptible(Effect.sleep(millis))

describe("reconcile", () => {
  it.effect("a call that took effect is answered with its result", () =>
    Effect.gen(function*() {
      const late = Effect.andThen(Effect.sleep(30), took("receipt 7"))
      const { answer, events } = yield* dispatched(pay(() => Effect.never, () => late))
      assert.deepInclude(answer, { ok: true, result: "receipt 7", attempts: 1, at: 130 })
      assert.deepStrictEqual(reconciled(events), [[1, 130, true]])
    }).pipe(alone))

  it.effect("a call that did not may be repeated", () =>
    Effect.gen(function*() {
      let calls = 0
      const { answer, events } = yield* dispatched(
        pay(() => Effect.suspend(() => ++calls === 1 ? down() : Effect.succeed("paid")), () => nothing, {
          retry: { times: 1 }
        })
      )
      assert.deepInclude(answer, { ok: true, result: "paid", attempts: 2 })
      assert.deepStrictEqual(events.map(({ _tag }) => _tag), [
        "AttemptStarted",
        "AttemptEnded",
        "CallReconciled",
        "RetryScheduled",
        "AttemptStarted",
        "AttemptEnded"
      ])
      assert.deepStrictEqual(reconciled(events), [[1, 0, false]])
    }).pipe(alone))

  it.effect("where it is not repeated the model is told that nothing was executed", () =>
    Effect.gen(function*() {
      const { answer } = yield* dispatched(pay(() => down(), () => nothing))
      assert.deepStrictEqual(answer.failure, {
        kind: "transient",
        reason: "Unavailable",
        message: "down",
        executed: false
      })
      assert.include(String(answer.result), "nothing was executed")
    }).pipe(alone))

  const silent: { readonly [what: string]: () => Found } = {
    fails: () => Effect.fail("no answer"),
    dies: () => Effect.die(new Error("bug")),
    throws: () => {
      throw new Error("bug")
    },
    "interrupts itself": () => Effect.interrupt,
    "returns what cannot be encoded": () => took(7 as unknown as string)
  }
  for (const [what, reconcile] of Object.entries(silent)) {
    it.effect(`G4 - the failure stands as it is where reconcile ${what}`, () =>
      Effect.gen(function*() {
        const { answer, events } = yield* dispatched(pay(() => down(), reconcile, { retry: { times: 1 } }))
        assert.deepInclude(answer, { ok: false, attempts: 1 })
        assert.isTrue(answer.failure?.executed)
        assert.match(String(answer.result), /^Outcome unknown/)
        assert.deepStrictEqual(reconciled(events), [])
      }).pipe(alone, quiet))
  }

  const settled: { readonly [what: string]: End } = {
    "a success": Effect.succeed("paid"),
    "a failure that says that nothing happened": down({ executed: false }),
    "a permanent failure": Effect.fail(ToolFailure.permanent({ reason: "NotFound", message: "none" })),
    "a defect": Effect.die(new Error("bug"))
  }
  for (const [what, end] of Object.entries(settled)) {
    it.effect(`${what} needs no finding out`, () =>
      Effect.gen(function*() {
        let asked = 0
        const { events } = yield* dispatched(pay(() => end, () => {
          asked++
          return nothing
        }))
        assert.strictEqual(asked, 0)
        assert.deepStrictEqual(reconciled(events), [])
      }).pipe(alone, quiet))
  }

  it.effect("an unknown failure is open too", () =>
    Effect.gen(function*() {
      const { answer } = yield* dispatched(
        pay(() => Effect.fail(new ToolFailure.Unknown({ message: "odd" })), () => took("receipt"))
      )
      assert.deepInclude(answer, { ok: true, result: "receipt" })
    }).pipe(alone))

  it.effect("it is given the arguments and the call as the handler had it", () =>
    Effect.gen(function*() {
      const seen: Array<unknown> = []
      const handler = (n: number) =>
        Effect.andThen(
          Effect.map(ToolCall.current, (call) => seen.push(n, call)),
          Effect.andThen(Effect.sleep(40), down())
        )
      yield* dispatched(
        pay(handler, ({ n }, call) => {
          seen.push(n, call)
          return nothing
        }),
        { tenant: "t", deadline: 120 }
      )
      const [ofHandler, current, ofReconcile, call] = seen
      assert.strictEqual(ofReconcile, ofHandler)
      assert.deepStrictEqual(call, { ...current as object, deadline: 120 })
    }).pipe(alone))

  it.effect.each<[what: string, wait: Effect.Effect<void>, deadline: number, at: number]>([
    ["the timeout of an attempt", Effect.never, 1000, 110],
    ["the deadline", Effect.never, 60, 60],
    ["the timeout and the grace where it is deaf", deaf(5000), 1000, 160],
    ["the deadline and the grace where it is deaf", deaf(5000), 60, 110]
  ])("G8 - it is waited for until %s", ([, wait, deadline, at]) =>
    Effect.gen(function*() {
      const tool = pay(() => Effect.andThen(Effect.sleep(10), down()), () => Effect.andThen(wait, nothing))
      const { answer } = yield* dispatched(tool, { deadline })
      assert.deepInclude(answer, { ok: false, at })
      assert.isTrue(answer.failure?.executed)
    }).pipe(alone, quiet))

  it.effect("G8 - it is not asked once the deadline has passed", () =>
    Effect.gen(function*() {
      let asked = 0
      const { answer } = yield* dispatched(
        pay(() => Effect.never, () => {
          asked++
          return nothing
        }),
        { deadline: 50 }
      )
      assert.deepInclude(answer, { ok: false, at: 50 })
      assert.strictEqual(asked, 0)
    }).pipe(alone))

  it.effect("G4 - while an abandoned handler runs, that nothing happened yet does not count", () =>
    Effect.gen(function*() {
      const more = { retry: { times: 1 } }
      const late = yield* dispatched(pay(() => Effect.as(deaf(5000), "paid"), () => nothing, more))
      assert.deepInclude(late.answer, { ok: false, attempts: 1, at: 150 })
      assert.isTrue(late.answer.failure?.executed)
      assert.deepStrictEqual(reconciled(late.events), [])
      const done = yield* dispatched(pay(() => Effect.as(deaf(5000), "paid"), () => took("receipt"), more))
      assert.deepInclude(done.answer, { ok: true, result: "receipt" })
    }).pipe(alone, quiet))

  it.effect("the next call of a serial key waits for one that is deaf", () =>
    Effect.gen(function*() {
      const tool = pay((n) => n === 1 ? down() : Effect.succeed("paid"), () => Effect.andThen(deaf(400), nothing), {
        serial: true
      })
      const { answers } = yield* inTime(
        dispatchTurn([tool], [1, 2].map((n) => ({ name: "pay", params: { n } })))
      )
      assert.deepStrictEqual(answers.map(({ at, ok }) => [ok, at]), [[false, 150], [true, 400]])
    }).pipe(alone, quiet))

  it.effect("an interrupted call interrupts it", () =>
    Effect.gen(function*() {
      let interrupted = false
      const asking = Effect.onInterrupt(Effect.never, () =>
        Effect.sync(() => {
          interrupted = true
        }))
      yield* inTime(Effect.gen(function*() {
        const fiber = yield* Effect.forkChild(
          dispatchTurn([pay(() => down(), () => asking)], [{ name: "pay", params: { n: 1 } }])
        )
        yield* Effect.sleep(50)
        yield* Fiber.interrupt(fiber)
      }))
      assert.isTrue(interrupted)
    }).pipe(alone))
})

const fates = ["ok", "fails", "refused", "hangs", "deaf", "odd"] as const
const findings = ["truth", "truth", "silence", "slow", "deaf"] as const

interface Drawn {
  readonly fate: typeof fates[number]
  readonly millis: number
  /** Whether and when the attempt takes effect, in milliseconds from its start. */
  readonly commit: boolean
  readonly finding: typeof findings[number]
}

const calls = 5

/** Payments that fail in every way, with books that tell the truth or nothing, and a tool that stands in. */
const play = (seed: number) =>
  Effect.gen(function*() {
    const random = Simulation.randomNumbers(seed)
    const pick = <A>(values: ReadonlyArray<A>): A => values[Math.floor(random() * values.length)]!
    const steps: ReadonlyArray<ReadonlyArray<Drawn>> = Array.from({ length: calls }, () =>
      Array.from({ length: 4 }, () => ({
        fate: pick(fates),
        millis: pick([0, 10, 20]),
        commit: random() < 0.5,
        finding: pick(findings)
      })))
    const cancelAt = random() < 0.3 ? pick([5, 40, 130]) : undefined
    const ledger = yield* Ledger.make

    const act = (n: number, step: Drawn): End => {
      const commit = step.commit || step.fate === "ok" ? ledger.record(`paid ${n}`) : Effect.void
      const sleep = Effect.sleep(step.millis)
      switch (step.fate) {
        case "ok":
          return Effect.andThen(sleep, Effect.as(commit, "paid"))
        case "refused":
          return Effect.andThen(sleep, down({ executed: false }))
        case "fails":
          return Effect.andThen(sleep, Effect.andThen(commit, down()))
        case "odd":
          return Effect.andThen(Effect.andThen(commit, sleep), Effect.fail(new ToolFailure.Unknown({ message: "odd" })))
        case "hangs":
          return Effect.andThen(commit, Effect.never)
        case "deaf":
          return Effect.uninterruptible(Effect.andThen(Effect.sleep(180), Effect.as(commit, "paid")))
      }
    }
    const handler = (n: number): End =>
      ledger.track(
        "handlers",
        Effect.flatMap(ToolCall.current, (call) =>
          act(n, steps[n]![Math.min(call?.attempt ?? 1, 4) - 1]!))
      )
    const find = (n: number, attempt: number): Found => {
      const books = Effect.map(ledger.count(`paid ${n}`), (count) =>
        count > 0 ? Option.some("found") : Option.none())
      switch (steps[n]![Math.min(attempt, 4) - 1]!.finding) {
        case "truth":
          return books
        case "silence":
          return Effect.fail("no answer")
        case "slow":
          return Effect.andThen(Effect.sleep(40), books)
        case "deaf":
          return Effect.andThen(deaf(200), books)
      }
    }
    const spare = ToolPolicy.set(
      Agent.tool("spare", {
        description: "Pays elsewhere",
        class: "effectful",
        parameters,
        success: Schema.String,
        failure: ToolFailure.ToolFailure,
        run: ({ n }) => handler(n)
      }),
      { retry: { times: 0 }, timeout: 100 }
    )
    const tool = pay(handler, ({ n }, { attempt }) => ledger.track("finding", find(n, attempt)), {
      retry: { times: 2 },
      concurrency: 2,
      fallback: spare
    })
    const events: Array<RunEvent.RunEvent> = []
    const dispatch = Dispatcher.open(yield* Dispatcher.make([tool]), {
      runId: "run",
      tenant: undefined,
      thread: undefined,
      concurrency: 3,
      retries: { allowed: 20, left: 20 },
      emit: recordIn(events),
      publish: () => Effect.void
    })
    const submitted = yield* Effect.forEach(steps.keys(), (n) =>
      dispatch.submit({ turn: 1, request: 1, index: n, id: `${n}`, name: "pay", params: { n }, key: `${n}` }, 3000))
    const fiber = yield* Effect.forkChild(Effect.all(submitted, { concurrency: "unbounded" }))
    if (cancelAt !== undefined) {
      yield* Effect.sleep(cancelAt)
      yield* Fiber.interrupt(fiber)
    }
    const exit = yield* Fiber.await(fiber)
    const end = yield* Clock.currentTimeMillis
    yield* Effect.sleep(500)
    const paid = yield* Effect.forEach(steps.keys(), (n) =>
      ledger.count(`paid ${n}`))
    const { current } = yield* ledger.inFlight()
    return { cancelled: cancelAt !== undefined, current, end, events, exit, paid }
  }).pipe(quiet)

const check = (seed: number, seen: Set<string>): void => {
  const { stop } = Simulation.simulate(play(seed), { seed })
  const where = `seed ${seed}`
  if (stop._tag !== "Done") return assert.fail(`${where}: ${stop._tag}`)
  if (Exit.isFailure(stop.exit)) return assert.fail(`${where}: ${Cause.pretty(stop.exit.cause)}`)
  const { cancelled, current, end, events, exit, paid } = stop.exit.value
  assert.isTrue(paid.every((count) => count <= 1), `${where}: paid twice (${paid.join(", ")})`)
  assert.strictEqual(current, 0, `${where}: something still runs`)
  assert.isAtMost(end, 3050, where)
  if (Exit.isFailure(exit)) return assert.isTrue(cancelled && Cause.hasInterruptsOnly(exit.cause), where)
  assert.lengthOf(exit.value, calls, where)
  for (const [n, { failure, ok }] of exit.value.entries()) {
    if (ok) assert.strictEqual(paid[n], 1, `${where}: call ${n} is said to have been paid`)
    if (failure?.executed === false) assert.strictEqual(paid[n], 0, `${where}: call ${n} is said not to have been paid`)
  }
  for (const { executed } of ofTag(events, "CallReconciled")) seen.add(`reconciled ${executed}`)
  for (const { _tag } of events) seen.add(_tag)
}

describe("reconcile, simulated", () => {
  it("G4 - nothing takes effect twice, and what the model is told is true", () => {
    const seen = new Set<string>()
    for (let seed = 1; seed <= 1500; seed++) check(seed, seen)
    for (
      const what of ["reconciled true", "reconciled false", "RetryScheduled", "FallbackStarted", "AttemptAbandoned"]
    ) {
      assert.include(seen, what)
    }
  })
})
