/**
 * Records a run with any language model to a file, and executes it again without one.
 *
 * **Details**
 *
 * A cassette holds the journal of the run, and of the runs that its tools started, with what the model was asked and what it
 * answered, all through the redactor of the context. `replay` executes the run again by the present code: its model is the
 * cassette, its tools are those that the test provides. Run id, input, tenant, thread, history and randomness are as
 * recorded, the clock begins at the recorded time, and what a process remembers (`Dependencies`, `ToolCache`, `ResultStore`)
 * is empty both times.
 *
 * Each request has to be one that was recorded, and in the end the events have to be those that were recorded. Times, and the
 * order in which calls that run at the same time come to their ends, do not count. A secret that was redacted may be anything.
 *
 * It does not record `generateObject`, nor the tools: a test that is to run without a network provides tools that need none. A
 * request that the run broke off when it was recorded stays open in the replay.
 *
 * **Example** (Record once, then replay)
 *
 * ```ts
 * import { NodeFileSystem } from "@effect/platform-node"
 * import { Agent } from "@volley/core"
 * import { Anthropic } from "@volley/core/anthropic"
 * import { Cassette } from "@volley/core/testing"
 * import { Effect } from "effect"
 * import * as fs from "node:fs"
 * import * as os from "node:os"
 * import * as path from "node:path"
 *
 * const agent = Agent.make("greeter", { instructions: "Greet in one word." })
 * const file = path.join(fs.mkdtempSync(path.join(os.tmpdir(), "cassettes-")), "greeter.cassette")
 *
 * const program = Effect.gen(function*() {
 *   yield* Cassette.record(file, agent, "Hello").pipe(Effect.provide(Anthropic.modelFromEnv("claude-sonnet-5-5")))
 *   return yield* Cassette.replay(file, agent)
 * })
 * const { text } = await Effect.runPromise(Effect.provide(program, NodeFileSystem.layer))
 * console.log(text)
 * ```
 *
 * ```text
 * Hello!
 * ```
 *
 * @since 0.1.0
 */
import * as AiError from "effect/ai/AiError"
import * as LanguageModel from "effect/ai/LanguageModel"
import * as Model from "effect/ai/Model"
import type * as Prompt from "effect/ai/Prompt"
import * as Response from "effect/ai/Response"
import * as Clock from "effect/Clock"
import * as Context from "effect/Context"
import * as Effect from "effect/Effect"
import type * as FileSystem from "effect/FileSystem"
import * as Layer from "effect/Layer"
import * as Option from "effect/Option"
import * as Random from "effect/Random"
import * as Schema from "effect/Schema"
import * as Stream from "effect/Stream"
import * as Agent from "../Agent.ts"
import { collect } from "../anthropic/internal/collect.ts"
import * as Dependencies from "../Dependencies.ts"
import { canonicalJson } from "../internal/canonicalJson.ts"
import * as Redacted from "../internal/journal/redacted.ts"
import * as Journal from "../Journal.ts"
import * as ModelSettings from "../ModelSettings.ts"
import type * as Outcome from "../Outcome.ts"
import * as Redactor from "../Redactor.ts"
import * as ResultStore from "../ResultStore.ts"
import * as RunEvent from "../RunEvent.ts"
import * as Threads from "../Threads.ts"
import * as ToolCache from "../ToolCache.ts"
import * as Difference from "./internal/cassette/difference.ts"
import * as Exchanges from "./internal/cassette/exchange.ts"
import * as Facts from "./internal/cassette/facts.ts"
import * as File from "./internal/cassette/file.ts"

/**
 * A cassette could not be recorded, or a replay is not the run that was recorded.
 *
 * - `Exists`, `Unwritable`: there is a file already, or none can be written.
 * - `Unreadable`, `Damaged`, `Version`: there is no file, it is no whole cassette, or one of another format.
 * - `OtherAgent`: it is a run of an agent with another name.
 * - `Request`: the model was asked what it was not asked before; the message has the first place that differs.
 * - `Unconsumed`: the run ended before all that was recorded was asked for.
 * - `Events`: the model was asked the same, but an event differs.
 *
 * @category errors
 * @since 0.1.0
 */
export class CassetteFailure extends Schema.TaggedError<CassetteFailure>("@volley/core/CassetteFailure")(
  "CassetteFailure",
  {
    path: Schema.String,
    reason: Schema.Literals([
      "Exists",
      "Unwritable",
      "Unreadable",
      "Damaged",
      "Version",
      "OtherAgent",
      "Request",
      "Unconsumed",
      "Events"
    ]),
    detail: Schema.String
  }
) {
  override get message(): string {
    return `Cassette "${this.path}": ${this.detail}`
  }
}

