/**
 * Tools that carry their handler: how they are declared, and what a handler is given.
 *
 * @internal
 */
import * as Tool from "effect/ai/Tool"
import type * as Toolkit from "effect/ai/Toolkit"
import * as Effect from "effect/Effect"
import * as Exit from "effect/Exit"
import * as Predicate from "effect/Predicate"
import * as Schema from "effect/Schema"
import type * as ToolFailure from "../ToolFailure.ts"
import type * as ToolPolicy from "../ToolPolicy.ts"
import { atEnd } from "./atEnd.ts"
import { type Bound, TypeId } from "./boundTool.ts"
import { isBug } from "./classify.ts"

/**
 * A tool together with its handler: an ordinary `Tool`, which needs no layer.
 *
 * @category models
 * @since 0.1.0
 */
export interface BoundTool<
  Name extends string,
  Parameters extends Schema.Constraint,
  Success,
  Failure,
  R
> extends
  Tool.Tool<Name, {
    readonly parameters: Parameters
    readonly success: Schema.Codec<Success, unknown>
    readonly failure: Schema.Codec<Failure, unknown>
    readonly failureMode: "error"
  }>,
  Bound<R>
{}

/**
 * What a bound handler gets beside its parameters: a signal that is aborted when the attempt is interrupted, and the
 * context that every handler of `effect/ai` gets.
 *
 * @category models
 * @since 0.1.0
 */
export interface HandlerContext extends Toolkit.HandlerContext<Tool.Any> {
  readonly signal: AbortSignal
}

/** Makes a signal only for a handler that asks for it: few do, and it costs more than all the rest of a call. */
class Cancellable implements HandlerContext {
  readonly toolCallId: HandlerContext["toolCallId"]
  readonly preliminary: HandlerContext["preliminary"]
  #controller: AbortController | undefined

  constructor({ preliminary, toolCallId }: Toolkit.HandlerContext<Tool.Any>) {
    this.toolCallId = toolCallId
    this.preliminary = preliminary
  }

  get signal(): AbortSignal {
    this.#controller ??= new AbortController()
    return this.#controller.signal
  }

  abort(): void {
    this.#controller?.abort()
  }
}

/**
 * Gives a tool its handler, so that it needs no layer: for what `tool` cannot make, such as a `Tool.dynamic` whose parameters are a raw
 * JSON Schema. Its arguments are checked by that schema before the handler gets them, as they came.
 *
 * **Example** (A tool that is known when the program runs)
 *
 * ```ts
 * import { Agent, Dispatcher } from "@volley/core"
 * import { Effect, Schema } from "effect"
 * import { Tool } from "effect/ai"
 *
 * const definition = { name: "echo", schema: { type: "object", properties: { text: { type: "string" } } } }
 *
 * const echo = Agent.bind(
 *   Tool.dynamic(definition.name, { parameters: definition.schema, success: Schema.String }),
 *   (parameters) => Effect.succeed(JSON.stringify(parameters))
 * )
 * const { result } = await Effect.runPromise(Dispatcher.call(echo, { text: "Hello" }))
 * console.log(result)
 * ```
 *
 * ```text
 * {"text":"Hello"}
 * ```
 *
 * @category constructors
 * @since 0.1.0
 */
export const bind = <T extends Tool.Any, R = never>(
  tool: T,
  handler: (
    parameters: Tool.Parameters<T>,
    context: Toolkit.HandlerContext<Tool.Any>
  ) => Effect.Effect<Tool.Success<T>, Tool.Failure<T>, R>
): T & Bound<R> =>
  Object.assign(Object.create(Object.getPrototypeOf(tool)) as T, tool, { [TypeId]: { handler } }) as never

const thrown = (error: unknown): Effect.Effect<never, unknown> => isBug(error) ? Effect.die(error) : Effect.fail(error)

/** The handler of a tool as it was declared: that may return an effect, a promise or a value, and may throw. */
const handlerOf =
  <Parameters>(declared: { readonly run: (parameters: Parameters, context: HandlerContext) => unknown }) =>
  (parameters: Parameters, context: Toolkit.HandlerContext<Tool.Any>): Effect.Effect<unknown, unknown, unknown> =>
    Effect.suspend(() => {
      const cancellable = new Cancellable(context)
      let returned: unknown
      try {
        returned = declared.run(parameters, cancellable)
      } catch (error) {
        return thrown(error)
      }
      if (Effect.isEffect(returned)) {
        return atEnd(returned, (exit) => {
          if (Exit.hasInterrupts(exit)) cancellable.abort()
        })
      }
      if (!Predicate.isPromiseLike(returned)) return Effect.succeed(returned)
      const promise = returned
      return Effect.callback((resume) => {
        promise.then((value) => resume(Effect.succeed(value)), (error: unknown) => resume(thrown(error)))
        return Effect.sync(() => cancellable.abort())
      })
    })

