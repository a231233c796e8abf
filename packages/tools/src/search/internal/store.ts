/**
 * An index on disk: one file, replaced as a whole. One that another version wrote or that is damaged is not read; the index
 * is then made again.
 *
 * @internal
 */
import * as Effect from "effect/Effect"
import * as FileSystem from "effect/FileSystem"
import * as Path from "effect/Path"
import * as Schema from "effect/Schema"
import type { Index } from "./documents.ts"
import type { Indexed } from "./ranking.ts"

/** @internal */
export interface Store {
  readonly load: Effect.Effect<Index | undefined>
  readonly save: (index: Index) => Effect.Effect<void>
}

const version = 1

const Bytes = Schema.Uint8ArrayFromBase64

const File = Schema.fromJsonString(Schema.Struct({
  version: Schema.Literal(version),
  vocabulary: Schema.Array(Schema.String),
  documents: Schema.Array(Schema.Struct({
    path: Schema.String,
    stamp: Schema.String,
    isText: Schema.Boolean,
    sections: Schema.Array(Schema.Struct({
      line: Schema.Int,
      end: Schema.Int,
      headings: Schema.Array(Schema.String),
      length: Schema.Int,
      terms: Bytes,
      counts: Bytes
    }))
  }))
}))
const decode = Schema.decodeUnknownEffect(File)
const encode = Schema.encodeEffect(File)

const bytesOf = ({ buffer, byteLength, byteOffset }: Uint32Array | Uint16Array): Uint8Array<ArrayBuffer> =>
  new Uint8Array(buffer as ArrayBuffer, byteOffset, byteLength)

type Section = typeof File.Type["documents"][number]["sections"][number]

/** Whether a section has one count for each of its words, which are of the vocabulary and ascend. */
const isSound = ({ counts, terms }: Indexed, size: number): boolean =>
  terms.length === counts.length && terms.every((term, i) => term < size && (i === 0 || term > (terms[i - 1] ?? term)))

const sectionOf = ({ counts, terms, ...section }: Section): Indexed => ({
  ...section,
  terms: new Uint32Array(terms.slice().buffer),
  counts: new Uint16Array(counts.slice().buffer)
})

const indexOf = (file: typeof File.Type): Index => {
  const documents = new Map(file.documents.map(({ path, sections, ...document }) => [
    path,
    { ...document, sections: sections.map(sectionOf) }
  ]))
  const isWhole = Array.from(documents.values()).every(({ sections }) =>
    sections.every((section) => isSound(section, file.vocabulary.length))
  )
  if (!isWhole) throw new RangeError("the index is damaged")
  return { documents, vocabulary: new Map(file.vocabulary.map((word, i) => [word, i])) }
}

const fileOf = ({ documents, vocabulary }: Index): typeof File.Type => ({
  version,
  vocabulary: Array.from(vocabulary.keys()),
  documents: Array.from(documents, ([path, { isText, sections, stamp }]) => ({
    path,
    stamp,
    isText,
    sections: sections.map(({ counts, end, headings, length, line, terms }) => ({
      line,
      end,
      headings,
      length,
      terms: bytesOf(terms),
      counts: bytesOf(counts)
    }))
  }))
})

/** @internal */
export const make = Effect.fnUntraced(function*(
  file: string
): Effect.fn.Return<Store, never, FileSystem.FileSystem | Path.Path> {
  const fs = yield* FileSystem.FileSystem
  const path = yield* Path.Path
  const temporary = `${file}.${process.pid}.tmp`
  return {
    load: fs.readFileString(file).pipe(
      Effect.flatMap(decode),
      Effect.flatMap((file) => Effect.try({ try: () => indexOf(file), catch: () => undefined })),
      Effect.catch(() => Effect.succeed(undefined))
    ),
    save: (index) =>
      Effect.suspend(() => encode(fileOf(index))).pipe(
        Effect.tap(() => fs.makeDirectory(path.dirname(file), { recursive: true, mode: 0o700 })),
        Effect.flatMap((text) => fs.writeFileString(temporary, text, { mode: 0o600 })),
        Effect.andThen(fs.rename(temporary, file)),
        Effect.catch(() =>
          Effect.andThen(
            Effect.ignore(fs.remove(temporary, { force: true })),
            Effect.logWarning("The index of the documents cannot be written; it is kept in memory alone")
          )
        )
      )
  }
})
