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
 * What a file holds that is not UTF-8 text, as far as its first bytes tell; `binary` is anything that they do not, and
 * `other-text` has no NUL byte: text in some other encoding, perhaps.
 *
 * @category schemas
 * @since 0.1.0
 */
export const Format = Schema.Literals([
  "utf-16le",
  "utf-16be",
  "utf-32le",
  "utf-32be",
  "other-text",
  "png",
  "jpeg",
  "gif",
  "webp",
  "pdf",
  "zip",
  "gzip",
  "zstd",
  "xz",
  "bzip2",
  "tar",
  "elf",
  "mach-o",
  "pe",
  "wasm",
  "class",
  "sqlite",
  "binary"
])

/**
 * What a file holds that is not UTF-8 text.
 *
 * @category models
 * @since 0.1.0
 */
export type Format = typeof Format.Type

/**
 * The file is not UTF-8 text: it has a NUL byte or is not valid UTF-8. Says what it seems to be and its size in bytes.
 *
 * @category errors
 * @since 0.1.0
 */
export class NotText extends Schema.TaggedError<NotText>("@volley/tools/Files/NotText")("NotText", {
  path: Schema.String,
  format: Format,
  size: Schema.Int
}) {
  override get message(): string {
    return `${quote(this.path)} is not UTF-8 text but ${named[this.format] ?? this.format}, ${this.size} bytes`
  }
}

/**
 * Something stands at the path already.
 *
 * @category errors
 * @since 0.1.0
 */
export class AlreadyExists
  extends Schema.TaggedError<AlreadyExists>("@volley/tools/Files/AlreadyExists")("AlreadyExists", {
    path: Schema.String,
    kind: Kind
  })
{
  override get message(): string {
    return `${quote(this.path)} exists already: ${described[this.kind]}`
  }
}

/**
 * The path must not be changed: the root itself, or what belongs to a `.git`, whose settings name programs that git runs.
 *
 * @category errors
 * @since 0.1.0
 */
export class Protected extends Schema.TaggedError<Protected>("@volley/tools/Files/Protected")("Protected", {
  path: Schema.String
}) {
  override get message(): string {
    return `${quote(this.path)} must not be changed: it is the root or belongs to .git`
  }
}

/**
 * The text to replace does not stand in the file exactly once. `found` is how often it does, counting places that
 * overlap.
 *
 * @category errors
 * @since 0.1.0
 */
export class TextNotUnique
  extends Schema.TaggedError<TextNotUnique>("@volley/tools/Files/TextNotUnique")("TextNotUnique", {
    path: Schema.String,
    found: Schema.Int
  })
{
  override get message(): string {
    return `The text to replace was found ${this.found} times in ${quote(this.path)} instead of once`
  }
}

/**
 * The file is larger than the bound, in bytes, of what may be edited.
 *
 * @category errors
 * @since 0.1.0
 */
export class TooLarge extends Schema.TaggedError<TooLarge>("@volley/tools/Files/TooLarge")("TooLarge", {
  path: Schema.String,
  bound: Schema.Int
}) {
  override get message(): string {
    return `${quote(this.path)} is larger than ${this.bound} bytes`
  }
}

/**
 * The move is not possible: a directory cannot go into itself, and nothing from one file system to another.
 *
 * @category errors
 * @since 0.1.0
 */
export class CannotMove extends Schema.TaggedError<CannotMove>("@volley/tools/Files/CannotMove")("CannotMove", {
  path: Schema.String,
  to: Schema.String,
  reason: Schema.Literals(["IntoItself", "OtherFileSystem"])
}) {
  override get message(): string {
    return `${quote(this.path)} cannot move to ${quote(this.to)}: ${immovable[this.reason]}`
  }
}

/**
 * The regular expression is malformed, has what RE2 leaves out (look-around, back-references), or is too large.
 *
 * @category errors
 * @since 0.1.0
 */
export class PatternInvalid
  extends Schema.TaggedError<PatternInvalid>("@volley/tools/Files/PatternInvalid")("PatternInvalid", {
    detail: Schema.String
  })
{
  override get message(): string {
    return `Regular expression cannot be used: ${this.detail}`
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
    return `No permission for ${quote(this.path)}`
  }
}

/**
 * The operating system failed, or what stands at the path was replaced while it was being used.
 *
 * @category errors
 * @since 0.1.0
 */
export class IoFailed extends Schema.TaggedError<IoFailed>("@volley/tools/Files/IoFailed")("IoFailed", {
  path: Schema.String
}) {
  override get message(): string {
    return `Access to ${quote(this.path)} failed`
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

const named: { readonly [K in Format]?: string } = {
  "utf-16le": "UTF-16 (little-endian)",
  "utf-16be": "UTF-16 (big-endian)",
  "utf-32le": "UTF-32 (little-endian)",
  "utf-32be": "UTF-32 (big-endian)",
  "other-text": "another encoding",
  binary: "binary data"
}

const immovable = {
  IntoItself: "it would be inside itself",
  OtherFileSystem: "that is another file system"
} as const

const unusable = {
  NotFound: "does not exist",
  NotADirectory: "is not a directory",
  Unreadable: "cannot be read"
} as const

const quote = (path: string): string => JSON.stringify(path.toWellFormed())