const failed = (path: string, reason: CassetteFailure["reason"], detail: string): CassetteFailure =>
  new CassetteFailure({ path, reason, detail })

const refused = (path: string) => ({ message, reason }: File.Refused): CassetteFailure => failed(path, reason, message)

/** What a process remembers, empty. */
const memory = Layer.mergeAll(Dependencies.layerMemory, ToolCache.layerMemory(), ResultStore.layerMemory())

const invalid = (description: string): AiError.AiError =>
  AiError.make({ module: "Cassette", method: "streamText", reason: new AiError.InvalidRequestError({ description }) })

/** A model of streamed parts; structured output of `generateObject` is bound to its provider. */
const makeModel = (
  answer: (
    options: LanguageModel.ProviderOptions,
    settings: ModelSettings.ModelSettings
  ) => Effect.Effect<Stream.Stream<Response.StreamPartEncoded, AiError.AiError>, AiError.AiError>,
  says: { readonly followsOutput: Effect.Effect<boolean>; readonly systemMessages: Effect.Effect<boolean> }
): Effect.Effect<LanguageModel.LanguageModel> => {
  const streamText = (options: LanguageModel.ProviderOptions) =>
    options.responseFormat.type === "json"
      ? Stream.fail(invalid("A cassette has no generateObject"))
      : Stream.unwrap(Effect.flatMap(ModelSettings.current, (settings) => answer(options, settings)))
  return LanguageModel.make({
    streamText,
    generateText: (options) => Effect.map(Stream.runCollect(streamText(options)), collect),
    supportsSystemMessagesInHistory: says.systemMessages
  }).pipe(Effect.map((model) => ModelSettings.declareOutput(model, says.followsOutput)))
}

const encodePart = Schema.encodeSync(Response.StreamPart())

/** The model, with all that it is asked and answers noted. */
const recording = (inner: LanguageModel.LanguageModel, note: (line: File.Line) => void) => {
  const says = {
    followsOutput: ModelSettings.followsOutput(inner),
    systemMessages: inner.supportsSystemMessagesInHistory ?? Effect.succeed(false)
  }
  const answer = Effect.fnUntraced(function*(
    options: LanguageModel.ProviderOptions,
    settings: ModelSettings.ModelSettings
  ) {
    const model = yield* Effect.all(says)
    const parts: Array<Schema.Json> = []
    let end: Exchanges.Exchange["end"] = "broken off"
    const stream = inner.streamText({
      prompt: options.prompt,
      toolkit: {
        tools: Object.fromEntries(options.tools.map((tool) => [tool.name, tool])),
        handle: () => Effect.die(new Error("A cassette handles no tools"))
      },
      toolChoice: options.toolChoice,
      disableToolCallResolution: true,
      toolCallValidation: "deferred"
    } as never) as Stream.Stream<Response.StreamPart<{}>, AiError.AiError>
    return stream.pipe(
      Stream.tap((part) => Effect.sync(() => void parts.push(Exchanges.encodePart(part)))),
      Stream.map((part) => encodePart(part)),
      Stream.tapError((failure) => Effect.sync(() => void (end = { failure }))),
      Stream.concat(Stream.fromEffectDrain(Effect.sync(() => void (end = "whole")))),
      Stream.ensuring(
        Effect.sync(() =>
          note({
            exchange: { request: Exchanges.requestOf(options, settings), model, parts: Exchanges.merged(parts), end }
          })
        )
      )
    )
  })
  return makeModel(answer, says)
}

/** What the model is called, by which it is charged. */
const namesOf = Effect.map(
  Effect.all([Effect.serviceOption(Model.ProviderName), Effect.serviceOption(Model.ModelName)]),
  ([provider, model]) => ({ provider: Option.getOrUndefined(provider), model: Option.getOrUndefined(model) })
)

const withNames = ({ model, provider }: File.Cassette): Context.Context<never> => {
  const named = model === undefined ? Context.empty() : Model.ModelName.context(model)
  const all = provider === undefined ? named : Context.merge(named, Model.ProviderName.context(provider))
  return all
}

/** A journal whose events are noted as they are written. */
const noting = (inner: Journal.Journal, note: (line: File.Line) => void): Journal.Journal => {
  const noted = (run: string, { append }: Journal.Writer): Journal.Writer => ({
    append: (event) => Effect.andThen(append(event), Effect.sync(() => note({ run, event })))
  })
  return {
    ...inner,
    open: (runId) => Effect.map(inner.open(runId), (writer) => noted(runId, writer))
  }
}

