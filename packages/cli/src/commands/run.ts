/**
 * `volley run`: one question, one run, one answer.
 *
 * @internal
 */
import * as Agent from "@volley/core/Agent"
import * as Journal from "@volley/core/Journal"
import type * as Limits from "@volley/core/Limits"
import * as Redactor from "@volley/core/Redactor"
import * as RunEvent from "@volley/core/RunEvent"
import * as Cause from "effect/Cause"
import * as Deferred from "effect/Deferred"
import * as Effect from "effect/Effect"
import * as Exit from "effect/Exit"
import type * as FileSystem from "effect/FileSystem"
import * as Layer from "effect/Layer"
import type * as Path from "effect/Path"
import * as Schema from "effect/Schema"
import type * as Scope from "effect/Scope"
import type * as Stdio from "effect/Stdio"
import process from "node:process"
import * as Ended from "../exit.ts"
import * as Model from "../model.ts"
import * as LiveView from "../render/liveView.ts"
import type { Redact } from "../render/preview.ts"
import * as Report from "../render/report.ts"
import * as SafeText from "../render/safeText.ts"
import * as Style from "../render/style.ts"
import * as Timeline from "../render/timeline.ts"
import { redactJson } from "../secrets.ts"
import { isDrawn, piped, screen, write } from "../stdio.ts"
import * as Toolbox from "../toolbox.ts"

/** What the command line says. @internal */
export interface Options extends Toolbox.Sources {
  readonly question: string | undefined
  readonly model: string | undefined
  readonly limits: Limits.Limits
  readonly maxTokens: number | undefined
  readonly output: "text" | "json" | "ndjson"
  readonly journal: string | undefined
  readonly quiet: boolean
}

/** The question with what was piped as its context. @internal */
export const questionOf = (asked: string | undefined, context: string): string | undefined => {
  const question = asked?.trim() ?? ""
  if (question === "") return context === "" ? undefined : context
  return context === "" ? question : `${question}\n\n${context}`
}

const encode = Schema.encodeUnknownEffect(RunEvent.Json)

const jsonLine = (redact: Redact, value: unknown): string => `${SafeText.json(redactJson(redact, value))}\n`

const liveView = (options: Options, redact: Redact) =>
  !options.quiet && isDrawn(process.stderr, process.env) && !(options.output === "ndjson" && process.stdout.isTTY)
    ? LiveView.open({
      screen,
      columns: () => process.stderr.columns || 80,
      onResize: (listener) => {
        process.stderr.on("resize", listener)
        return () => process.stderr.off("resize", listener)
      }
    }, { style: Style.colored, redact })
    : Effect.succeed(() => {})

const define = (tools: Toolbox.Toolbox["tools"], limits: Limits.Limits) =>
  Effect.try({
    try: () => Agent.make("volley", { tools, limits }),
    catch: (error) => Ended.usage(Ended.messageOf(error))
  })

/** What stderr says about the end of a run; empty where the answer speaks for itself. */
const complaint = (exit: Exit.Exit<unknown, unknown>, { outcome, reason, text }: Report.Report): string => {
  if (outcome === "limited") {
    return `limit reached: ${reason}${text.trim() === "" ? "; the model gave no answer" : ""}`
  }
  if (Exit.isSuccess(exit) || Cause.hasInterruptsOnly(exit.cause)) return ""
  return `run ${outcome}: ${Ended.messageOf(Cause.squash(exit.cause))}`
}

/** @internal */
export const run = Effect.fnUntraced(function*(
  options: Options
): Effect.fn.Return<void, Ended.Exit, FileSystem.FileSystem | Path.Path | Stdio.Stdio | Scope.Scope> {
  const note = (text: string): void => options.quiet ? undefined : screen.print(text)
  const { journal, output } = options
  const redact: Redact = (yield* Redactor.current).redact

  const choice = Model.choose(options.model, yield* Model.reachable)
  if ("_tag" in choice) return yield* choice
  const toolbox = yield* Toolbox.open(options, { everything: false })
  const agent = yield* define(toolbox.tools, options.limits)
  const question = questionOf(options.question, yield* piped)
  if (question === undefined) return yield* Ended.usage("no question; give it as an argument or pipe it into stdin")
  if (choice.note !== undefined) note(choice.note)
  if (choice.id === Model.offline && options.maxTokens !== undefined) {
    note("--max-tokens has no effect on the offline planner")
  }

  const model = yield* Model.layer(choice.id, options.maxTokens)
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
  const running = Agent.run(agent, question, { onEvent }).pipe(
    Effect.provide(Layer.merge(model, journal === undefined ? Layer.empty : Journal.layerFile(journal))),
    Effect.provideContext(toolbox.services),
    // where nobody reads the events the run is cancelled, as Ctrl-C does it
    Effect.raceFirst(Effect.andThen(Deferred.await(unread), Effect.interrupt))
  )

  const finish = Effect.fnUntraced(function*(exit: Exit.Exit<unknown, unknown>) {
    if (timeline.started === undefined) return yield* notBegun(exit)
    const report = Report.fromTimeline(timeline, journal)
    if (output === "json") yield* write(jsonLine(redact, report))
    if (output === "text" && report.text.trim() !== "") {
      yield* write(`${SafeText.block(redact(report.text)).trimEnd()}\n`)
    }
    const code = Ended.ofReport(report)
    const message = complaint(exit, report)
    if (code === Ended.codes.ok) return message === "" ? undefined : note(message)
    return yield* new Ended.Exit({ code, message })
  })
  yield* Effect.uninterruptibleMask((restore) => Effect.flatMap(Effect.exit(restore(running)), finish))
}, Effect.scoped)

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
