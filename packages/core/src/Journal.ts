/**
 * Where the events of a run are kept.
 *
 * **Details**
 *
 * The Runner appends each event before it acts on it; a journal that cannot be written fails the run before the act. A
 * journal is a reference, so it is never in a run's requirements; without one nothing is kept. `layerFile` and
 * `layerDirectory` write one JSON line an event, with one write each, through the redactor of the context, to a file that
 * only its owner may read. They do not call fsync: a killed process loses nothing, a power failure may.
 *
 * A run has one writer. A run whose writer is gone is continued by `reopen`, which writes nothing: the run then appends
 * `RunResumed`, and a writer that is alive after all is refused from its next event on, before it acts. In files each
 * append first looks whether the file is as this writer left it. Two writers that append at the very same moment are not
 * told apart by that: both events are kept, none overwrites the other, and both writers are refused from then on.
 *
 * @since 0.1.0
 */
import * as Prompt from "effect/ai/Prompt"
import * as Context from "effect/Context"
import * as Effect from "effect/Effect"
import * as FileSystem from "effect/FileSystem"
import * as Layer from "effect/Layer"
import * as Option from "effect/Option"
import * as Result from "effect/Result"
import * as Schema from "effect/Schema"
import type * as Scope from "effect/Scope"
import * as FileName from "./internal/journal/fileName.ts"
import * as LineFile from "./internal/journal/lineFile.ts"
import * as Lines from "./internal/journal/lines.ts"
import * as Redacted from "./internal/journal/redacted.ts"
import * as Redactor from "./Redactor.ts"
import * as RunEvent from "./RunEvent.ts"

/**
 * A journal or a thread could not be opened, written or read; that of a thread has an empty `runId`. Where it ended a run,
 * `transcript` and `usage` say how far the run was.
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
 * Appends events of one run, one after the other. A writer whose run was taken over by another is refused, and writes nothing. The run
 * waits for every append, also when it is cancelled: one that goes over a network needs a limit of its own.
 *
 * @category models
 * @since 0.1.0
 */
export interface Writer {
  readonly append: (event: RunEvent.RunEvent) => Effect.Effect<void, JournalFailure>
}

/**
 * A run that is continued: its events so far, and the writer that appends to them. There are no events where the run was
 * killed while its first was written.
 *
 * @category models
 * @since 0.1.0
 */
export interface Reopened {
  readonly events: ReadonlyArray<RunEvent.RunEvent>
  readonly writer: Writer
}

/**
 * Keeps the events of runs.
 *
 * - `open`: the one writer of a new run.
 * - `reopen`: the events and the new writer of a run that is there already. Every earlier writer is refused, at the latest
 *   once the new one has appended. It fails (operation `"open"`) where there is no such run or its events cannot be read.
 * - `read`: the events of a run so far.
 *
 * @category models
 * @since 0.1.0
 */
export interface Journal {
  readonly open: (runId: string) => Effect.Effect<Writer, JournalFailure, Scope.Scope>
  readonly reopen: (runId: string) => Effect.Effect<Reopened, JournalFailure, Scope.Scope>
  readonly read: (runId: string) => Effect.Effect<ReadonlyArray<RunEvent.RunEvent>, JournalFailure>
}

const failure = (runId: string, operation: JournalFailure["operation"], message: string, line?: number) =>
  new JournalFailure({ runId, operation, message, ...(line === undefined ? {} : { line }) })

/**
 * The journal in use. By default events are kept nowhere.
 *
 * @category references
 * @since 0.1.0
 */
export const current: Context.Reference<Journal> = Context.Reference<Journal>("@volley/core/Journal", {
  defaultValue: () => ({
    open: () => Effect.succeed({ append: () => Effect.void }),
    reopen: (runId) => Effect.fail(failure(runId, "open", `Run "${runId}" cannot be continued: nothing is kept`)),
    read: () => Effect.succeed([])
  })
})

/**
 * A failure that ended a run, with how far the run was.
 *
 * @internal
 */
export const endedRun = (
  { line, message, operation, runId }: JournalFailure,
  transcript: Prompt.Prompt,
  usage: RunEvent.Usage
): JournalFailure =>
  new JournalFailure({ runId, operation, message, transcript, usage, ...(line === undefined ? {} : { line }) })

const takenOver = (runId: string) => `Run "${runId}" was taken over by another process`

/** A run in memory; a writer is that of one epoch. */
interface MemoryRun {
  readonly events: Array<RunEvent.RunEvent>
  epoch: number
}

const memoryWriter = (runId: string, run: MemoryRun): Writer => {
  const { epoch } = run
  return {
    append: (event) =>
      Effect.suspend(() => {
        if (run.epoch !== epoch) return Effect.fail(failure(runId, "append", takenOver(runId)))
        run.events.push(event)
        return Effect.void
      })
  }
}

