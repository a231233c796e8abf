/**
 * What can go wrong with a file tool. Every `path` is the one that was asked for, never a path of the host.
 *
 * @since 0.1.0
 */
import * as Schema from "effect/Schema"

/**
 * What stands at a path: anything that is no file, directory or symbolic link (a pipe, a device, a socket) is `other`.
 *
 * @category schemas
 * @since 0.1.0
 */
export const Kind = Schema.Literals(["file", "directory", "symlink", "other"])

/**
 * What stands at a path.
 *
 * @category models
 * @since 0.1.0
 */
export type Kind = typeof Kind.Type

/**
 * Nothing stands at the path.
 *
 * @category errors
 * @since 0.1.0
 */
export class FileNotFound extends Schema.TaggedError<FileNotFound>("@volley/tools/Files/FileNotFound")("FileNotFound", {
  path: Schema.String
}) {
  override get message(): string {
    return `Nothing at ${quote(this.path)}`
  }
}

/**
 * The path leaves the root, by itself or through a symbolic link.
 *
 * @category errors
 * @since 0.1.0
 */
export class OutsideRoot extends Schema.TaggedError<OutsideRoot>("@volley/tools/Files/OutsideRoot")("OutsideRoot", {
  path: Schema.String
}) {
  override get message(): string {
    return `${quote(this.path)} is outside the root`
  }
}

/**
 * The path goes through more than 40 symbolic links, or around in a circle.
 *
 * @category errors
 * @since 0.1.0
 */
export class LinkLoop extends Schema.TaggedError<LinkLoop>("@volley/tools/Files/LinkLoop")("LinkLoop", {
  path: Schema.String
}) {
  override get message(): string {
    return `${quote(this.path)} goes through more than 40 symbolic links`
  }
}

/**
 * A regular file is wanted and something else stands at the path.
 *
 * @category errors
 * @since 0.1.0
 */
export class NotAFile extends Schema.TaggedError<NotAFile>("@volley/tools/Files/NotAFile")("NotAFile", {
  path: Schema.String,
  kind: Kind
}) {
  override get message(): string {
    return `${quote(this.path)} is not a regular file but ${described[this.kind]}`
  }
}

/**
 * A directory is wanted and something else stands at the path.
 *
 * @category errors
 * @since 0.1.0
 */
export class NotADirectory
  extends Schema.TaggedError<NotADirectory>("@volley/tools/Files/NotADirectory")("NotADirectory", {
    path: Schema.String,
    kind: Kind
  })
{
  override get message(): string {
    return `${quote(this.path)} is not a directory but ${described[this.kind]}`
  }
}

/**
 * The file is binary: it has a NUL byte or is not valid UTF-8.
 *
 * @category errors
 * @since 0.1.0
 */
export class NotText extends Schema.TaggedError<NotText>("@volley/tools/Files/NotText")("NotText", {
  path: Schema.String
}) {
  override get message(): string {
    return `${quote(this.path)} is not UTF-8 text`
  }
}

/**
 * The operating system denies access.
 *
 * @category errors
 * @since 0.1.0
 */
export class AccessDenied extends Schema.TaggedError<AccessDenied>("@volley/tools/Files/AccessDenied")("AccessDenied", {
  path: Schema.String
}) {
  override get message(): string {
    return `No permission to read ${quote(this.path)}`
  }
}

/**
 * The operating system failed, or what stands at the path was replaced while it was being read.
 *
 * @category errors
 * @since 0.1.0
 */
export class IoFailed extends Schema.TaggedError<IoFailed>("@volley/tools/Files/IoFailed")("IoFailed", {
  path: Schema.String
}) {
  override get message(): string {
    return `Reading ${quote(this.path)} failed`
  }
}

/**
 * The root cannot be used. Fails the layer when it is built; names the root as it was given.
 *
 * @category errors
 * @since 0.1.0
 */
export class RootUnusable extends Schema.TaggedError<RootUnusable>("@volley/tools/Files/RootUnusable")("RootUnusable", {
  root: Schema.String,
  reason: Schema.Literals(["NotFound", "NotADirectory", "Unreadable"])
}) {
  override get message(): string {
    return `Root ${quote(this.root)} ${unusable[this.reason]}`
  }
}

const described: { readonly [K in Kind]: string } = {
  file: "a file",
  directory: "a directory",
  symlink: "a symbolic link",
  other: "a pipe, device or socket"
}

const unusable = {
  NotFound: "does not exist",
  NotADirectory: "is not a directory",
  Unreadable: "cannot be read"
} as const

const quote = (path: string): string => JSON.stringify(path.toWellFormed())
