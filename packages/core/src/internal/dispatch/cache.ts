/**
 * Stage: gives the result that equal arguments of the same tenant had not long ago.
 *
 * @internal
 */
import * as Clock from "effect/Clock"
import * as Duration from "effect/Duration"
import * as Effect from "effect/Effect"
import type { Entry } from "../../ToolCache.ts"
import { canonicalJson } from "../canonicalJson.ts"
import { sha256 } from "../sha256.ts"
import { emit } from "./emit.ts"
import { type Call, type Execute, type Failed, keyOf, recorded, type Result, type Stage } from "./stage.ts"

const millis = (input: Duration.Input | undefined): number =>
  input === undefined ? 0 : Duration.toMillis(Duration.fromInputUnsafe(input))

/** Tenant and tool are quoted, so that no name can pass for another tenant's. */
const entryKey = (call: Call): string =>
  `${JSON.stringify([call.shared.tenant ?? null, call.name])}${sha256(canonicalJson(call.params))}`

const ageText = (age: number): string =>
  age < 60_000 ? `${Math.round(age / 1000)} s` : `${Math.round(age / 60_000)} min`

const hit = (call: Call, age: number, stale: boolean) =>
  emit(call, (at) => ({ _tag: "CacheHit", ...keyOf(call), at, age, stale }))

const give = (call: Call, { outcome }: Entry, age: number): ReturnType<Execute> =>
  Effect.andThen(
    hit(call, age, false),
    "value" in outcome
      ? Effect.succeed<Result>({ value: outcome.value })
      : Effect.fail<Failed>({
        ...outcome.failure,
        executed: false,
        message: `${outcome.failure.message} (remembered for ${ageText(age)})`
      })
  )

const giveStale = (call: Call, value: unknown, age: number, failed: Failed): Effect.Effect<Result, Failed> =>
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

  const settle = Effect.fnUntraced(function*(
    call: Call,
    key: string,
    known: Entry | undefined,
    failed: Failed
  ): Effect.fn.Return<Result, Failed> {
    const now = yield* Clock.currentTimeMillis
    if (failed.kind === "permanent" && failures > 0 && failed.reason !== "Cancelled") {
      yield* call.shared.cache.set(key, { at: now, outcome: { failure: recorded(failed) } }, failures)
    }
    const forNow = failed.kind === "transient" || failed.kind === "unknown"
    if (forNow && known !== undefined && "value" in known.outcome && now - known.at < usable) {
      return yield* giveStale(call, known.outcome.value, now - known.at, failed)
    }
    return yield* Effect.fail(failed)
  })

  const keep = ({ shared }: Call, key: string, { note, value }: Result): Effect.Effect<void> =>
    note !== undefined ? Effect.void : Effect.flatMap(
      Clock.currentTimeMillis,
      (at) => shared.cache.set(key, { at, outcome: { value } }, usable)
    )

  return (next): Execute => (call) =>
    Effect.suspend(() => {
      const key = entryKey(call)
      return Effect.flatMap(call.shared.cache.get(key), (known) =>
        Effect.flatMap(Clock.currentTimeMillis, (now) => {
          const age = known === undefined ? 0 : now - known.at
          const limit = known !== undefined && "failure" in known.outcome ? failures : fresh
          if (known !== undefined && age < limit) return give(call, known, age)
          return next(call).pipe(
            Effect.tap((result) => keep(call, key, result)),
            Effect.catch((failed) => settle(call, key, known, failed))
          )
        }))
    })
}
