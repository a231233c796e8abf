import { assert, describe, it } from "@effect/vitest"
import type { RunEvent } from "@volley/core"
import { Effect } from "effect"
import type { Prompt } from "effect/ai"
import type * as Arbitrary from "effect/Arbitrary"
import { integer } from "./support/arbitraries.ts"
import {
  type Batch,
  batchOf,
  type Execution,
  fates,
  finalState,
  runBatch,
  type Seen,
  violations
} from "./support/batch.ts"
import { answers, ofTag } from "./support/observe.ts"

/** Batches of 0 to 64 calls of mixed classes, policies, durations and failures. */
const anyBatch = batchOf(fates)

const runs = { arbitrary: { runs: process.env["VOLLEY_LONG"] === "1" ? 1000 : 60 } }

const holds = (name: string, batch: Arbitrary.Arbitrary<Batch>, check: (seen: Seen, batch: Batch) => void) =>
  it.effect.prop(name, [batch], ([drawn]) => Effect.sync(() => check(runBatch(drawn), drawn)), runs)

const classOf = ({ calls, tools }: Batch, call: number) => tools[calls[call]!.tool]!.class

const byCall = (executions: ReadonlyArray<Execution>): ReadonlyMap<number, ReadonlyArray<Execution>> =>
  Map.groupBy(executions, ({ call }) => call)

const runningAt = (executions: ReadonlyArray<Execution>, at: number): ReadonlyArray<Execution> =>
  executions.filter(({ end, start }) => start <= at && (end ?? Number.POSITIVE_INFINITY) > at)

/** The most executions that ran at one time, or of what is told apart by a key. */
const peak = (executions: ReadonlyArray<Execution>, key: (execution: Execution) => unknown = (one) => one): number =>
  Math.max(0, ...executions.map(({ start }) => new Set(runningAt(executions, start).map(key)).size))

const safe = new Set(["refused", "throttled"])

