/**
 * Where the events of a run are kept.
 *
 * **Details**
 *
 * The Runner appends each event before it acts on it; a journal that cannot be written fails the run before the act. A
 * journal is a reference, so it is never in a run's requirements; without one nothing is kept. `layerFile` writes one
 * JSON line an event, with one write each, through the redactor of the context, to a file that only its owner may read.
 * It does not call fsync: a killed process loses nothing, a power failure may.
 *
 * @since 0.1.0
 */
import * as Prompt from "effect/ai/Prompt"
import * as Context from "effect/Context"
import * as Effect from "effect/Effect"
import * as FileSystem from "effect/FileSystem"
import * as Layer from "effect/Layer"
import * as Result from "effect/Result"
import * as Schema from "effect/Schema"
import type * as Scope from "effect/Scope"
import * as Redactor from "./Redactor.ts"
import * as RunEvent from "./RunEvent.ts"

/**
 * A journal could not be opened, written or read. Where it ended a run, `transcript` and `usage` say how far the run was.
 *
 * @category errors
 * @since 0.1.0
 */
export class JournalFailure extends Schema.TaggedError<JournalFailure>("@volley/core/JournalFailure")(
  "JournalFailure",
  {
    runId: Schema.String,
    operation: Schema.Literals(["open", "append", "read"]),
    message: Schema.String,
    line: Schema.optionalKey(Schema.Int),
    transcript: Schema.optionalKey(Prompt.Prompt),
    usage: Schema.optionalKey(RunEvent.Usage)
  }
) {}

/**
 * Appends events of one run.
 *
 * @category models
 * @since 0.1.0
 */
export interface Writer {
  readonly append: (event: RunEvent.RunEvent) => Effect.Effect<void, JournalFailure>
}

/**
 * Keeps the events of runs: `open` gives the one writer of a new run, `read` the events of a run so far.
 *
 * @category models
 * @since 0.1.0
 */
export interface Journal {
  readonly open: (runId: string) => Effect.Effect<Writer, JournalFailure, Scope.Scope>
  readonly read: (runId: string) => Effect.Effect<ReadonlyArray<RunEvent.RunEvent>, JournalFailure>
}

/**
 * The journal in use. By default events are kept nowhere.
 *
 * @category references
 * @since 0.1.0
 */
export const current: Context.Reference<Journal> = Context.Reference<Journal>("@volley/core/Journal", {
  defaultValue: () => ({
    open: () => Effect.succeed({ append: () => Effect.void }),
    read: () => Effect.succeed([])
  })
})

const failure = (runId: string, operation: JournalFailure["operation"], message: string, line?: number) =>
  new JournalFailure({ runId, operation, message, ...(line === undefined ? {} : { line }) })

/**
 * A failure that ended a run, with how far the run was.
 *
 * @category constructors
 * @since 0.1.0
 */
export const endedRun = (
  { line, message, operation, runId }: JournalFailure,
  transcript: Prompt.Prompt,
  usage: RunEvent.Usage
): JournalFailure =>
  new JournalFailure({ runId, operation, message, transcript, usage, ...(line === undefined ? {} : { line }) })

/**
 * A journal in memory that keeps every event of every run.
 *
 * @category constructors
 * @since 0.1.0
 */
export const makeMemory = (): Journal => {
  const runs = new Map<string, Array<RunEvent.RunEvent>>()
  return {
    open: (runId) =>
      Effect.suspend(() => {
        if (runs.has(runId)) return Effect.fail(failure(runId, "open", `Run "${runId}" is in the journal already`))
        const events: Array<RunEvent.RunEvent> = []
        runs.set(runId, events)
        return Effect.succeed({ append: (event) => Effect.sync(() => void events.push(event)) })
      }),
    read: (runId) => Effect.sync(() => [...(runs.get(runId) ?? [])])
  }
}

/**
 * Provides a journal in memory that keeps every event of every run.
 *
 * @category layers
 * @since 0.1.0
 */
export const layerMemory: Layer.Layer<never> = Layer.effect(current, Effect.sync(makeMemory))

const collectWords = (): ReadonlySet<string> => {
  const found = new Set<string>()
  JSON.stringify(Schema.toJsonSchemaDocument(RunEvent.Json), (key, value: unknown) => {
    found.add(key)
    if (typeof value === "string") found.add(value)
    return value
  })
  return found
}

let words: ReadonlySet<string> | undefined

/** Whether a text is a word of the event format. Such a text stays, or the event could not be read back. */
const isWord = (text: string): boolean => (words ??= collectWords()).has(text)

