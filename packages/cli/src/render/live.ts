/**
 * The live view of a run: one line for each tool call of the present turn, and one that says what is waited for.
 *
 * @internal
 */
import type * as RunState from "@volley/core/RunState"
import * as Layout from "./layout.ts"
import * as Preview from "./preview.ts"
import type { Style } from "./style.ts"
import * as Timeline from "./timeline.ts"

/** What the lines are drawn with: `now` in milliseconds since the epoch. @internal */
export interface Canvas {
  readonly now: number
  readonly columns: number
  readonly style: Style
  readonly redact: Preview.Redact
}

/** What a run has used, its sub-agents and the replies that broke off included. @internal */
export type Spent = Pick<RunState.Spent, "usage" | "cost">

interface Drawn {
  readonly symbol: string
  readonly emphasis: keyof Style
  /** Attempts and duration. */
  readonly facts: ReadonlyArray<string>
  readonly result: string
}

const attemptsOf = (n: number): ReadonlyArray<string> => n > 1 ? [Layout.count(n, "attempt")] : []

/** How long something has been going on; nothing in its first second, so that short waits do not flicker. */
const since = (at: number, now: number): ReadonlyArray<string> => {
  const seconds = Math.floor((now - at) / 1000)
  return seconds < 1 ? [] : [Layout.duration(seconds * 1000).replace(".0", "")]
}

const drawCall = ({ now, redact }: Canvas, call: Timeline.Call): Drawn => {
  const { answered, attempts } = call
  const last = attempts.at(-1)
  if (answered !== undefined) {
    const detours = Timeline.detours(call).map((detour) => Preview.value(detour, redact))
    const facts = [
      ...detours,
      ...attemptsOf(attempts.length),
      ...(attempts.length > 0
        ? [Layout.duration(Timeline.callDuration(call))]
        : detours.length > 0
        ? []
        : ["not run"])
    ]
    return answered.failure === undefined
      ? { symbol: "✓", emphasis: "good", facts, result: Preview.value(answered.result, redact) }
      : { symbol: "✗", emphasis: "bad", facts, result: Preview.failure(answered.failure, redact) }
  }
  if (last === undefined) return { symbol: "·", emphasis: "dim", facts: ["waiting"], result: "" }
  if (last.retry !== undefined) {
    const failure = last.ended?.failure
    return {
      symbol: "↻",
      emphasis: "dim",
      facts: [`attempt ${last.retry.attempt} in ${Layout.duration(last.retry.wait)}`],
      result: failure === undefined ? "" : Preview.failure(failure, redact)
    }
  }
  const nth = attempts.length > 1 ? [`attempt ${attempts.length}`] : []
  return { symbol: "…", emphasis: "dim", facts: [...nth, ...since(attempts[0]!.started.at, now)], result: "" }
}

/** Columns below which only the name is shown. */
const leastColumns = 10

/** Columns below which the result is left out rather than squeezed. */
const leastResult = 8

/** A call as one line that never wraps: the facts stay whole, arguments and result share what is left. */
const callLine = (canvas: Canvas, call: Timeline.Call): string => {
  const { emphasis, facts, result, symbol } = drawCall(canvas, call)
  const { columns, style } = canvas
  const whole = Preview.value(call.requested.name, canvas.redact)
  if (columns < leastColumns) return Layout.cut(`${symbol} ${whole}`, columns)
  const name = Layout.cut(whole, columns - 2)
  const middle = facts.length === 0 ? "" : Layout.cut(` · ${facts.join(" · ")}`, columns - 2 - Layout.width(name))
  const room = Math.max(0, columns - 2 - Layout.width(name) - Layout.width(middle))
  const written = Preview.parameters(call.requested.params, canvas.redact)
  const ofArguments = result === "" ? room : Math.max(room - Layout.width(result) - 3, Math.floor(room / 2))
  const args = written === "" || ofArguments < 3 ? "" : ` ${Layout.cut(written, ofArguments - 1)}`
  const left = room - Layout.width(args) - 3
  const end = result === "" || left < leastResult ? "" : ` · ${Layout.cut(result, left)}`
  return `${style[emphasis](symbol)} ${style.bold(name)}${style.dim(args)}${middle}${
    emphasis === "bad" ? style.bad(end) : end
  }`
}

const waitLine = (canvas: Canvas, { failed, requested, responded }: Timeline.Request): ReadonlyArray<string> => {
  const { columns, now, redact, style } = canvas
  if (failed !== undefined) {
    const again = failed.restartable ? ` · asking again in ${Layout.duration(failed.wait)}` : ""
    const text = `↻ model${again} · ${Preview.discarded(failed, redact)}`
    return [style.dim(Layout.cut(text, columns))]
  }
  if (responded !== undefined) return []
  const facts = [`turn ${requested.turn}`, ...since(requested.at, now)]
  return [style.dim(Layout.cut(`· waiting for the model · ${facts.join(" · ")}`, columns))]
}

/** What the model says on its way to the answer, as one line. */
const textLine = ({ columns, redact, style }: Canvas, request: Timeline.Request): ReadonlyArray<string> => {
  const text = request.calls.length === 0 ? "" : Preview.value(request.text, redact)
  return text === "" ? [] : [style.dim(Layout.cut(`» ${text}`, columns))]
}

/** The lines of one request; nothing is waited for once the run has ended. @internal */
export const requestLines = (canvas: Canvas, request: Timeline.Request, ended = false): ReadonlyArray<string> => {
  const calls = request.failed === undefined && request.responded?.refusal === undefined ? request.calls : []
  return [
    ...(calls.length === 0 ? [] : textLine(canvas, request)),
    ...calls.map((call) => callLine(canvas, call)),
    ...(ended && request.failed === undefined ? [] : waitLine(canvas, request))
  ]
}

/** The last line: how the run ended and what it took. @internal */
export const summaryLine = (
  { columns, redact, style }: Canvas,
  timeline: Timeline.Timeline,
  { cost, usage }: Spent = { cost: undefined, usage: Timeline.usage(timeline) }
): string => {
  const outcome = timeline.ended?.outcome ?? "ended early"
  const reason = timeline.ended?.reason
  const facts = [
    reason === undefined || outcome === "cancelled" ? outcome : `${outcome} (${Preview.value(reason, redact)})`,
    Layout.count(Timeline.turns(timeline), "turn"),
    Layout.count(Timeline.calls(timeline).length, "tool call"),
    `${usage.inputTokens} tokens in, ${usage.outputTokens} out`,
    ...(cost === undefined ? [] : [Layout.usd(cost)]),
    Layout.duration(Timeline.runDuration(timeline))
  ]
  return style.dim(Layout.cut(facts.join(" · "), columns))
}
