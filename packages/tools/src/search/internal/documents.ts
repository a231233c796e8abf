/**
 * The documents of a folder and their index, kept up to date by what the file system says of each: its time, size and
 * number. Only regular files below the folder are documents; symbolic links are not followed.
 *
 * @internal
 */
import * as Clock from "effect/Clock"
import * as Effect from "effect/Effect"
import * as Option from "effect/Option"
import type * as Scope from "effect/Scope"
import * as Semaphore from "effect/Semaphore"
import { type Located, type Place, placeError, relative, type Root } from "../../files/internal/root.ts"
import { decoder } from "../../files/internal/text.ts"
import { walk } from "../../files/internal/tree.ts"
import { DocUnreadable } from "../SearchError.ts"
import { index, type Indexed, type Vocabulary } from "./ranking.ts"
import { headingsOf, linesOf, sectionsOf } from "./sections.ts"
import type * as Store from "./store.ts"

/** Changes of files are looked for when the last look is that long ago, in milliseconds. */
const freshness = 2000
const maxDepth = 64
const maxBytes = 1024 * 1024
const chunkSize = 64 * 1024
const concurrency = 8

/** A document with its sections; none where it is not text. @internal */
export interface Document {
  /** Changes with the file. */
  readonly stamp: string
  readonly sections: ReadonlyArray<Indexed>
  readonly isText: boolean
}

/** @internal */
export interface Index {
  readonly documents: Map<string, Document>
  readonly vocabulary: Vocabulary
}

/** @internal */
export interface Documents {
  /** The index of what the folder has now; `unreadable` counts files and directories that are not in it. */
  readonly current: Effect.Effect<Index & { readonly unreadable: number; readonly complete: boolean }>
  /** The lines of a document, up to 1 MiB of it. */
  readonly read: (
    path: string
  ) => Effect.Effect<ReadonlyArray<string>, Effect.Error<ReturnType<Root["open"]>> | DocUnreadable>
}

/** @internal */
export const isMarkdown = (path: string): boolean => /\.(?:md|mdx|markdown)$/i.test(path)

/** @internal */
export const isDocument = (path: string): boolean => isMarkdown(path) || /\.te?xt$/i.test(path)

const stampOf = ({ info }: Located): string =>
  [
    Option.match(info.mtime, { onNone: () => "", onSome: (time) => time.getTime() }),
    info.size,
    Option.getOrElse(info.ino, () => "")
  ].join(":")

const textOf = Effect.fnUntraced(
  function*(root: Root, place: Place): Effect.fn.Return<
    string,
    Effect.Error<ReturnType<Root["open"]>> | DocUnreadable,
    Scope.Scope
  > {
    const file = yield* root.open(place)
    const decode = decoder({ startsFile: true })
    const texts: Array<string> = []
    for (let bytes = 0;;) {
      const chunk = yield* Effect.mapError(file.readAlloc(chunkSize), placeError(place.requested))
      const last = Option.isNone(chunk)
      const text = decode(last ? new Uint8Array() : chunk.value, last)
      if (text === undefined) return yield* new DocUnreadable({ path: place.requested })
      texts.push(text)
      bytes += last ? 0 : chunk.value.length
      if (last || bytes >= maxBytes) return texts.join("")
    }
  },
  Effect.scoped
)

const indexed = (vocabulary: Vocabulary, path: string, text: string): ReadonlyArray<Indexed> => {
  const lines = linesOf(text)
  const headings = isMarkdown(path) ? headingsOf(lines) : []
  return sectionsOf(lines, headings).map((section) =>
    index(vocabulary, path, section, lines.slice(section.line - 1, section.end).join("\n"))
  )
}

/** @internal */
export const make = (root: Root, store: Store.Store | undefined): Documents => {
  const turn = Semaphore.makeUnsafe(1)
  let state: Index | undefined
  // not yet in the store
  let changed = false
  let last: { readonly at: number; readonly unreadable: number; readonly complete: boolean } | undefined

  const forget = (index: Index, path: string) => {
    changed = index.documents.delete(path) || changed
  }

  const update = Effect.fnUntraced(function*({ documents, vocabulary }: Index, path: string) {
    const located = yield* root.locate(path)
    const stamp = stampOf(located)
    if (documents.get(path)?.stamp === stamp) return
    const text = yield* Effect.catchTag(textOf(root, located), "DocUnreadable", () => Effect.succeed(undefined))
    documents.set(path, {
      stamp,
      sections: text === undefined ? [] : indexed(vocabulary, path, text),
      isText: text !== undefined
    })
    changed = true
  })

  const refresh = Effect.fnUntraced(function*(index: Index) {
    const paths: Array<string> = []
    const collect = (place: Place) =>
      Effect.sync(() => {
        const path = relative(place)
        if (place.type === "File" && isDocument(path)) paths.push(path)
        return true
      })
    const walked = yield* walk(root, yield* root.locate("."), { depth: maxDepth, visit: collect })
    let unreadable = walked.unreadable
    const skip = (path: string) =>
      Effect.sync(() => {
        unreadable++
        forget(index, path)
      })
    yield* Effect.forEach(paths, (path) => Effect.catch(update(index, path), () => skip(path)), {
      concurrency,
      discard: true
    })
    const present = new Set(paths)
    for (const path of Array.from(index.documents.keys())) if (!present.has(path)) forget(index, path)
    const binary = Array.from(index.documents.values()).filter(({ isText }) => !isText).length
    return { unreadable: unreadable + binary, complete: walked.complete }
  })

  const load = Effect.map(
    store === undefined ? Effect.succeed(undefined) : store.load,
    (kept): Index => kept ?? { documents: new Map(), vocabulary: new Map() }
  )

  const current = Effect.gen(function*() {
    const index = state ??= yield* load
    if (last === undefined || (yield* Clock.currentTimeMillis) - last.at >= freshness) {
      // the folder itself may be gone for now: then nothing is found
      const seen = yield* Effect.catch(refresh(index), () => {
        index.documents.clear()
        return Effect.succeed({ unreadable: 1, complete: false })
      })
      if (changed && store !== undefined) yield* store.save(index)
      changed = false
      last = { at: yield* Clock.currentTimeMillis, ...seen }
    }
    return { ...index, unreadable: last.unreadable, complete: last.complete }
  })

  return {
    current: turn.withPermits(1)(current),
    read: (path) => Effect.map(Effect.flatMap(root.locate(path), (place) => textOf(root, place)), linesOf)
  }
}