describe("a batch of calls, whatever becomes of them", () => {
  holds("G1 - every call is answered exactly once before the next model request", anyBatch, (seen, { calls }) => {
    assert.deepStrictEqual(violations(seen, "G1"), [])
    const indices = ofTag(seen.events, "ToolCallAnswered").map(({ index }) => index)
    assert.deepStrictEqual(indices.toSorted((left, right) => left - right), Array.from(calls.keys()))
  })

  holds("G2 - the answers stand in call order, each is that of its call", anyBatch, (seen, { calls }) => {
    assert.deepStrictEqual(violations(seen, "G2"), [])
    const results = finalState(seen).transcript.content
      .flatMap((message) => message.role === "tool" ? message.content : [])
      .filter((part): part is Prompt.ToolResultPart => part.type === "tool-result")
    assert.strictEqual(results.length, calls.length)
    for (const [index, { isFailure, result }] of results.entries()) {
      if (!isFailure) assert.strictEqual(result, `result ${index}`)
    }
  })

  holds("G3 - a permanent failure is never tried again", anyBatch, (seen) => {
    assert.deepStrictEqual(violations(seen, "G3"), [])
    for (const executions of byCall(seen.executions).values()) {
      const at = executions.findIndex(({ end, fate }) => fate === "permanent" && end !== undefined)
      const ended = executions[at]
      if (ended === undefined || ended.end === undefined) continue
      const { end } = ended
      // a hedge may have begun before
      const told = ofTag(seen.events, "AttemptEnded").some(({ attempt, failure, index }) =>
        index === ended.call && attempt === ended.attempt && failure?.kind === "permanent" &&
        failure.reason === "NotFound"
      )
      if (told) assert.isTrue(executions.slice(at + 1).every(({ start }) => start <= end))
    }
  })

  holds("G4 - an effectful call is executed again only where nothing was done before", anyBatch, (seen, batch) => {
    assert.deepStrictEqual(violations(seen, "G4"), [])
    for (const [call, executions] of byCall(seen.executions)) {
      if (classOf(batch, call) !== "effectful") continue
      assert.isTrue(executions.slice(0, -1).every(({ fate }) => safe.has(fate)))
    }
  })

  holds("G4 - every execution of a call has its key, no two calls have one", anyBatch, (seen) => {
    const keys = Array.from(byCall(seen.executions).values(), (executions) => new Set(executions.map(({ key }) => key)))
    for (const ofCall of keys) assert.strictEqual(ofCall.size, 1)
    assert.strictEqual(new Set(keys.flatMap((ofCall) => [...ofCall])).size, keys.length)
  })

  holds("G5 - attempts and retries stay within their bounds", anyBatch, (seen, batch) => {
    assert.deepStrictEqual(violations(seen, "G5"), [])
    const retries = ofTag(seen.events, "RetryScheduled")
    const hedges = ofTag(seen.events, "HedgeStarted")
    assert.isAtMost(retries.length, batch.retries)
    for (const [call, executions] of byCall(seen.executions)) {
      const hedged = hedges.filter(({ index }) => index === call).length
      assert.isAtMost(executions.length, 1 + batch.tools[batch.calls[call]!.tool]!.retries + hedged)
    }
    assert.deepStrictEqual(retries.map(({ left }) => left), retries.map((_, nth) => batch.retries - nth - 1))
  })

  holds("G6 - handlers in flight stay within the dispatch's bound and each tool's", anyBatch, (seen, batch) => {
    assert.deepStrictEqual(violations(seen, "G6"), [])
    assert.isAtMost(peak(seen.executions), batch.concurrency)
    for (const [tool, { concurrency, serial }] of batch.tools.entries()) {
      const ofTool = seen.executions.filter((execution) => execution.tool === tool)
      assert.isAtMost(peak(ofTool), concurrency ?? Number.POSITIVE_INFINITY)
      if (serial) assert.isAtMost(peak(ofTool, ({ call }) => call), 1)
    }
    assert.isTrue(seen.executions.every(({ end, fate }) => end !== undefined || fate === "deaf"))
  })

  holds("G7 - waits are within 0 and their cap, asked ones are kept, exactly", anyBatch, (seen) => {
    assert.deepStrictEqual(violations(seen, "G7"), [])
    for (const { attempt, index, wait } of ofTag(seen.events, "RetryScheduled")) {
      const before = ofTag(seen.events, "AttemptEnded").findLast((event) =>
        event.index === index && event.attempt < attempt
      )
      assert.isAtLeast(wait, before?.failure?.retryAfter ?? 0)
      assert.isAtMost(wait, 5000)
    }
  })

  holds("G8 - the run ends at its deadline, and nothing is begun after it", batchOf(fates, { deadline: [50, 600] }), (
    seen,
    { deadline }
  ) => {
    assert.deepStrictEqual(violations(seen, "G8"), [])
    assert.isAtMost(seen.end, deadline + 50)
    for (const { start } of seen.executions) assert.isBelow(start, deadline)
  })

  holds("G9 - nothing runs on when the run is over", anyBatch, ({ executions }) => {
    assert.deepStrictEqual(executions.filter(({ end }) => end === undefined), [])
  })

  it.effect.prop(
    "G1, G2, G9 - hold when the run is cancelled at any moment",
    [anyBatch, integer(0, 500)],
    ([batch, cancelAt]) =>
      Effect.sync(() => {
        const seen = runBatch(batch, { cancelAt })
        for (const guarantee of ["G1", "G2", "G11", "order"] as const) {
          assert.deepStrictEqual(violations(seen, guarantee), [])
        }
        assert.strictEqual(finalState(seen).phase, "ended")
        assert.deepStrictEqual(seen.executions.filter(({ end }) => end === undefined), [])
      }),
    runs
  )

  holds(
    "G17 - a handler that throws, dies, hangs, does not listen or returns what JSON has not is an answer",
    batchOf(["die", "throw", "hang", "deaf", "unencodable", "ok"], { calls: 16, deadline: [20_000, 20_000] }),
    (seen, batch) => {
      const outcome = ofTag(seen.events, "RunEnded")[0]?.outcome
      assert.include(["completed", "limited"], outcome)
      for (const { failure, index, ok, result } of answers(seen.events)) {
        if (ok) assert.strictEqual(result, `result ${index}`)
        else assert.isAbove(String(result).length, 10)
        if (failure?.kind === "defect") assert.notInclude(String(result), "bug")
        const { steps, tool } = batch.calls[index]!
        const thrown = steps[0]!.fate === "die" || steps[0]!.fate === "throw"
        if (failure?.executed && thrown && batch.tools[tool]!.timeout > steps[0]!.millis) {
          assert.strictEqual(failure.kind, "defect")
        }
      }
    }
  )

  holds(
    "G18 - a slow call delays no retry of another: it begins when its wait is over and a place is free",
    batchOf(["slow", "transient", "throttled"], { calls: 12 }),
    (seen, batch) => {
      const places = batch.tools.every(({ concurrency, guarded, serial }) => {
        return concurrency === undefined && !guarded && !serial
      }) && batch.concurrency >= batch.calls.length
      if (!places) return
      for (const { at, attempt, index, wait } of ofTag(seen.events, "RetryScheduled")) {
        const begun = ofTag(seen.events, "AttemptStarted").find((event) =>
          event.index === index && event.attempt === attempt
        )
        if (begun !== undefined) assert.strictEqual(begun.at, at + wait)
      }
    }
  )

  it("the batches reach what they are to show", () => {
    const tags = new Set<RunEvent.RunEvent["_tag"]>()
    for (let seed = 1; seed <= 40; seed++) {
      const fate = (n: number) => fates[(seed * 7 + n * 5) % fates.length]!
      const batch: Batch = {
        seed,
        tools: (["readonly", "idempotent", "effectful"] as const).map((effectClass) => ({
          class: effectClass,
          timeout: 100,
          retries: 2,
          concurrency: 2,
          serial: effectClass === "effectful",
          guarded: true
        })),
        calls: Array.from({ length: 12 }, (_, n) => ({
          tool: n % 3,
          steps: [{ fate: fate(n), millis: 10 }, { fate: fate(n + 1), millis: 0 }, { fate: "ok", millis: 0 }]
        })),
        concurrency: 4,
        retries: 3,
        deadline: 5000
      }
      for (const { _tag } of runBatch(batch).events) tags.add(_tag)
    }
    for (
      const tag of [
        "CallQueued",
        "RateLimited",
        "CircuitOpened",
        "HedgeStarted",
        "RetryScheduled",
        "RetryRefused",
        "AttemptAbandoned",
        "AttemptReleased"
      ] as const
    ) assert.include(Array.from(tags), tag)
  })
})