/**
 * A journal in memory that keeps every event of every run.
 *
 * @category constructors
 * @since 0.1.0
 */
export const makeMemory = (): Journal => {
  const runs = new Map<string, MemoryRun>()
  return {
    open: (runId) =>
      Effect.suspend(() => {
        if (runs.has(runId)) return Effect.fail(failure(runId, "open", `Run "${runId}" is in the journal already`))
        const run: MemoryRun = { events: [], epoch: 0 }
        runs.set(runId, run)
        return Effect.succeed(memoryWriter(runId, run))
      }),
    reopen: (runId) =>
      Effect.suspend(() => {
        const run = runs.get(runId)
        if (run === undefined) return Effect.fail(failure(runId, "open", `Run "${runId}" is not in the journal`))
        run.epoch++
        return Effect.succeed({ events: [...run.events], writer: memoryWriter(runId, run) })
      }),
    read: (runId) => Effect.sync(() => [...(runs.get(runId)?.events ?? [])])
  }
}

/**
 * Provides a journal in memory that keeps every event of every run.
 *
 * @category layers
 * @since 0.1.0
 */
export const layerMemory: Layer.Layer<never> = Layer.effect(current, Effect.sync(makeMemory))

const encode = Schema.encodeUnknownEffect(RunEvent.Json)
const redacted = Redacted.redacted(RunEvent.Json)

const decodeLine = Schema.decodeUnknownOption(Schema.fromJsonString(RunEvent.Json))
const recover = (bytes: Uint8Array) => Lines.recover(bytes, (line) => Option.getOrUndefined(decodeLine(line)))

/**
 * Reads journal lines. A last line that was torn by a crash is left out; anything else that is not an event is refused.
 *
 * @returns the events, or the number (from 1) of the line that is not one
 * @category constructors
 * @since 0.1.0
 */
export const parse = (text: string): Result.Result<ReadonlyArray<RunEvent.RunEvent>, { readonly line: number }> =>
  Result.map(recover(new TextEncoder().encode(text)), ({ items }) => items)

const load = Effect.fnUntraced(function*(
  fs: FileSystem.FileSystem,
  path: string,
  runId: string,
  operation: "open" | "read"
): Effect.fn.Return<Lines.Recovered<RunEvent.RunEvent>, JournalFailure> {
  const bytes = yield* fs.readFile(path).pipe(
    Effect.mapError(({ reason }) => failure(runId, operation, `Journal "${path}" cannot be read: ${reason._tag}`))
  )
  const found = recover(bytes)
  if (Result.isSuccess(found)) return found.success
  const { line } = found.failure
  return yield* failure(runId, operation, `Journal "${path}", line ${line} is not an event`, line)
})

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
  return (yield* load(yield* FileSystem.FileSystem, path, "", "read")).items
})

const firstKey = "{\"_tag\":\"RunStarted\""

/** Whether a file holds a run; one without a whole event does where it is the beginning of a journal, not some other text. */
const holds = ({ items: [first], rest }: Lines.Recovered<RunEvent.RunEvent>, runId: string): boolean =>
  first === undefined
    ? firstKey.startsWith(new TextDecoder().decode(rest.subarray(0, firstKey.length)))
    : first._tag === "RunStarted" && first.runId === runId

const fileWriter = (path: string, runId: string, file: LineFile.LineFile): Writer => {
  const told = (refused: LineFile.Refused): string => {
    if (refused === "Changed") return `${takenOver(runId)}: journal "${path}" is not as this one left it`
    return refused === "Unfinished"
      ? `Journal "${path}" was not written to the end before`
      : `Journal "${path}" cannot be written: ${refused.reason._tag}`
  }
  return {
    append: Effect.fnUntraced(function*(event) {
      const redactor = yield* Redactor.current
      const json = yield* encode(event).pipe(
        Effect.mapError(() => failure(runId, "append", `Event ${event._tag} is not JSON`))
      )
      yield* file.append(`${JSON.stringify(redacted(redactor.redact)(json))}\n`).pipe(
        Effect.mapError((refused) => failure(runId, "append", told(refused)))
      )
    })
  }
}

