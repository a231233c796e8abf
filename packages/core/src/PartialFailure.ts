/**
 * What a turn is to do when some of its tool calls failed.
 *
 * **Details**
 *
 * A failed call is no failure of the run: the model reads what went wrong and decides. A policy of this module says when
 * that is not enough. It is only computed here; the run acts on it.
 *
 * **Example** (Three of five sources are enough)
 *
 * ```ts
 * import { PartialFailure } from "@volley/core"
 *
 * const answers = [{ ok: true }, { ok: false }, { ok: true }, { ok: true }, { ok: false }]
 * console.log(PartialFailure.decide({ quorum: 3 }, PartialFailure.tally(answers)))
 * ```
 *
 * ```text
 * continue
 * ```
 *
 * @since 0.1.0
 */
import * as S from "effect/Schema"

/**
 * - `"continue"`: the model reads the failures; the default.
 * - `failIf`: the run fails when this share of the turn's calls or more failed; above 0, at most 1.
 * - `quorum`: the run fails when fewer calls of the turn succeeded, or fewer than all where it has less; at least 1.
 * - `noteIf`: the model is given `text` as well when this share of the calls or more failed; above 0, at most 1.
 *
 * @category schemas
 * @since 0.1.0
 */
export const Schema = S.Union([
  S.Literal("continue"),
  S.Struct({ failIf: S.Finite }),
  S.Struct({ quorum: S.Int }),
  S.Struct({ noteIf: S.Finite, text: S.String })
])

/**
 * What a turn is to do when some of its calls failed, see `Schema`.
 *
 * @category models
 * @since 0.1.0
 */
export type PartialFailure = typeof Schema.Type

/**
 * How the calls of a turn went; `ratio` is the share that failed, 0 for no calls.
 *
 * @internal
 */
export interface Tally {
  readonly calls: number
  readonly succeeded: number
  readonly failed: number
  readonly ratio: number
}

/**
 * Counts the answers of a turn.
 *
 * @internal
 */
export const tally = (answers: Iterable<{ readonly ok: boolean }>): Tally => {
  let calls = 0
  let succeeded = 0
  for (const { ok } of answers) {
    calls++
    if (ok) succeeded++
  }
  const failed = calls - succeeded
  return { calls, succeeded, failed, ratio: calls === 0 ? 0 : failed / calls }
}

/**
 * What a policy says of a turn.
 *
 * @internal
 */
export const decide = (policy: PartialFailure, { calls, ratio, succeeded }: Tally): "continue" | "fail" | "note" => {
  if (policy === "continue" || calls === 0) return "continue"
  if ("quorum" in policy) return succeeded < Math.min(policy.quorum, calls) ? "fail" : "continue"
  if ("failIf" in policy) return ratio >= policy.failIf ? "fail" : "continue"
  return ratio >= policy.noteIf ? "note" : "continue"
}

const share = (name: string, value: number): void => {
  if (!(value > 0 && value <= 1)) throw new RangeError(`partialFailure.${name} must be above 0 and at most 1`)
}

/**
 * The policy, if its numbers are in their range.
 *
 * @throws `RangeError` naming the number that is not
 * @internal
 */
export const make = (policy: PartialFailure): PartialFailure => {
  if (policy === "continue") return policy
  if ("failIf" in policy) share("failIf", policy.failIf)
  else if ("noteIf" in policy) share("noteIf", policy.noteIf)
  else if (!(Number.isInteger(policy.quorum) && policy.quorum >= 1)) {
    throw new RangeError("partialFailure.quorum must be a whole number of at least 1")
  }
  return policy
}
