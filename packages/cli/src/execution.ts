/**
 * Executes one run for a command: the live view on stderr, the product of the run on stdout, the exit code.
 *
 * @internal
 */
import * as Approval from "@volley/core/Approval"
import * as Journal from "@volley/core/Journal"
import * as Outcome from "@volley/core/Outcome"
import * as Redactor from "@volley/core/Redactor"
import * as RunEvent from "@volley/core/RunEvent"
import * as RunState from "@volley/core/RunState"
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
import * as Layout from "./render/layout.ts"
import * as LiveView from "./render/liveView.ts"
import type { Redact } from "./render/preview.ts"
import * as Report from "./render/report.ts"
import * as SafeText from "./render/safeText.ts"
import * as Style from "./render/style.ts"
import * as Timeline from "./render/timeline.ts"
import { redactJson } from "./secrets.ts"
import { columnsOf, isDrawn, screen, write, writeLines } from "./stdio.ts"

/** Hears what happens in a run. @internal */
export type OnEvent = (item: RunEvent.RunEvent | RunEvent.Delta) => Effect.Effect<void>

/** What is to be run. @internal */
export interface Task {
  /** The run; the handlers of its tools are among the services. */
  readonly start: (onEvent: OnEvent) => Effect.Effect<unknown, unknown, unknown>
  /** What the journal has of the run already. */
  readonly before?: ReadonlyArray<RunEvent.RunEvent>
  readonly approver?: Approval.Approver
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

/** A run as its events tell it: for people, and what it has used. */
interface Picture {
  readonly timeline: Timeline.Timeline
  readonly state: RunState.RunState
}

const draw = ({ state, timeline }: Picture, event: RunEvent.RunEvent): Picture => ({
  timeline: Timeline.apply(timeline, event),
  state: RunState.apply(state, event)
})

const pictureOf = (events: ReadonlyArray<RunEvent.RunEvent>): Picture =>
  events.reduce(draw, { timeline: Timeline.empty, state: RunState.initial })

const limitOf = ({ spent, started }: RunState.RunState, reason: string | undefined): string => {
  const limit = started?.limits.cost
  return reason === "cost" && typeof limit === "number" && spent.cost !== undefined
    ? `cost, ${Layout.usd(spent.cost)} of ${Layout.usd(limit)} (${Layout.usd(Math.max(0, spent.cost - limit))} above)`
    : `${reason}`
}

/** What stderr says about the end of a run; empty where the answer speaks for itself. */
const complaint = (
  failure: string | undefined,
  { outcome, reason, text }: Report.Report,
  { state }: Picture
): string => {
  if (outcome === "limited") {
    return `limit reached: ${limitOf(state, reason)}${text.trim() === "" ? "; the model gave no answer" : ""}`
  }
  return failure === undefined ? "" : `run ${outcome}: ${failure}`
}

const failureOf = (exit: Exit.Exit<unknown, unknown>): string | undefined =>
  Exit.isSuccess(exit) || Cause.hasInterruptsOnly(exit.cause) ? undefined : Ended.messageOf(Cause.squash(exit.cause))

/** A run without a first event: its journal could not be opened, or it was interrupted before. */
const notBegun = (exit: Exit.Exit<unknown, unknown>): Effect.Effect<never, Ended.Exit> => {
  if (Exit.isSuccess(exit) || Cause.hasInterruptsOnly(exit.cause)) {
    return Effect.fail(new Ended.Exit({ code: Ended.codes.interrupted, message: "" }))
  }
  const error: unknown = Cause.squash(exit.cause)
  if (!(error instanceof Journal.JournalFailure)) return Effect.die(error)
  return Effect.fail(error.operation === "append" ? Ended.failed(error.message) : Ended.usage(error.message))
}

/** Prints what a run came to, and ends with its exit code. */
const conclude = Effect.fnUntraced(function*(
  picture: Picture,
  failure: string | undefined,
  options: Options
): Effect.fn.Return<void, Ended.Exit> {
  const { journal, output } = options
  const { redact } = yield* Redactor.current
  const report = Report.fromTimeline(picture.timeline, picture.state.spent, journal)
  if (output === "json") yield* write(jsonLine(redact, report))
  if (output === "text" && process.stdout.isTTY && isLive(options)) screen.print("")
  if (output === "text" && report.text.trim() !== "") {
    yield* write(`${SafeText.block(redact(report.text)).trimEnd()}\n`)
  }
  if (output === "text") yield* writeLines(options.below?.(picture.timeline) ?? [])
  const code = Ended.ofReport(report)
  const message = complaint(failure, report, picture)
  if (code === Ended.codes.ok) return message === "" || options.quiet ? undefined : screen.print(message)
  return yield* new Ended.Exit({ code, message })
})

/** What the failure of a refused run says, from its events. */
const refusalOf = ({ state: { ended, response, spent, started, transcript } }: Picture): string | undefined => {
  if (ended?.outcome !== "refused") return undefined
  const { category = "", explanation = "" } = response?.refusal ?? {}
  const { usage } = spent
  return Ended.messageOf(new Outcome.Refused({ runId: started?.runId ?? "", category, explanation, transcript, usage }))
}

/** Prints again what a run came to that ended earlier. @internal */
export const again = (events: ReadonlyArray<RunEvent.RunEvent>, options: Options): Effect.Effect<void, Ended.Exit> => {
  const picture = pictureOf(events)
  return conclude(picture, refusalOf(picture), options)
}

/** Runs a task to its end, whatever that is. @internal */
export const execute = Effect.fnUntraced(function*(
  { approver, before = [], model, services, start }: Task,
  options: Options
): Effect.fn.Return<void, Ended.Exit, FileSystem.FileSystem | Path.Path | Scope.Scope> {
  const { journal, output } = options
  const redact: Redact = (yield* Redactor.current).redact
  const show = yield* liveView(options, redact)
  const unread = yield* Deferred.make<void>()
  let picture = pictureOf(before)
  let begun = false
  const onEvent = Effect.fnUntraced(function*(event: RunEvent.RunEvent | RunEvent.Delta) {
    if (event._tag === "TextDelta" || event._tag === "ThinkingDelta" || event._tag === "Progress") return
    begun = true
    picture = draw(picture, event)
    show(picture.timeline, picture.state.spent)
    if (output !== "ndjson") return
    const read = yield* write(jsonLine(redact, yield* Effect.orDie(encode(event))))
    if (!read) yield* Deferred.succeed(unread, undefined)
  })
  const started = start(onEvent) as Effect.Effect<unknown, unknown, LanguageModel.LanguageModel>
  const running = (approver === undefined ? started : Effect.provideService(started, Approval.current, approver)).pipe(
    Effect.provide(Layer.merge(model, journal === undefined ? Layer.empty : Journal.layerFile(journal))),
    Effect.provideContext(services),
    // where nobody reads the events the run is cancelled, as Ctrl-C does it
    Effect.raceFirst(Effect.andThen(Deferred.await(unread), Effect.interrupt))
  )
  yield* Effect.uninterruptibleMask((restore) =>
    Effect.flatMap(
      Effect.exit(restore(running)),
      (exit) => begun ? conclude(picture, failureOf(exit), options) : notBegun(exit)
    )
  )
})
