/**
 * What a reply has used, as the API says it piece by piece.
 *
 * @internal
 */
import type * as Response from "effect/ai/Response"
import * as Predicate from "effect/Predicate"

/** The fields of `usage` as they came, the latest of each. @internal */
export type Said = Readonly<Record<string, unknown>>

const isSaid = (value: unknown): boolean =>
  value !== null && value !== undefined && (typeof value !== "number" || Number.isSafeInteger(value))

/**
 * Usage is cumulative: a later value replaces an earlier one, `null` and what is no whole number do not.
 *
 * @internal
 */
export const merge = (said: Said, latest: unknown): Said =>
  Predicate.isObject(latest)
    ? { ...said, ...Object.fromEntries(Object.entries(latest).filter(([, value]) => isSaid(value))) }
    : said

const field = (value: unknown, key: string): unknown => Predicate.isObject(value) ? value[key] : undefined

const count = (value: unknown, key: string): number | undefined => {
  const found = field(value, key)
  return Number.isSafeInteger(found) ? found as number : undefined
}

interface Totals {
  readonly input: number | undefined
  readonly output: number | undefined
  readonly cacheRead: number | undefined
  readonly cacheWrite: number | undefined
  readonly cacheWriteLong: number | undefined
  readonly thinking: number | undefined
}

const totalsOf = (said: unknown): Totals => ({
  input: count(said, "input_tokens"),
  output: count(said, "output_tokens"),
  cacheRead: count(said, "cache_read_input_tokens"),
  cacheWrite: count(said, "cache_creation_input_tokens"),
  cacheWriteLong: count(field(said, "cache_creation"), "ephemeral_1h_input_tokens"),
  thinking: count(field(said, "output_tokens_details"), "thinking_tokens")
})

const plus = (left: number | undefined, right: number | undefined): number | undefined =>
  left === undefined ? right : left + (right ?? 0)

const add = (left: Totals, right: Totals): Totals => ({
  input: plus(left.input, right.input),
  output: plus(left.output, right.output),
  cacheRead: plus(left.cacheRead, right.cacheRead),
  cacheWrite: plus(left.cacheWrite, right.cacheWrite),
  cacheWriteLong: plus(left.cacheWriteLong, right.cacheWriteLong),
  thinking: plus(left.thinking, right.thinking)
})

/** The top-level fields count all sampling of the reply's own model, but not what compaction used. */
const totals = (said: Said): Totals => {
  const iterations = Array.isArray(said["iterations"]) ? said["iterations"] : []
  return iterations
    .filter((iteration) => field(iteration, "type") === "compaction")
    .map(totalsOf)
    .reduce(add, totalsOf(said))
}

const wholeInput = ({ cacheRead = 0, cacheWrite = 0, input = 0 }: Totals): number => input + cacheRead + cacheWrite

const longWrites = ({ cacheWriteLong = 0 }: Totals) =>
  cacheWriteLong > 0 ? { cacheWriteLongTokens: cacheWriteLong } : undefined

/** @internal */
export const toUsage = (said: Said): Response.FinishPartEncoded["usage"] => {
  const all = totals(said)
  const { cacheRead, cacheWrite, input, output, thinking } = all
  return {
    inputTokens: {
      ...(input !== undefined && { uncached: input, total: wholeInput(all) }),
      ...(cacheRead !== undefined && { cacheRead }),
      ...(cacheWrite !== undefined && { cacheWrite })
    },
    outputTokens: {
      ...(output !== undefined && { total: output }),
      ...(output !== undefined && thinking !== undefined && { text: Math.max(0, output - thinking) }),
      ...(thinking !== undefined && { reasoning: thinking })
    }
  }
}

/**
 * The usage known before the end, in the form of the journal: a reply that breaks off has no `finish`, but has been paid for.
 *
 * @internal
 */
export const soFar = (said: Said) => {
  const all = totals(said)
  if (all.input === undefined) return undefined
  return {
    inputTokens: wholeInput(all),
    outputTokens: all.output ?? 0,
    cacheReadTokens: all.cacheRead ?? 0,
    cacheWriteTokens: all.cacheWrite ?? 0,
    ...longWrites(all)
  }
}

/** What of the usage `effect/ai` has no place for, each under its name in the metadata of the `finish`. */
const details: ReadonlyArray<readonly [said: string, name: string]> = [
  ["service_tier", "serviceTier"],
  ["server_tool_use", "serverToolUse"],
  ["iterations", "iterations"],
  ["fallback_credit", "fallbackCredit"],
  ["speed", "speed"],
  ["inference_geo", "inferenceGeo"]
]

/** @internal */
export const toDetails = (said: Said): Readonly<Record<string, unknown>> => {
  const all = totals(said)
  return {
    ...Object.fromEntries(details.flatMap(([key, name]) => said[key] === undefined ? [] : [[name, said[key]]])),
    ...(all.thinking !== undefined && { thinkingTokens: all.thinking }),
    ...longWrites(all)
  }
}
