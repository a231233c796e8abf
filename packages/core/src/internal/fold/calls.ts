/**
 * What the calls and the reply of the present turn come to.
 *
 * @internal
 */
import type * as Prompt from "effect/ai/Prompt"
import type { Call, RunState } from "../../RunState.ts"

/** @internal */
export const textOf = (blocks: ReadonlyArray<Prompt.Part>): string =>
  blocks.map((block) => block.type === "text" ? block.text : "").join("")

/** @internal */
export const isOpen = ({ answered }: Call): boolean => answered === undefined

/** The tools whose calls a tool comes after. */
const afterOf = ({ started }: RunState, name: string): ReadonlyArray<string> =>
  started?.tools.find((tool) => tool.name === name)?.after ?? []

/**
 * Open calls that nothing is done for until somebody decides: those that want approval, and those that come after them.
 *
 * @internal
 */
export const undecided = (state: RunState): ReadonlySet<Call> => {
  const waiting = new Set(state.calls.filter((call) => isOpen(call) && call.approval === "wanted"))
  if (waiting.size === 0) return waiting
  for (let before = 0; before < waiting.size;) {
    before = waiting.size
    const names = new Set(Array.from(waiting, ({ requested }) => requested.name))
    for (const call of state.calls) {
      if (isOpen(call) && afterOf(state, call.requested.name).some((name) => names.has(name))) waiting.add(call)
    }
  }
  return waiting
}

/** @internal */
export const elapsed = ({ paused, started, suspendedAt }: RunState, now: number): number =>
  (suspendedAt ?? now) - (started?.at ?? now) - paused

/** The call that gave the structured output. @internal */
export const outputCall = ({ calls, settings, started }: RunState): Call | undefined =>
  settings.output === "tool"
    ? calls.find(({ answered, requested }) => requested.name === started?.output && answered?.ok === true)
    : undefined
