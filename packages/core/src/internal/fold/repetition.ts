/**
 * Which calls were asked for before with the same arguments, and had the same result.
 *
 * @internal
 */
import type * as RunEvent from "../../RunEvent.ts"
import { canonicalArguments, canonicalJson } from "../canonicalJson.ts"

interface Seen {
  readonly result: unknown
  readonly times: number
}

/** By tool and arguments: the last result, and how often in a row it was the same. @internal */
export type Repetition = ReadonlyMap<string, Seen>

/** @internal */
export const none: Repetition = new Map()

/** How many different calls are remembered: those of the last turns. */
const remembered = 64

interface Answered {
  readonly requested: RunEvent.Of<"ToolCallRequested">
  readonly answered: RunEvent.Of<"ToolCallAnswered"> | undefined
}

const same = (left: unknown, right: unknown): boolean =>
  left === right ||
  (typeof left === "object" && typeof right === "object" && canonicalJson(left) === canonicalJson(right))

/** Calls that are equal within one turn count once. */
const signatures = (calls: ReadonlyArray<Answered>) =>
  new Map(
    calls.flatMap(({ answered, requested: { name, params } }) =>
      answered === undefined ? [] : [[`${name} ${canonicalArguments(params)}`, { name, result: answered.result }]]
    )
  )

/** With the calls of a turn: what is known then, and the tools whose call was repeated how often. @internal */
export const add = (
  known: Repetition,
  calls: ReadonlyArray<Answered>
): {
  readonly known: Repetition
  readonly repeated: ReadonlyArray<{ readonly name: string; readonly times: number }>
} => {
  const next = new Map(known)
  const repeated = Array.from(signatures(calls), ([signature, { name, result }]) => {
    const before = next.get(signature)
    const times = before !== undefined && same(before.result, result) ? before.times + 1 : 1
    next.delete(signature)
    next.set(signature, { result, times })
    return { name, times }
  })
  for (const signature of next.keys()) {
    if (next.size <= remembered) break
    next.delete(signature)
  }
  return { known: next, repeated }
}
