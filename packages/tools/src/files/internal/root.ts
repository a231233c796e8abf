/**
 * Confinement to a root: the only module of the family that touches the file system.
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
import * as Effect from "effect/Effect"
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

/** @internal */
export interface Root {
  /** Follows a path, symbolic links included, to what stands at its end. */
  readonly locate: (requested: string) => Effect.Effect<Located, PlaceError>
  /** Opens a regular file for reading, and nothing else: a pipe would hang. */
  readonly open: (place: Place) => Effect.Effect<FileSystem.File, PlaceError | NotAFile, Scope.Scope>
  /** The entries of a directory, links not followed, in the order of their names' UTF-16 code units. */
  readonly entries: (place: Place) => Effect.Effect<ReadonlyArray<Place>, PlaceError | NotADirectory>
}

const maxLinks = 40

/** The path of a place from the root, `.` for the root itself. @internal */
export const relative = (place: Place): string => place.segments.join("/") || "."

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
  const hostPath = (segments: ReadonlyArray<string>) => path.join(canonical, ...segments)

  /** The segments of a path below the root; `undefined` for an absolute path that does not begin with the root. */
  const belowRoot = (text: string): ReadonlyArray<string> | undefined => {
    const segments = split(text)
    if (!path.isAbsolute(text)) return segments
    const prefix = prefixes.find((names) => names.every((name, i) => name === segments[i]))
    return prefix === undefined ? undefined : segments.slice(prefix.length)
  }

  const locate = Effect.fnUntraced(
    function*(requested: string): Effect.fn.Return<Located, PlaceError> {
      const toHere = placeError(requested)
      const first = belowRoot(requested)
      if (first === undefined) return yield* new OutsideRoot({ path: requested })
      if (requested.includes("\0")) return yield* new FileNotFound({ path: requested })
      const trail: Array<{ readonly name: string; readonly info: FileSystem.File.Info }> = []
      const pending = first.toReversed()
      let links = 0
      for (let segment = pending.pop(); segment !== undefined; segment = pending.pop()) {
        if ((trail.at(-1)?.info ?? rootInfo).type !== "Directory") return yield* new FileNotFound({ path: requested })
        if (segment === "" || segment === ".") continue
        if (segment === "..") {
          if (trail.pop() === undefined) return yield* new OutsideRoot({ path: requested })
          continue
        }
        const here = hostPath([...trail.map(({ name }) => name), segment])
        const info = yield* Effect.mapError(fs.lstat(here), toHere)
        if (info.type !== "SymbolicLink") {
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
      const info = trail.at(-1)?.info ?? rootInfo
      return { requested, segments: trail.map(({ name }) => name), type: info.type, info }
    }
  )

  /** What now stands at a place that was reached before, which no link may have come in the way of. */
  const locateAgain = Effect.fnUntraced(function*(place: Place) {
    const again = yield* locate(relative(place))
    const moved = again.type !== place.type || again.segments.length !== place.segments.length ||
      again.segments.some((segment, i) => segment !== place.segments[i])
    return moved ? yield* new IoFailed({ path: place.requested }) : again
  })

  const open = Effect.fnUntraced(function*(place: Place) {
    if (place.type !== "File") return yield* new NotAFile({ path: place.requested, kind: kindOf(place.type) })
    const toHere = placeError(place.requested)
    const here = hostPath(place.segments)
    const file = yield* fs.open(here, { noFollow: true }).pipe(
      // Windows has no O_NOFOLLOW; there the comparison below is the only guard.
      Effect.catchReason("PlatformError", "BadArgument", () => fs.open(here)),
      Effect.mapError(toHere)
    )
    const opened = yield* Effect.mapError(file.stat, toHere)
    const { info } = yield* locateAgain(place)
    if (opened.dev !== info.dev || Option.getOrUndefined(opened.ino) !== Option.getOrUndefined(info.ino)) {
      return yield* new IoFailed({ path: place.requested })
    }
    return file
  })

  const entries = Effect.fnUntraced(function*(place: Place) {
    if (place.type !== "Directory") return yield* new NotADirectory({ path: place.requested, kind: kindOf(place.type) })
    const here = hostPath(place.segments)
    const toHere = placeError(place.requested)
    const found = yield* Effect.mapError(fs.readDirectoryEntries(here), toHere)
    yield* locateAgain(place)
    const sorted = found.toSorted((a, b) => a.name < b.name ? -1 : 1)
    return yield* Effect.forEach(sorted, ({ name, type }) => {
      const segments = [...place.segments, name]
      const child = { requested: segments.join("/"), segments }
      return type === "Unknown"
        ? Effect.map(Effect.option(fs.lstat(hostPath(segments))), (info) => ({
          ...child,
          type: Option.isSome(info) ? info.value.type : type
        }))
        : Effect.succeed({ ...child, type })
    })
  })

  return { locate, open, entries }
})
