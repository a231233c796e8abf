/**
 * What is wrong with the arguments of a call: the path of each bad field and what was expected.
 *
 * @internal
 */
import type * as SchemaAST from "effect/SchemaAST"
import * as SchemaIssue from "effect/SchemaIssue"
import { safeMessage } from "./classify.ts"

const most = 10

/** One bad field; no path stands for the arguments as a whole. @internal */
export interface BadField {
  readonly path: ReadonlyArray<PropertyKey>
  readonly message: string
}

/** At most ten bad fields by name, the others by number. @internal */
export const describeFields = (fields: ReadonlyArray<BadField>): string => {
  const lines = fields.slice(0, most).map(({ message, path }) =>
    safeMessage(path.length === 0 ? message : `${path.map(String).join(".")}: ${message}`)
  )
  if (fields.length > most) lines.push(`and ${fields.length - most} more`)
  return lines.join("; ")
}

const typeOfKey = (ast: SchemaAST.AST, [key]: ReadonlyArray<PropertyKey>): SchemaAST.AST | undefined =>
  ast._tag === "Objects" ? ast.propertySignatures.find(({ name }) => name === key)?.type : undefined

/** The keys that are missing, each with the type that it should have. */
const missingKeys = (issue: SchemaIssue.Issue): ReadonlyArray<readonly [SchemaIssue.Issue, SchemaAST.AST]> => {
  switch (issue._tag) {
    case "Filter":
    case "Encoding":
    case "Pointer":
      return missingKeys(issue.issue)
    case "AnyOf":
      return issue.issues.flatMap(missingKeys)
    case "Composite":
      return issue.issues.flatMap((child) => {
        if (child._tag !== "Pointer" || child.issue._tag !== "MissingKey") return missingKeys(child)
        const type = typeOfKey(issue.ast, child.path)
        return type === undefined ? [] : [[child.issue, type]]
      })
    default:
      return []
  }
}

/** A leaf as effect tells it; a missing key with what was expected of it. */
const leafHook = (types: ReadonlyMap<SchemaIssue.Issue, SchemaAST.AST>): SchemaIssue.LeafHook => (issue) => {
  const message = SchemaIssue.defaultLeafHook(issue)
  const type = types.get(issue)
  if (type === undefined) return message
  const expected = SchemaIssue.defaultLeafHook(new SchemaIssue.InvalidType(type))
  return `${message}, ${expected[0]?.toLowerCase()}${expected.slice(1)}`
}

/** @internal */
export const describeIssue = (issue: SchemaIssue.Issue): string => {
  const format = SchemaIssue.makeFormatterStandardSchemaV1({ leafHook: leafHook(new Map(missingKeys(issue))) })
  return describeFields(
    format(issue).issues.map(({ message, path = [] }) => ({
      message,
      path: path.map((segment) => typeof segment === "object" ? segment.key : segment)
    }))
  )
}