const openFile = Effect.fnUntraced(function*(fs: FileSystem.FileSystem, path: string, runId: string) {
  const file = yield* LineFile.create(fs, path).pipe(
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
  return fileWriter(path, runId, file)
})

const reopenFile = Effect.fnUntraced(function*(fs: FileSystem.FileSystem, path: string, runId: string) {
  const found = yield* load(fs, path, runId, "open")
  if (!holds(found, runId)) return yield* failure(runId, "open", `Journal "${path}" does not hold run "${runId}"`)
  const file = yield* LineFile.resume(fs, path, found).pipe(
    Effect.mapError(({ reason }) => failure(runId, "open", `Journal "${path}" cannot be opened: ${reason._tag}`))
  )
  return { events: found.items, writer: fileWriter(path, runId, file) }
})

/**
 * A journal in a file, which holds one run: a new one (`open`), or the one that is continued (`reopen`). Runs that its tools
 * start have files of their own beside it, `<path>.<runId>`.
 *
 * @param path - of the file, which must not exist when a run is opened
 * @category constructors
 * @since 0.1.0
 */
export const makeFile = Effect.fnUntraced(function*(
  path: string
): Effect.fn.Return<Journal, never, FileSystem.FileSystem> {
  const fs = yield* FileSystem.FileSystem
  let first: string | undefined
  const isFirst = (runId: string): boolean => first === undefined || first === runId || !FileName.isSafe(runId)
  const pathOf = (runId: string): string => isFirst(runId) ? path : `${path}.${runId}`
  const owned = <A, R>(runId: string, use: (path: string) => Effect.Effect<A, JournalFailure, R>) =>
    Effect.suspend(() => {
      const own = pathOf(runId)
      first ??= runId
      return use(own)
    })
  return {
    open: (runId) => owned(runId, (own) => openFile(fs, own, runId)),
    reopen: (runId) => owned(runId, (own) => reopenFile(fs, own, runId)),
    read: (runId) => Effect.suspend(() => Effect.map(load(fs, pathOf(runId), runId, "read"), ({ items }) => items))
  }
})

/**
 * Provides a journal in a file, which holds one run: a new one, or the one that is continued.
 *
 * @param path - of the file, which must not exist when a run is opened
 * @category layers
 * @since 0.1.0
 */
export const layerFile = (path: string): Layer.Layer<never, never, FileSystem.FileSystem> =>
  Layer.effect(current, makeFile(path))

/**
 * A journal in a directory: one file a run, `<runId>.ndjson`.
 *
 * **Details**
 *
 * The directory is created where it is missing, for its owner alone, when the first run is opened. A run id is 1 to 128 of
 * A-Z, a-z, 0-9, "_", "-" and, after the first, "."; any other is refused.
 *
 * @param directory - its path
 * @category constructors
 * @since 0.1.0
 */
export const makeDirectory = Effect.fnUntraced(function*(
  directory: string
): Effect.fn.Return<Journal, never, FileSystem.FileSystem> {
  const fs = yield* FileSystem.FileSystem

  const pathOf = (runId: string, operation: "open" | "read"): Effect.Effect<string, JournalFailure> => {
    const path = FileName.inDirectory(directory, runId)
    return path === undefined
      ? Effect.fail(failure(runId, operation, `Run id ${FileName.shown(runId)} ${FileName.rule}`))
      : Effect.succeed(path)
  }

  const open: Journal["open"] = Effect.fnUntraced(function*(runId) {
    const path = yield* pathOf(runId, "open")
    yield* fs.makeDirectory(directory, { recursive: true, mode: 0o700 }).pipe(
      Effect.mapError(({ reason }) =>
        failure(runId, "open", `Directory "${directory}" cannot be created: ${reason._tag}`)
      )
    )
    return yield* openFile(fs, path, runId)
  })

  return {
    open,
    reopen: (runId) => Effect.flatMap(pathOf(runId, "open"), (path) => reopenFile(fs, path, runId)),
    read: (runId) =>
      pathOf(runId, "read").pipe(
        Effect.flatMap((path) => load(fs, path, runId, "read")),
        Effect.map(({ items }) => items)
      )
  }
})

/**
 * Provides a journal in a directory, one file a run; see `makeDirectory`.
 *
 * **Example** (A journal of every run, in a folder)
 *
 * ```ts
 * import { NodeFileSystem } from "@effect/platform-node"
 * import { Agent, Journal } from "@volley/core"
 * import { ModelScript, ScriptedModel } from "@volley/core/testing"
 * import { Effect, Layer } from "effect"
 * import * as fs from "node:fs"
 * import * as os from "node:os"
 * import * as path from "node:path"
 *
 * const folder = fs.mkdtempSync(path.join(os.tmpdir(), "runs-"))
 * const journal = Layer.provide(Journal.layerDirectory(folder), NodeFileSystem.layer)
 *
 * const program = Agent.run(Agent.make("greeter"), "Hello", { runId: "greeting" })
 * await Effect.runPromise(Effect.provide(program, [ScriptedModel.layer([ModelScript.text("Hello!")]), journal]))
 * console.log(fs.readdirSync(folder))
 * ```
 *
 * ```text
 * [ 'greeting.ndjson' ]
 * ```
 *
 * @param directory - its path
 * @category layers
 * @since 0.1.0
 */
export const layerDirectory = (directory: string): Layer.Layer<never, never, FileSystem.FileSystem> =>
  Layer.effect(current, makeDirectory(directory))
