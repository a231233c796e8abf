/**
 * Confinement to a root: with `changes.ts`, the only module of the family that touches the file system.
 *
 * **Details**
 *
 * A path is followed by hand, one segment at a time, from the canonical root down. Every symbolic link is read and its
 * target followed the same way, so the place that results is below the root by construction and is the one that is
 * opened. A path that steps out of the root is refused at that step, before anything outside is looked at, even if it
 * would lead back in. A link whose absolute target does not begin with the root, as given or canonical, leaves it.
 *
 * Between a check and its use another process may swap a directory for a link. So what was opened is compared with
 * what then stands at its place; this narrows that gap and, without `openat`, cannot close it.
 *
 * @internal
 */
import * as Arr from "effect/Array"
import * as ByteSize from "effect/ByteSize"
import * as Effect from "effect/Effect"
import * as Equivalence from "effect/Equivalence"
import * as FileSystem from "effect/FileSystem"
import * as Option from "effect/Option"
import * as Path from "effect/Path"
import type * as PlatformError from "effect/PlatformError"
import * as Predicate from "effect/Predicate"
import type * as Scope from "effect/Scope"
import {
  AccessDenied,
  FileNotFound,
  IoFailed,
  type Kind,
  LinkLoop,
  NotADirectory,
  NotAFile,
  OutsideRoot,
  RootUnusable
} from "../FilesError.ts"

/** Why a place cannot be reached. @internal */
export type PlaceError = FileNotFound | OutsideRoot | LinkLoop | AccessDenied | IoFailed

/** Something below the root. @internal */
export interface Place {
  /** The path as it was asked for: all that messages may show. */
  readonly requested: string
  /** Names from the root to the place, none of them a symbolic link but perhaps the last of an entry. */
  readonly segments: ReadonlyArray<string>
  readonly type: FileSystem.File.Type
}

/** A place with what the file system says about it. @internal */
export interface Located extends Place {
  readonly info: FileSystem.File.Info
}

/** Where something stands, or may be made: `info` is missing where nothing does. @internal */
export interface Target {
  readonly requested: string
  readonly segments: ReadonlyArray<string>
  readonly info: FileSystem.File.Info | undefined
}

/** @internal */
export interface Root {
  /** Follows a path, symbolic links included, to what stands at its end. */
  readonly locate: (requested: string) => Effect.Effect<Located, PlaceError>
  /** Follows a path as far as it exists; a link at its very end is followed, or kept as what stands there. */
  readonly aim: (requested: string, end: "follow" | "keep") => Effect.Effect<Target, PlaceError>
  /** Fails unless what stood at a place when it was aimed at still does, as it was, and no link came in the way of it. */
  readonly verify: (target: Target) => Effect.Effect<void, PlaceError>
  /** The path of a place on the host, for a system call: no link is left in it but perhaps its last name. */
  readonly hostPath: (place: { readonly segments: ReadonlyArray<string> }) => string
  /** Opens a regular file for reading, and nothing else: a pipe would hang. */
  readonly open: (place: Place) => Effect.Effect<FileSystem.File, PlaceError | NotAFile, Scope.Scope>
  /** The entries of a directory, links not followed, in the order of their names' UTF-16 code units. */
  readonly entries: (place: Place) => Effect.Effect<ReadonlyArray<Place>, PlaceError | NotADirectory>
}

const maxLinks = 40

/** The path of a place from the root, `.` for the root itself. @internal */
export const relative = (place: { readonly segments: ReadonlyArray<string> }): string => place.segments.join("/") || "."

/** @internal */
export const kindOf = (type: FileSystem.File.Type): Kind =>
  type === "File" ? "file" : type === "Directory" ? "directory" : type === "SymbolicLink" ? "symlink" : "other"

/** What an error of the platform means for the path that was asked for. @internal */
export const placeError = (path: string) => (error: PlatformError.PlatformError): PlaceError => {
  switch (error.reason._tag) {
    case "NotFound":
    case "BadArgument":
    case "BadResource":
      return new FileNotFound({ path })
    case "PermissionDenied":
      return new AccessDenied({ path })
    default:
      return Predicate.hasProperty(error.reason.cause, "code") && error.reason.cause.code === "ENAMETOOLONG"
        ? new FileNotFound({ path })
        : new IoFailed({ path })
  }
}

const isEqual = Arr.makeEquivalence(Equivalence.strictEqual<string>())

/** Whether two infos are of the same inode. */
const isSame = (a: FileSystem.File.Info, b: FileSystem.File.Info): boolean =>
  a.dev === b.dev && Option.getOrUndefined(a.ino) === Option.getOrUndefined(b.ino)

/** Whether a file was not written to between two infos; a directory changes with its entries. */
const isUntouched = (a: FileSystem.File.Info, b: FileSystem.File.Info): boolean =>
  a.type === "Directory" ||
  (ByteSize.toBigInt(a.size) === ByteSize.toBigInt(b.size) &&
    Option.getOrUndefined(a.mtime)?.getTime() === Option.getOrUndefined(b.mtime)?.getTime())

const rootUnusable = (root: string) => (error: PlatformError.PlatformError): RootUnusable =>
  new RootUnusable({ root, reason: error.reason._tag === "NotFound" ? "NotFound" : "Unreadable" })

