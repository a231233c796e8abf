/**
 * `volley tools`: lists tools; `volley tools call`: runs one call of one.
 *
 * @internal
 */
import * as Dispatcher from "@volley/core/Dispatcher"
import type * as Limits from "@volley/core/Limits"
import * as Redactor from "@volley/core/Redactor"
import * as RunEvent from "@volley/core/RunEvent"
import type * as Tool from "effect/ai/Tool"
import * as Cause from "effect/Cause"
import * as Clock from "effect/Clock"
import * as Effect from "effect/Effect"
import * as Exit from "effect/Exit"
import * as Result from "effect/Result"
import * as Schema from "effect/Schema"
import * as Ended from "../exit.ts"
import * as SafeText from "../render/safeText.ts"
import * as Timeline from "../render/timeline.ts"
import * as ToolList from "../render/toolList.ts"
import * as Transcript from "../render/transcript.ts"
import { redactJson } from "../secrets.ts"
import type { Platform } from "../source.ts"
import { page, write, writeLines } from "../stdio.ts"
import * as Toolbox from "../toolbox.ts"

/** @internal */
export const list = Effect.fnUntraced(function*(
  options: Toolbox.Sources & { readonly output: "text" | "json" }
): Effect.fn.Return<void, Ended.Exit, Platform> {
  const { tools, withheld } = yield* Toolbox.list(options)
  const { redact } = yield* Redactor.current
  const listed = redactJson(redact, { tools: tools.map(ToolList.describe), withheld }) as ToolList.List
  yield* options.output === "json"
    ? write(`${SafeText.json(listed)}\n`)
    : writeLines(ToolList.render(page(), listed))
}, Effect.scoped)

const parseArguments = Schema.decodeUnknownResult(Schema.fromJsonString(Schema.Unknown))
const encode = Schema.encodeUnknownEffect(RunEvent.Json)
const key = { turn: 1, request: 1, index: 0 } as const

/** The events of one call, from its request to its answer, as a run would keep them. */
const callTool = Effect.fnUntraced(function*(tool: Tool.Any, params: unknown, limits: Limits.Limits) {
  const requested = { _tag: "ToolCallRequested", ...key, id: "call", name: tool.name, params } as const
  const begin = yield* Clock.currentTimeMillis
  const running: Effect.Effect<Dispatcher.CallReport, unknown, unknown> = Dispatcher.call(tool, params, { limits })
  const report = yield* running as Effect.Effect<Dispatcher.CallReport, unknown>
  const { attempts, failure, ok, result } = report
  const answered = { _tag: "ToolCallAnswered", ...key, ok, result, attempts } as const
  const end = yield* Clock.currentTimeMillis
  const events: ReadonlyArray<RunEvent.RunEvent> = [
    { ...requested, at: begin },
    ...report.events,
    { ...answered, at: end, ...(failure === undefined ? {} : { failure }) }
  ]
  return { ok, result, attempts, ...(failure === undefined ? {} : { failure }), events }
})

/** A timeline needs a request for its calls to belong to. */
const callsOf = (events: ReadonlyArray<RunEvent.RunEvent>): ReadonlyArray<Timeline.Call> =>
  Timeline.fromEvents([{ _tag: "ModelRequested", ...key, at: 0 }, ...events]).requests.flatMap(({ calls }) => calls)

/** @internal */
export interface CallOptions extends Toolbox.Sources {
  readonly name: string
  readonly parameters: string
  readonly limits: Limits.Limits
  readonly output: "text" | "json" | "ndjson"
}

/** @internal */
export const call = Effect.fnUntraced(function*(
  options: CallOptions
): Effect.fn.Return<void, Ended.Exit, Platform> {
  const params = parseArguments(options.parameters)
  if (Result.isFailure(params)) return yield* Ended.usage(`The arguments are not JSON: ${options.parameters}`)
  const { services, tool } = yield* Toolbox.openFor(options, options.name)
  const { redact } = yield* Redactor.current
  const exit = yield* Effect.exit(Effect.provideContext(callTool(tool, params.success, options.limits), services))
  if (Exit.isFailure(exit)) {
    if (Cause.hasInterruptsOnly(exit.cause)) return yield* Effect.interrupt
    return yield* Ended.failed(`Tool "${tool.name}" failed fatally: ${Ended.messageOf(Cause.squash(exit.cause))}`)
  }
  const { events, ok, ...answer } = exit.value
  const encoded = yield* Effect.orDie(Effect.forEach(events, (event) => encode(event)))
  const json = (value: unknown): string => SafeText.json(redactJson(redact, value))
  yield* writeLines(
    options.output === "ndjson"
      ? encoded.map(json)
      : options.output === "json"
      ? [json({ ok, ...answer, events: encoded })]
      : callsOf(events).flatMap((one) => Transcript.call({ ...page(), redact }, one))
  )
  if (!ok) return yield* new Ended.Exit({ code: Ended.codes.failed, message: "" })
}, Effect.scoped)
