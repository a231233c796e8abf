/**
 * Where conversations of several runs are kept.
 *
 * **Details**
 *
 * A thread is the messages of its runs, one after the other. It only grows: a run reads it, and appends its own messages
 * with the number of messages that it read. If the thread went on meanwhile, the append is refused and nothing is lost.
 * An append is kept as a whole or not at all, also if the process is killed in the middle of it.
 *
 * An id is all that tells threads apart: where tenants share a store, make the tenant a part of it.
 *
 * @since 0.1.0
 */
import * as Prompt from "effect/ai/Prompt"
import * as Context from "effect/Context"
import * as Effect from "effect/Effect"
import * as FileSystem from "effect/FileSystem"
import * as Layer from "effect/Layer"
import * as Predicate from "effect/Predicate"
import * as Result from "effect/Result"
import * as Schema from "effect/Schema"
import * as Semaphore from "effect/Semaphore"
import * as FileName from "./internal/journal/fileName.ts"
import * as LineFile from "./internal/journal/lineFile.ts"
import * as Lines from "./internal/journal/lines.ts"
import * as Redacted from "./internal/journal/redacted.ts"
import { JournalFailure } from "./Journal.ts"
import * as Redactor from "./Redactor.ts"

/**
 * Keeps the messages of threads. Failures have no `runId`; their message names the thread.
 *
 * - `read`: the messages so far, none where there is no such thread.
 * - `append`: adds messages to a thread of `after` messages; it is refused where the thread has another number of them. The run that
 *   ends waits for it, also when it is cancelled: one that goes over a network needs a limit of its own.
 *
 * @category models
 * @since 0.1.0
 */
export interface Threads {
  readonly read: (id: string) => Effect.Effect<Prompt.Prompt, JournalFailure>
  readonly append: (
    id: string,
    after: number,
    messages: ReadonlyArray<Prompt.Message>
  ) => Effect.Effect<void, JournalFailure>
}

/**
 * The threads in use. By default nothing is kept: every thread is empty, and takes every append.
 *
 * @category references
 * @since 0.1.0
 */
export const current: Context.Reference<Threads> = Context.Reference<Threads>("@volley/core/Threads", {
  defaultValue: () => ({ read: () => Effect.succeed(Prompt.empty), append: () => Effect.void })
})

const failure = (operation: JournalFailure["operation"], message: string, line?: number) =>
  new JournalFailure({ runId: "", operation, message, ...(line === undefined ? {} : { line }) })

const named = (id: string) => `Thread ${FileName.shown(id)}`

const wentOn = (id: string) => failure("append", `${named(id)} went on meanwhile`)

/**
 * Threads in memory.
 *
 * @category constructors
 * @since 0.1.0
 */
export const makeMemory = (): Threads => {
  const threads = new Map<string, ReadonlyArray<Prompt.Message>>()
  return {
    read: (id) => Effect.sync(() => Prompt.fromMessages(threads.get(id) ?? [])),
    append: (id, after, messages) =>
      Effect.suspend(() => {
        const before = threads.get(id) ?? []
        if (before.length !== after) return Effect.fail(wentOn(id))
        threads.set(id, [...before, ...messages])
        return Effect.void
      })
  }
}

/**
 * Provides threads in memory.
 *
 * @category layers
 * @since 0.1.0
 */
export const layerMemory: Layer.Layer<never> = Layer.effect(current, Effect.sync(makeMemory))

const Json = Schema.toCodecJson(Prompt.Message)
const encode = Schema.encodeEffect(Json)
const decode = Schema.decodeUnknownResult(Json)
const parse = Schema.decodeUnknownResult(Schema.fromJsonString(Schema.Unknown))
const redacted = Redacted.redacted(Json)

/** A line: a message, and whether more of the same append follow, so that a part of an append is not taken for the whole. */
interface Item {
  readonly message: Prompt.Message
  readonly more: boolean
}

const decodeLine = (line: string): Item | undefined =>
  Result.getOrUndefined(
    Result.flatMap(parse(line), (json) =>
      Result.map(decode(json), (message) => ({
        message,
        more: Predicate.hasProperty(json, "more") && json.more === true
      })))
  )

const encodeLines = Effect.fnUntraced(function*(id: string, messages: ReadonlyArray<Prompt.Message>) {
  const redactor = yield* Redactor.current
  const safe = redacted(redactor.redact)
  const all = yield* Effect.forEach(messages, (message) => encode(message)).pipe(
    Effect.mapError(() => failure("append", `${named(id)} cannot be written: a message is not JSON`))
  )
  return all
    .map((json, i) => ({ ...safe(json) as Record<string, Schema.Json>, ...(i + 1 < all.length ? { more: true } : {}) }))
    .map((json) => `${JSON.stringify(json)}\n`)
    .join("")
})

