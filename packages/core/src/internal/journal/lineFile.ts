/**
 * Appends lines to a file, as long as nobody else does.
 *
 * @internal
 */
import * as ByteSize from "effect/ByteSize"
import * as Effect from "effect/Effect"
import type * as FileSystem from "effect/FileSystem"
import * as Option from "effect/Option"
import type * as PlatformError from "effect/PlatformError"
import type * as Scope from "effect/Scope"
import type { Recovered } from "./lines.ts"

/**
 * Why lines were not appended.
 *
 * - `Changed`: the file is not as this handle left it; nothing was written, nor will be.
 * - `Unfinished`: a write before this one failed, perhaps in the middle of a line, which nothing may follow.
 *
 * @internal
 */
export type Refused = "Changed" | "Unfinished" | PlatformError.PlatformError

/** @internal */
export interface LineFile {
  /** Appends whole lines with one write. Not to be called before the last call has ended. */
  readonly append: (lines: string) => Effect.Effect<void, Refused>
}

type Left = Pick<Recovered<unknown>, "size" | "kept" | "unbroken">

const isSame = (found: FileSystem.File.Info, opened: FileSystem.File.Info, size: number): boolean =>
  ByteSize.toBigInt(found.size) === BigInt(size)
  && found.dev === opened.dev
  && Option.getOrUndefined(found.ino) === Option.getOrUndefined(opened.ino)

const bytes = new TextEncoder()

// of two writers at the very same moment neither overwrites the other: every flag is one of O_APPEND
const open = Effect.fnUntraced(function*(
  fs: FileSystem.FileSystem,
  path: string,
  flag: "a" | "ax",
  left: Left
): Effect.fn.Return<LineFile, PlatformError.PlatformError, Scope.Scope> {
  const file = yield* fs.open(path, { flag, mode: 0o600 })
  const opened = yield* file.stat
  let { kept, size, unbroken } = left
  let refused: "Changed" | "Unfinished" | undefined

  const check = fs.stat(path).pipe(
    Effect.catchIf(({ reason }) => reason._tag === "NotFound", () => Effect.undefined),
    Effect.filterOrFail((found) => found !== undefined && isSame(found, opened, size), () => {
      refused = "Changed"
      return refused
    })
  )
  const cutTorn = Effect.suspend(() => kept === size ? Effect.void : file.truncate(kept))

  const append = (lines: string): Effect.Effect<void, Refused> =>
    Effect.suspend((): Effect.Effect<void, Refused> => {
      if (refused !== undefined) return Effect.fail(refused)
      refused = "Unfinished"
      const written = bytes.encode(unbroken ? `\n${lines}` : lines)
      return check.pipe(
        Effect.andThen(cutTorn),
        Effect.andThen(file.writeAll(written)),
        Effect.andThen(Effect.sync(() => {
          size = kept += written.length
          unbroken = false
          refused = undefined
        }))
      )
    })

  return { append: (lines) => Effect.uninterruptible(append(lines)) }
})

/** A new file, which must not exist; only its owner may read it. @internal */
export const create = (
  fs: FileSystem.FileSystem,
  path: string
): Effect.Effect<LineFile, PlatformError.PlatformError, Scope.Scope> =>
  open(fs, path, "ax", { size: 0, kept: 0, unbroken: false })

/** A file as it was read. What was torn is cut off by the first append. @internal */
export const resume = (
  fs: FileSystem.FileSystem,
  path: string,
  read: Left
): Effect.Effect<LineFile, PlatformError.PlatformError, Scope.Scope> => open(fs, path, "a", read)
