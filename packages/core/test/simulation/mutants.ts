import * as fs from "node:fs"
import * as module from "node:module"
import * as path from "node:path"
import { pathToFileURL } from "node:url"

/** A bug that a careful programmer could make: each text to be found stands exactly once in its file. */
export interface Mutant {
  readonly name: string
  readonly what: string
  /** From `packages/core/src`. */
  readonly file: string
  readonly edits: ReadonlyArray<readonly [find: string, replace: string]>
}

const mutant = (name: string, what: string, file: string, ...edits: Mutant["edits"]): Mutant => ({
  name,
  what,
  file,
  edits
})

const stage = (name: string): string => `internal/dispatch/${name}.ts`

export const mutants: ReadonlyArray<Mutant> = [
  mutant(
    "drop-answer",
    "the answer of the last of eight calls is left out of the transcript",
    "internal/fold/transcript.ts",
    [
      "calls.flatMap(resultPart)",
      "calls.slice(0, 7).flatMap(resultPart)"
    ]
  ),
  mutant(
    "swap-answers",
    "the answers stand in the transcript in the order in which they came",
    "internal/fold/transcript.ts",
    [
      "calls.flatMap(resultPart)",
      "calls.toSorted((left, right) => (left.answered?.at ?? 0) - (right.answered?.at ?? 0)).flatMap(resultPart)"
    ]
  ),
  mutant("cancelled-call-open", "a cancelled run leaves its first call without an answer", "internal/run/runner.ts", [
    "      for (const open of calls) {",
    "      for (const open of calls.slice(1)) {"
  ]),
  mutant(
    "cancel-leaves-running",
    "a cancelled run answers its calls while their handlers go on",
    "internal/run/runner.ts",
    [
      "    log.close()\n    yield* interruptAll\n",
      "    log.close()\n"
    ]
  ),
  mutant("same-id-kept", "an id that a provider repeats is kept", "internal/run/receive.ts", [
    "while (known.has(candidate) || ids.has(candidate)) candidate",
    "if (ids.has(`${candidate} `)) candidate"
  ]),
  mutant("fatal-swallowed", "a fatal failure is told to the model and the run goes on", "internal/run/turn.ts", [
    "Option.isNone(answer.fatal)\n",
    "Option.isOption(answer.fatal)\n"
  ]),
  mutant("withheld-forgotten", "calls that come after one that is not run do not know of it", "internal/run/turn.ts", [
    "submitted.has(index) ? [] :",
    "answered !== undefined || submitted.has(index) ? [] :"
  ]),
  mutant("early-harm", "a call that may do harm starts before its reply is complete", "internal/fold/next.ts", [
    "return tool?.class === \"readonly\" && tool",
    "return tool !== undefined && tool"
  ]),
  mutant(
    "late-intention",
    "a call that is intended early counts as one of a complete reply when that is complete meanwhile",
    "internal/run/turn.ts",
    [
      "() => log.state().phase === phase",
      "() => true"
    ]
  ),
  mutant(
    "discarded-runs-on",
    "a call that was started early goes on when its reply is not kept",
    "internal/run/turn.ts",
    [
      "inFlight.interrupt((key) => begun.some(({ requested }) => key === callKey(requested.index)))",
      "Effect.void"
    ]
  ),
  mutant(
    "early-answer-kept",
    "a call that was started early is not started with its reply again",
    "internal/run/turn.ts",
    [
      "    submitted.clear()\n",
      ""
    ]
  ),
  mutant("retry-permanent", "a permanent failure is tried once more", stage("retry"), [
    "    : failed.kind === \"unknown\" && safe && retried === 0",
    "    : (failed.kind === \"unknown\" || failed.kind === \"permanent\") && safe && retried === 0"
  ]),
  mutant("retry-unknown-twice", "a failure that nobody classified is retried like a transient one", stage("retry"), [
    "failed.kind === \"unknown\" && safe && retried === 0",
    "failed.kind === \"unknown\" && safe"
  ]),
  mutant("retry-effectful", "an effectful call is repeated although it may have taken effect", stage("retry"), [
    "plan.effectClass !== \"effectful\" || !failed.executed",
    "plan.effectClass !== \"effectful\" || failed.kind === \"transient\""
  ]),
  mutant("ignore-retry-after", "the wait that a failure asks for is not kept", stage("retry"), [
    "Math.max(planned, asked)",
    "planned"
  ]),
  mutant("retry-too-late", "a retry is planned although it cannot begin in time", stage("retry"), [
    "return now + wait < call.deadline ? wait",
    "return now < call.deadline ? wait"
  ]),
  mutant("one-backoff", "every failure waits as if it were throttled", stage("retry"), [
    "(throttled.has(failed.reason) ? throttledBase : base)",
    "throttledBase"
  ]),
  mutant("retries-unbounded", "the retries of a run are not counted", stage("retries"), [
    "      takeFrom(run)\n",
    ""
  ]),
  mutant("one-retry-more", "a call is retried once more than its policy says", stage("retry"), [
    "attempt >= times ? Cause.done",
    "attempt > times ? Cause.done"
  ]),
  mutant(
    "retry-forgets-effect",
    "a repeated attempt that was refused undoes what the one before it did",
    stage("retry"),
    [
      "executed: failed.executed || later.executed",
      "executed: later.executed"
    ]
  ),
  mutant("retry-after-in-seconds", "the longest wait that is kept is compared as seconds", stage("retry"), [
    "asked > longestRetryAfter",
    "asked > longestRetryAfter / 1000"
  ]),
  mutant("retry-holds-place", "a call keeps its place while it waits for its next attempt", "Dispatcher.ts", [
    "[fallback, retry, reconcile, hedge, breaker, rateLimit, bulkhead]",
    "[fallback, bulkhead, retry, reconcile, hedge, breaker, rateLimit]"
  ]),
  mutant("open-circuit-retried", "a call waits for a circuit that is open", stage("retry"), [
    "safe && failed.reason !== \"CircuitOpen\"",
    "safe"
  ]),
  mutant("forget-deadline", "an attempt is given its whole timeout, whatever the deadline", stage("attempt"), [
    "const millis = Math.min(plan.timeout, call.deadline - now)",
    "const millis = call.deadline > now ? plan.timeout : 0"
  ]),
  mutant("forget-timeout", "an attempt may take all the time of the call", stage("attempt"), [
    "const millis = Math.min(plan.timeout, call.deadline - now)",
    "const millis = call.deadline - now"
  ]),
  mutant(
    "timeout-not-executed",
    "an attempt without a result in time is taken for one that never was",
    stage("attempt"),
    [
      "no result within ${Math.round(millis)} ms`,\n  executed: true",
      "no result within ${Math.round(millis)} ms`,\n  executed: false"
    ]
  ),
  mutant("tool-timeout-ignored", "the tools of a turn have all the time of the run", "internal/run/turn.ts", [
    "now + (limits.toolTimeout ?? Number.POSITIVE_INFINITY)",
    "Number.POSITIVE_INFINITY"
  ]),
  mutant("late-grace", "a handler that does not end holds its call up", stage("endOf"), [
    "const grace = 50",
    "const grace = 150"
  ]),
  mutant("act-before-journal", "a handler may begin before its attempt is in the journal", stage("attempt"), [
    "      const started = call.shared.emit((at) => ({ _tag: \"AttemptStarted\", ...key, at }))",
    "      const started = Effect.forkDetach(call.shared.emit((at) => ({ _tag: \"AttemptStarted\", ...key, at })))"
  ]),
  mutant("key-per-attempt", "each attempt has an idempotency key of its own", stage("attempt"), [
    "idempotencyKey: call.key",
    "idempotencyKey: `${call.key}${attempt}`"
  ]),
  mutant("key-without-place", "equal calls of a turn have one idempotency key", "Dispatcher.ts", [
    "[runId, turn, index, name]",
    "[runId, turn, name]"
  ]),
  mutant("key-without-run", "calls of two runs have one idempotency key", "Dispatcher.ts", [
    "[runId, turn, index, name]",
    "[turn, index, name]"
  ]),
  mutant("leak-place", "a call that fails keeps its place", stage("occupy"), [
    "atEnd(run, () => leaveAfter(place, wanted.until(call)))",
    "Effect.tap(run, () => Effect.sync(() => leaveAfter(place, wanted.until(call))))"
  ]),
  mutant("free-too-early", "an abandoned handler gives its place away", stage("occupy"), [
    "  handler.addObserver(() => leaveAfter(place, handlers))",
    "  place.leave()"
  ]),
  mutant("one-place-more", "a dispatch has one place more than its limit", "Dispatcher.ts", [
    "permits: Permits.make(options.concurrency)",
    "permits: Permits.make(options.concurrency + 1)"
  ]),
  mutant("one-tool-place-more", "a tool has one place more than its policy says", stage("plan"), [
    "Permits.make(policy.concurrency)",
    "Permits.make(policy.concurrency + 1)"
  ]),
  mutant("serial-unordered", "a serial call asks for its lane when it happens to run", stage("serial"), [
    "    const place = laneOf(call, key).ask()\n",
    ""
  ], ["ask: () => place", "ask: laneOf(call, key).ask"]),
  mutant("serial-ignored", "calls of one key run side by side", stage("serial"), [
    "if (keyOf === undefined || keyOf === false) return undefined",
    "if (keyOf !== true) return undefined"
  ]),
  mutant("serial-not-abandoned", "a lane is free while an abandoned handler of it still runs", stage("serial"), [
    "({ history }) => history.handlers",
    "() => []"
  ]),
  mutant("after-not-awaited", "a call begins beside those that it comes after", stage("after"), [
    "Effect.map(Deferred.await(ok), (succeeded) => !succeeded)",
    "Effect.map(Deferred.poll(ok), () => false)"
  ]),
  mutant("after-runs-anyway", "a call runs although what it comes after failed", stage("after"), [
    "(failed) => failed.length > 0 ? ",
    "(failed) => failed.length > 1 ? "
  ]),
  mutant("single-flight-off", "equal calls of a turn all run", stage("singleFlight"), [
    "if (effectClass !== \"readonly\") return undefined",
    "if (effectClass !== \"idempotent\") return undefined"
  ]),
  mutant("cross-tenants", "tenants share what the cache keeps", stage("cache"), ["shared.tenant ?? null", "null"]),
  mutant("cache-too-long", "a stale result is given as if it were fresh", stage("cache"), [
    "(\"failure\" in known.outcome ? failures : fresh)",
    "(\"failure\" in known.outcome ? failures : usable)"
  ]),
  mutant("cache-transient", "a failure that may go away is remembered", stage("cache"), [
    "kind === \"permanent\" && !passing.has(reason)",
    "kind !== \"fatal\" && !passing.has(reason)"
  ]),
  mutant("stale-for-good", "an old result stands in for a failure that is final", stage("cache"), [
    "kind === \"transient\" || kind === \"unknown\"",
    "kind !== \"fatal\""
  ]),
  mutant("failures-not-kept", "a permanent failure is remembered for no time", stage("cache"), [
    "if (failures > 0 && isLasting(failed))",
    "if (failures < 0 && isLasting(failed))"
  ]),
  mutant("hedge-everything", "every tool is hedged, effectful ones too", stage("hedge"), [
    "const { hedge: options } = plan.policy",
    "const options = plan.policy.hedge ?? { after: 20 }"
  ], ["if (options === undefined || plan.effectClass !== \"readonly\") return undefined", ""]),
  mutant("hedge-unbounded", "more than 5 % of the calls are hedged", "internal/dependency/latencies.ts", [
    "      unspent -= callsPerHedge\n",
    ""
  ]),
  mutant("hedge-when-spent", "calls are hedged although most retries are spent", stage("retries"), [
    "left >= allowed / 2",
    "left >= 0"
  ]),
  mutant("hedge-waits", "a second attempt waits for a place like a first", stage("hedge"), [
    "attemptOf(call, true)",
    "attemptOf(call)"
  ]),
  mutant("circuit-never-opens", "a timeout is no failure to the circuit", stage("breaker"), [
    "failed.reason === \"Cancelled\"",
    "failed.reason !== \"Never\""
  ]),
  mutant("circuit-opens-on-permanent", "what fails for good opens the circuit", stage("breaker"), [
    "failed.kind === \"permanent\"",
    "failed.kind === \"fatal\""
  ]),
  mutant("rate-ignored", "a call above the rate goes through", stage("rateLimit"), [
    "if (wait === 0) return",
    "if (wait >= 0) return"
  ]),
  mutant("rate-asked-once", "a call that waited for its rate does not ask again", stage("rateLimit"), [
    "    yield* Effect.sleep(wait)\n",
    "    return yield* Effect.sleep(wait)\n"
  ]),
  mutant("rate-holds-place", "a call keeps its place while it waits for its rate", "Dispatcher.ts", [
    "breaker, rateLimit, bulkhead]",
    "breaker, bulkhead, rateLimit]"
  ]),
  mutant("fallback-on-permanent", "another tool stands in for a failure that is final", stage("fallback"), [
    "kind === \"transient\" &&",
    "kind !== \"fatal\" &&"
  ]),
  mutant(
    "reconcile-guesses",
    "a tool that could not find out is taken to say that nothing happened",
    stage("reconcile"),
    [
      "if (found === undefined) return yield* Effect.fail(failed)",
      "if (found === undefined) return yield* Effect.fail({ ...failed, executed: false })"
    ]
  ),
  mutant("reconcile-too-soon", "a call counts as not executed while its handler may still act", stage("reconcile"), [
    "if (!executed && mayStillAct) return yield* Effect.fail(failed)",
    ""
  ]),
  mutant("open-call-failed", "an effectful call that may have acted is said to have failed", stage("texts"), [
    "effectClass !== \"readonly\"",
    "effectClass === \"idempotent\""
  ]),
  mutant("size-ignored", "the size that a tool allows its results is not kept", stage("answer"), [
    "plan?.maxResultSize ?? maximumBytes",
    "maximumBytes"
  ]),
  mutant("room-not-shared", "each result of a turn has all the room", stage("bound"), [
    "taken = Math.min(bytes, share())",
    "taken = bytes"
  ]),
  mutant("whole-not-kept", "what was cut is kept instead of the whole", stage("answer"), [
    "keep(results, call, text)",
    "keep(results, call, boundText(text, room))"
  ])
]

/** The source with the bug in it. */
export const mutate = (source: string, { edits, file, name }: Mutant): string =>
  edits.reduce((text, [find, replace]) => {
    const parts = text.split(find)
    if (parts.length !== 2) {
      throw new Error(`mutant ${name}: its text stands ${parts.length - 1} times in ${file}, not once`)
    }
    return parts.join(replace)
  }, source)

/** Plants the bug in whatever this process loads from now on. */
export const apply = (mutant: Mutant, source: string): void => {
  const url = pathToFileURL(path.join(source, mutant.file)).href
  const text = mutate(fs.readFileSync(path.join(source, mutant.file), "utf8"), mutant)
  module.registerHooks({
    load: (loaded, context, next) => {
      const result = next(loaded, context)
      return loaded === url ? { ...result, source: text } : result
    }
  })
}
