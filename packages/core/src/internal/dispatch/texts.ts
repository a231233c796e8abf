/**
 * What the model reads about a call that failed or was not run: short, structured, and never a stack, a path of the host
 * or a secret.
 *
 * @internal
 */
import type * as RunEvent from "../../RunEvent.ts"
import type * as ToolFailure from "../../ToolFailure.ts"
import type * as ToolPolicy from "../../ToolPolicy.ts"
import { oneLine } from "../classify.ts"

/** The tool may have acted, and nobody can say whether. */
const isOpen = ({ executed, kind, reason }: RunEvent.Failure, effectClass: ToolPolicy.EffectClass): boolean =>
  executed && effectClass !== "readonly" && (kind !== "permanent" || reason === "Cancelled")

const hidden = ({ kind }: RunEvent.Failure): boolean => kind === "defect" || kind === "fatal"

const heading = (failure: RunEvent.Failure, open: boolean): string => {
  const { kind, reason } = failure
  if (hidden(failure)) {
    return open ? "Outcome unknown: the tool had an internal error" : "Internal error: the tool gave no result"
  }
  const name = open ? "Outcome unknown" : `${kind[0]?.toUpperCase()}${kind.slice(1)} failure`
  return `${name}${kind === "unknown" ? "" : ` (${reason})`}: ${failure.message.replace(/\.+$/, "")}`
}

/** An answer shared with another call was tried by that call. */
const tried = ({ executed }: RunEvent.Failure, attempts: number, effectClass: ToolPolicy.EffectClass): string => {
  if (attempts === 0) return executed ? "" : "It was not executed."
  const times = attempts === 1 ? "Tried once" : `Tried ${attempts} times`
  return executed || effectClass === "readonly" ? `${times}.` : `${times}, nothing was executed.`
}

const seconds = (millis: number): string => `${Math.round(millis / 100) / 10} s`

const unsure = "Whether the same call may succeed is not known."

/** What to do about a permanent failure, where there is more to say than that it is one. */
const remedies: ReadonlyMap<string, string> = new Map<ToolFailure.PermanentReason, string>([
  ["InvalidArguments", "The same call will fail again: correct the arguments."],
  ["DependencyFailed", "Call it again once that has succeeded."],
  ["FailedPrecondition", "The same call will fail again until that is resolved."],
  ["Cancelled", unsure]
])

const advice = (failure: RunEvent.Failure, open: boolean): string => {
  if (open) return "It may have taken effect: verify before you repeat it."
  switch (failure.kind) {
    case "transient":
      return failure.retryAfter === undefined || failure.retryAfter === 0
        ? "The same call may succeed later."
        : `The same call may succeed after ${seconds(failure.retryAfter)}.`
    case "permanent":
      return remedies.get(failure.reason) ?? "The same call will fail again."
    case "unknown":
      return unsure
    case "defect":
    case "fatal":
      return "Repeating the call will hardly help."
  }
}

const sentence = (text: string): string => /[.?!…]$/.test(text) ? text : `${text}.`

/** @internal */
export const failureText = (
  failure: RunEvent.Failure,
  attempts: number,
  effectClass: ToolPolicy.EffectClass
): string => {
  const open = isOpen(failure, effectClass)
  return [sentence(heading(failure, open)), tried(failure, attempts, effectClass), advice(failure, open)]
    .filter((part) => part !== "")
    .join(" ")
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
  return `no tool is named "${oneLine(name.slice(0, longestName))}"; ${hint}`
}
