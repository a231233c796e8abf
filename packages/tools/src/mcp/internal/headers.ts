/**
 * Parameters that a server wants as headers too (`x-mcp-header`): a tool that asks for them wrongly may not be used over HTTP.
 *
 * @internal
 */
import * as Predicate from "effect/Predicate"

const headerName = /^[!#$%&'*+\-.^_`|~0-9A-Za-z]+$/

const types: ReadonlySet<unknown> = new Set(["string", "integer", "boolean"])

/** What is wrong with the headers that a schema asks for; `undefined` when nothing is. @internal */
export const invalidHeaders = (schema: object): string | undefined => {
  const names = new Set<string>()
  /** `reachable` along `properties` alone. */
  const visit = (part: unknown, reachable: boolean, isRoot: boolean): string | undefined => {
    if (!Predicate.isObjectKeyword(part)) return undefined
    const asked = Predicate.hasProperty(part, "x-mcp-header") ? part["x-mcp-header"] : undefined
    if (asked !== undefined) {
      if (!reachable || isRoot) return "it asks for a header where no parameter is"
      if (typeof asked !== "string" || !headerName.test(asked)) return "it asks for a header whose name is not valid"
      if (names.has(asked.toLowerCase())) return `it asks for the header "${asked}" twice`
      if (!types.has((part as { readonly type?: unknown }).type)) {
        return `it asks for the header "${asked}" of a parameter that is neither text, integer nor boolean`
      }
      names.add(asked.toLowerCase())
    }
    for (const [key, value] of Object.entries(part)) {
      if (key === "x-mcp-header" || key === "default" || key === "const" || key === "enum" || key === "examples") {
        continue
      }
      const named = key === "properties" && Predicate.isObject(value)
      const children: ReadonlyArray<unknown> = named || Array.isArray(value) ? Object.values(value) : [value]
      for (const child of children) {
        const wrong = visit(child, reachable && named, false)
        if (wrong !== undefined) return wrong
      }
    }
    return undefined
  }
  return visit(schema, true, true)
}
