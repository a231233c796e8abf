/**
 * Names of spans, attributes and log annotations, in one place. They follow the OpenTelemetry conventions for generative
 * AI (open-telemetry/semantic-conventions-genai, status "Development" in November 2026).
 *
 * @internal
 */
import * as Effect from "effect/Effect"
import * as LogLevel from "effect/LogLevel"
import * as Metric from "effect/Metric"
import * as References from "effect/References"

interface ToolCall {
  readonly name: string
  readonly id: string
}

interface Answered {
  readonly ok: boolean
  readonly attempts: number
  readonly failure: { readonly reason: string } | undefined
}

interface ModelRequest {
  readonly agent: string
  readonly runId: string
  readonly turn: number
  readonly request: number
}

/** One span and one log line per tool call. @internal */
export const toolCall = (call: ToolCall) => <A extends Answered>(effect: Effect.Effect<A>): Effect.Effect<A> =>
  effect.pipe(
    Effect.tap((answered) => ended(call, answered)),
    Effect.withSpan(`execute_tool ${call.name}`, {
      kind: "internal",
      attributes: {
        "gen_ai.operation.name": "execute_tool",
        "gen_ai.tool.name": call.name,
        "gen_ai.tool.call.id": call.id
      }
    }, { captureStackTrace: false })
  )

const ended = (call: ToolCall, { attempts, failure, ok }: Answered): Effect.Effect<void> =>
  Effect.withFiber((fiber) => {
    const attributes = {
      "volley.tool.attempts": attempts,
      ...(failure === undefined ? {} : { "error.type": failure.reason })
    }
    const annotated = Effect.annotateCurrentSpan(attributes)
    if (LogLevel.isGreaterThan(fiber.getRef(References.MinimumLogLevel), "Debug")) return annotated
    const line = Effect.logDebug(`tool call ${call.name}: ${ok ? "ok" : failure?.reason ?? "failed"}`)
    const annotations = { "gen_ai.tool.call.id": call.id, "volley.tool.attempts": attempts }
    return Effect.andThen(annotated, Effect.annotateLogs(line, annotations))
  })

/** One span and one log line per model request; the value is the failure of a request that failed. @internal */
export const modelRequest =
  (request: ModelRequest) =>
  <A extends { readonly reason: { readonly _tag: string } } | undefined, E, R>(effect: Effect.Effect<A, E, R>) =>
    effect.pipe(
      Effect.tap((error) =>
        Effect.logDebug(`model request ${request.turn}.${request.request}: ${error?.reason._tag ?? "ok"}`).pipe(
          Effect.annotateLogs({ "volley.run.id": request.runId }),
          Effect.andThen(
            error === undefined ? Effect.void : Effect.annotateCurrentSpan("error.type", error.reason._tag)
          )
        )
      ),
      Effect.withSpan(`chat ${request.agent}`, {
        kind: "internal",
        attributes: {
          "gen_ai.operation.name": "chat",
          "gen_ai.agent.name": request.agent,
          "volley.run.id": request.runId,
          "volley.turn": request.turn,
          "volley.request": request.request
        }
      }, { captureStackTrace: false })
    )

const abandonedHandlers = Metric.counter("volley_handlers_abandoned_total", {
  description: "Handlers that did not end within the grace after they were interrupted",
  incremental: true
})

/** A handler is left to itself: one log line, and the metric counts it by tool. @internal */
export const abandoned = (tool: string): Effect.Effect<void> =>
  Effect.andThen(
    Metric.update(Metric.withAttributes(abandonedHandlers, { "gen_ai.tool.name": tool }), 1),
    Effect.logWarning(`Tool "${tool}" did not stop when it was interrupted; its handler was abandoned`)
  )
