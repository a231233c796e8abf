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
  mutant("drop-answer", "the third call of a turn is never answered", "internal/run/runner.ts", [
    "        log.answer(command.index, answer),",
    "        command.index === 2 ? Effect.void : log.answer(command.index, answer),"
  ]),
  mutant("swap-answers", "the answers stand in the transcript from last to first", "RunState.ts", [
    "state.calls.flatMap(asResult)",
    "state.calls.toReversed().flatMap(asResult)"
  ]),
  mutant("cancelled-call-open", "a cancelled run leaves its first call without an answer", "internal/run/runner.ts", [
    "      for (const call of calls) {",
    "      for (const call of calls.slice(1)) {"
  ]),
  mutant("fatal-swallowed", "a fatal failure is told to the model and the run goes on", "internal/run/runner.ts", [
    "Option.isSome(answer.fatal) ? Effect.fail(answer.fatal.value) : Effect.void",
    "Effect.void"
  ]),
  mutant(
    "close-too-early",
    "a dispatch says that it is complete before its calls are submitted",
    "internal/run/runner.ts",
    [
      "commands.some(({ _tag }) => _tag === \"StartCall\")",
      "log.state().phase === \"dispatching\""
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
    "if (now + wait >= call.deadline) return yield* refuse(call, failed, \"deadline\")",
    "if (now >= call.deadline) return yield* refuse(call, failed, \"deadline\")"
  ]),
  mutant("one-backoff", "every failure waits as if it were throttled", stage("retry"), [
    "(throttled.has(failed.reason) ? throttledBase : base)",
    "throttledBase"
  ]),
  mutant("retries-unbounded", "the retries of a run are not counted", stage("retries"), ["      run.left--\n", ""]),
  mutant("forget-deadline", "an attempt is given its whole timeout, whatever the deadline", stage("attempt"), [
    "const millis = Math.min(plan.timeout, call.deadline - now)",
    "const millis = call.deadline > now ? plan.timeout : 0"
  ]),
  mutant("forget-timeout", "an attempt may take all the time of the call", stage("attempt"), [
    "const millis = Math.min(plan.timeout, call.deadline - now)",
    "const millis = call.deadline - now"
  ]),
  mutant("act-before-journal", "a handler may begin before its attempt is in the journal", stage("attempt"), [
    "      const started = emit(call, (at) => ({ _tag: \"AttemptStarted\", ...key, at }))",
    "      const started = Effect.forkDetach(emit(call, (at) => ({ _tag: \"AttemptStarted\", ...key, at })))"
  ]),
  mutant("key-per-attempt", "each attempt has an idempotency key of its own", stage("attempt"), [
    "idempotencyKey: call.key",
    "idempotencyKey: `${call.key}${attempt}`"
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
  mutant("hedge-everything", "every tool is hedged, effectful ones too", stage("hedge"), [
    "const { hedge: options } = plan.policy",
    "const options = plan.policy.hedge ?? { after: 20 }"
  ], ["if (options === undefined || plan.effectClass !== \"readonly\") return undefined", ""]),
  mutant("hedge-unbounded", "more than 5 % of the calls are hedged", "internal/dependency/latencies.ts", [
    "      unspent -= callsPerHedge\n",
    ""
  ]),
  mutant("hedge-when-spent", "calls are hedged although most retries are spent", stage("retries"), [
    "run.left >= run.allowed / 2",
    "run.left >= 0"
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
  mutant("size-ignored", "the size that a tool allows its results is not kept", stage("answer"), [
    "plan?.maxResultSize ?? maximumBytes",
    "maximumBytes"
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
