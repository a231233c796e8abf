import { assert, describe, it } from "@effect/vitest"
import { Agent, Dependencies, type RunEvent, ToolCall, ToolFailure, ToolPolicy } from "@volley/core"
import { Simulation } from "@volley/core/testing"
import { Cause, Clock, Effect, Exit, Fiber, Option, Schema } from "effect"
import { TestClock } from "effect/testing"
import { type Flight, singleFlight } from "../../src/internal/dispatch/singleFlight.ts"
import type { Call, Failed, Plan, Result, Shared } from "../../src/internal/dispatch/stage.ts"
import { inTime, ofTag, recordIn } from "../support/observe.ts"
import { dispatchTurn } from "../support/turn.ts"

class Bug extends Schema.TaggedError<Bug>()("Bug", {}) {
  readonly [ToolFailure.kind] = "fatal" as const
}

/** A tool that takes its time; its results count its executions. */
const reader = (
  effectClass: ToolPolicy.EffectClass = "readonly",
  end: (n: number) => Effect.Effect<string, unknown> = (n) => Effect.succeed(`result ${n}`)
) => {
  const log: Array<string> = []
  let executions = 0
  const tool = Agent.tool("read", {
    description: "Reads",
    class: effectClass,
    parameters: { id: Schema.String, millis: Schema.Int },
    success: Schema.String,
    failure: Schema.Union([ToolFailure.ToolFailure, Bug]),
    run: ({ id, millis }) =>
      Effect.gen(function*() {
        log.push(`${id} by ${(yield* ToolCall.current)?.index}`)
        const n = ++executions
        yield* Effect.sleep(millis)
        return yield* end(n) as Effect.Effect<string, Bug>
      })
  })
  return { log, tool: ToolPolicy.set(tool, { retry: { times: 0 } }) }
}

const ask = (id: string, millis = 100) => ({ name: "read", params: { id, millis } })

const joined = (events: ReadonlyArray<RunEvent.RunEvent>) =>
  ofTag(events, "CallJoined").map(({ index, leader }) => [index, leader])

const isolated = Dependencies.layerMemory

describe("single-flight", () => {
  it.effect("equal calls of a read-only tool share one execution, others have their own", () =>
    Effect.gen(function*() {
      const { log, tool } = reader()
      const again = { name: "read", params: { millis: 100, id: "a" } }
      const { answers, events } = yield* inTime(
        dispatchTurn([tool], [ask("a"), ask("b"), again, ask("a", 50), ask("a")])
      )
      assert.deepStrictEqual(log, ["a by 0", "b by 1", "a by 3"])
      assert.deepStrictEqual(answers.map(({ result }) => result), [
        "result 1",
        "result 2",
        "result 1",
        "result 3",
        "result 1"
      ])
      assert.deepStrictEqual(joined(events), [[2, 0], [4, 0]])
      assert.deepStrictEqual(answers.map(({ attempts }) => attempts), [1, 1, 1, 1, 1])
    }).pipe(Effect.provide(isolated)))

  it.effect.each<[ToolPolicy.EffectClass]>([["idempotent"], ["effectful"]])(
    "calls of a tool that is %s are executed each",
    ([effectClass]) =>
      Effect.gen(function*() {
        const { log, tool } = reader(effectClass)
        const { events } = yield* inTime(dispatchTurn([tool], [ask("a"), ask("a")]))
        assert.deepStrictEqual(log, ["a by 0", "a by 1"])
        assert.deepStrictEqual(joined(events), [])
      }).pipe(Effect.provide(isolated))
  )

  const failures: { readonly [kind: string]: Effect.Effect<never, unknown> } = {
    transient: Effect.fail(ToolFailure.transient({ reason: "Unavailable", message: "down" })),
    permanent: Effect.fail(ToolFailure.permanent({ reason: "NotFound", message: "none" })),
    fatal: Effect.fail(new Bug()),
    defect: Effect.die(new Error("bug")),
    permanentByInterruption: Effect.interrupt
  }
  for (const [kind, failure] of Object.entries(failures)) {
    it.effect(`a joiner is given what its leader is: ${kind}`, () =>
      Effect.gen(function*() {
        const { log, tool } = reader("readonly", () => failure)
        const { answers } = yield* inTime(dispatchTurn([tool], [ask("a"), ask("a")]))
        const [leader, joiner] = answers
        assert.deepStrictEqual(log, ["a by 0"])
        assert.include(kind, leader?.failure?.kind ?? "none")
        assert.deepStrictEqual(joiner, leader)
      }).pipe(Effect.provide(isolated)))
  }

  it.effect("a joiner tells of the leader's attempts", () =>
    Effect.gen(function*() {
      const { tool } = reader("readonly", (n) => n < 3 ? failures["transient"]! : Effect.succeed("at last"))
      const retried = ToolPolicy.set(tool, { retry: { times: 2 } })
      const { answers } = yield* inTime(dispatchTurn([retried], [ask("a"), ask("a")]))
      assert.deepStrictEqual(answers.map(({ result }) => result), ["at last", "at last"])
      assert.deepStrictEqual(answers.map(({ attempts }) => attempts), [3, 3])
    }).pipe(Effect.provide(isolated)))

  it.effect("calls of another dispatch have their own execution", () =>
    Effect.gen(function*() {
      const { log, tool } = reader()
      const { answers } = yield* inTime(dispatchTurn([tool], [ask("a", 10)]))
      const second = yield* inTime(dispatchTurn([tool], [ask("a", 10)]))
      assert.deepStrictEqual([answers[0]?.result, second.answers[0]?.result], ["result 1", "result 2"])
      assert.lengthOf(log, 2)
    }).pipe(Effect.provide(isolated)))
})

