/**
 * What is wrong with the arguments of a call: the path of each bad field and what was expected.
 *
 * @internal
 */
import * as SchemaIssue from "effect/SchemaIssue"
import { safeMessage } from "../classify.ts"

const format = SchemaIssue.makeFormatterStandardSchemaV1()

const most = 10

/** @internal */
export const describeIssue = (issue: SchemaIssue.Issue): string => {
  const { issues } = format(issue)
  const lines = issues.slice(0, most).map(({ message, path = [] }) => {
    const at = path.map((segment) => String(typeof segment === "object" ? segment.key : segment)).join(".")
    return safeMessage(at === "" ? message : `${at}: ${message}`)
  })
  if (issues.length > most) lines.push(`and ${issues.length - most} more`)
  return lines.join("; ")
}
