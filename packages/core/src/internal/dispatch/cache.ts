/**
 * Stage: gives the result that equal arguments of the same tenant had not long ago.
 *
 * @internal
 */
import * as Clock from "effect/Clock"
import * as Duration from "effect/Duration"
import * as Effect from "effect/Effect"
import type { Entry } from "../../ToolCache.ts"
import type * as ToolFailure from "../../ToolFailure.ts"
import { canonicalArguments } from "../canonicalJson.ts"
import { sha256 } from "../sha256.ts"
import { inTime } from "./inTime.ts"
import { type Call, type Execute, type Failed, keyOf, recorded, type Result, type Stage } from "./stage.ts"

const millis = (input: Duration.Input | undefined): number =>
  input === undefined ? 0 : Duration.toMillis(Duration.fromInputUnsafe(input))

/**
 * Tenant and tool are quoted, so that no name can pass for another tenant's. The whole is hashed, since stores may hold keys
 * for equal that differ in case, or bound their length: SQL collations do, file systems too.
 */
const entryKey = ({ name, params, shared }: Call): string =>
  sha256(`${JSON.stringify([shared.tenant ?? null, name])}${canonicalArguments(params)}`)

const minute = 60_000

const ageText = (age: number): string =>
  age < 2 * minute
    ? `${Math.round(age / 1000)} s`
    : age < 120 * minute
    ? `${Math.round(age / minute)} min`
    : `${Math.round(age / (60 * minute))} h`

const failing = "The cache of tool results failed; the call goes on without it"

const load = (call: Call, key: string): Effect.Effect<Entry | undefined> =>
  inTime(call, () => call.shared.cache.get(key), failing)

const store = (call: Call, key: string, outcome: Entry["outcome"], timeToLive: number): Effect.Effect<void> =>
  Effect.clockWith((clock) => {
    const entry = { at: clock.currentTimeMillisUnsafe(), outcome }
    return inTime(call, () => call.shared.cache.set(key, entry, timeToLive), failing)
  })

/** Of these another call may be spared, whatever its arguments. */
const passing: ReadonlySet<string> = new Set<ToolFailure.PermanentReason>(["Cancelled", "DependencyFailed"])

const isLasting = ({ kind, reason }: Failed): boolean => kind === "permanent" && !passing.has(reason)

const isForNow = ({ kind }: Failed): boolean => kind === "transient" || kind === "unknown"

/** Clocks of processes that share a cache may differ a little. */
const ageOf = ({ at }: Entry, now: number): number => Math.max(0, now - at)

const hit = (call: Call, age: number, stale: boolean) =>
  call.shared.emit((at) => ({ _tag: "CacheHit", ...keyOf(call), at, age, stale }))

const give = (call: Call, { outcome }: Entry, age: number): ReturnType<Execute> =>
  Effect.andThen(
    hit(call, age, false),
    "failure" in outcome
      ? Effect.fail<Failed>({
        ...outcome.failure,
        executed: false,
        message: `${outcome.failure.message} (remembered for ${ageText(age)})`
      })
      : Effect.succeed<Result>({ value: outcome.value })
  )

const giveStale = (call: Call, value: unknown, age: number, failed: Failed): ReturnType<Execute> =>
  Effect.as(hit(call, age, true), {
    value,
    note: `from the cache, ${ageText(age)} old, since the tool fails for now (${failed.reason})`
  })

/** @internal */
export const cache: Stage = ({ effectClass, policy }) => {
  if (policy.cache === undefined || effectClass !== "readonly") return undefined
  const fresh = millis(policy.cache.timeToLive)
  const failures = millis(policy.cache.failures)
  const usable = fresh + millis(policy.cache.staleIfError)

  const keep = (call: Call, key: string, { note, value }: Result): Effect.Effect<void> =>
    note === undefined ? store(call, key, { value }, usable) : Effect.void

  const settle = Effect.fnUntraced(function*(
    call: Call,
    key: string,
    known: Entry | undefined,
    failed: Failed
  ): Effect.fn.Return<Result, Failed> {
    if (failures > 0 && isLasting(failed)) yield* store(call, key, { failure: recorded(failed) }, failures)
    if (known === undefined || "failure" in known.outcome || !isForNow(failed)) return yield* Effect.fail(failed)
    const age = ageOf(known, yield* Clock.currentTimeMillis)
    return yield* age < usable ? giveStale(call, known.outcome.value, age, failed) : Effect.fail(failed)
  })

  return (next): Execute => (call) =>
    Effect.suspend(() => {
      const key = entryKey(call)
      return Effect.flatMap(load(call, key), (known) =>
        Effect.clockWith((clock) => {
          if (known !== undefined) {
            const age = ageOf(known, clock.currentTimeMillisUnsafe())
            if (age < ("failure" in known.outcome ? failures : fresh)) return give(call, known, age)
          }
          return next(call).pipe(
            Effect.tap((result) => keep(call, key, result)),
            Effect.catch((failed) => settle(call, key, known, failed))
          )
        }))
    })
}
