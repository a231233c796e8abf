/**
 * A run as text: the question, each turn with its tool calls, how it ended.
 *
 * @internal
 */
import type * as RunEvent from "@volley/core/RunEvent"
import * as Layout from "./layout.ts"
import * as Preview from "./preview.ts"
import * as SafeText from "./safeText.ts"
import type { Style } from "./style.ts"
import * as Timeline from "./timeline.ts"

/** `columns` is `Infinity` where lines are not to be broken. @internal */
export interface Page {
  readonly columns: number
  readonly style: Style
  readonly redact: Preview.Redact
}

type Lines = ReadonlyArray<string>

/** Lines of one result that are shown. */
const longestResult = 20

const prose = ({ columns, redact }: Page, text: string, indent: string): Lines =>
  Layout.wrap(SafeText.block(redact(text)).trim(), columns, indent)

/** Structured values take a line a field; the rest of a long one is counted. */
const result = (page: Page, value: unknown, indent: string): Lines => {
  const lines = prose(page, typeof value === "string" ? value : JSON.stringify(value, undefined, 2) ?? "", indent)
  const rest = lines.length - longestResult
  return rest <= 1 ? lines : [...lines.slice(0, longestResult), `${indent}… ${rest} more lines`]
}

const note = ({ columns, style }: Page, text: string, indent: string): Lines =>
  Layout.wrap(text, columns, indent).map(style.dim)

const attempt = (page: Page, { abandoned, ended, retry, started }: Timeline.Attempt): Lines => {
  const took = ended === undefined ? "" : ` · ${Layout.duration(ended.at - started.at)}`
  const end = ended === undefined
    ? "no end recorded"
    : ended.failure === undefined
    ? "ok"
    : Preview.failure(ended.failure, page.redact)
  const fate = abandoned ? " · abandoned" : ""
  return [
    ...note(page, `attempt ${started.attempt}${took}${fate} · ${end}`, "      "),
    ...(retry === undefined ? [] : note(page, `waited ${Layout.duration(retry.wait)}`, "      "))
  ]
}

/** One tool call: its arguments, attempts, waits and answer. @internal */
export const call = (page: Page, one: Timeline.Call): Lines => {
  const { answered, attempts, requested } = one
  const { redact, style } = page
  const name = Preview.value(requested.name, redact)
  const title = Layout.wrap(`${name} ${Preview.parameters(requested.params, redact)}`, page.columns, "    ")
  const bold = (line: string): string => line.trimStart().startsWith(name) ? line.replace(name, style.bold(name)) : line
  const symbol = answered === undefined ? style.dim("…") : answered.ok ? style.good("✓") : style.bad("✗")
  const took = Layout.duration(Timeline.callDuration(one))
  const answer = answered === undefined
    ? note(page, "not answered: the journal ends before", "      ")
    : [
      ...note(page, how(one, took, page.redact), "      "),
      ...result(page, answered.result, "        ")
    ]
  return [
    ...title.map((line, i) => i === 0 ? `  ${symbol} ${bold(line).trimStart()}` : line),
    ...attempts.flatMap((attemptOf) => attempt(page, attemptOf)),
    ...answer
  ]
}

const how = (one: Timeline.Call, took: string, redact: Preview.Redact): string => {
  const detours = Timeline.detours(one).map((detour) => Preview.value(detour, redact)).join(", ")
  if (one.attempts.length > 0) return `answered after ${took}${detours && ` (${detours})`}:`
  return `answered without being run${detours && ` (${detours})`}:`
}

const tokens = ({ inputTokens, outputTokens }: RunEvent.Usage): string =>
  `${inputTokens} tokens in, ${outputTokens} out`

const cacheMiss = (page: Page, { reason, tokens }: NonNullable<RunEvent.Of<"ModelResponded">["cacheMiss"]>): string =>
  `not in the prompt cache: ${Preview.value(reason, page.redact)}${tokens === undefined ? "" : `, ${tokens} tokens`}`