/**
 * Executes an agent once for an input, as `Agent.run` does, and writes the cassette when the run has ended, however it did.
 *
 * @param path - of the file, which must not exist; only its owner may read it
 * @category combinators
 * @since 0.1.0
 */
export const record = <Tools, E, R, Output>(
  path: string,
  agent: Agent.Agent<Tools, E, R, Output>,
  input: Prompt.RawInput,
  options: Agent.RunOptions = {}
): Effect.Effect<
  Outcome.Outcome<Output>,
  Outcome.RunError | E | CassetteFailure,
  R | LanguageModel.LanguageModel | FileSystem.FileSystem
> =>
  Effect.gen(function*() {
    yield* Effect.mapError(File.checkNew(path), refused(path))
    const redactor = yield* Redactor.current
    const seed = (yield* Random.nextInt) | 0
    const names = yield* namesOf
    const lines: Array<File.Line> = []
    const note = (line: File.Line): void => void lines.push(line)
    const model = yield* recording(yield* LanguageModel.LanguageModel, note)
    const journal = noting(yield* Journal.current, note)
    return yield* Agent.run(agent, input, options).pipe(
      Effect.provideService(LanguageModel.LanguageModel, model),
      Effect.provideService(Journal.current, journal),
      Effect.provide(memory),
      Random.withSeed(seed),
      Effect.onExit(() =>
        Effect.mapError(
          File.write(path, { agent: agent.name, ...names, seed, runId: options.runId, lines }, redactor),
          refused(path)
        )
      )
    )
  })

type Runs = ReadonlyMap<string, ReadonlyArray<RunEvent.RunEvent>>

const runsOf = (lines: ReadonlyArray<File.Line>): Runs => {
  const events = lines.flatMap((line) => "event" in line ? [line] : [])
  return new Map(
    Array.from(Map.groupBy(events, ({ run }) => run), ([run, all]) => [run, all.map(({ event }) => event)] as const)
  )
}

const decodePart = Schema.decodeUnknownSync(Schema.toCodecJson(Response.StreamPart()))

const partsOf = ({ end, parts }: Exchanges.Exchange): Stream.Stream<Response.StreamPartEncoded, AiError.AiError> => {
  const all = Stream.fromIterable(parts, { chunkSize: 1 }).pipe(Stream.map((part) => encodePart(decodePart(part))))
  if (end === "whole") return all
  return Stream.concat(all, end === "broken off" ? Stream.never : Stream.fail(end.failure))
}

/** What is left of a cassette, and the first request that it does not have. */
interface Playing {
  readonly left: Array<Exchanges.Exchange>
  asked: number
  differs: string | undefined
}

const asJson = (request: Exchanges.Request): Schema.Json => ({ ...request })

const playing = (cassette: Playing, redact: (json: Schema.Json) => Schema.Json) => {
  const next = () => cassette.left[0]?.model
  const answer = (options: LanguageModel.ProviderOptions, settings: ModelSettings.ModelSettings) =>
    Effect.suspend(() => {
      const request = redact(asJson(Exchanges.requestOf(options, settings)))
      const differences = cassette.left.map((exchange) => Difference.between(asJson(exchange.request), request))
      const found = differences.indexOf(undefined)
      const asked = ++cassette.asked
      if (found >= 0) return Effect.succeed(partsOf(cassette.left.splice(found, 1)[0]!))
      const [first] = differences
      cassette.differs ??= first === undefined
        ? `request ${asked} was never recorded: all that was is asked for already`
        : `request ${asked} differs ${Difference.described(first)}`
      return Effect.fail(invalid(cassette.differs))
    })
  return makeModel(answer, {
    followsOutput: Effect.sync(() => next()?.followsOutput ?? false),
    systemMessages: Effect.sync(() => next()?.systemMessages ?? false)
  })
}

/** The same clock at another time. */
const shifted = (clock: Clock.Clock, millis: number): Clock.Clock => {
  const nanos = BigInt(Math.round(millis)) * 1_000_000n
  return {
    currentTimeMillisUnsafe: () => clock.currentTimeMillisUnsafe() + millis,
    currentTimeMillis: Effect.map(clock.currentTimeMillis, (now) => now + millis),
    currentTimeNanosUnsafe: () => clock.currentTimeNanosUnsafe() + nanos,
    currentTimeNanos: Effect.map(clock.currentTimeNanos, (now) => now + nanos),
    monotonicTimeNanosUnsafe: () => clock.monotonicTimeNanosUnsafe(),
    monotonicTimeNanos: clock.monotonicTimeNanos,
    sleep: (duration) => clock.sleep(duration)
  }
}

