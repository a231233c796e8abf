import { assert, describe, it } from "@effect/vitest"
import type { RunEvent } from "@volley/core"
import { Effect } from "effect"
import type { Prompt } from "effect/ai"
import * as Arbitrary from "effect/Arbitrary"
import { integer } from "./support/arbitraries.ts"
import {
  type Batch,
  batchOf,
  type Execution,
  type Fate,
  fates,
  finalState,
  paramsOf,
  plain,
  policies,
  runBatch,
  type Seen,
  sourceOf,
  type Spec,
  violations
} from "./support/batch.ts"
import { answers, ofTag } from "./support/observe.ts"

/** Batches of 0 to 64 calls of mixed classes, policies, durations and failures. */
const anyBatch = batchOf(fates)

const runs = { arbitrary: { runs: process.env["VOLLEY_LONG"] === "1" ? 1000 : 60, size: 64 } }

const holds = (name: string, batch: Arbitrary.Arbitrary<Batch>, check: (seen: Seen, batch: Batch) => void) =>
  it.effect.prop(name, [batch], ([drawn]) => Effect.sync(() => check(runBatch(drawn), drawn)), runs)

const specOf = ({ calls, tools }: Batch, call: number): Spec => tools[calls[call]!.tool]!

const byCall = (executions: ReadonlyArray<Execution>): ReadonlyMap<number, ReadonlyArray<Execution>> =>
  Map.groupBy(executions, ({ call }) => call)

const ownOf = (executions: ReadonlyArray<Execution>) => executions.filter(({ spare }) => !spare)
const spareOf = (executions: ReadonlyArray<Execution>) => executions.filter(({ spare }) => spare)

const runningAt = (executions: ReadonlyArray<Execution>, at: number): ReadonlyArray<Execution> =>
  executions.filter(({ end, start }) => start <= at && (end ?? Number.POSITIVE_INFINITY) > at)

/** The most executions that ran at one time, or of what is told apart by a key. */
const peak = (executions: ReadonlyArray<Execution>, key: (execution: Execution) => unknown = (one) => one): number =>
  Math.max(0, ...executions.map(({ start }) => new Set(runningAt(executions, start).map(key)).size))

const ofCall = <Event extends { readonly index: number }>(
  events: ReadonlyArray<Event>,
  call: number
): ReadonlyArray<Event> => events.filter(({ index }) => index === call)

/** The call whose attempts a call was answered with: its own, or those of the equal one that it joined. */
const ledBy = (seen: Seen, call: number): number =>
  ofCall(ofTag(seen.events, "CallJoined"), call).at(-1)?.leader ?? call

/** A result is of an execution of its call, or of an equal call that was joined or that the cache had it from, and says so. */
const checkResult = (seen: Seen, batch: Batch, call: number, result: unknown): void => {
  const source = sourceOf(result)
  if (source === undefined) assert.fail(`call ${call} is answered ${JSON.stringify(result)}`)
  assert.isTrue(seen.executions.some((one) => one.call === source.call && one.spare === source.spare && one.acted))
  const leader = ledBy(seen, call)
  const hit = ofCall(ofTag(seen.events, "CacheHit"), leader).at(-1)
  if (source.call !== call) {
    assert.isTrue(leader === source.call || hit !== undefined)
    assert.strictEqual(batch.calls[source.call]!.tool, batch.calls[call]!.tool)
    assert.deepStrictEqual(paramsOf(batch, source.call), paramsOf(batch, call))
  }
  assert.strictEqual(String(result).includes("from \"spare_"), source.spare)
  assert.strictEqual(String(result).includes("from the cache"), hit?.stale === true)
}

const saysNothingHappened: ReadonlySet<Fate> = new Set(["refused", "throttled"])

/** Whether nothing came of an execution, and that was known: its handler said so, or its tool found it out. */
const isUndone = ({ events }: Seen, { acted, attempt, call, fate, finished }: Execution): boolean =>
  !acted && ((finished && saysNothingHappened.has(fate)) ||
    ofCall(ofTag(events, "CallReconciled"), call).some((event) => event.attempt === attempt && !event.executed))

