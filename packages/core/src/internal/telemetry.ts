/**
 * Names of spans, attributes and log annotations, in one place. They follow the OpenTelemetry conventions for generative
 * AI (open-telemetry/semantic-conventions-genai, status "Development" in November 2026).
 *
 * @internal
 */
import * as Effect from "effect/Effect"
import type * as Fiber from "effect/Fiber"
import * as LogLevel from "effect/LogLevel"
import * as Metric from "effect/Metric"
import * as References from "effect/References"
import * as Tracer from "effect/Tracer"

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

/** Whether somebody would see a span. @internal */
export const isTraced = (fiber: Fiber.Fiber<unknown, unknown>): boolean =>
  fiber.context.mapUnsafe.has(Tracer.Tracer.key)

const isLogged = (fiber: Fiber.Fiber<unknown, unknown>): boolean =>
  !LogLevel.isGreaterThan(fiber.getRef(References.MinimumLogLevel), "Debug")

/** One span and one log line per tool call; neither is made where nobody would see it. @internal */
export const toolCall = (call: ToolCall) => <A extends Answered>(effect: Effect.Effect<A>): Effect.Effect<A> =>
  Effect.withFiber((fiber) => {
    const logged = isLogged(fiber) ? Effect.tap(effect, (answered) => logCall(call, answered)) : effect
    return isTraced(fiber) ? traceCall(call, logged) : logged
  })

const logCall = ({ id, name }: ToolCall, { attempts, failure, ok }: Answered): Effect.Effect<void> =>
  Effect.annotateLogs(Effect.logDebug(`tool call ${name}: ${ok ? "ok" : failure?.reason ?? "failed"}`), {
    "gen_ai.tool.call.id": id,
    "volley.tool.attempts": attempts
  })

const traceCall = <A extends Answered>({ id, name }: ToolCall, effect: Effect.Effect<A>): Effect.Effect<A> =>
  effect.pipe(
    Effect.tap(({ attempts, failure }) =>
      Effect.annotateCurrentSpan({
        "volley.tool.attempts": attempts,
        ...(failure === undefined ? {} : { "error.type": failure.reason })
      })
    ),
    Effect.withSpan(`execute_tool ${name}`, {
      kind: "internal",
      attributes: {
        "gen_ai.operation.name": "execute_tool",
        "gen_ai.tool.name": name,
        "gen_ai.tool.call.id": id
      }
    }, { captureStackTrace: false })
  )

/** What a model request came to: nothing, or the failure of one that failed. */
type Replied = { readonly reason: { readonly _tag: string } } | undefined

/** One span and one log line per model request; neither is made where nobody would see it. @internal */
export const modelRequest =
  (request: ModelRequest) => <A extends Replied, E, R>(effect: Effect.Effect<A, E, R>): Effect.Effect<A, E, R> =>
    Effect.withFiber((fiber) => {
      const logged = isLogged(fiber) ? Effect.tap(effect, (replied) => logRequest(request, replied)) : effect
      return isTraced(fiber) ? traceRequest(request, logged) : logged
    })

const logRequest = ({ request, runId, turn }: ModelRequest, replied: Replied): Effect.Effect<void> =>
  Effect.annotateLogs(Effect.logDebug(`model request ${turn}.${request}: ${replied?.reason._tag ?? "ok"}`), {
    "volley.run.id": runId
  })

const traceRequest = <A extends Replied, E, R>(
  { agent, request, runId, turn }: ModelRequest,
  effect: Effect.Effect<A, E, R>
): Effect.Effect<A, E, R> =>
  effect.pipe(
    Effect.tap((replied) =>
      replied === undefined ? Effect.void : Effect.annotateCurrentSpan("error.type", replied.reason._tag)
    ),
    Effect.withSpan(`chat ${agent}`, {
      kind: "internal",
      attributes: {
        "gen_ai.operation.name": "chat",
        "gen_ai.agent.name": agent,
        "volley.run.id": runId,
        "volley.turn": turn,
        "volley.request": request
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
