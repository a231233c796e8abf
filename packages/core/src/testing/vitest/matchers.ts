/**
 * What can be expected of the events of a run.
 *
 * @internal
 */
import * as Check from "../../Check.ts"
import type * as RunEvent from "../../RunEvent.ts"
import * as RunState from "../../RunState.ts"
import * as Timeline from "../Timeline.ts"

/** A verdict in the form of Vitest; `message` is read where it is not as expected. @internal */
export interface Verdict {
  readonly pass: boolean
  readonly message: () => string
  readonly actual?: unknown
  readonly expected?: unknown
}

type Events = ReadonlyArray<RunEvent.RunEvent>

/**
 * Which calls: of a tool by its name, or one by its place in a turn (`turn` from 1, `index` from 0).
 *
 * @category models
 * @since 0.1.0
 */
export type Calls = string | { readonly turn: number; readonly index: number }

const described = (calls: Calls): string =>
  typeof calls === "string" ? `"${calls}"` : `call ${calls.index} of turn ${calls.turn}`

/** Where a run is not as expected its timeline says what it was instead. */
const verdict = (pass: boolean, events: Events, fact: string, not: string, found: string): Verdict => ({
  pass,
  message: () =>
    `expected the run ${pass ? not : fact}${found === "" ? "" : `, but ${found}`}\n\n${Timeline.text(events)}`
})

const isEvent = (value: unknown): value is RunEvent.RunEvent =>
  typeof value === "object" && value !== null && "_tag" in value && typeof value._tag === "string"

const eventsOf = (received: unknown): Events => {
  if (Array.isArray(received) && received.every(isEvent)) return received
  throw new TypeError("expectRun takes the events of a run: an array of RunEvent")
}

interface Call {
  readonly requested: RunEvent.Of<"ToolCallRequested">
  readonly answered: RunEvent.Of<"ToolCallAnswered"> | undefined
  readonly attempts: number
}

type Keyed = { readonly turn: number; readonly request: number; readonly index: number }

const isSame = (left: Keyed, right: Keyed): boolean =>
  left.turn === right.turn && left.request === right.request && left.index === right.index

/** The calls of replies that were kept. */
const callsOf = (events: Events, calls: Calls): ReadonlyArray<Call> => {
  const responded = events.filter((event) => event._tag === "ModelResponded")
  return events
    .filter((event) => event._tag === "ToolCallRequested")
    .filter(({ request, turn }) => responded.some((reply) => reply.turn === turn && reply.request === request))
    .filter(({ index, name, turn }) =>
      typeof calls === "string" ? name === calls : turn === calls.turn && index === calls.index
    )
    .map((requested) => ({
      requested,
      answered: events.find((event) =>
        event._tag === "ToolCallAnswered" && isSame(event, requested)
      ) as Call["answered"],
      attempts: events.filter((event) => event._tag === "AttemptStarted" && isSame(event, requested)).length
    }))
}

const toComplete = (received: unknown): Verdict => {
  const events = eventsOf(received)
  const ended = events.find((event) => event._tag === "RunEnded")
  const found = ended === undefined
    ? "it has not ended"
    : `it ended ${ended.outcome}${ended.reason === undefined ? "" : ` (${ended.reason})`}`
  return verdict(ended?.outcome === "completed", events, "to complete", "not to complete", found)
}

const toHaveNoViolations = (received: unknown): Verdict => {
  const events = eventsOf(received)
  const violations = Check.all(events)
  const found = violations.map(({ event, guarantee, message }) => `\n  ${guarantee}, event ${event}: ${message}`).join(
    ""
  )
  return verdict(
    violations.length === 0,
    events,
    "to keep all guarantees",
    "to break a guarantee",
    violations.length === 0 ? "it keeps all of them" : `it does not:${found}`
  )
}

const answerOf = ({ answered, requested }: Call): string =>
  answered === undefined
    ? `call ${requested.index} of turn ${requested.turn} has no answer`
    : `call ${requested.index} of turn ${requested.turn} was answered ${answered.ok ? "ok" : "failed"}: ${
      JSON.stringify(answered.result)
    }`

const toHaveAnswered = (received: unknown, calls: Calls, answer?: "ok" | "failed"): Verdict => {
  const events = eventsOf(received)
  const found = callsOf(events, calls)
  const pass = found.length > 0
    && found.every(({ answered }) =>
      answered !== undefined && (answer === undefined || answered.ok === (answer === "ok"))
    )
  const fact = `have answered ${described(calls)}${answer === undefined ? "" : ` ${answer}`}`
  const told = found.length === 0 ? "it was not asked for" : found.map(answerOf).join("; ")
  return verdict(pass, events, `to ${fact}`, `not to ${fact}`, told)
}

const toHaveAttempts = (received: unknown, calls: Calls, attempts: number): Verdict => {
  const events = eventsOf(received)
  const found = callsOf(events, calls)
  const sum = found.reduce((all, call) => all + call.attempts, 0)
  const fact = `have ${attempts} attempts of ${described(calls)}`
  return verdict(
    sum === attempts,
    events,
    `to ${fact}`,
    `not to ${fact}`,
    found.length === 0 ? "it was not asked for" : `it has ${sum}`
  )
}

const toHaveAnswerText = (received: unknown, text: string | RegExp): Verdict => {
  const events = eventsOf(received)
  const said = events.find((event) => event._tag === "RunEnded")?.text ??
    RunState.text(events.reduce(RunState.apply, RunState.initial))
  const pass = typeof text === "string" ? said.includes(text) : text.test(said)
  return verdict(pass, events, `to say ${text}`, `not to say ${text}`, `it says ${JSON.stringify(said)}`)
}

/** A text as it is meant where it is written indented between backticks. */
const dedented = (text: string): string => {
  const lines = text.split("\n").map((line) => line.trimEnd())
  while (lines[0] === "") lines.shift()
  while (lines.at(-1) === "") lines.pop()
  const indents = lines.filter((line) => line !== "").map((line) => line.length - line.trimStart().length)
  const least = indents.reduce((one, other) => Math.min(one, other), Number.POSITIVE_INFINITY)
  return lines.map((line) => line.slice(least)).join("\n")
}

const toMatchTimeline = (received: unknown, timeline: string): Verdict => {
  const events = eventsOf(received)
  const [actual, expected] = [dedented(Timeline.text(events)), dedented(timeline)]
  const pass = actual === expected
  const first = actual.split("\n").findIndex((line, i) => line !== expected.split("\n")[i])
  const where = pass ? "" : ` (the first line that differs: ${first === -1 ? "one is missing at the end" : first + 1})`
  return {
    pass,
    message: () =>
      pass ? "expected the run not to have this timeline" : `expected the run to have this timeline${where}`,
    actual,
    expected
  }
}

/** By name, as `expect.extend` takes them. @internal */
export const matchers = {
  toComplete,
  toHaveNoViolations,
  toHaveAnswered,
  toHaveAttempts,
  toHaveAnswerText,
  toMatchTimeline
}
