/**
 * Handlers that give away no secret that a redactor knows.
 *
 * @internal
 */
import * as Redactor from "@volley/core/Redactor"
import type * as Tool from "effect/ai/Tool"
import type * as Toolkit from "effect/ai/Toolkit"
import * as Effect from "effect/Effect"
import type * as Layer from "effect/Layer"
import * as Schema from "effect/Schema"
import type * as Scope from "effect/Scope"

type Redact = (text: string) => string
type Handler = (...args: ReadonlyArray<never>) => Effect.Effect<unknown, unknown, unknown>

const collectWords = (schema: Schema.Top): ReadonlySet<string> => {
  const found = new Set<string>()
  JSON.stringify(Schema.toJsonSchemaDocument(schema), (_, value: unknown) => {
    if (typeof value === "string") found.add(value)
    return value
  })
  return found
}

const isRecord = (value: unknown): value is Readonly<Record<string, unknown>> =>
  typeof value === "object" && value !== null && Object.getPrototypeOf(value) === Object.prototype

/** The texts of a value without secrets; a word of its schema stays, or the value would not be one of it. */
const texts = (schema: Schema.Top) => {
  let words: ReadonlySet<string> | undefined
  const isWord = (text: string): boolean => (words ??= collectWords(schema)).has(text)
  return (redact: Redact) => {
    const visit = (value: unknown): unknown => {
      if (Array.isArray(value)) return value.map(visit)
      if (isRecord(value)) return Object.fromEntries(Object.entries(value).map(([key, item]) => [key, visit(item)]))
      if (typeof value !== "string") return value
      const safe = redact(value)
      return safe === value || isWord(value) ? value : safe
    }
    return visit
  }
}

/** Errors are instances: they are taken apart and made again. */
const errors = (schema: Schema.Codec<unknown, unknown>) => {
  const withoutSecrets = texts(schema)
  const encode = Schema.encodeUnknownEffect(schema)
  const decode = Schema.decodeUnknownEffect(schema)
  return (redact: Redact) => (error: unknown) =>
    Effect.flatMap(encode(error), (encoded) => decode(withoutSecrets(redact)(encoded))).pipe(
      // what is not declared is the dispatcher's to tell
      Effect.orElseSucceed(() => error)
    )
}

const guarded = (tool: Tool.Any, handler: Handler, own: Redactor.Redactor): Handler => {
  const resultOf = texts(tool.successSchema)
  const errorOf = errors(tool.failureSchema as Schema.Codec<unknown, unknown>)
  return (...args) =>
    Effect.flatMap(Redactor.current, (current) => {
      const redact: Redact = current === own ? own.redact : (text) => current.redact(own.redact(text))
      return handler(...args).pipe(
        Effect.map(resultOf(redact)),
        Effect.catch((error) => Effect.flatMap(errorOf(redact)(error), Effect.fail))
      )
    })
}

/**
 * The handlers of a toolkit as a layer. What they give and what they fail with holds no secret that the redactor knows: that
 * of the layer, which learnt the secrets of its options, or that of the run. A handler that cuts texts has to redact them
 * before itself, as half of a secret is not known.
 *
 * @internal
 */
export const layerWithoutSecrets = <
  Tools extends Record<string, Tool.Any>,
  Handlers extends Toolkit.HandlersFrom<Tools>,
  E = never,
  R = never
>(
  toolkit: Toolkit.Toolkit<Tools>,
  build: Effect.Effect<Handlers, E, R>
): Layer.Layer<Tool.HandlersFor<Tools>, E, Exclude<R, Scope.Scope>> =>
  toolkit.toLayer(
    Effect.zipWith(build, Redactor.current, (handlers, redactor) =>
      Object.fromEntries(
        Object.entries<Handler>(handlers as never).map(([name, handler]) => [
          name,
          guarded(toolkit.tools[name]!, handler, redactor)
        ])
      ) as unknown as Handlers)
  )