const requestTitle = (page: Page, { failed, requested, responded }: Timeline.Request): Lines => {
  const end = responded ?? failed
  const facts = [
    ...(requested.request === 1 ? [] : [`request ${requested.request}`]),
    ...(requested.limit === undefined ? [] : [`limit reached: ${requested.limit}`]),
    ...(responded?.model === undefined ? [] : [Preview.value(responded.model, page.redact)]),
    ...(end === undefined ? ["no reply recorded"] : [Layout.duration(end.at - requested.at)]),
    ...(responded === undefined ? [] : [Preview.value(responded.stopReason, page.redact), tokens(responded.usage)]),
    ...(responded?.cacheMiss === undefined ? [] : [cacheMiss(page, responded.cacheMiss)])
  ]
  const [first = "", ...more] = Layout.wrap([`Turn ${requested.turn}`, ...facts].join(" · "), page.columns)
  return ["", page.style.bold(first), ...more]
}

const refusal = (page: Page, { category, explanation }: { category: string; explanation: string }): Lines =>
  prose(page, `The model refused${category === "" ? "" : ` (${category})`}${explanation && `: ${explanation}`}`, "  ")

const request = (page: Page, one: Timeline.Request): Lines => {
  const { calls, failed, responded, text } = one
  const again = failed?.restartable === true ? ` · asked again after ${Layout.duration(failed.wait)}` : ""
  return [
    ...requestTitle(page, one),
    ...(failed === undefined
      ? []
      : Layout.wrap(`The reply was discarded: ${Preview.discarded(failed, page.redact)}${again}`, page.columns, "  ")),
    ...(text === "" || failed !== undefined ? [] : prose(page, text, "  ")),
    ...(responded?.refusal === undefined ? [] : refusal(page, responded.refusal)),
    ...(failed === undefined && responded?.refusal === undefined ? calls.flatMap((one) => call(page, one)) : [])
  ]
}

const inputText = ({ input }: RunEvent.Of<"RunStarted">): string =>
  input.content.flatMap((message) =>
    typeof message.content === "string"
      ? [message.content]
      : (message.content as ReadonlyArray<{ readonly type: string; readonly text?: string }>).map((part) =>
        part.type === "text" ? part.text ?? "" : `[${part.type}]`
      )
  ).join("\n")

const ending = (page: Page, timeline: Timeline.Timeline, cost: number | undefined): Lines => {
  const { ended } = timeline
  if (ended === undefined) {
    return ["", page.style.bad("The journal ends early: the run was cut off before its end was written.")]
  }
  const facts = [
    `${ended.outcome}${ended.reason === undefined ? "" : ` (${Preview.value(ended.reason, page.redact)})`}`,
    Layout.count(Timeline.turns(timeline), "turn"),
    Layout.count(Timeline.calls(timeline).length, "tool call"),
    tokens(Timeline.usage(timeline)),
    ...(cost === undefined ? [] : [Layout.usd(cost)]),
    Layout.duration(Timeline.runDuration(timeline))
  ]
  const [first = "", ...more] = Layout.wrap(`Ended: ${facts.join(" · ")}`, page.columns)
  return ["", page.style.bold(first), ...more]
}

/** The whole run, with its cost in USD where that is known. @internal */
export const run = (page: Page, timeline: Timeline.Timeline, cost?: number): Lines => {
  const { ended, requests, started } = timeline
  if (started === undefined) return ["The journal is empty."]
  const facts = [started.runId, `agent ${started.agent}`, new Date(started.at).toISOString()]
    .map((fact) => Preview.value(fact, page.redact))
  const history = started.history.content.length
  const last = requests.at(-1)
  // the text of the last reply is the answer, which was shown with its turn
  const answer = ended === undefined || ended.text === "" || last?.text === ended.text ? [] : [
    "",
    page.style.bold("Answer"),
    ...prose(page, ended.text, "  ")
  ]
  return [
    ...Layout.wrap(facts.join(" · "), page.columns),
    "",
    page.style.bold("Question"),
    ...(history === 0 ? [] : note(page, `after ${Layout.count(history, "earlier message")}`, "  ")),
    ...prose(page, inputText(started), "  "),
    ...requests.flatMap((one) => request(page, one)),
    ...answer,
    ...ending(page, timeline, cost)
  ]
}
