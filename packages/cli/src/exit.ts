/**
 * How the command ends: its exit code, and the line on stderr that says why.
 *
 * @internal
 */
import * as Config from "effect/Config"
import * as Data from "effect/Data"
import * as SchemaIssue from "effect/SchemaIssue"
import type { Report } from "./render/report.ts"
import * as SafeText from "./render/safeText.ts"

/** Ends the command with a code; the message, if any, is one line for stderr. @internal */
export class Exit extends Data.TaggedError("Exit")<{ readonly code: number; readonly message: string }> {}

/** @internal */
export const codes = { ok: 0, failed: 1, usage: 2, limited: 3, refused: 4, interrupted: 130 } as const

/** The command was used wrongly. @internal */
export const usage = (message: string): Exit => new Exit({ code: codes.usage, message })

/** The command did what was asked and it failed. @internal */
export const failed = (message: string): Exit => new Exit({ code: codes.failed, message })

/** Which settings of the environment are missing or wrong; a value may be a secret. */
const settings = SchemaIssue.makeFormatterStandardSchemaV1({
  leafHook: (issue) => SchemaIssue.hasInput(issue) && issue.input !== undefined ? "is not valid" : "is not set",
  checkHook: () => "is not valid"
})

const configMessage = ({ cause }: Config.ConfigError): string =>
  cause._tag === "SchemaError"
    ? settings(cause.issue).issues.map(({ message, path = [] }) => `${path.map(String).join("_")} ${message}`).join(
      ", "
    )
    : cause.message

const describe = (error: unknown): string => {
  if (error instanceof Config.ConfigError) return configMessage(error)
  return error instanceof Error ? error.message || error.name : String(error)
}

/** What an error of any origin says, as one line: its first paragraph, since an `AiError` goes on with advice. @internal */
export const messageOf = (error: unknown): string => SafeText.line(describe(error).split("\n\n", 1)[0] ?? "")

/** The exit code of a run: a limit is a failure only where nothing was answered. @internal */
export const ofReport = ({ outcome, text }: Pick<Report, "outcome" | "text">): number => {
  switch (outcome) {
    case "completed":
      return codes.ok
    case "limited":
      return text.trim() === "" ? codes.limited : codes.ok
    case "refused":
      return codes.refused
    case "failed":
      return codes.failed
    case "cancelled":
      return codes.interrupted
  }
}
