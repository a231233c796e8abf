import { assert, describe, it } from "@effect/vitest"
import { Agent, Dependencies, type RunEvent, ToolFailure, ToolPolicy } from "@volley/core"
import { type Duration, Effect, Schedule, Schema } from "effect"
import { CircuitBreaker } from "effect/persistence"
import { inTime, ofTag } from "../support/observe.ts"
import { type Answered, dispatchTurn, type TurnOptions } from "../support/turn.ts"

const down = (retryAfter?: Duration.Input) =>
  ToolFailure.transient({ reason: "Unavailable", message: "down", ...(retryAfter === undefined ? {} : { retryAfter }) })

/** Fails for good measure, waiting one millisecond between attempts. */
const failing = (name: string, times: number, fail: () => ToolFailure.ToolFailure = down) =>
  ToolPolicy.set(
    Agent.tool(name, {
      description: name,
      class: "readonly",
      parameters: { n: Schema.Int },
      failure: ToolFailure.ToolFailure,
      run: () => Effect.suspend(() => Effect.fail(fail()))
    }),
    { retry: Schedule.spaced(1).pipe(Schedule.upTo({ times })) }
  )

const calls = (name: string, count: number) => Array.from({ length: count }, (_, n) => ({ name, params: { n } }))

const refusals = (events: ReadonlyArray<RunEvent.RunEvent>) => ofTag(events, "RetryRefused").map(({ why }) => why)

const retried = (answers: ReadonlyArray<Answered>): number =>
  answers.reduce((sum, { attempts }) => sum + attempts - 1, 0)

const run = (count: number, options: TurnOptions = {}, times = 3) =>
  inTime(dispatchTurn([failing("flaky", times)], calls("flaky", count), { concurrency: 1, ...options }))

const alone = Effect.provide(Dependencies.layerMemory)

describe("a retry that is refused", () => {
  it.effect("G5 - by the run's limit: an event, and the failure says so", () =>
    Effect.gen(function*() {
      const { answers, events } = yield* run(4, { retries: 5 })
      assert.strictEqual(retried(answers), 5)
      assert.deepStrictEqual(ofTag(events, "RetryScheduled").map(({ left }) => left), [4, 3, 2, 1, 0])
      assert.deepStrictEqual(Array.from(new Set(refusals(events))), ["run"])
      const refused = answers.filter(({ failure }) => failure?.message.endsWith("(the run's retries are spent)"))
      assert.strictEqual(refused.length, refusals(events).length)
      assert.isAbove(refused.length, 0)
    }).pipe(alone))

  it.effect("G5 - by the thread's: a fifth of its calls and 1 a second over 10 seconds, for all its runs", () =>
    Effect.gen(function*() {
      const options = { thread: "t", retries: 100 }
      const first = yield* run(3, { ...options, runId: "1" })
      const second = yield* run(5, { ...options, runId: "2" })
      assert.strictEqual(retried([...first.answers, ...second.answers]), 10 + Math.floor(0.2 * 8))
      assert.deepStrictEqual(refusals(first.events), [])
      assert.include(refusals(second.events), "thread")
      const other = yield* run(5, { ...options, thread: "u" })
      assert.strictEqual(retried(other.answers), 10 + 0.2 * 5)
      const none = yield* run(5, { retries: 100 })
      assert.deepStrictEqual(refusals(none.events), [])
    }).pipe(alone))

  it.effect("G5 - by the dependency's: a fifth of its calls and 10 a second over 10 seconds, for all runs", () =>
    Effect.gen(function*() {
      const seen: Array<string> = []
      let retries = 0
      for (let n = 0; n < 40; n++) {
        const { answers, events } = yield* run(2, { runId: `${n}`, retries: 100 }, 2)
        retries += retried(answers)
        seen.push(...refusals(events))
      }
      assert.isAtMost(retries, 100 + 0.2 * 80)
      assert.isAtLeast(retries, 100 + 0.2 * 70)
      assert.deepStrictEqual(Array.from(new Set(seen)), ["dependency"])
    }).pipe(alone))

  it.effect("the budget of tools with one circuit is one", () =>
    Effect.gen(function*() {
      const breaker = {
        tripPolicy: CircuitBreaker.consecutive(1000),
        openDuration: "1 second",
        key: () => "api"
      } as const
      const tools = ["a", "b"].map((name) => ToolPolicy.set(failing(name, 1), { breaker }))
      let refused = 0
      for (let n = 0; n < 15; n++) {
        const both = [...calls("a", 5), ...calls("b", 5)]
        const { events } = yield* inTime(dispatchTurn(tools, both, { runId: `${n}`, retries: 100 }))
        refused += refusals(events).length
      }
      assert.isAtLeast(refused, 150 - 100 - 0.2 * 150)
      assert.isAtMost(refused, 150 - 100 - 0.2 * 140)
    }).pipe(alone))

  it.effect("by the deadline, and by a Retry-After that is too long", () =>
    Effect.gen(function*() {
      const slow = failing("slow", 1, () => down("20 seconds"))
      const late = yield* inTime(dispatchTurn([slow], calls("slow", 1), { deadline: 20_000 }))
      assert.deepStrictEqual(refusals(late.events), ["deadline"])
      assert.include(late.answers[0]?.failure?.message, "(no time is left to retry)")
      const long = failing("long", 1, () => down("31 seconds"))
      const far = yield* inTime(dispatchTurn([long], calls("long", 1)))
      assert.deepStrictEqual(refusals(far.events), ["retryAfter"])
      assert.deepStrictEqual(ofTag(far.events, "RetryRefused")[0], {
        _tag: "RetryRefused",
        turn: 1,
        request: 1,
        index: 0,
        at: 0,
        attempt: 2,
        why: "retryAfter"
      })
    }).pipe(alone))

  it.effect("a budget that refuses leaves the others whole", () =>
    Effect.gen(function*() {
      const spent = yield* run(12, { thread: "t", retries: 100 }, 1)
      assert.deepStrictEqual(Array.from(new Set(refusals(spent.events))), [])
      const { events } = yield* run(4, { thread: "t", retries: 5 }, 1)
      assert.deepStrictEqual(Array.from(new Set(refusals(events))), ["thread"])
      const left = ofTag(events, "RetryScheduled").map(({ left }) => left)
      assert.isTrue(left.every((count) => count >= 4))
    }).pipe(alone))
})

