/**
 * What a part carries of the block it was made from, under `anthropic` in its metadata and options: whatever `effect/ai`
 * has no place for, so that the block can be sent back equal.
 *
 * @internal
 */
import type * as Response from "effect/ai/Response"
import * as Predicate from "effect/Predicate"
import type * as Schema from "effect/Schema"

/** @internal */
export type Fields = Readonly<Record<string, Schema.Json>>

/**
 * - `fields`: the fields of a block that its part does not have, for example `citations`, `caller`, `toolset_name`.
 * - `block`: a block that has no part at all, as it came; its reasoning part is empty.
 * - `container`: where the tools of the server ran, said once for a whole reply; it is no block.
 *
 * @internal
 */
export type Info =
  | { readonly type: "text" | "tool_use"; readonly fields: Fields }
  | { readonly type: "thinking"; readonly signature: string; readonly fields?: Fields }
  | { readonly type: "redacted_thinking"; readonly data: string; readonly fields?: Fields }
  | { readonly type: "block"; readonly block: Fields }
  | { readonly type: "container"; readonly container: Fields }

/**
 * The metadata of a part; deltas of unknown types are kept beside it as they came.
 *
 * @internal
 */
export const metadata = (info: Info | undefined, deltas: ReadonlyArray<Fields> = []): Response.ProviderMetadata => ({
  anthropic: { ...(info && { info }), ...(deltas.length > 0 && { deltas }) }
})

const mayBeFields = (value: unknown): boolean => value === undefined || Predicate.isObject(value)

/** Looked at by hand, since it is asked for every part of every conversation. */
const isInfo = (info: Readonly<Record<string, unknown>>): boolean => {
  const { block, container, data, fields, signature, type } = info
  switch (type) {
    case "text":
    case "tool_use":
      return Predicate.isObject(fields)
    case "thinking":
      return typeof signature === "string" && signature !== "" && mayBeFields(fields)
    case "redacted_thinking":
      return typeof data === "string" && mayBeFields(fields)
    case "block":
      return Predicate.isObject(block)
    case "container":
      return Predicate.isObject(container)
    default:
      return false
  }
}

/** What the options of a part carry; `undefined` where they carry nothing, or it has another form. @internal */
export const infoOf = ({ anthropic }: Readonly<Record<string, unknown>>): Info | undefined => {
  const info = Predicate.isObject(anthropic) ? anthropic["info"] : undefined
  return Predicate.isObject(info) && isInfo(info) ? info as Info : undefined
}
