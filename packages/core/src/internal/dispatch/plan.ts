/**
 * Compiles a tool, its policy and its handler into what the stages need.
 *
 * @internal
 */
import * as AiError from "effect/ai/AiError"
import * as Prompt from "effect/ai/Prompt"
import type * as Tool from "effect/ai/Tool"
import type * as Toolkit from "effect/ai/Toolkit"
import * as Clock from "effect/Clock"
import * as Context from "effect/Context"
import * as Duration from "effect/Duration"
import * as Effect from "effect/Effect"
import * as Exit from "effect/Exit"
import * as Predicate from "effect/Predicate"
import type * as Schedule from "effect/Schedule"
import * as Schema from "effect/Schema"
import * as ToolFailure from "../../ToolFailure.ts"
import * as ToolPolicy from "../../ToolPolicy.ts"
import { guarded, lookUp, read, retryAfterOf, safeMessage } from "../classify.ts"
import { deepest, isTooDeep } from "../depth.ts"
import { describeIssue } from "../describeIssue.ts"
import * as Permits from "../permits.ts"
import { bytesOf } from "../size.ts"
import { argumentsCheck } from "./jsonSchema.ts"
import { backoff } from "./retry.ts"
import { type Call, type Failed, keyOf, type Plan } from "./stage.ts"

/** Of one attempt, in milliseconds. */
const defaultTimeout = 30_000
const defaultRetries = 2

/** As the model reads it, in bytes. */
const defaultResultSize = 32 * 1024

/** A handler with the services it was built with. @internal */
export interface Handler {
  readonly handler: (params: unknown, context: Toolkit.HandlerContext<never>) => Effect.Effect<unknown, unknown>
  readonly context: Context.Context<never>
}

const kinds: ReadonlySet<unknown> = new Set<ToolFailure.Kind>(["transient", "permanent", "unknown", "fatal"])

const kindOf = (policy: ToolPolicy.Policy, error: unknown): ToolFailure.Kind | undefined => {
  const stated = read(error, ToolFailure.kind)
  if (kinds.has(stated)) return stated as ToolFailure.Kind
  const tag = read(error, "_tag")
  return typeof tag === "string" && policy.failures !== undefined && Object.hasOwn(policy.failures, tag)
    ? policy.failures[tag]
    : undefined
}

const reasons: ReadonlySet<unknown> = new Set([
  ...ToolFailure.TransientReason.literals,
  ...ToolFailure.PermanentReason.literals
])

/** A tool's own error may have a `reason` that is free text. */
const reasonOf = (kind: ToolFailure.Kind, error: unknown): string => {
  if (kind === "unknown") return "Unknown"
  const [reason, tag] = [read(error, "reason"), read(error, "_tag")]
  return typeof reason === "string" && reasons.has(reason) ? reason : typeof tag === "string" ? tag : "Unknown"
}

/**
 * What an error of a handler means: what the error states itself, else what the tool's policy says of its tag, else what
 * the table knows.
 */
const classify = (policy: ToolPolicy.Policy, clock: Clock.Clock) => (error: unknown): Failed => {
  const failure = guarded(() => AiError.isAiErrorReason(error)) === true
    ? AiError.make({ module: "Toolkit", method: "handler", reason: error as AiError.AiErrorReason })
    : error
  const kind = kindOf(policy, failure)
  const now = clock.currentTimeMillisUnsafe()
  if (kind === undefined) {
    const known = lookUp(failure, now)
    return known === undefined
      ? { kind: "unknown", reason: "Unknown", message: safeMessage(failure), executed: true, error: failure }
      : { ...known, executed: known.executed !== false, error: failure }
  }
  const retryAfter = Predicate.isObject(failure) ? retryAfterOf(failure, now) : undefined
  return {
    kind,
    reason: reasonOf(kind, failure),
    message: safeMessage(failure),
    executed: read(failure, "executed") !== false,
    ...(retryAfter === undefined ? {} : { retryAfter }),
    error: failure
  }
}