const plan = { effectClass: "readonly", name: "read" } as Plan

/** The stage around an execution that the test decides, with what it leaves behind. Writing an event may take its time. */
const flown = (next: (call: Call) => Effect.Effect<Result, Failed>, writing: Effect.Effect<void> = Effect.void) => {
  const flights = new Map<string, Flight>()
  const events: Array<RunEvent.RunEvent> = []
  const shared = {
    flights,
    emit: (event: (at: number) => RunEvent.RunEvent) => Effect.andThen(writing, recordIn(events)(event))
  } as unknown as Shared
  const execute = singleFlight(plan)!(next)
  const call = (index: number, deadline = 1000, id = "a"): Call => ({
    turn: 1,
    request: 1,
    index,
    id: `${index}`,
    name: "read",
    key: `${index}`,
    params: { id },
    decoded: { id },
    deadline,
    shared,
    history: { attempts: 0, handlers: [] },
    hedge: false,
    handler: undefined
  })
  return { call, events, execute, flights, shared }
}

const slow = (call: Call) =>
  Effect.suspend(() => {
    call.history.attempts++
    return Effect.as(Effect.sleep(500), { value: `by ${call.index}` })
  })

const settled = Effect.repeat(Effect.yieldNow, { times: 20 })

const started = Effect.fnUntraced(function*<A, E>(effect: Effect.Effect<A, E>) {
  const fiber = yield* Effect.forkChild(effect)
  yield* settled
  return fiber
})

describe("an interrupted leader", () => {
  it.effect("hands over to the first that still waits, which runs the call itself; so does that one", () =>
    Effect.gen(function*() {
      const { call, events, execute, flights } = flown(slow)
      const calls = [0, 1, 2, 3, 4].map((index) => call(index))
      const fibers = yield* Effect.forEach(calls, (one) => started(execute(one)))
      for (const index of [1, 0, 2]) {
        yield* TestClock.adjust(100)
        yield* Fiber.interrupt(fibers[index]!)
        yield* settled
        assert.strictEqual(flights.size, 1)
      }
      yield* TestClock.adjust(500)
      assert.deepStrictEqual(yield* Fiber.join(fibers[3]!), { value: "by 3" })
      assert.deepStrictEqual(yield* Fiber.join(fibers[4]!), { value: "by 3" })
      assert.deepStrictEqual(calls.map(({ history }) => history.attempts), [1, 0, 1, 1, 1])
      assert.deepStrictEqual(joined(events), [[1, 0], [2, 0], [3, 0], [4, 0]])
      assert.strictEqual(flights.size, 0)
    }))

  it.effect("alone leaves nothing behind: an equal call runs anew", () =>
    Effect.gen(function*() {
      const { call, execute, flights } = flown(slow)
      const first = yield* started(execute(call(0)))
      yield* Fiber.interrupt(first)
      assert.strictEqual(flights.size, 0)
      const second = yield* started(execute(call(1)))
      yield* TestClock.adjust(500)
      assert.deepStrictEqual(yield* Fiber.join(second), { value: "by 1" })
    }))

  it.effect("with a joiner that has not begun yet: the joiner runs the call, a later one joins it", () =>
    Effect.gen(function*() {
      const { call, events, execute, flights } = flown(slow)
      const leading = execute(call(0))
      const joining = execute(call(1))
      yield* Fiber.interrupt(yield* started(leading))
      const joiner = yield* started(joining)
      const later = yield* started(execute(call(2)))
      yield* Fiber.interrupt(joiner)
      yield* TestClock.adjust(500)
      assert.deepStrictEqual(yield* Fiber.join(later), { value: "by 2" })
      assert.deepStrictEqual(joined(events), [[2, 1]])
      assert.strictEqual(flights.size, 0)
    }))

  it.effect("all interrupted: nothing runs on", () =>
    Effect.gen(function*() {
      let ended = 0
      const { call, execute, flights } = flown((one) => Effect.onExit(slow(one), () => Effect.sync(() => ended++)))
      const fibers = yield* Effect.forEach([0, 1, 2], (index) => started(execute(call(index))))
      yield* Fiber.interruptAll(fibers)
      yield* TestClock.adjust(1000)
      assert.strictEqual(flights.size, 0)
      assert.isAtLeast(ended, 1)
      const exits = yield* Effect.forEach(fibers, Fiber.await)
      assert.isTrue(exits.every((exit) => Exit.isFailure(exit) && Cause.hasInterruptsOnly(exit.cause)))
    }))
})

