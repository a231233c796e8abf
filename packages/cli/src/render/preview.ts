/**
 * Arguments, results and failures as short, safe text of one line.
 *
 * @internal
 */
import type * as RunEvent from "@volley/core/RunEvent"
import * as SafeText from "./safeText.ts"

/** Takes secrets out of text. @internal */
export type Redact = (text: string) => string

/** Characters of a value that are looked at; more than any line shows, so that a secret at the cut is not seen. */
const looked = 4000
const shown = 1000

const show = (text: string, redact: Redact): string => SafeText.line(redact(text.slice(0, looked))).slice(0, shown)

/** A value as a person would write it: text as it is, anything else as JSON. @internal */
export const value = (value: unknown, redact: Redact): string =>
  show(typeof value === "string" ? value : JSON.stringify(value) ?? "", redact)

const named = ([name, argument]: readonly [string, unknown]): string => {
  const text = JSON.stringify(argument) ?? ""
  return `${name}=${typeof argument === "string" && /^[\w./:@-]+$/.test(argument) ? argument : text}`
}

/** The arguments of a call: `city=Oslo days=3`. @internal */
export const parameters = (params: unknown, redact: Redact): string =>
  typeof params === "object" && params !== null && !Array.isArray(params)
    ? show(Object.entries(params).map(named).join(" "), redact)
    : value(params, redact)

/** Why a reply was discarded: the first paragraph, since an `AiError` goes on with advice. @internal */
export const discarded = ({ message, reason }: RunEvent.Of<"ModelFailed">, redact: Redact): string =>
  show(`${reason}: ${message.split("\n\n", 1)[0]}`, redact)

/** A failure: `permanent NotFound: no such pod`. @internal */
export const failure = ({ kind, message, reason }: RunEvent.Failure, redact: Redact): string =>
  show(`${kind} ${reason}: ${message}`, redact)
