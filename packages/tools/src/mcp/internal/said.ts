/**
 * What a server writes that is not a message: each line is logged, the last few are kept for the error that says why a server
 * could not be opened.
 *
 * @internal
 */
import * as Redactor from "@volley/core/Redactor"
import * as Effect from "effect/Effect"
import { stripVTControlCharacters } from "node:util"

/** In characters. */
const longest = 2000

const keptLines = 3

const quoted = 200

/** Of what stands in an error. */
const unsafe = /[\p{Cc}\u2028\u2029\u202a-\u202e\u2066-\u2069\u200e\u200f\u061c\u{e0000}-\u{e007f}]+/gu

/** One line that does nothing to a terminal. @internal */
export const harmless = (text: string, maximum: number): string => {
  const line = stripVTControlCharacters(text.slice(0, 2 * maximum)).replace(unsafe, " ").trim().toWellFormed()
  return line.length <= maximum ? line : `${line.slice(0, maximum).toWellFormed()}…`
}

/** @internal */
export interface Said {
  /** Of the server: a line of its stderr, or one that should have been a message. */
  readonly log: (text: string, about?: string) => Effect.Effect<void>
  /** What it said last, for an error. */
  readonly last: () => string
}

/** @internal */
export const make = (server: string): Effect.Effect<Said> =>
  Effect.map(Redactor.current, ({ redact }) => {
    const lines: Array<string> = []
    return {
      log: (text, about = "stderr") =>
        Effect.suspend(() => {
          const line = redact(harmless(text, longest))
          if (line === "") return Effect.void
          lines.push(line)
          if (lines.length > keptLines) lines.shift()
          return Effect.logDebug(`MCP server "${server}", ${about}: ${line}`)
        }),
      last: () => lines.map((line) => harmless(line, quoted)).join(" / ")
    }
  })