/** The texts of a JSON value without secrets. Numbers stay: one that looks like a secret would be any other as well. */
const redacted = (redact: (text: string) => string) => {
  const text = (value: string): string => {
    const safe = redact(value)
    return safe === value || isWord(value) ? value : safe
  }
  const visit = (value: Schema.Json): Schema.Json => {
    if (typeof value === "string") return text(value)
    if (Array.isArray(value)) return value.map(visit)
    if (typeof value !== "object" || value === null) return value
    return Object.fromEntries(Object.entries(value).map(([key, item]) => [text(key), visit(item)]))
  }
  return visit
}

const encode = Schema.encodeUnknownEffect(RunEvent.Json)
const decode = Schema.decodeUnknownResult(Schema.fromJsonString(RunEvent.Json))

/**
 * Reads journal lines. A last line that was torn by a crash is left out; anything else that is not an event is refused.
 *
 * @returns the events, or the number (from 1) of the line that is not one
 * @category constructors
 * @since 0.1.0
 */
export const parse = (text: string): Result.Result<ReadonlyArray<RunEvent.RunEvent>, { readonly line: number }> => {
  const lines = text.split("\n")
  const tail = lines.pop() ?? ""
  const events: Array<RunEvent.RunEvent> = []
  for (const [i, line] of lines.entries()) {
    const event = decode(line)
    if (Result.isFailure(event)) return Result.fail({ line: i + 1 })
    events.push(event.success)
  }
  const last = tail === "" ? undefined : decode(tail)
  if (last !== undefined && Result.isSuccess(last)) events.push(last.success)
  return Result.succeed(events)
}

/**
 * Reads the journal of a file.
 *
 * @param path - of the file
 * @category constructors
 * @since 0.1.0
 */
export const readFile = Effect.fnUntraced(function*(
  path: string
): Effect.fn.Return<ReadonlyArray<RunEvent.RunEvent>, JournalFailure, FileSystem.FileSystem> {
  const fs = yield* FileSystem.FileSystem
  const text = yield* fs.readFileString(path).pipe(
    Effect.mapError((error) => failure("", "read", `Journal "${path}" cannot be read: ${error.reason._tag}`))
  )
  const events = parse(text)
  return Result.isSuccess(events)
    ? events.success
    : yield* failure("", "read", `Journal "${path}", line ${events.failure.line} is not an event`, events.failure.line)
})

/**
 * A journal in a new file, which holds one run.
 *
 * @param path - of the file, which must not exist
 * @category constructors
 * @since 0.1.0
 */
export const makeFile = Effect.fnUntraced(function*(
  path: string
): Effect.fn.Return<Journal, never, FileSystem.FileSystem> {
  const fs = yield* FileSystem.FileSystem

  const open: Journal["open"] = Effect.fnUntraced(function*(runId) {
    const file = yield* fs.open(path, { flag: "wx", mode: 0o600 }).pipe(
      Effect.mapError(({ reason }) =>
        failure(
          runId,
          "open",
          reason._tag === "AlreadyExists"
            ? `Journal "${path}" exists already; name a new file`
            : `Journal "${path}" cannot be created: ${reason._tag}`
        )
      )
    )
    const bytes = new TextEncoder()
    // a write that failed may have left a part of its line, which nothing may follow
    let broken = false
    return {
      append: Effect.fnUntraced(function*(event) {
        if (broken) return yield* failure(runId, "append", `Journal "${path}" was not written to the end before`)
        const redactor = yield* Redactor.current
        const json = yield* encode(event).pipe(
          Effect.mapError(() => failure(runId, "append", `Event ${event._tag} is not JSON`))
        )
        broken = true
        yield* file.writeAll(bytes.encode(`${JSON.stringify(redacted(redactor.redact)(json))}\n`)).pipe(
          Effect.mapError(({ reason }) =>
            failure(runId, "append", `Journal "${path}" cannot be written: ${reason._tag}`)
          )
        )
        broken = false
      })
    }
  })

  const read: Journal["read"] = () => readFile(path).pipe(Effect.provideService(FileSystem.FileSystem, fs))

  return { open, read }
})

/**
 * Provides a journal in a new file, which holds one run.
 *
 * @param path - of the file, which must not exist
 * @category layers
 * @since 0.1.0
 */
export const layerFile = (path: string): Layer.Layer<never, never, FileSystem.FileSystem> =>
  Layer.effect(current, makeFile(path))