/** What an event shows, as far as it is worth telling apart. */
const shown = (event: RunEvent.RunEvent): string => {
  switch (event._tag) {
    case "CallQueued":
      return `queued behind ${event.behind}`
    case "CacheHit":
      return event.stale ? "stale from the cache" : "fresh from the cache"
    case "CallReconciled":
      return event.executed ? "reconciled: executed" : "reconciled: not executed"
    case "HedgeStarted":
      return event.after === policies.hedge ? "hedged after a fixed time" : "hedged after p95"
    default:
      return event._tag
  }
}

/** What batches together have to reach. */
const cells: ReadonlyArray<string> = [
  "queued behind dependency",
  "queued behind serial",
  "queued behind tool",
  "queued behind dispatch",
  "CallJoined",
  "fresh from the cache",
  "stale from the cache",
  "RateLimited",
  "CircuitOpened",
  "hedged after a fixed time",
  "hedged after p95",
  "RetryScheduled",
  "RetryRefused",
  "reconciled: executed",
  "reconciled: not executed",
  "FallbackStarted",
  "AttemptAbandoned",
  "AttemptReleased"
]

/** Calls that hang, after so many that did not that it is known how long they take. */
const stragglers: Batch = {
  seed: 1,
  tools: [{ ...plain, hedge: "p95" }],
  calls: Array.from({ length: 64 }, (_, n) => ({
    tool: 0,
    item: 0,
    equal: false,
    steps: [{ fate: n < 40 ? "ok" : "hang", millis: 10 }]
  })),
  interval: 3,
  concurrency: 8,
  retries: 10,
  deadline: 5000
}

