import { assert, describe, it } from "@effect/vitest"
import { Agent, type RunEvent, ToolCache, ToolCall, type ToolFailure, ToolPolicy } from "@volley/core"
import { Laws } from "@volley/core/testing"
import { Context, Effect, Exit, Layer, Ref, Schema } from "effect"
import { Tool, Toolkit } from "effect/ai"
import { CircuitBreaker } from "effect/persistence"
import * as Fates from "../../src/testing/internal/laws/fates.ts"
import * as Oracles from "../../src/testing/internal/laws/oracles.ts"
import type { Execution } from "../../src/testing/internal/laws/subject.ts"
import type { Seen, SeenRun } from "../../src/testing/internal/laws/world.ts"

class Down extends Schema.TaggedError<Down>()("Down", {}) {}
class Gone extends Schema.TaggedError<Gone>()("Gone", { id: Schema.String }) {}

const parameters = Schema.Struct({ id: Schema.Literals(["a", "b"]), count: Schema.Int })
const make = <const Name extends string>(name: Name) =>
  Tool.make(name, { parameters, success: Schema.String, failure: Schema.Union([Down, Gone]) })
const failures = { Down: "transient", Gone: "permanent" } as const

const Read = ToolPolicy.readonly(make("read"), {
  failures,
  cache: { timeToLive: "1 minute", staleIfError: "1 hour", failures: "10 seconds" },
  concurrency: 2
})
const Put = ToolPolicy.idempotent(make("put"), { failures, serial: ({ id }) => id })
const Pay = ToolPolicy.effectful(make("pay"), { failures })
const Slow = ToolPolicy.readonly(make("slow"), { failures, hedge: { after: "300 millis" }, timeout: "2 seconds" })
const Fragile = ToolPolicy.readonly(make("fragile"), {
  failures,
  breaker: { tripPolicy: CircuitBreaker.consecutive(2), openDuration: "1 second" },
  rateLimit: { limit: 3, window: "1 second" },
  retry: { times: 1 },
  fallback: ToolPolicy.readonly(
    Agent.tool("spare", {
      description: "Spare",
      class: "readonly",
      parameters: parameters.fields,
      success: Schema.String,
      run: () => "spare"
    })
  )
})

/** What the handlers of payments write. */
class Payments extends Context.Service<Payments, Ref.Ref<ReadonlyArray<string>>>()("laws/Payments") {
  static readonly layer = Layer.effect(Payments, Ref.make<ReadonlyArray<string>>([]))
}

const Payment = Toolkit.make(Pay)

type Write = (key: string, all: ReadonlyArray<string>) => ReadonlyArray<string>

const paying = (write: Write, pause = 0) =>
  Payment.toLayer(Effect.gen(function*() {
    const payments = yield* Payments
    return {
      pay: Effect.fnUntraced(function*() {
        const { idempotencyKey = "" } = (yield* ToolCall.current) ?? {}
        const before = yield* Ref.get(payments)
        yield* Effect.sleep(pause)
        if (pause > 0) yield* Ref.set(payments, write(idempotencyKey, before))
        else yield* Ref.update(payments, (all) => write(idempotencyKey, all))
        return "paid"
      })
    }
  })).pipe(Layer.provideMerge(Payments.layer))

const byKey: Write = (key, all) => all.includes(key) ? all : [...all, key]

const observe = Effect.flatMap(Payments, Ref.get)

const brokenBy = (law: Laws.Law, seeds = 60) => Effect.flip(Laws.forAll(law, { seeds }))

