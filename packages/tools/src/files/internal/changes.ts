/**
 * Changes below a root, one at a time. A file is replaced as a whole: what is new is written beside it, under a name that
 * was free, and takes its place when it is on the disk, so that nobody sees half of it and no link is written through.
 *
 * @internal
 */
import * as ByteSize from "effect/ByteSize"
import * as Effect from "effect/Effect"
import * as Exit from "effect/Exit"
import * as FileSystem from "effect/FileSystem"
import * as Option from "effect/Option"
import type * as PlatformError from "effect/PlatformError"
import * as Predicate from "effect/Predicate"
import * as Random from "effect/Random"
import * as Semaphore from "effect/Semaphore"
import {
  AlreadyExists,
  CannotMove,
  FileNotFound,
  IoFailed,
  NotAFile,
  type NotText,
  Protected,
  TextNotUnique,
  TooLarge
} from "../FilesError.ts"
import { notText } from "./format.ts"
import { occurrences } from "./occurrences.ts"
import { kindOf, type Located, type PlaceError, placeError, type Root, type Target } from "./root.ts"

type Refused = PlaceError | Protected

/** @internal */
export interface Changes {
  /** Makes a file, and directories on its way; one that stands there is left alone, unless it holds just that. */
  readonly write: (
    path: string,
    content: string,
    overwrite: boolean
  ) => Effect.Effect<number, Refused | AlreadyExists | NotAFile>
  /** Replaces a text that stands in a file exactly once: the line it begins in, and the new size. */
  readonly edit: (
    path: string,
    oldText: string,
    newText: string
  ) => Effect.Effect<
    { readonly line: number; readonly size: number },
    Refused | NotAFile | NotText | TextNotUnique | TooLarge
  >
  /** Moves a file, a directory or a link, and makes directories on its way. */
  readonly move: (path: string, to: string) => Effect.Effect<void, Refused | AlreadyExists | CannotMove>
  /** Deletes a file, or a link and not what it points to; whether there was one. */
  readonly remove: (path: string) => Effect.Effect<boolean, Refused | NotAFile>
}

/** The most bytes of a file that can be edited. @internal */
export const maxEdited = 4 * 1024 * 1024

const chunkSize = 64 * 1024

// What file systems take for the same name: HFS+ ignores some characters, Windows what a name ends in, and it has short names.
const folded = (name: string): string =>
  name.normalize("NFKC").replace(/\p{Default_Ignorable_Code_Point}/gu, "").replace(/(?:[. ]+|:.*)$/s, "").toLowerCase()

/** Whether what stands below is not to be changed. @internal */
export const isProtected = (segments: ReadonlyArray<string>): boolean =>
  segments.length === 0 || segments.map(folded).some((name) => name === ".git" || name === "git~1")

const utf8 = new TextEncoder()

/** All of a file, or more than `most` bytes of it. */
const readAll = Effect.fnUntraced(function*(file: FileSystem.File, most: number) {
  const parts: Array<Uint8Array> = []
  let size = 0
  while (size <= most) {
    const part = yield* file.readAlloc(chunkSize)
    if (Option.isNone(part)) break
    parts.push(part.value)
    size += part.value.length
  }
  const whole = new Uint8Array(size)
  parts.reduce((at, part) => (whole.set(part, at), at + part.length), 0)
  return whole
})

const decoded = (bytes: Uint8Array): string | undefined => {
  if (bytes.includes(0)) return undefined
  try {
    return new TextDecoder("utf-8", { fatal: true, ignoreBOM: true }).decode(bytes)
  } catch {
    return undefined
  }
}

const hasCode = (error: PlatformError.PlatformError, code: string): boolean =>
  Predicate.hasProperty(error.reason.cause, "code") && error.reason.cause.code === code