describe("a batch of calls, whatever becomes of them", () => {
  holds("G1 - every call is answered exactly once before the next model request", anyBatch, (seen, { calls }) => {
    assert.deepStrictEqual(violations(seen, "G1"), [])
    const indices = ofTag(seen.events, "ToolCallAnswered").map(({ index }) => index)
    assert.deepStrictEqual(indices.toSorted((left, right) => left - right), Array.from(calls.keys()))
  })

  holds("G2 - the answers stand in call order, each is that of its call", anyBatch, (seen, batch) => {
    assert.deepStrictEqual(violations(seen, "G2"), [])
    const results = finalState(seen).transcript.content
      .flatMap((message) => message.role === "tool" ? message.content : [])
      .filter((part): part is Prompt.ToolResultPart => part.type === "tool-result")
    assert.strictEqual(results.length, batch.calls.length)
    for (const [index, { isFailure, result }] of results.entries()) {
      if (!isFailure) checkResult(seen, batch, index, result)
    }
  })

  holds("G3 - a permanent failure is never tried again", anyBatch, (seen) => {
    assert.deepStrictEqual(violations(seen, "G3"), [])
    for (const executions of byCall(seen.executions).values()) {
      for (const [at, { attempt, call, end, fate }] of executions.entries()) {
        // one that ended as it was given up is not known
        const told = fate === "permanent" &&
          ofTag(seen.events, "AttemptEnded").some((event) =>
            event.index === call && event.attempt === attempt && event.failure?.kind === "permanent" &&
            event.failure.reason === "NotFound"
          )
        // a hedge may have begun before
        if (told) assert.isTrue(executions.slice(at + 1).every(({ start }) => start <= end!))
      }
    }
  })

  holds("G4 - an effectful call is executed again only where nothing was done before", anyBatch, (seen, batch) => {
    assert.deepStrictEqual(violations(seen, "G4"), [])
    for (const [call, executions] of byCall(seen.executions)) {
      if (specOf(batch, call).class !== "effectful") continue
      assert.isTrue(executions.slice(0, -1).every((execution) => isUndone(seen, execution)))
    }
  })

  holds("G4 - a tool stands in only where nothing was done before, or for one that is read-only", anyBatch, (
    seen,
    batch
  ) => {
    for (const [call, executions] of byCall(seen.executions)) {
      if (specOf(batch, call).class === "readonly" || spareOf(executions).length === 0) continue
      assert.isTrue(ownOf(executions).every((execution) => isUndone(seen, execution)))
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
    assert.isAtMost(retries.length, batch.retries)
    for (const [call, executions] of byCall(seen.executions)) {
      const { fallback, retries } = specOf(batch, call)
      assert.isAtMost(ownOf(executions).length, 1 + retries + ofCall(ofTag(seen.events, "HedgeStarted"), call).length)
      const substitutes = ofCall(ofTag(seen.events, "FallbackStarted"), call).length
      assert.isAtMost(spareOf(executions).length, substitutes * (1 + (fallback?.retries ?? 0)))
      assert.isAtMost(substitutes, fallback === undefined ? 0 : 1)
    }
    assert.deepStrictEqual(retries.map(({ left }) => left), retries.map((_, nth) => batch.retries - nth - 1))
  })

  holds("G6 - handlers in flight stay within the dispatch's bound and each tool's", anyBatch, (seen, batch) => {
    assert.deepStrictEqual(violations(seen, "G6"), [])
    assert.isAtMost(peak(seen.executions), batch.concurrency)
    for (const [tool, { concurrency, fallback }] of batch.tools.entries()) {
      const ofTool = seen.executions.filter((execution) => execution.tool === tool)
      assert.isAtMost(peak(ownOf(ofTool)), concurrency ?? Number.POSITIVE_INFINITY)
      assert.isAtMost(peak(spareOf(ofTool)), fallback?.concurrency ?? Number.POSITIVE_INFINITY)
    }
    assert.isTrue(seen.executions.every(({ end, fate }) => end !== undefined || fate === "deaf"))
  })

  holds("calls of one serial key run one after another, in call order", anyBatch, ({ executions }, batch) => {
    for (const [tool, { serial }] of batch.tools.entries()) {
      if (serial === undefined) continue
      const ofTool = executions.filter((execution) => execution.tool === tool)
      const lanes = Map.groupBy(ofTool, ({ call }) => serial === "all" ? 0 : batch.calls[call]!.item)
      for (const lane of lanes.values()) {
        assert.isAtMost(peak(lane, ({ call }) => call), 1)
        const calls = lane.map(({ call }) => call)
        assert.deepStrictEqual(calls, calls.toSorted((left, right) => left - right))
      }
    }
  })

  it("calls of one serial key begin in call order where the tool has a cache", () => {
    const steps: Batch["calls"][number]["steps"] = [{ fate: "ok", millis: 10 }]
    const calls = [0, 1, 2].map(() => ({ tool: 0, item: 0, equal: false, steps }))
    const tools: Batch["tools"] = [{ ...plain, serial: "all", cache: true }]
    for (let seed = 1; seed <= 20; seed++) {
      const { executions } = runBatch({ seed, tools, calls, interval: 0, concurrency: 8, retries: 0, deadline: 5000 })
      assert.deepStrictEqual(executions.map(({ call }) => call), [0, 1, 2], `seed ${seed}`)
    }
  })

  holds("a call that comes after others begins when these have succeeded, or not at all", anyBatch, (seen, batch) => {
    const answered = new Map(answers(seen.events).map((answer) => [answer.index, answer]))
    for (const [call, { tool }] of batch.calls.entries()) {
      if (!batch.tools[tool]!.after) continue
      const before = batch.calls.flatMap((one, index) => one.tool === tool - 1 ? [answered.get(index)!] : [])
      for (const { start } of byCall(seen.executions).get(call) ?? []) {
        assert.isTrue(before.every(({ at, ok }) => ok && at <= start))
      }
      if (answered.get(call)?.failure?.reason === "DependencyFailed") assert.isTrue(before.some(({ ok }) => !ok))
    }
  })

  holds("equal calls of a read-only tool share what one of them has under way", anyBatch, ({ executions }, batch) => {
    const reads = executions.filter(({ call, fate }) => specOf(batch, call).class === "readonly" && fate !== "deaf")
    const equal = Map.groupBy(reads, ({ call, tool }) => JSON.stringify([tool, paramsOf(batch, call)]))
    for (const same of equal.values()) assert.isAtMost(peak(same, ({ call }) => call), 1)
  })

  holds("G7 - waits are within 0 and their cap, asked and scheduled ones are kept", anyBatch, (seen, batch) => {
    assert.deepStrictEqual(violations(seen, "G7"), [])
    for (const { at, attempt, index, wait } of ofTag(seen.events, "RetryScheduled")) {
      const before = ofTag(seen.events, "AttemptEnded").findLast((event) =>
        event.index === index && event.attempt < attempt
      )
      const asked = before?.failure?.retryAfter ?? 0
      assert.isAtLeast(wait, asked)
      assert.isAtMost(wait, 5000)
      const isSpare = ofCall(ofTag(seen.events, "FallbackStarted"), index).some(({ at: since }) => since <= at)
      const { hedge, waits } = specOf(batch, index)
      // of two attempts at one time the other may have asked for more
      if (waits === "spaced" && !isSpare && hedge === undefined) {
        assert.strictEqual(wait, Math.max(policies.spacing, asked))
      }
      const begun = ofTag(seen.events, "AttemptStarted").find((event) =>
        event.index === index && event.attempt === attempt
      )
      if (begun !== undefined) assert.isAtLeast(begun.at, at + wait)
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
        if (ok) checkResult(seen, batch, index, result)
        else assert.isAbove(String(result).length, 10)
        if (failure?.kind === "defect") assert.notInclude(String(result), "bug")
        const leader = ledBy(seen, index)
        const { fate, millis } = batch.calls[leader]!.steps[0]!
        const thrown = (fate === "die" || fate === "throw") && specOf(batch, leader).timeout > millis
        // where both failed, the failure is that of the tool itself, which was not called
        const isOwn = ofCall(ofTag(seen.events, "FallbackStarted"), leader).length === 0
        if (failure?.executed && thrown && isOwn) assert.strictEqual(failure.kind, "defect")
      }
    }
  )

  it.effect("G18 - a slow call delays no retry of another: it begins when its wait is over", () =>
    Effect.gen(function*() {
      let telling = 0
      const check = (batch: Batch): boolean => {
        const seen = runBatch(batch)
        const slow = seen.executions.filter(({ fate }) => fate === "slow")
        const beside = ofTag(seen.events, "RetryScheduled").map(({ at, attempt, index, wait }) => {
          const begun = ofTag(seen.events, "AttemptStarted").find((event) =>
            event.index === index && event.attempt === attempt
          )
          assert.strictEqual(begun?.at, at + wait)
          return slow.some(({ call, end, start }) => call !== index && start < at + wait && end! > at + wait)
        })
        if (beside.includes(true)) telling++
        return true
      }
      const batches = batchOf(["slow", "transient", "throttled"], { unbounded: true })
      const result = yield* Arbitrary.checkEffect(
        batches,
        (batch) => Effect.sync(() => check(batch)),
        runs.arbitrary
      )
      assert.isUndefined(Arbitrary.formatCheckFailure(result))
      assert.isAtLeast(telling, runs.arbitrary.runs / 10)
    }))

  it.effect("the batches reach what they are to show", () =>
    Effect.gen(function*() {
      const met = new Set<string>()
      const drawn = yield* Arbitrary.sampleEffect(anyBatch, { count: 200, seed: 1, size: runs.arbitrary.size })
      for (const batch of [...drawn, stragglers]) {
        for (const event of runBatch(batch).events) met.add(shown(event))
      }
      assert.deepStrictEqual(cells.filter((cell) => !met.has(cell)), [])
    }))
})
