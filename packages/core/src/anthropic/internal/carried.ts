/**
 * What a part carries of the block it was made from, under `anthropic` in its metadata and options: whatever `effect/ai`
 * has no place for, so that the block can be sent back equal.
 *
 * @internal
 */
import type * as Response from "effect/ai/Response"
import type * as Option from "effect/Option"
import * as Schema from "effect/Schema"

const Fields = Schema.Record(Schema.String, Schema.Json)

const Info = Schema.Union([
  Schema.Struct({ type: Schema.Literal("text"), fields: Fields }),
  Schema.Struct({ type: Schema.Literal("tool_use"), fields: Fields }),
  Schema.Struct({
    type: Schema.Literal("thinking"),
    signature: Schema.NonEmptyString,
    fields: Schema.optionalKey(Fields)
  }),
  Schema.Struct({
    type: Schema.Literal("redacted_thinking"),
    data: Schema.String,
    fields: Schema.optionalKey(Fields)
  }),
  Schema.Struct({ type: Schema.Literal("block"), block: Fields }),
  Schema.Struct({ type: Schema.Literal("container"), container: Fields })
])

/**
 * - `fields`: the fields of a block that its part does not have, for example `citations`, `caller`, `toolset_name`.
 * - `block`: a block that has no part at all, as it came; its reasoning part is empty.
 * - `container`: where the tools of the server ran, said once for a whole reply; it is no block.
 *
 * @internal
 */
export type Info = typeof Info.Type

/** @internal */
export type Fields = typeof Fields.Type

/**
 * The metadata of a part; deltas of unknown types are kept beside it as they came.
 *
 * @internal
 */
export const metadata = (info: Info | undefined, deltas: ReadonlyArray<Fields> = []): Response.ProviderMetadata => ({
  anthropic: { ...(info && { info }), ...(deltas.length > 0 && { deltas }) }
})

const decode = Schema.decodeUnknownOption(Schema.Struct({ anthropic: Schema.Struct({ info: Info }) }))

/** @internal */
export const infoOf = (options: unknown): Option.Option<{ readonly anthropic: { readonly info: Info } }> =>
  decode(options)
