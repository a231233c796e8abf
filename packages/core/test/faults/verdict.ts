import { Check, type RunEvent, RunState } from "@volley/core"
import { Cause, Exit } from "effect"
import { Prompt } from "effect/ai"
import { refused } from "./refused.ts"
import type { World } from "./world.ts"

const next = Prompt.make([{ role: "user", content: [{ type: "text", text: "And now?" }] }])

/** What the model may read where nobody knows whether a call took effect. */
const saysUnknown = /outcome is unknown|Outcome unknown|It may have taken effect/

const saysNothingDone = /not executed|nothing was executed/i

/** Answers that say of an effect what is not so. */
const untrue = ({ effects, journal, plan }: World): ReadonlyArray<string> => {
  const tools = new Map(plan.turns.flat().map(({ n, tool }) => [n, tool]))
  const asked = new Map<string, number>()
  return journal.flatMap((event) => {
    if (!("index" in event)) return []
    const key = `${event.turn}.${event.request}.${event.index}`
    if (event._tag === "ToolCallRequested") asked.set(key, (event.params as { readonly n: number }).n)
    const n = asked.get(key)
    if (event._tag !== "ToolCallAnswered" || n === undefined) return []
    const tool = tools.get(n)
    if (tool === "look" || tool === "big") return []
    const times = effects.get(n) ?? 0
    const text = String(event.result)
    const what = `${tool} ${n} took effect ${times} times and was answered: ${text}`
    if (event.ok) return times === 1 ? [] : [what]
    if (times > 0) return saysUnknown.test(text) ? [] : [what]
    return event.attempts > 0 || saysNothingDone.test(text) ? [] : [what]
  })
}

/** Calls whose effect took place more than once. */
export const duplicates = ({ effects }: World): ReadonlyArray<string> =>
  Array.from(effects).flatMap(([n, times]) => times > 1 ? [`call ${n} took effect ${times} times`] : [])

export const stateOf = ({ journal }: World): RunState.RunState => journal.reduce(RunState.apply, RunState.initial)

/** What the checker finds. */
export const checked = (journal: ReadonlyArray<RunEvent.RunEvent>): ReadonlyArray<string> =>
  Check.all(journal).map(({ event, guarantee, message }) => `${guarantee} at ${event}: ${message}`)

const transcripts = (world: World): ReadonlyArray<string> => {
  const { replies, requests } = world
  const found = requests.flatMap((request) => refused(request, replies))
  const last = requests.at(-1)
  const state = stateOf(world)
  if (last === undefined || state.ended === undefined) return found
  return [...found, ...refused({ ...last, prompt: Prompt.concat(state.transcript, next) }, replies)]
}

/** What is wrong with a world whose last process has ended. */
export const verdict = (world: World): ReadonlyArray<string> => {
  const { processes } = world
  const last = processes.at(-1)!
  const state = stateOf(world)
  const ends = processes.flatMap(({ end, strike }): ReadonlyArray<string> => {
    if (end === "endless") return ["a process never came to rest"]
    if (end === "stuck" && strike?.fault !== "hang") return ["a process is stuck"]
    return Exit.isExit(end) && Exit.isFailure(end) && Cause.hasDies(end.cause) ? [Cause.pretty(end.cause)] : []
  })
  const whole = state.ended === undefined && world.journal.length > 0 ? ["the run has not ended"] : []
  const wanted = state.ended?.outcome === "completed" && (!Exit.isExit(last.end) || Exit.isFailure(last.end))
    ? ["the run is complete, and its last process does not say so"]
    : []
  return [
    ...ends,
    ...whole,
    ...wanted,
    ...duplicates(world),
    ...untrue(world),
    ...checked(world.journal),
    ...processes.flatMap(({ peak }) => peak > world.plan.concurrency ? [`G6: ${peak} handlers at the same time`] : []),
    ...transcripts(world),
    ...processes.flatMap(({ unkept }) => unkept > 0 ? [`G10: ${unkept} events were shown and not kept`] : [])
  ]
}