const scheduleOf = (retry: ToolPolicy.Retry | undefined): Schedule.Schedule<unknown, Failed> | undefined => {
  if (retry === undefined) return backoff(defaultRetries)
  if (!("times" in retry)) return retry
  return retry.times === 0 ? undefined : backoff(retry.times)
}

const handlerContext = (call: Call): Toolkit.HandlerContext<never> => ({
  toolCallId: call.id,
  preliminary: (value) => call.shared.publish({ _tag: "Progress", ...keyOf(call), value })
})

const dependencyOf = ({ name }: Tool.Any, { breaker }: ToolPolicy.Policy): Plan["dependency"] => {
  const key = breaker?.key
  return key === undefined ? () => name : (call) => guarded(() => key(call.decoded as never)) ?? name
}

/** An effect that has ended already needs no services. */
const provided = <A, E>(effect: Effect.Effect<A, E>, services: Context.Context<never>): Effect.Effect<A, E> =>
  Exit.isExit(effect) ? effect : Effect.provideContext(effect, services)

/**
 * @param services - of the run, which the handler sees before those it was built with
 * @internal
 */
export const makePlan = (
  tool: Tool.Any,
  handler: Handler,
  services: Context.Context<never>,
  fallback: Plan["fallback"]
): Plan => {
  const policy = ToolPolicy.get(tool)
  const encode = Schema.encodeUnknownEffect(Schema.toCodecJson(tool.successSchema as Schema.Codec<unknown, unknown>))
  const { toModelOutput } = tool
  const { reconcile } = policy
  const builtWith = handler.context
  return {
    name: tool.name,
    effectClass: ToolPolicy.effectClass(tool),
    policy,
    timeout: policy.timeout === undefined
      ? defaultTimeout
      : Duration.toMillis(Duration.fromInputUnsafe(policy.timeout)),
    schedule: scheduleOf(policy.retry),
    permits: policy.concurrency === undefined ? undefined : Permits.make(policy.concurrency),
    maxResultSize: policy.maxResultSize === undefined ? defaultResultSize : bytesOf(policy.maxResultSize),
    dependency: dependencyOf(tool, policy),
    handle: (call) => Effect.suspend(() => handler.handler(call.decoded, handlerContext(call))),
    encode: (value) =>
      toModelOutput === undefined
        ? value === undefined ? Effect.void : provided(encode(value), services)
        : Effect.sync(() => Prompt.toolModelOutputToText(toModelOutput(value))),
    reconcile: reconcile === undefined ?
      undefined :
      (call, current) =>
        Effect.suspend(() => reconcile(call.decoded as never, current)).pipe(
          Effect.provideContext(Context.merge(builtWith, services))
        ) as ReturnType<NonNullable<Plan["reconcile"]>>,
    classify: classify(policy, Context.get(services, Clock.Clock)),
    fallback,
    services: builtWith.mapUnsafe.size === 0 ? (context) => context : (context) => Context.merge(builtWith, context)
  }
}

/**
 * What the arguments of a call decode to, or what is wrong with them.
 *
 * @throws `Error` for a raw JSON Schema that `checkSchema` refuses
 * @internal
 */
export const makeDecode = (tool: Tool.Any, services: Context.Context<never>) => {
  const check = argumentsCheck(tool)
  const schema = tool.parametersSchema as Schema.Codec<unknown, unknown>
  const parse = Schema.decodeUnknownEffect(schema, { errors: "all" })
  const decode = (params: object): Effect.Effect<unknown, string> => {
    if (check === undefined) {
      const parsed = parse(params)
      return Exit.isExit(parsed) && Exit.isSuccess(parsed)
        ? Effect.succeed(parsed.value)
        : Effect.provideContext(Effect.mapError(parsed, ({ issue }) => describeIssue(issue)), services)
    }
    const wrong = check(params)
    return wrong === undefined ? Effect.succeed(params) : Effect.fail(wrong)
  }
  return (params: unknown): Effect.Effect<unknown, string> => {
    if (!Predicate.isObject(params) || Array.isArray(params)) {
      return Effect.fail("the arguments are not a complete JSON object")
    }
    if (isTooDeep(params)) return Effect.fail(`the arguments are nested deeper than ${deepest} levels`)
    return decode(params)
  }
}