/** @internal */
export const make = Effect.fnUntraced(function*(root: Root): Effect.fn.Return<Changes, never, FileSystem.FileSystem> {
  const fs = yield* FileSystem.FileSystem
  const turn = Semaphore.makeUnsafe(1)

  const aim = Effect.fnUntraced(function*(path: string, end: "follow" | "keep") {
    const target = yield* root.aim(path, end)
    return isProtected(target.segments) ? yield* new Protected({ path }) : target
  })

  /** The directory that something is to stand in, made where it is missing. */
  const parentOf = Effect.fnUntraced(function*({ requested, segments }: Target): Effect.fn.Return<Target, Refused> {
    let parent: Target = { requested, segments: [], info: undefined }
    for (let length = 0; length < segments.length; length++) {
      const here: Target = { requested, segments: segments.slice(0, length), info: undefined }
      const there = yield* root.aim(here.segments.join("/") || ".", "keep")
      if (there.info === undefined) {
        yield* Effect.mapError(fs.makeDirectory(root.hostPath(here), { mode: 0o700 }), placeError(requested))
      } else if (there.info.type !== "Directory") {
        return yield* new IoFailed({ path: requested })
      }
      parent = here
    }
    return { ...parent, info: (yield* root.locate(parent.segments.join("/") || ".")).info }
  })

  const sync = (directory: Target) =>
    // Windows cannot open directories.
    Effect.ignore(Effect.scoped(Effect.flatMap(fs.open(root.hostPath(directory)), (file) => file.sync)))

  /** Writes a new file, of which nothing is left where that fails; gives it as it then stands there. */
  const writeNew = Effect.fnUntraced(function*(target: Target, content: Uint8Array, mode: number) {
    const toHere = placeError(target.requested)
    const here = root.hostPath(target)
    const options = { flag: "wx", mode: 0o600 } as const
    const opened = fs.open(here, { ...options, noFollow: true }).pipe(
      // Windows has no O_NOFOLLOW; a new file is never opened through a link anyway.
      Effect.catchReason("PlatformError", "BadArgument", () => fs.open(here, options)),
      Effect.mapError(toHere)
    )
    const file = yield* Effect.uninterruptible(
      Effect.tap(
        opened,
        () => Effect.addFinalizer((exit) => Exit.isFailure(exit) ? Effect.ignore(fs.remove(here)) : Effect.void)
      )
    )
    const asOpened = yield* Effect.mapError(file.stat, toHere)
    yield* root.verify({ ...target, info: asOpened })
    yield* Effect.mapError(file.writeAll(content), toHere)
    if ((asOpened.mode & 0o777) !== mode) yield* Effect.mapError(fs.chmod(here, mode), toHere)
    yield* Effect.mapError(file.sync, toHere)
    return { ...target, info: yield* Effect.mapError(file.stat, toHere) }
  }, Effect.scoped)

  /** Puts a file with this content at a target. */
  const put = Effect.fnUntraced(function*(target: Target, content: Uint8Array) {
    const { info, requested } = target
    const parent = yield* parentOf(target)
    const name = `.volley-${(yield* Random.nextIntBetween(2 ** 48, 2 ** 49)).toString(36)}.tmp`
    const place = { requested, segments: [...parent.segments, name], info: undefined }
    const written = writeNew(place, content, info === undefined ? 0o600 : info.mode & 0o777)
    const takePlace = Effect.fnUntraced(function*(written: Target) {
      yield* root.verify(written)
      yield* root.verify(target)
      yield* Effect.mapError(
        Effect.uninterruptible(fs.rename(root.hostPath(written), root.hostPath(target))),
        placeError(requested)
      )
    })
    yield* Effect.uninterruptibleMask((restore) =>
      Effect.flatMap(
        restore(written),
        (written) => Effect.onError(restore(takePlace(written)), () => Effect.ignore(fs.remove(root.hostPath(written))))
      )
    )
    yield* sync(parent)
  })

  const asFile = ({ info, requested, segments }: Target): Effect.Effect<Located, NotAFile> =>
    info?.type === "File"
      ? Effect.succeed({ requested, segments, info, type: info.type })
      : Effect.fail(new NotAFile({ path: requested, kind: info === undefined ? "other" : kindOf(info.type) }))

  const holds = Effect.fnUntraced(function*(place: Located, content: Uint8Array) {
    if (ByteSize.toNumberUnsafe(place.info.size) !== content.length) return false
    const bytes = yield* Effect.mapError(
      readAll(yield* root.open(place), content.length),
      placeError(place.requested)
    )
    return Buffer.compare(bytes, content) === 0
  })

  const write = Effect.fnUntraced(function*(path: string, text: string, overwrite: boolean) {
    const content = utf8.encode(text)
    const target = yield* aim(path, "follow")
    if (target.info !== undefined) {
      if (target.info.type !== "File" && !overwrite) {
        return yield* new AlreadyExists({ path, kind: kindOf(target.info.type) })
      }
      const place = yield* asFile(target)
      if (!overwrite && !(yield* holds(place, content))) return yield* new AlreadyExists({ path, kind: "file" })
      if (!overwrite) return content.length
    }
    yield* put(target, content)
    return content.length
  }, Effect.scoped)

  const edit = Effect.fnUntraced(function*(path: string, oldText: string, newText: string) {
    const target = yield* aim(path, "follow")
    if (target.info === undefined) return yield* new FileNotFound({ path })
    const place = yield* asFile(target)
    const file = yield* root.open(place)
    const bytes = yield* Effect.mapError(readAll(file, maxEdited), placeError(path))
    if (bytes.length > maxEdited) return yield* new TooLarge({ path, bound: maxEdited })
    const text = decoded(bytes)
    if (text === undefined) return yield* yield* notText(file, path)
    const found = occurrences(text, oldText)
    const [at] = found
    if (at === undefined || found.length > 1) return yield* new TextNotUnique({ path, found: found.length })
    const content = utf8.encode(text.slice(0, at) + newText + text.slice(at + oldText.length))
    if (content.length > maxEdited) return yield* new TooLarge({ path, bound: maxEdited })
    yield* put(target, content)
    return { line: text.slice(0, at).split("\n").length, size: content.length }
  }, Effect.scoped)

  const move = Effect.fnUntraced(function*(path: string, to: string) {
    const source = yield* aim(path, "keep")
    if (source.info === undefined) return yield* new FileNotFound({ path })
    const target = yield* aim(to, "keep")
    if (target.info !== undefined) return yield* new AlreadyExists({ path: to, kind: kindOf(target.info.type) })
    if (source.segments.every((segment, i) => segment === target.segments[i])) {
      return yield* new CannotMove({ path, to, reason: "IntoItself" })
    }
    const parent = yield* parentOf(target)
    yield* root.verify(source)
    yield* root.verify(target)
    yield* Effect.mapError(
      Effect.uninterruptible(fs.rename(root.hostPath(source), root.hostPath(target))),
      (error) =>
        hasCode(error, "EXDEV") ? new CannotMove({ path, to, reason: "OtherFileSystem" }) : placeError(path)(error)
    )
    yield* sync(parent)
  })

  const remove = Effect.fnUntraced(function*(path: string) {
    const target = yield* aim(path, "keep")
    if (target.info === undefined) return false
    if (target.info.type !== "SymbolicLink") yield* asFile(target)
    yield* root.verify(target)
    yield* Effect.mapError(fs.remove(root.hostPath(target)), placeError(path))
    return true
  })

  return {
    write: (...call) => turn.withPermit(write(...call)),
    edit: (...call) => turn.withPermit(edit(...call)),
    move: (...call) => turn.withPermit(move(...call)),
    remove: (...call) => turn.withPermit(remove(...call))
  }
})
