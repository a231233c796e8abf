/**
 * What a file that is not UTF-8 text seems to be, by its first bytes.
 *
 * @internal
 */
import * as ByteSize from "effect/ByteSize"
import * as Effect from "effect/Effect"
import type * as FileSystem from "effect/FileSystem"
import * as Option from "effect/Option"
import { type Format, NotText } from "../FilesError.ts"
import { type PlaceError, placeError } from "./root.ts"

/** How many bytes from the start of a file are looked at. */
const headLength = 8192

const latin1 = (text: string): ReadonlyArray<number> => Array.from(text, (character) => character.charCodeAt(0))

/** In order: the first that fits. UTF-32 begins as UTF-16 does. */
const signatures: ReadonlyArray<readonly [format: Format, at: number, bytes: ReadonlyArray<number>]> = [
  ["utf-32le", 0, [0xff, 0xfe, 0, 0]],
  ["utf-32be", 0, [0, 0, 0xfe, 0xff]],
  ["utf-16le", 0, [0xff, 0xfe]],
  ["utf-16be", 0, [0xfe, 0xff]],
  ["png", 0, latin1("\x89PNG\r\n\x1a\n")],
  ["jpeg", 0, [0xff, 0xd8, 0xff]],
  ["gif", 0, latin1("GIF8")],
  ["webp", 8, latin1("WEBP")],
  ["pdf", 0, latin1("%PDF-")],
  ["zip", 0, latin1("PK\x03\x04")],
  ["gzip", 0, [0x1f, 0x8b]],
  ["zstd", 0, [0x28, 0xb5, 0x2f, 0xfd]],
  ["xz", 0, latin1("\xfd7zXZ\0")],
  ["bzip2", 0, latin1("BZh")],
  ["tar", 257, latin1("ustar")],
  ["elf", 0, latin1("\x7fELF")],
  ["mach-o", 0, [0xcf, 0xfa, 0xed, 0xfe]],
  ["pe", 0, latin1("MZ")],
  ["wasm", 0, latin1("\0asm")],
  ["class", 0, [0xca, 0xfe, 0xba, 0xbe]],
  ["sqlite", 0, latin1("SQLite format 3\0")]
]

const formatOf = (head: Uint8Array): Format => {
  const known = signatures.find(([, at, bytes]) => bytes.every((byte, i) => head[at + i] === byte))
  return known?.[0] ?? (head.includes(0) ? "binary" : "other-text")
}

/** The failure for a file that is not UTF-8 text. @internal */
export const notText = Effect.fnUntraced(
  function*(file: FileSystem.File, path: string): Effect.fn.Return<NotText, PlaceError> {
    const head = yield* Effect.mapError(file.readAlloc(headLength, { position: 0n }), placeError(path))
    const { size } = yield* Effect.mapError(file.stat, placeError(path))
    const format = formatOf(Option.getOrElse(head, () => new Uint8Array()))
    return new NotText({ path, format, size: ByteSize.toNumberUnsafe(size) })
  }
)