describe("Laws", () => {
  it.effect("toolkit - Volley keeps its laws with tools of every class and policy", () =>
    Laws.forAll(Laws.toolkit([Toolkit.make(Read, Put, Pay), Slow, Fragile]), { seeds: 25 }))

  it.effect("toolkit - and with handlers of the user's own, in a layer", () =>
    Effect.gen(function*() {
      const paid = new Set<string>()
      const layer = paying((key, all) => {
        paid.add(key)
        return [...all, key]
      })
      yield* Laws.forAll(Laws.toolkit([Payment], { layer }), { seeds: 20 })
      assert.isAbove(paid.size, 30)
    }))

  it.effect.prop("toolkit - is a property of a seed", [Schema.Int], ([seed]) => Laws.answeredOnceInOrder([Put])(seed), {
    arbitrary: { runs: 10 }
  })

  it.effect("cacheKeepsTenants - is broken by a cache that does not look at the tenant", () =>
    Effect.gen(function*() {
      // the same for everybody and everything
      const shared = Layer.effect(
        ToolCache.current,
        Effect.map(ToolCache.current, ({ get, set }): ToolCache.ToolCache => ({
          get: () => get("shared"),
          set: (_, entry, timeToLive) => set("shared", entry, timeToLive)
        }))
      )
      const handlers = Toolkit.make(Read).toLayer({ read: ({ id }) => Effect.succeed(id) })
      const { facts } = yield* brokenBy(Laws.cacheKeepsTenants([Read], { layer: Layer.merge(handlers, shared) }))
      assert.match(
        facts[0]!,
        /^call \d of turn \d \(read\) has a result from the cache that its tenant never asked for$/
      )
      yield* Laws.forAll(Laws.cacheKeepsTenants([Read], { layer: handlers }), { seeds: 30 })
    }))

  it.effect("cancelLeavesTranscript - is broken by a handler that never ends", () =>
    Effect.gen(function*() {
      const layer = Payment.toLayer({ pay: () => Effect.uninterruptible(Effect.never) })
      const { facts, law, message, seed, timeline } = yield* brokenBy(Laws.cancelLeavesTranscript([Payment], { layer }))
      assert.strictEqual(law, "a cancelled run leaves a transcript that the API accepts")
      assert.match(facts[0]!, /^call \d of turn \d \(pay\) still runs$/)
      assert.isTrue(message.startsWith(`Law "${law}" is broken by seed ${seed}:\n  ${facts[0]}`))
      assert.include(message, timeline)
      assert.include(timeline, "run cancelled")
    }))

  it.effect("forAll - fails with the first seed, which alone breaks the law again in the same way", () =>
    Effect.gen(function*() {
      const law = Laws.cancelLeavesTranscript([Payment], {
        layer: Payment.toLayer({ pay: () => Effect.uninterruptible(Effect.never) })
      })
      const { message, seed } = yield* brokenBy(law)
      yield* Laws.forAll(law, { seeds: seed })
      assert.strictEqual((yield* Effect.flip(law(seed))).message, message)
      assert.strictEqual((yield* Effect.flip(Laws.forAll(law, { from: seed, seeds: 1 }))).seed, seed)
    }))

  it.effect("toolkit - a handler that waits for a promise hangs until its timeout, like any other", () => {
    const layer = Payment.toLayer({ pay: () => Effect.promise(() => new Promise<string>(() => {})) })
    return Laws.forAll(Laws.toolkit([Payment], { layer }), { seeds: 3 })
  })

  it.effect("toolkit - a tool of which no values can be made is named", () =>
    Effect.gen(function*() {
      const odd = Tool.make("odd", { parameters: Schema.Struct({ id: Schema.Never }), success: Schema.String })
      assert.include(
        (yield* brokenBy(Laws.toolkit([odd]))).facts[0],
        "Tool \"odd\" has a schema that no values can be made of"
      )
    }))

  it.effect("sameKeySameEffect - holds for a handler that knows the keys it has seen", () =>
    Laws.forAll(Laws.sameKeySameEffect(Pay, { layer: paying(byKey), observe }), { seeds: 10 }))

  it.effect("sameKeySameEffect - is broken by one that does not, one after the other or at the same time", () =>
    Effect.gen(function*() {
      const twice = yield* brokenBy(
        Laws.sameKeySameEffect(Pay, { layer: paying((key, all) => [...all, key]), observe })
      )
      assert.match(twice.facts[0]!, /^after one execution of pay \{.*\} there is \["[0-9a-f]{64}"\], after two .* \["/)
      // it reads, waits, and writes what it read
      const racing: Write = (_, all) => [...all, `${all.length}`]
      const raced = Laws.sameKeySameEffect(Pay, { layer: paying(racing, 10), observe })
      assert.include((yield* brokenBy(raced)).facts[0], "one after the other")
    }))

  it.effect("sameKeySameEffect - is broken by answers that differ", () =>
    Effect.gen(function*() {
      const layer = Payment.toLayer(Effect.map(Payments, (payments) => ({
        pay: () => Effect.map(Ref.updateAndGet(payments, (all) => [...all, "x"]), (all) => `payment ${all.length}`)
      }))).pipe(Layer.provideMerge(Payments.layer))
      const { facts } = yield* brokenBy(Laws.sameKeySameEffect(Pay, { layer, observe: Effect.void }))
      assert.match(facts[0]!, /^one execution answers .*payment 1.*, one of two .* .*payment 2/)
    }))
})

// ---- the oracles, on worlds that Volley does not make

const call = (index: number, attempt: number): ToolCall.ToolCall => ({
  runId: "run",
  callId: `id${index}`,
  tool: "x",
  turn: 1,
  index,
  attempt,
  deadline: 900,
  tenant: "a",
  idempotencyKey: `key${index}`
})

type Kind = ToolFailure.Kind | "done" | "stopped"

/** Executions of one tool one after the other: which call, from when to when, how it ended. */
const executions = (
  tool: string,
  ...all: ReadonlyArray<
    readonly [index: number, start: number, end: number, kind: Kind, more?: { executed?: boolean; retryAfter?: number }]
  >
): ReadonlyArray<Execution> =>
  all.map(([index, start, end, kind, more], i) => ({
    tool,
    args: "{}",
    call: call(index, i + 1),
    fate: "ok",
    start,
    end,
    from: 2 * i,
    to: 2 * i + 1,
    done: kind === "done",
    failed: kind === "done" || kind === "stopped" ? undefined : { kind, executed: true, retryAfter: 0, ...more }
  }))

const started = { _tag: "RunStarted", at: 0, limits: { retries: 2, deadline: 1000 } } as RunEvent.RunEvent

const judge = (
  oracle: Oracles.Oracle,
  run: Partial<SeenRun>,
  tools: Seen["tools"] = [Read, Put, Pay, Slow, Fragile]
): ReadonlyArray<string> => {
  const whole: SeenRun = { runId: "run", events: [started], executions: [], exit: Exit.void, took: 0, ...run }
  return oracle(whole, { tools, runs: [whole] })
}

const key = { turn: 1, request: 1 }
const event = (tag: RunEvent.RunEvent["_tag"], fields: object): RunEvent.RunEvent =>
  ({ _tag: tag, ...key, at: 0, ...fields }) as never

describe("oracles", () => {
  it("permanentNotRetried - an execution after one that failed for good", () => {
    assert.deepStrictEqual(
      judge(Oracles.permanentNotRetried, { executions: executions("put", [0, 0, 5, "permanent"], [0, 9, 10, "done"]) }),
      ["call 0 of turn 1 (put) failed for good and is executed 1 times more"]
    )
    for (
      const other of [
        executions("put", [0, 0, 5, "transient"], [0, 9, 10, "permanent"]),
        executions("put", [0, 0, 5, "permanent"], [1, 9, 10, "done"])
      ]
    ) {
      assert.deepStrictEqual(judge(Oracles.permanentNotRetried, { executions: other }), [])
    }
    const hedged = executions("slow", [0, 0, 5, "permanent"], [0, 9, 10, "done"], [0, 11, 12, "done"])
    assert.lengthOf(judge(Oracles.permanentNotRetried, { executions: hedged.slice(0, 2) }), 0)
    assert.lengthOf(judge(Oracles.permanentNotRetried, { executions: hedged }), 1)
  })

  it("attemptsBounded - more executions than the policy, more retries than the run allows", () => {
    const times = (tool: string, count: number) =>
      judge(Oracles.attemptsBounded, {
        executions: executions(tool, ...Array.from({ length: count }, (_, i) => [0, i, i, "transient"] as const))
      })
    assert.lengthOf(times("put", 3), 0)
    assert.deepStrictEqual(times("put", 4), ["call 0 of turn 1 (put) is executed 4 times, its policy allows 3"])
    assert.lengthOf(times("fragile", 2), 0)
    assert.lengthOf(times("fragile", 3), 1)
    assert.lengthOf(times("slow", 6), 0)
    assert.lengthOf(times("slow", 7), 1)
    const unknown = executions("put", [0, 0, 1, "unknown"], [0, 2, 3, "unknown"], [0, 4, 5, "done"])
    assert.lengthOf(judge(Oracles.attemptsBounded, { executions: unknown.slice(0, 2) }), 0)
    assert.deepStrictEqual(judge(Oracles.attemptsBounded, { executions: unknown }), [
      "call 0 of turn 1 (put) is executed again after it failed 2 times for reasons unknown"
    ])
    const retry = event("RetryScheduled", { index: 0, attempt: 2, wait: 1, left: 0 })
    assert.lengthOf(judge(Oracles.attemptsBounded, { events: [started, retry, retry] }), 0)
    assert.deepStrictEqual(judge(Oracles.attemptsBounded, { events: [started, retry, retry, retry] }), [
      "the calls are retried 3 times, the run allows 2"
    ])
  })

  it("waitsBounded - too early, too long", () => {
    const waited = (start: number, wait: number, retryAfter = 0) =>
      judge(Oracles.waitsBounded, {
        events: [started, event("RetryScheduled", { index: 0, at: 10, attempt: 2, wait, left: 0 })],
        executions: executions("put", [0, 0, 10, "transient", { retryAfter }], [0, start, start, "done"])
      })
    assert.deepStrictEqual(waited(510, 500, 500), [])
    assert.deepStrictEqual(waited(509, 500, 500), [
      "call 0 of turn 1 (put) is executed again after 499 ms, asked were 500"
    ])
    assert.deepStrictEqual(waited(210, 200), [])
    assert.deepStrictEqual(waited(6000, 5001), ["call 0 of turn 1 (put) waits 5001 ms, at most were to be 200"])
    assert.deepStrictEqual(waited(9010, 9000, 9000), [])
  })

  it("waitsBounded - the default schedule doubles, throttling has a base of its own, and a refusal has a reason", () => {
    const ended = (reason: string) =>
      event("AttemptEnded", {
        index: 0,
        attempt: 1,
        failure: { kind: "transient", reason, message: "", executed: true }
      })
    const retry = (wait: number) => event("RetryScheduled", { index: 0, at: 10, attempt: 2, wait, left: 0 })
    const all = executions("put", [0, 0, 10, "transient", { retryAfter: 40 }])
    const facts = (...events: ReadonlyArray<RunEvent.RunEvent>) =>
      judge(Oracles.waitsBounded, { events: [started, ...events], executions: all }).length
    assert.strictEqual(facts(ended("Unavailable"), retry(200), retry(400), retry(800)), 0)
    assert.strictEqual(facts(ended("Unavailable"), retry(201), retry(401), retry(801)), 3)
    assert.strictEqual(facts(ended("RateLimited"), retry(1000), retry(2000), retry(4000), retry(5000)), 0)
    assert.strictEqual(facts(ended("Overloaded"), retry(1001), retry(2001), retry(4001), retry(5001)), 4)
    const refused = (why: string) => event("RetryRefused", { index: 0, at: 10, attempt: 2, why })
    assert.strictEqual(facts(refused("deadline")), 0)
    assert.strictEqual(facts(refused("retryAfter")), 1)
  })

  it("oneKeyPerCall - two keys of one call, one key of two calls", () => {
    const [one, two, other] = executions("put", [0, 0, 1, "transient"], [0, 2, 3, "done"], [1, 4, 5, "done"])
    const keys = (all: ReadonlyArray<Execution>) => judge(Oracles.oneKeyPerCall, { executions: all })
    const withKey = (execution: Execution, idempotencyKey: string) => ({
      ...execution,
      call: { ...execution.call, idempotencyKey }
    })
    assert.deepStrictEqual(keys([one!, two!, other!]), [])
    assert.deepStrictEqual(keys([one!, withKey(two!, "new")]), [
      "call 0 of turn 1 (put) has another idempotency key at attempt 2"
    ])
    assert.deepStrictEqual(keys([one!, withKey(other!, "key0")]), [
      "call 1 of turn 1 (put) has the idempotency key of call 0 of turn 1 (put)"
    ])
  })

  it("effectfulOnce - again after what may have taken effect", () => {
    const again = (
      tool: string,
      ...all: Parameters<typeof executions> extends [string, ...infer Rest] ? Rest : never
    ) => judge(Oracles.effectfulOnce, { executions: executions(tool, ...all) }).length
    assert.strictEqual(again("pay", [0, 0, 5, "transient"], [0, 9, 10, "done"]), 1)
    assert.strictEqual(again("pay", [0, 0, 5, "stopped"], [0, 9, 10, "done"]), 1)
    assert.strictEqual(again("pay", [0, 0, 5, "done"], [0, 9, 10, "done"]), 1)
    assert.strictEqual(again("pay", [0, 0, 5, "transient", { executed: false }], [0, 9, 10, "done"]), 0)
    assert.strictEqual(again("pay", [0, 0, 5, "done"], [1, 9, 10, "done"]), 0)
    assert.strictEqual(again("put", [0, 0, 5, "transient"], [0, 9, 10, "done"]), 0)
  })

  it("answeredOnceInOrder - no answer, two answers", () => {
    const requested = event("ToolCallRequested", { index: 0, id: "i", name: "pay", params: {} })
    const answered = event("ToolCallAnswered", { index: 0, ok: true, result: "", attempts: 1 })
    const answers = (...all: ReadonlyArray<RunEvent.RunEvent>) =>
      judge(Oracles.answeredOnceInOrder, { events: [requested, ...all, event("TurnClosed", {})] })
    assert.deepStrictEqual(answers(answered), [])
    assert.deepStrictEqual(answers(), ["call 0 of turn 1 (pay) is answered 0 times"])
    assert.deepStrictEqual(answers(answered, answered), ["call 0 of turn 1 (pay) is answered 2 times"])
  })

  it("deadlineKept - a run that is late, a handler that is begun late", () => {
    assert.deepStrictEqual(judge(Oracles.deadlineKept, { took: 1050 }), [])
    assert.deepStrictEqual(judge(Oracles.deadlineKept, { took: 1051 }), [
      "the run takes 1051 ms, its deadline is 1000 ms"
    ])
    const retried = (wait: number) =>
      judge(Oracles.deadlineKept, {
        events: [started, event("RetryScheduled", { index: 0, at: 100, attempt: 2, wait, left: 0 })]
      })
    assert.deepStrictEqual(retried(799), [])
    assert.deepStrictEqual(retried(800), ["call 0 of turn 1 waits for an attempt that has no time left"])
    assert.lengthOf(judge(Oracles.deadlineKept, { executions: executions("pay", [0, 899, 900, "done"]) }), 0)
    assert.deepStrictEqual(
      judge(Oracles.deadlineKept, { executions: executions("pay", [0, 1000, 1000, "done"]) }).slice(1),
      [
        "call 0 of turn 1 (pay) is begun 1000 ms after the start"
      ]
    )
  })

  it("deadlineKept - a handler that has more time than there is, unless it was abandoned", () => {
    const facts = (all: ReadonlyArray<Execution>, ...events: ReadonlyArray<RunEvent.RunEvent>) =>
      judge(Oracles.deadlineKept, { executions: all, events: [started, ...events] })
    const late = executions("pay", [0, 0, 901, "stopped"])
    assert.deepStrictEqual(facts(late), ["call 0 of turn 1 (pay) is still executed when its time is over"])
    assert.deepStrictEqual(facts(late, event("AttemptAbandoned", { index: 0, attempt: 1 })), [])
    const [generous] = executions("pay", [0, 0, 10, "done"])
    assert.deepStrictEqual(facts([{ ...generous!, call: { ...generous!.call, deadline: 901 } }]), [
      "call 0 of turn 1 (pay) is given more time than the run has"
    ])
  })

  it("cancelLeavesTranscript - a journal that is not closed", () => {
    assert.deepStrictEqual(judge(Oracles.cancelLeavesTranscript, { events: [] }), [])
    assert.isAbove(judge(Oracles.cancelLeavesTranscript, { events: [event("ModelRequested", {})] }).length, 0)
  })

  it("cacheKeepsTenants - a hit without an execution of the tenant's own, with these arguments", () => {
    const asked = (index: number, id: string) =>
      event("ToolCallRequested", { index, id: "i", name: "read", params: { id } })
    const hit = event("CacheHit", { index: 0, at: 20, age: 1, stale: false })
    const found = (other: string, ...all: ReadonlyArray<Execution>) =>
      judge(Oracles.cacheKeepsTenants, { events: [asked(0, "a"), asked(1, other), hit], executions: all })
    assert.deepStrictEqual(found("a"), [
      "call 0 of turn 1 (read) has a result from the cache that its tenant never asked for"
    ])
    assert.lengthOf(found("a", ...executions("read", [1, 0, 20, "done"])), 0)
    assert.lengthOf(found("b", ...executions("read", [1, 0, 20, "done"])), 1)
    assert.lengthOf(found("a", ...executions("read", [1, 0, 21, "done"])), 1)
    assert.lengthOf(found("a", ...executions("read", [1, 0, 20, "transient"])), 1)
    assert.lengthOf(found("a", ...executions("read", [1, 0, 20, "permanent"])), 0)
    assert.lengthOf(found("a", ...executions("pay", [1, 0, 20, "done"])), 1)
  })

  it("neverDies - a run that ends with a defect", () => {
    assert.deepStrictEqual(judge(Oracles.neverDies, { exit: Exit.fail("declared") }), [])
    assert.deepStrictEqual(judge(Oracles.neverDies, { exit: Exit.die(new Error("bug")) }), ["the run dies: bug"])
  })

  it("stepOf - every fate of the weather comes, as often as it says, and depends on nothing else", () => {
    const fates = Array.from({ length: 4000 }, (_, i) => Fates.stepOf(Fates.changeable, `execution ${i}`).fate)
    for (const [fate, parts] of Object.entries(Fates.changeable)) {
      const share = fates.filter((one) => one === fate).length / fates.length * 100
      assert.isTrue(Math.abs(share - parts) < parts * 0.35 + 0.5, `${fate}: ${share} of ${parts}`)
    }
    assert.deepStrictEqual(Fates.stepOf(Fates.changeable, "x"), Fates.stepOf(Fates.changeable, "x"))
    assert.strictEqual(Fates.stepOf({}, "x").fate, "ok")
  })
})