describe("a joiner", () => {
  it.effect("that is interrupted touches nobody", () =>
    Effect.gen(function*() {
      const { call, execute } = flown(slow)
      const [leader, left, stays] = yield* Effect.forEach([0, 1, 2], (index) => started(execute(call(index))))
      yield* Fiber.interrupt(left!)
      yield* TestClock.adjust(500)
      assert.deepStrictEqual(yield* Fiber.join(leader!), { value: "by 0" })
      assert.deepStrictEqual(yield* Fiber.join(stays!), { value: "by 0" })
    }))

  it.effect("that begins after the execution has ended is given what came of it", () =>
    Effect.gen(function*() {
      const { call, events, execute } = flown(slow)
      const leading = execute(call(0))
      const joiner = call(1)
      const joining = execute(joiner)
      const leader = yield* started(leading)
      yield* TestClock.adjust(500)
      yield* Fiber.join(leader)
      assert.deepStrictEqual(yield* joining, { value: "by 0" })
      assert.strictEqual(joiner.history.attempts, 1)
      assert.deepStrictEqual(joined(events), [[1, 0]])
    }))

  it.effect("that is to lead, and is interrupted before it does, hands over to the next", () =>
    Effect.gen(function*() {
      const { call, execute, flights } = flown(slow, Effect.sleep(100))
      const [leader, second, third] = yield* Effect.forEach([0, 1, 2], (index) => started(execute(call(index))))
      yield* Fiber.interrupt(leader!)
      yield* Effect.forkChild(Fiber.interrupt(second!))
      yield* TestClock.adjust(100)
      yield* TestClock.adjust(500)
      assert.deepStrictEqual(yield* Fiber.join(third!), { value: "by 2" })
      assert.strictEqual(flights.size, 0)
    }))

  it.effect("has nothing to join once the execution has ended: it runs anew", () =>
    Effect.gen(function*() {
      const { call, events, execute } = flown((one) => Effect.succeed({ value: `by ${one.index}` }))
      assert.deepStrictEqual(yield* execute(call(0)), { value: "by 0" })
      assert.deepStrictEqual(yield* execute(call(1)), { value: "by 1" })
      assert.deepStrictEqual(joined(events), [])
    }))

  it.effect.each<[string, number]>([["is executed", 1], ["waits itself", 0]])(
    "G8 - fails at its own deadline, exactly, and tells whether the call was executed: the leader %s",
    ([, attempts]) =>
      Effect.gen(function*() {
        const { call, execute, flights } = flown((one) => {
          one.history.attempts = attempts
          return Effect.never
        })
        const leader = yield* started(execute(call(0, 1000)))
        const joiner = call(1, 300)
        const joining = yield* started(Effect.zip(Effect.exit(execute(joiner)), Clock.currentTimeMillis))
        yield* TestClock.adjust(299)
        assert.isUndefined(joining.pollUnsafe())
        yield* TestClock.adjust(1)
        assert.deepStrictEqual(yield* Fiber.join(joining), [
          Exit.fail<Failed>({
            kind: "transient",
            reason: "Timeout",
            message: "no result before the deadline",
            executed: attempts > 0
          }),
          300
        ])
        assert.strictEqual(joiner.history.attempts, attempts)
        assert.strictEqual(flights.size, 1)
        yield* Fiber.interrupt(leader)
        assert.strictEqual(flights.size, 0)
      })
  )

  it.effect("whose event cannot be written fails alone and is not handed the call", () =>
    Effect.gen(function*() {
      const { call, execute, flights, shared } = flown(slow)
      const lost: Failed = { kind: "fatal", reason: "JournalFailure", message: "lost", executed: false }
      const broken: Call = { ...call(1), shared: { ...shared, emit: () => Effect.fail(lost) } }
      const leader = yield* started(execute(call(0)))
      assert.deepStrictEqual(yield* Effect.exit(execute(broken)), Exit.fail(lost))
      yield* Fiber.interrupt(leader)
      assert.strictEqual(flights.size, 0)
    }))
})