/** @internal */
export const make = Effect.fnUntraced(function*(
  given: string
): Effect.fn.Return<Root, RootUnusable, FileSystem.FileSystem | Path.Path> {
  const fs = yield* FileSystem.FileSystem
  const path = yield* Path.Path
  const canonical = yield* Effect.mapError(fs.realPath(given), rootUnusable(given))
  const rootInfo = yield* Effect.mapError(fs.stat(canonical), rootUnusable(given))
  if (rootInfo.type !== "Directory") return yield* new RootUnusable({ root: given, reason: "NotADirectory" })
  yield* Effect.mapError(fs.access(canonical, { readable: true }), rootUnusable(given))

  const separator = path.sep === "\\" ? /[\\/]/ : "/"
  const split = (text: string) => text.split(separator)
  const prefixes = [canonical, path.resolve(given)].map(split)
    .map((names) => names.at(-1) === "" ? names.slice(0, -1) : names)
  const hostPath: Root["hostPath"] = ({ segments }) => path.join(canonical, ...segments)

  /** The segments of a path below the root; `undefined` for an absolute path that does not begin with the root. */
  const belowRoot = (text: string): ReadonlyArray<string> | undefined => {
    const segments = split(text)
    if (!path.isAbsolute(text)) return segments
    const prefix = prefixes.find((names) => names.every((name, i) => name === segments[i]))
    return prefix === undefined ? undefined : segments.slice(prefix.length)
  }

  const aim = Effect.fnUntraced(
    function*(requested: string, end: "follow" | "keep"): Effect.fn.Return<Target, PlaceError> {
      const toHere = placeError(requested)
      const first = belowRoot(requested)
      if (first === undefined) return yield* new OutsideRoot({ path: requested })
      if (requested.includes("\0")) return yield* new FileNotFound({ path: requested })
      const trail: Array<{ readonly name: string; readonly info: FileSystem.File.Info | undefined }> = []
      const pending = first.toReversed()
      let links = 0
      for (let segment = pending.pop(); segment !== undefined; segment = pending.pop()) {
        const parent = trail.length === 0 ? rootInfo : trail.at(-1)?.info
        if (parent !== undefined && parent.type !== "Directory") return yield* new FileNotFound({ path: requested })
        if (segment === "" || segment === ".") continue
        if (segment === "..") {
          if (trail.length === 0) return yield* new OutsideRoot({ path: requested })
          if (parent === undefined) return yield* new FileNotFound({ path: requested })
          trail.pop()
          continue
        }
        const here = hostPath({ segments: [...trail.map(({ name }) => name), segment] })
        const info = parent === undefined
          ? undefined
          : yield* fs.lstat(here).pipe(
            Effect.catchReason("PlatformError", "NotFound", () => Effect.undefined),
            Effect.mapError(toHere)
          )
        if (info?.type !== "SymbolicLink" || (end === "keep" && pending.length === 0)) {
          trail.push({ name: segment, info })
          continue
        }
        if (++links > maxLinks) return yield* new LinkLoop({ path: requested })
        const target = yield* Effect.mapError(fs.readLink(here), toHere)
        const next = belowRoot(target)
        if (next === undefined) return yield* new OutsideRoot({ path: requested })
        if (path.isAbsolute(target)) trail.length = 0
        pending.push(...next.toReversed())
      }
      const info = trail.length === 0 ? rootInfo : trail.at(-1)?.info
      return { requested, segments: trail.map(({ name }) => name), info }
    }
  )

  const locate = Effect.fnUntraced(function*(requested: string): Effect.fn.Return<Located, PlaceError> {
    const { info, segments } = yield* aim(requested, "follow")
    return info === undefined
      ? yield* new FileNotFound({ path: requested })
      : { requested, segments, type: info.type, info }
  })

  /** What now stands at a place that was reached before, which no link may have come in the way of. */
  const locateAgain = Effect.fnUntraced(function*(place: Place) {
    const again = yield* locate(relative(place))
    return again.type === place.type && isEqual(again.segments, place.segments)
      ? again
      : yield* new IoFailed({ path: place.requested })
  })

  const open = Effect.fnUntraced(function*(place: Place) {
    if (place.type !== "File") return yield* new NotAFile({ path: place.requested, kind: kindOf(place.type) })
    const toHere = placeError(place.requested)
    const here = hostPath(place)
    const file = yield* fs.open(here, { noFollow: true }).pipe(
      // Windows has no O_NOFOLLOW; there the comparison below is the only guard.
      Effect.catchReason("PlatformError", "BadArgument", () => fs.open(here)),
      Effect.mapError(toHere)
    )
    const opened = yield* Effect.mapError(file.stat, toHere)
    const { info } = yield* locateAgain(place)
    return isSame(opened, info) ? file : yield* new IoFailed({ path: place.requested })
  })

  const verify = Effect.fnUntraced(function*(target: Target) {
    const again = yield* aim(relative(target), "keep")
    const unchanged = isEqual(again.segments, target.segments) && (again.info === undefined || target.info === undefined
      ? again.info === target.info
      : isSame(again.info, target.info) && isUntouched(again.info, target.info))
    if (!unchanged) return yield* new IoFailed({ path: target.requested })
  })

  const entries = Effect.fnUntraced(function*(place: Place) {
    if (place.type !== "Directory") return yield* new NotADirectory({ path: place.requested, kind: kindOf(place.type) })
    const here = hostPath(place)
    const toHere = placeError(place.requested)
    const found = yield* Effect.mapError(fs.readDirectoryEntries(here), toHere)
    yield* locateAgain(place)
    const sorted = found.toSorted((a, b) => a.name < b.name ? -1 : 1)
    return yield* Effect.forEach(sorted, ({ name, type }) => {
      const segments = [...place.segments, name]
      const child = { requested: segments.join("/"), segments }
      return type === "Unknown"
        ? Effect.map(Effect.option(fs.lstat(hostPath(child))), (info) => ({
          ...child,
          type: Option.isSome(info) ? info.value.type : type
        }))
        : Effect.succeed({ ...child, type })
    })
  })

  return { locate, aim, verify, hostPath, open, entries }
})
