/**
 * What can go wrong with a tool that searches documents. Every `path` is the one that was asked for, never one of the host.
 *
 * @since 0.1.0
 */
import * as Schema from "effect/Schema"

/**
 * No document stands at the path: nothing, a directory, or a file of another kind.
 *
 * @category errors
 * @since 0.1.0
 */
export class DocNotFound extends Schema.TaggedError<DocNotFound>("@volley/tools/Search/DocNotFound")("DocNotFound", {
  path: Schema.String
}) {
  override get message(): string {
    return `No document at ${quote(this.path)}; search_docs tells the paths of documents`
  }
}

/**
 * The path leaves the folder, by itself or through a symbolic link.
 *
 * @category errors
 * @since 0.1.0
 */
export class OutsideFolder
  extends Schema.TaggedError<OutsideFolder>("@volley/tools/Search/OutsideFolder")("OutsideFolder", {
    path: Schema.String
  })
{
  override get message(): string {
    return `${quote(this.path)} is outside the folder of the documents`
  }
}

/**
 * The document has fewer lines than the one that was asked for.
 *
 * @category errors
 * @since 0.1.0
 */
export class LineNotFound
  extends Schema.TaggedError<LineNotFound>("@volley/tools/Search/LineNotFound")("LineNotFound", {
    path: Schema.String,
    lines: Schema.Int
  })
{
  override get message(): string {
    return `${quote(this.path)} has ${this.lines} lines`
  }
}

/**
 * The document is not UTF-8 text or may not be read.
 *
 * @category errors
 * @since 0.1.0
 */
export class DocUnreadable
  extends Schema.TaggedError<DocUnreadable>("@volley/tools/Search/DocUnreadable")("DocUnreadable", {
    path: Schema.String
  })
{
  override get message(): string {
    return `${quote(this.path)} cannot be read as text`
  }
}

/**
 * The operating system failed, or what stands at the path was replaced while it was being read.
 *
 * @category errors
 * @since 0.1.0
 */
export class ReadFailed extends Schema.TaggedError<ReadFailed>("@volley/tools/Search/ReadFailed")("ReadFailed", {
  path: Schema.String
}) {
  override get message(): string {
    return `Reading ${quote(this.path)} failed`
  }
}

const quote = (path: string): string => JSON.stringify(path.toWellFormed())