describe("every order of fibers, any call cancelled or late at any time", () => {
  const isLate = (cause: Cause.Cause<Failed>): boolean =>
    Option.exists(Cause.findErrorOption(cause), ({ reason }) => reason === "Timeout")

  /** Plays one seed; gives how often a call was handed over. */
  const play = (seed: number): number => {
    const random = Simulation.randomNumbers(seed)
    const draw = (end: number) => Math.floor(random() * end)
    const running = new Map<string, number>()
    const ran = new Map<string, Array<number>>()
    const { call, events, execute, flights } = flown(
      (one) =>
        Effect.suspend(() => {
          const { id } = one.params as { readonly id: string }
          const count = (running.get(id) ?? 0) + 1
          assert.strictEqual(count, 1, `seed ${seed}: executions of "${id}" at the same time`)
          running.set(id, count)
          ran.set(id, [...ran.get(id) ?? [], one.index])
          one.history.attempts++
          return Effect.as(Effect.sleep(draw(3) * 10), { value: id })
        }).pipe(
          Effect.onExit(() => Effect.sync(() => void running.set((one.params as { readonly id: string }).id, 0)))
        ),
      Effect.suspend(() => random() < 0.5 ? Effect.void : Effect.sleep(10))
    )
    const calls = Array.from({ length: 2 + draw(6) }, () => ({
      id: ["a", "a", "b"][draw(3)]!,
      submitted: draw(3) * 10,
      begins: draw(2) * 10,
      cancelled: random() < 0.4 ? draw(3) * 10 : undefined,
      deadline: random() < 0.3 ? draw(6) * 10 : 10_000
    }))
    const world = Effect.forEach(
      calls.entries(),
      Effect.fnUntraced(function*([index, { begins, cancelled, deadline, id, submitted }]) {
        yield* Effect.sleep(submitted)
        const execution = execute(call(index, deadline, id))
        yield* Effect.sleep(begins)
        const fiber = yield* Effect.forkChild(execution, { startImmediately: true })
        if (cancelled !== undefined) yield* Effect.andThen(Effect.sleep(cancelled), Fiber.interrupt(fiber))
        return yield* Fiber.await(fiber)
      }),
      { concurrency: "unbounded" }
    )
    const { stop } = Simulation.simulate(world, { seed })
    if (stop._tag !== "Done" || Exit.isFailure(stop.exit)) assert.fail(`seed ${seed}: ${JSON.stringify(stop)}`)
    for (const [i, exit] of stop.exit.value.entries()) {
      const { cancelled, deadline, id } = calls[i]!
      if (Exit.isSuccess(exit)) assert.deepStrictEqual(exit.value, { value: id }, `seed ${seed}, call ${i}`)
      else if (
        !(cancelled !== undefined && Cause.hasInterruptsOnly(exit.cause)) && !(deadline < 10_000 && isLate(exit.cause))
      ) {
        assert.fail(`seed ${seed}, call ${i}: ${Cause.pretty(exit.cause)}`)
      }
    }
    assert.strictEqual(flights.size, 0, `seed ${seed}`)
    const joiners = new Set(ofTag(events, "CallJoined").map(({ index }) => index))
    return [...ran.values()].flat().filter((index) => joiners.has(index)).length
  }

  it("each call that lives is answered, equal calls never run at the same time, nothing is left", () => {
    let handovers = 0
    for (let seed = 1; seed <= 2000; seed++) handovers += play(seed)
    assert.isAbove(handovers, 100)
  })
})
