/**
 * Executes one run for a command: the live view on stderr, the product of the run on stdout, the exit code.
 *
 * @internal
 */
import * as Agent from "@volley/core/Agent"
import * as Journal from "@volley/core/Journal"
import * as Redactor from "@volley/core/Redactor"
import * as RunEvent from "@volley/core/RunEvent"
import type * as LanguageModel from "effect/ai/LanguageModel"
import * as Cause from "effect/Cause"
import type * as Context from "effect/Context"
import * as Deferred from "effect/Deferred"
import * as Effect from "effect/Effect"
import * as Exit from "effect/Exit"
import type * as FileSystem from "effect/FileSystem"
import * as Layer from "effect/Layer"
import type * as Path from "effect/Path"
import * as Schema from "effect/Schema"
import type * as Scope from "effect/Scope"
import process from "node:process"
import * as Ended from "./exit.ts"
import * as LiveView from "./render/liveView.ts"
import type { Redact } from "./render/preview.ts"
import * as Report from "./render/report.ts"
import * as SafeText from "./render/safeText.ts"
import * as Style from "./render/style.ts"
import * as Timeline from "./render/timeline.ts"
import { redactJson } from "./secrets.ts"
import { columnsOf, isDrawn, screen, write, writeLines } from "./stdio.ts"

/** What is asked of whom. @internal */
export interface Task {
  /** Its handlers are among the services. */
  readonly agent: Agent.Agent<unknown, unknown, unknown>
  readonly question: string
  readonly model: Layer.Layer<LanguageModel.LanguageModel>
  readonly services: Context.Context<never>
}

/** What is shown and kept of a run. @internal */
export interface Options {
  readonly output: "text" | "json" | "ndjson"
  readonly journal: string | undefined
  readonly quiet: boolean
  /** Lines on stdout below the answer, where the output is text. */
  readonly below?: (timeline: Timeline.Timeline) => ReadonlyArray<string>
}

const encode = Schema.encodeUnknownEffect(RunEvent.Json)

const jsonLine = (redact: Redact, value: unknown): string => `${SafeText.json(redactJson(redact, value))}\n`

const isLive = ({ output, quiet }: Options): boolean =>
  !quiet && isDrawn(process.stderr, process.env) && !(output === "ndjson" && process.stdout.isTTY)

const liveView = (options: Options, redact: Redact) =>
  isLive(options)
    ? LiveView.open({
      screen,
      columns: () => columnsOf(process.stderr),
      onResize: (listener) => {
        process.stderr.on("resize", listener)
        return () => process.stderr.off("resize", listener)
      }
    }, { style: Style.colored, redact })
    : Effect.succeed(() => {})

/** What stderr says about the end of a run; empty where the answer speaks for itself. */
const complaint = (exit: Exit.Exit<unknown, unknown>, { outcome, reason, text }: Report.Report): string => {
  if (outcome === "limited") {
    return `limit reached: ${reason}${text.trim() === "" ? "; the model gave no answer" : ""}`
  }
  if (Exit.isSuccess(exit) || Cause.hasInterruptsOnly(exit.cause)) return ""
  return `run ${outcome}: ${Ended.messageOf(Cause.squash(exit.cause))}`
}

/** A run without a first event: its journal could not be opened, or it was interrupted before. */
const notBegun = (exit: Exit.Exit<unknown, unknown>): Effect.Effect<never, Ended.Exit> => {
  if (Exit.isSuccess(exit) || Cause.hasInterruptsOnly(exit.cause)) {
    return Effect.fail(new Ended.Exit({ code: Ended.codes.interrupted, message: "" }))
  }
  const error: unknown = Cause.squash(exit.cause)
  return error instanceof Journal.JournalFailure && error.operation === "open"
    ? Effect.fail(Ended.usage(error.message))
    : Effect.die(error)
}

/** Runs a task to its end, whatever that is. @internal */
export const execute = Effect.fnUntraced(function*(
  { agent, model, question, services }: Task,
  options: Options
): Effect.fn.Return<void, Ended.Exit, FileSystem.FileSystem | Path.Path | Scope.Scope> {
  const { journal, output } = options
  const redact: Redact = (yield* Redactor.current).redact
  const show = yield* liveView(options, redact)
  const unread = yield* Deferred.make<void>()
  let timeline = Timeline.empty
  const onEvent = Effect.fnUntraced(function*(event: RunEvent.RunEvent | RunEvent.Delta) {
    if (event._tag === "TextDelta" || event._tag === "ThinkingDelta" || event._tag === "Progress") return
    timeline = Timeline.apply(timeline, event)
    show(timeline)
    if (output !== "ndjson") return
    const read = yield* write(jsonLine(redact, yield* Effect.orDie(encode(event))))
    if (!read) yield* Deferred.succeed(unread, undefined)
  })
  const asked = Agent.run(agent, question, { onEvent }) as Effect.Effect<unknown, unknown, LanguageModel.LanguageModel>
  const running = asked.pipe(
    Effect.provide(Layer.merge(model, journal === undefined ? Layer.empty : Journal.layerFile(journal))),
    Effect.provideContext(services),
    // where nobody reads the events the run is cancelled, as Ctrl-C does it
    Effect.raceFirst(Effect.andThen(Deferred.await(unread), Effect.interrupt))
  )

  const finish = Effect.fnUntraced(function*(exit: Exit.Exit<unknown, unknown>) {
    if (timeline.started === undefined) return yield* notBegun(exit)
    const report = Report.fromTimeline(timeline, journal)
    if (output === "json") yield* write(jsonLine(redact, report))
    if (output === "text" && process.stdout.isTTY && isLive(options)) screen.print("")
    if (output === "text" && report.text.trim() !== "") {
      yield* write(`${SafeText.block(redact(report.text)).trimEnd()}\n`)
    }
    if (output === "text") yield* writeLines(options.below?.(timeline) ?? [])
    const code = Ended.ofReport(report)
    const message = complaint(exit, report)
    if (code === Ended.codes.ok) return message === "" || options.quiet ? undefined : screen.print(message)
    return yield* new Ended.Exit({ code, message })
  })
  yield* Effect.uninterruptibleMask((restore) => Effect.flatMap(Effect.exit(restore(running)), finish))
})
