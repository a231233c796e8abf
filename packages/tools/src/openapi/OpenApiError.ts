/**
 * What can go wrong with the tools of an OpenAPI document, when they are made and when they are called.
 *
 * @since 0.1.0
 */
import * as ToolFailure from "@volley/core/ToolFailure"
import * as Schema from "effect/Schema"

/**
 * The document cannot be read as one of OpenAPI 3.0 or 3.1.
 *
 * @category errors
 * @since 0.1.0
 */
export class DocumentUnusable
  extends Schema.TaggedError<DocumentUnusable>("@volley/tools/OpenApi/DocumentUnusable")("DocumentUnusable", {
    detail: Schema.String
  })
{
  override get message(): string {
    return `The OpenAPI document cannot be used: ${this.detail}`
  }
}

const quoted = (texts: ReadonlyArray<string>): string => texts.map((text) => JSON.stringify(text)).join(", ")

/**
 * `include` has an entry that is none, or that no operation is; `near` are those that may be meant.
 *
 * @category errors
 * @since 0.1.0
 */
export class IncludeUnknown
  extends Schema.TaggedError<IncludeUnknown>("@volley/tools/OpenApi/IncludeUnknown")("IncludeUnknown", {
    entry: Schema.String,
    near: Schema.Array(Schema.String)
  })
{
  override get message(): string {
    const near = this.near.length === 0 ? "" : `; near are ${quoted(this.near)}`
    return `The OpenAPI document has no operation for ${JSON.stringify(this.entry)}${near}`
  }
}

/**
 * `include` takes no operation, or more than `limit`: `count` of those that the document has. `tags` are tags of the document,
 * the largest first.
 *
 * @category errors
 * @since 0.1.0
 */
export class IncludeUnusable
  extends Schema.TaggedError<IncludeUnusable>("@volley/tools/OpenApi/IncludeUnusable")("IncludeUnusable", {
    count: Schema.Int,
    limit: Schema.Int,
    tags: Schema.Array(Schema.String)
  })
{
  override get message(): string {
    const tags = this.tags.length === 0 ? "" : `; tags are ${quoted(this.tags)}`
    return this.count === 0
      ? `No operation of the OpenAPI document is included${tags}`
      : `${this.count} operations of the OpenAPI document are included, more than ${this.limit}${tags}`
  }
}

/**
 * An option cannot be used.
 *
 * @category errors
 * @since 0.1.0
 */
export class OptionUnusable
  extends Schema.TaggedError<OptionUnusable>("@volley/tools/OpenApi/OptionUnusable")("OptionUnusable", {
    name: Schema.String,
    expected: Schema.String
  })
{
  override get message(): string {
    return `"${this.name}" is not ${this.expected}`
  }
}

/**
 * The API does not accept the secret that is configured for it (401). Fatal: it is not for the model to know or to solve.
 *
 * @category errors
 * @since 0.1.0
 */
export class BadCredentials
  extends Schema.TaggedError<BadCredentials>("@volley/tools/OpenApi/BadCredentials")("BadCredentials", {
    host: Schema.String
  })
{
  /** @since 0.1.0 */
  readonly [ToolFailure.kind] = "fatal" as const
  override get message(): string {
    return `${JSON.stringify(this.host)} does not accept the credentials`
  }
}