const encodeEvent = Schema.encodeUnknownSync(RunEvent.Json)
const redacted = Redacted.redacted(RunEvent.Json)

/** The first event of the recorded runs that the present ones do not have so, or have besides. */
const firstDifference = (recorded: Runs, present: Runs, redact: (text: string) => string): string | undefined => {
  const encode = (event: RunEvent.RunEvent): Schema.Json => redacted(redact)(encodeEvent(event))
  for (const run of new Set([...recorded.keys(), ...present.keys()])) {
    const [before, now] = [Facts.of(recorded.get(run) ?? [], encode), Facts.of(present.get(run) ?? [], encode)]
    for (const place of new Set([...before.keys(), ...now.keys()])) {
      const [old, made] = [before.get(place) ?? [], now.get(place) ?? []]
      for (let i = 0; i < Math.max(old.length, made.length); i++) {
        const found = Difference.between(old[i], made[i])
        if (found === undefined) continue
        const { _tag: tag } = (old[i] ?? made[i])!
        return `${canonicalJson(tag)} of run "${run}"${place === ".." ? "" : ` (${place})`} differs ${
          Difference.described(found)
        }`
      }
    }
  }
  return undefined
}

/**
 * Executes the recorded run again, without its model, and gives what it gave: its outcome, or its failure.
 *
 * **Details**
 *
 * It fails with `CassetteFailure` where the run is not the recorded one. No language model is needed. The journal in use is
 * not written.
 *
 * @param path - of the cassette
 * @param agent - of the same name as the recorded one
 * @category combinators
 * @since 0.1.0
 */
export const replay = <Tools, E, R, Output>(
  path: string,
  agent: Agent.Agent<Tools, E, R, Output>,
  options: Pick<Agent.RunOptions, "onEvent"> = {}
): Effect.Effect<
  Outcome.Outcome<Output>,
  Outcome.RunError | E | CassetteFailure,
  Exclude<R, LanguageModel.LanguageModel> | FileSystem.FileSystem
> => {
  const running = Effect.gen(function*() {
    const recording = yield* Effect.mapError(File.read(path), refused(path))
    const { agent: name, lines, runId, seed } = recording
    if (name !== agent.name) {
      return yield* failed(path, "OtherAgent", `it is a run of agent "${name}", not of "${agent.name}"`)
    }
    const recorded = runsOf(lines)
    const started = Array.from(recorded.values(), ([first]) => first).find((first) =>
      first?._tag === "RunStarted" && first.parent === undefined
    ) as RunEvent.Of<"RunStarted"> | undefined
    if (started === undefined) return yield* failed(path, "Damaged", "it has no run that begins")
    const { redact } = yield* Redactor.current
    const cassette: Playing = {
      left: lines.flatMap((line) => "exchange" in line ? [line.exchange] : []),
      asked: 0,
      differs: undefined
    }
    const count = cassette.left.length
    const model = yield* playing(cassette, File.redacted(redact))
    const present: Array<File.Line> = []
    const clock = yield* Clock.Clock
    const { history, input, metadata, tenant, thread } = started
    const exit = yield* Agent.run(agent, input, {
      history,
      ...(runId === undefined ? {} : { runId }),
      ...(metadata === undefined ? {} : { metadata }),
      ...(tenant === undefined ? {} : { tenant }),
      ...(thread === undefined ? {} : { thread }),
      ...options
    }).pipe(
      Effect.provideService(LanguageModel.LanguageModel, model),
      Effect.provideService(Journal.current, noting(Journal.makeMemory(), (line) => void present.push(line))),
      Effect.provideService(Threads.current, Threads.makeMemory()),
      Effect.provideService(Clock.Clock, shifted(clock, started.at - clock.currentTimeMillisUnsafe())),
      Effect.provideContext(withNames(recording)),
      Effect.provide(memory),
      Random.withSeed(seed),
      Effect.exit
    )
    if (cassette.differs !== undefined) return yield* failed(path, "Request", cassette.differs)
    const different = firstDifference(recorded, runsOf(present), redact)
    if (cassette.left.length > 0) {
      const also = different === undefined ? "" : `; ${different}`
      return yield* failed(path, "Unconsumed", `${cassette.left.length} of ${count} requests were not sent${also}`)
    }
    if (different !== undefined) return yield* failed(path, "Events", different)
    return yield* exit
  })
  return running
}
