/**
 * What the model reads about a call that failed or was not run: short, structured, and never a stack, a path of the host
 * or a secret.
 *
 * @internal
 */
import type * as RunEvent from "../../RunEvent.ts"
import type * as ToolPolicy from "../../ToolPolicy.ts"

const times = (attempts: number): string =>
  attempts === 0 ? "It was not executed." : attempts === 1 ? "Tried once." : `Tried ${attempts} times.`

const seconds = (millis: number): string => `${Math.round(millis / 100) / 10} s`

const advice = (failure: RunEvent.Failure, effectClass: ToolPolicy.EffectClass): string => {
  if (failure.executed && failure.kind !== "permanent" && effectClass !== "readonly") {
    return "Whether it took effect is unknown: verify before you repeat it."
  }
  switch (failure.kind) {
    case "transient":
      return failure.retryAfter === undefined
        ? "The same call may succeed later."
        : `The same call may succeed after ${seconds(failure.retryAfter)}.`
    case "permanent":
      return "The same call will fail again."
    case "unknown":
      return "Whether the same call may succeed is not known."
    case "defect":
    case "fatal":
      return "Repeating the call will hardly help."
  }
}

const neutral = "the tool failed because of an internal error"

/** @internal */
export const failureText = (
  failure: RunEvent.Failure,
  attempts: number,
  effectClass: ToolPolicy.EffectClass
): string => {
  const open = failure.kind === "transient" || failure.kind === "permanent" || failure.kind === "unknown"
  const heading = failure.kind === "unknown" ? "Unknown failure" : open
    ? `${failure.kind === "transient" ? "Transient" : "Permanent"} failure (${failure.reason})`
    : "Failure"
  const message = open ? failure.message.replace(/\.$/, "") : neutral
  return `${heading}: ${message}. ${times(attempts)} ${advice(failure, effectClass)}`
}

/** Levenshtein distance, for names of at most a few dozen characters. */
const distance = (left: string, right: string): number => {
  let row = Array.from({ length: right.length + 1 }, (_, i) => i)
  for (const [i, character] of Array.from(left).entries()) {
    const next = [i + 1]
    for (let j = 1; j <= right.length; j++) {
      next.push(Math.min(row[j]! + 1, next[j - 1]! + 1, row[j - 1]! + (character === right[j - 1] ? 0 : 1)))
    }
    row = next
  }
  return row[right.length]!
}

const longestName = 128

/** The names nearest to an unknown one, at most three. @internal */
export const nearest = (name: string, names: ReadonlyArray<string>): ReadonlyArray<string> => {
  const asked = name.slice(0, longestName).toLowerCase()
  return names
    .map((candidate) => ({ candidate, far: distance(asked, candidate.toLowerCase()) }))
    .filter(({ candidate, far }) => far <= Math.max(asked.length, candidate.length) * 0.6)
    .toSorted((left, right) => left.far - right.far)
    .slice(0, 3)
    .map(({ candidate }) => candidate)
}

/** @internal */
export const unknownTool = (name: string, names: ReadonlyArray<string>): string => {
  const near = nearest(name, names)
  const hint = near.length > 0
    ? `did you mean ${near.map((candidate) => `"${candidate}"`).join(" or ")}?`
    : names.length > 0
    ? `there are: ${names.slice(0, 20).join(", ")}`
    : "there are no tools"
  return `no tool is named "${name.slice(0, longestName).toWellFormed()}"; ${hint}`
}