/** The messages of a file; undefined where it is missing. */
const load = Effect.fnUntraced(function*(
  fs: FileSystem.FileSystem,
  path: string,
  id: string,
  operation: "read" | "append"
): Effect.fn.Return<Lines.Recovered<Item> | undefined, JournalFailure> {
  const bytes = yield* fs.readFile(path).pipe(
    Effect.catchIf(({ reason }) => reason._tag === "NotFound", () => Effect.undefined),
    Effect.mapError(({ reason }) => failure(operation, `${named(id)} cannot be read: ${reason._tag}`))
  )
  if (bytes === undefined) return undefined
  const found = Lines.recover(bytes, decodeLine, ({ more }) => !more)
  if (Result.isSuccess(found)) return found.success
  const { line } = found.failure
  return yield* failure(operation, `${named(id)}, line ${line} is not a message`, line)
})

/** Lets one after the other use a thread. */
const makeTurns = () => {
  const lanes = new Map<string, { readonly mutex: Semaphore.Semaphore; users: number }>()
  return (id: string) => <A, E>(effect: Effect.Effect<A, E>): Effect.Effect<A, E> =>
    Effect.acquireUseRelease(
      Effect.sync(() => {
        const lane = lanes.get(id) ?? { mutex: Semaphore.makeUnsafe(1), users: 0 }
        lanes.set(id, lane)
        lane.users++
        return lane
      }),
      ({ mutex }) => mutex.withPermit(effect),
      (lane) =>
        Effect.sync(() => {
          if (--lane.users === 0) lanes.delete(id)
        })
    )
}

const write = (
  fs: FileSystem.FileSystem,
  path: string,
  before: Lines.Recovered<Item> | undefined,
  lines: string
): Effect.Effect<void, LineFile.Refused> =>
  Effect.scoped(Effect.flatMap(
    before === undefined ? LineFile.create(fs, path) : LineFile.resume(fs, path, before),
    ({ append }) => append(lines)
  ))

const notWritten = (id: string) => (refused: LineFile.Refused): JournalFailure => {
  if (typeof refused === "string" || refused.reason._tag === "AlreadyExists") return wentOn(id)
  return failure("append", `${named(id)} cannot be written: ${refused.reason._tag}`)
}

/**
 * Threads in a directory: one file a thread, `<id>.ndjson`, one JSON line a message.
 *
 * **Details**
 *
 * Messages pass through the redactor of the context. Files are for their owner alone, as is the directory, which is created
 * where it is missing; it must hold nothing else. An id is 1 to 128 of A-Z, a-z, 0-9, "_", "-" and, after the first, ".";
 * any other is refused.
 *
 * Appends of one store take turns. Those of several processes see each other by the file, unless they write at the very same
 * moment: then both are kept. There is no fsync: a killed process loses nothing, a power failure may.
 *
 * @param directory - its path
 * @category constructors
 * @since 0.1.0
 */
export const makeDirectory = Effect.fnUntraced(function*(
  directory: string
): Effect.fn.Return<Threads, never, FileSystem.FileSystem> {
  const fs = yield* FileSystem.FileSystem
  const inTurn = makeTurns()

  const pathOf = (id: string, operation: "read" | "append"): Effect.Effect<string, JournalFailure> => {
    const path = FileName.inDirectory(directory, id)
    return path === undefined
      ? Effect.fail(failure(operation, `Thread id ${FileName.shown(id)} ${FileName.rule}`))
      : Effect.succeed(path)
  }

  const read: Threads["read"] = Effect.fnUntraced(function*(id) {
    const found = yield* load(fs, yield* pathOf(id, "read"), id, "read")
    return Prompt.fromMessages((found?.items ?? []).map(({ message }) => message))
  })

  const append: Threads["append"] = Effect.fnUntraced(function*(id, after, messages) {
    const path = yield* pathOf(id, "append")
    const lines = yield* encodeLines(id, messages)
    yield* inTurn(id)(Effect.gen(function*() {
      const before = yield* load(fs, path, id, "append")
      if ((before?.items.length ?? 0) !== after) return yield* wentOn(id)
      if (lines === "") return
      yield* fs.makeDirectory(directory, { recursive: true, mode: 0o700 }).pipe(
        Effect.andThen(write(fs, path, before, lines)),
        Effect.mapError(notWritten(id))
      )
    }))
  })

  return { read, append }
})

/**
 * Provides threads in a directory, one file a thread; see `makeDirectory`.
 *
 * @param directory - its path
 * @category layers
 * @since 0.1.0
 */
export const layerDirectory = (directory: string): Layer.Layer<never, never, FileSystem.FileSystem> =>
  Layer.effect(current, makeDirectory(directory))