describe("waits", () => {
  it.effect("G18 - a slow call does not delay the retry of another", () =>
    Effect.gen(function*() {
      const slow = Agent.tool("slow", { description: "Sleeps", run: () => Effect.as(Effect.sleep("20 seconds"), "ok") })
      const { answers, events } = yield* inTime(
        dispatchTurn([slow, failing("flaky", 3, () => down("1 second"))], [{ name: "slow" }, ...calls("flaky", 1)], {
          concurrency: 2
        })
      )
      assert.deepStrictEqual(ofTag(events, "AttemptStarted").filter(({ index }) => index === 1).map(({ at }) => at), [
        0,
        1000,
        2000,
        3000
      ])
      assert.deepStrictEqual(answers.map(({ at }) => at), [20_000, 3000])
    }).pipe(alone))

  it.effect("a failure that was throttled waits with a base of 1 s, another with one of 200 ms", () =>
    Effect.gen(function*() {
      const longest = { Unavailable: 0, RateLimited: 0 }
      for (let n = 0; n < 40; n++) {
        for (const reason of ["Unavailable", "RateLimited"] as const) {
          const tool = ToolPolicy.set(
            Agent.tool("busy", {
              description: "Is busy",
              failure: ToolFailure.ToolFailure,
              class: "readonly",
              run: () => Effect.fail(ToolFailure.transient({ reason, message: "busy" }))
            }),
            { retry: { times: 1 } }
          )
          const { events } = yield* inTime(dispatchTurn([tool], [{ name: "busy" }], { runId: `${n}` }), 50)
          longest[reason] = Math.max(longest[reason], ofTag(events, "RetryScheduled")[0]?.wait ?? 0)
        }
      }
      assert.isAtMost(longest.Unavailable, 200)
      assert.isAtMost(longest.RateLimited, 1000)
      assert.isAbove(longest.RateLimited, 400)
    }).pipe(alone))
})