type SuccessOf<Return> = Return extends Effect.Effect<infer A, infer _E, infer _R> ? A : Awaited<Return>
/** A promise may be rejected with anything. */
type ErrorOf<Return> = Return extends Effect.Effect<infer _A, infer E, infer _R> ? E
  : Return extends PromiseLike<unknown> ? unknown
  : never
type ServicesOf<Return> = Return extends Effect.Effect<infer _A, infer _E, infer R> ? R : never

/** While the handler's type is not known yet (`unknown`), nothing is wrong with it. */
type Declared<Return, Success, Failure> = unknown extends Return ? unknown
  :
    & ([SuccessOf<Return>] extends [Success] ? unknown
      : { readonly success: ToolPolicy.Invalid<"the handler returns what the success schema does not have"> })
    & ([ToolFailure.Fatal<ErrorOf<Return>>] extends [never] ? unknown
      : [ToolFailure.Fatal<ErrorOf<Return>>] extends [Failure] ? { readonly failure: Schema.Codec<Failure, unknown> }
      : { readonly failure: ToolPolicy.Invalid<"a fatal failure must be in the failure schema"> })

/**
 * Makes a tool with its handler in one expression.
 *
 * **Details**
 *
 * The handler returns an effect, a promise or a value. Without `success` the result is encoded as JSON as it is;
 * `undefined` is answered "done". An error without a `failure` schema is classified by the table of
 * `ToolFailure.fromUnknown`, as is what a promise rejects with or the handler throws; errors of the language itself
 * (`TypeError`, …) that the table does not know are defects. A fatal error must bring its `failure` schema. For
 * timeout, retry and other policy apply `ToolPolicy.set`.
 *
 * @param name - 1 to 64 letters, digits, `_` or `-`
 * @param options.description - what the model reads of it: what it does, when to use it, what it returns
 * @param options.class - the effect class, default `"effectful"`
 * @param options.parameters - the arguments by name, a schema each; default none
 * @param options.success - the schema of the result; default JSON as it is
 * @param options.failure - the schema of the errors; default any, classified by the table
 * @param options.run - the handler; its second argument has the call's id, a signal that is aborted when the attempt is interrupted,
 * and `preliminary` for results on the way
 * @param options.needsApproval - whether calls want approval, or which do; default none. A rule that fails, or has not answered after
 * 5 seconds, counts as yes
 * @category constructors
 * @since 0.1.0
 */
export const tool = <
  const Name extends string,
  Return,
  const Fields extends Schema.Struct.Fields = {},
  Success = SuccessOf<NoInfer<Return>>,
  Failure = ErrorOf<NoInfer<Return>>
>(
  name: Name,
  options:
    & {
      readonly description: string
      readonly class?: ToolPolicy.EffectClass
      readonly parameters?: Fields
      readonly success?: Schema.Codec<Success, unknown>
      readonly failure?: Schema.Codec<Failure, unknown>
      readonly needsApproval?:
        | boolean
        | ((parameters: Schema.Struct<Fields>["Type"]) => boolean | Effect.Effect<boolean>)
      readonly run: (parameters: Schema.Struct<Fields>["Type"], context: HandlerContext) => Return
    }
    & Declared<NoInfer<Return>, NoInfer<Success>, NoInfer<Failure>>
): BoundTool<Name, Schema.Struct<Fields>, Success, Failure, ServicesOf<Return>> => {
  const made = Tool.make(name, {
    description: options.description,
    parameters: Schema.Struct(options.parameters ?? {}),
    success: options.success ?? Schema.Unknown,
    failure: options.failure ?? Schema.Unknown,
    ...(options.needsApproval === undefined ? {} : { needsApproval: options.needsApproval as never })
  })
  const classified = options.class === "readonly"
    ? made.annotate(Tool.Readonly, true).annotate(Tool.Idempotent, true).annotate(Tool.Destructive, false)
    : made.annotate(Tool.Idempotent, options.class === "idempotent")
  return bind(classified, handlerOf(options) as never) as never
}
