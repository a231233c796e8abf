/**
 * What the plans of an agent are drawn from: its tools, with values of their schemas.
 *
 * @internal
 */
import * as Tool from "effect/ai/Tool"
import * as Arbitrary from "effect/Arbitrary"
import * as Context from "effect/Context"
import * as Duration from "effect/Duration"
import * as Effect from "effect/Effect"
import * as Option from "effect/Option"
import * as Predicate from "effect/Predicate"
import * as Schema from "effect/Schema"
import type * as Agent from "../../../Agent.ts"
import * as ResultStore from "../../../ResultStore.ts"
import * as ToolFailure from "../../../ToolFailure.ts"
import * as ToolPolicy from "../../../ToolPolicy.ts"
import * as Arguments from "./arguments.ts"

/** Of one attempt, in milliseconds, where the policy does not say. */
const defaultTimeout = 30_000

type Pure = Schema.Codec<unknown, unknown>

/** What an error of a handler states. @internal */
export interface Stated {
  readonly kind: ToolFailure.Kind | "defect" | undefined
  /** `false` where it says that nothing happened. */
  readonly executed: boolean
  readonly retryAfter: number | undefined
}

/** A failure that the tool declares. @internal */
export interface Declared extends Stated {
  readonly json: Schema.Json
}

/** @internal */
export interface Member {
  readonly tool: Tool.Any
  readonly name: string
  readonly policy: ToolPolicy.Policy
  readonly effectClass: ToolPolicy.EffectClass
  readonly timeout: number
  /** Whether calls of it may want approval. */
  readonly gated: boolean
  readonly valid: ReadonlyArray<Arguments.Arguments>
  readonly broken: ReadonlyArray<Arguments.Arguments>
  readonly results: ReadonlyArray<Schema.Json>
  readonly failures: ReadonlyArray<Declared>
  /** The result as a handler gives it. */
  readonly result: (json: Schema.Json | undefined) => unknown
  readonly failure: (json: Schema.Json) => unknown
  /** The same result with a text in it of so many bytes, where there is room for a text. */
  readonly flood: (json: Schema.Json, bytes: number) => Schema.Json | undefined
  /** The result of a call told apart from any other, as far as its schema lets it be. */
  readonly mark: (json: Schema.Json, run: number, turn: number, index: number) => Schema.Json
}

/** @internal */
export interface Cast {
  /** The tools that the model may call. */
  readonly members: ReadonlyArray<Member>
  /** Those and the tools that stand in for them. */
  readonly all: ReadonlyMap<string, Member>
}

/** A mark as it stands in an answer. @internal */
export const marks = /«(\d+)\.(\d+)\.(\d+)»/g

const samples = <A>(arbitrary: Arbitrary.Arbitrary<A>, count: number, seed: string): ReadonlyArray<A> =>
  Effect.runSyncWith(Context.empty())(
    Effect.orElseSucceed(Arbitrary.sampleEffect(arbitrary, { count, seed, size: 4 }), () => [])
  )

const kinds: ReadonlySet<unknown> = new Set<ToolFailure.Kind>(["transient", "permanent", "unknown", "fatal"])

/** What an error states of itself, or the policy of it; the kind is `undefined` where only the table of failures may know. @internal */
export const stated = (policy: ToolPolicy.Policy, error: unknown): Stated => {
  const has = Predicate.hasProperty
  const own = has(error, ToolFailure.kind) && kinds.has(error[ToolFailure.kind])
    ? error[ToolFailure.kind] as ToolFailure.Kind
    : undefined
  const tag = has(error, "_tag") ? String(error._tag) : ""
  const { failures } = policy
  const retryAfter = has(error, "retryAfter") ? Duration.fromInput(error.retryAfter as never) : Option.none()
  return {
    kind: own ?? (failures !== undefined && Object.hasOwn(failures, tag) ? failures[tag] : undefined),
    executed: !(has(error, "executed") && error.executed === false),
    retryAfter: Option.getOrUndefined(Option.map(retryAfter, Duration.toMillis))
  }
}

const encodeOwn = Schema.encodeUnknownOption(Schema.toCodecJson(ToolFailure.ToolFailure))
const decodeOwn = Schema.decodeUnknownOption(Schema.toCodecJson(ToolFailure.ToolFailure))

/** The failures of Volley itself that differ in what they lead to. */
const common: ReadonlyArray<ToolFailure.ToolFailure> = [
  ToolFailure.transient({ reason: "Unavailable", message: "it is down" }),
  ToolFailure.transient({ reason: "Unavailable", message: "it refused the connection", executed: false }),
  ToolFailure.transient({ reason: "RateLimited", message: "too many requests", retryAfter: 45, executed: false }),
  ToolFailure.transient({ reason: "RateLimited", message: "far too many", retryAfter: 31_000, executed: false }),
  ToolFailure.permanent({ reason: "NotFound", message: "there is none" }),
  new ToolFailure.Unknown({ message: "something odd" })
]

const isAnything = ({ ast }: Schema.Constraint): boolean => ast._tag === "Unknown" || ast._tag === "Any"

/** Every text in a value replaced. */
const texts = (json: Schema.Json, by: (text: string) => string): Schema.Json => {
  if (typeof json === "string") return by(json)
  if (Array.isArray(json)) return json.map((item) => texts(item, by))
  if (typeof json !== "object" || json === null) return json
  return Object.fromEntries(Object.entries(json).map(([key, item]) => [key, texts(item, by)]))
}

const handled = (tool: Tool.Any) => {
  const { successSchema } = tool
  const codec: Pure = isAnything(successSchema)
    ? Schema.Json
    : Schema.toCodecJson(successSchema as unknown as Pure)
  const decode = Schema.decodeUnknownOption(codec)
  const fits = (json: Schema.Json): boolean => Option.isSome(decode(json))
  return {
    results: isAnything(successSchema)
      ? ["result"]
      : samples(Arguments.encoded(codec, `Tool "${tool.name}"`), 12, tool.name),
    result: (json: Schema.Json | undefined): unknown =>
      json === undefined ? undefined : Option.getOrElse(decode(json), () => json),
    flood: (json: Schema.Json, bytes: number): Schema.Json | undefined => {
      const flooded = texts(json, (text) => text.padEnd(bytes, "x"))
      return flooded !== json && fits(flooded) ? flooded : undefined
    },
    mark: (json: Schema.Json, ...place: readonly [number, number, number]): Schema.Json => {
      const marked = texts(json, () => `result «${place.join(".")}»`)
      return fits(marked) ? marked : json
    }
  }
}

const failing = (tool: Tool.Any, policy: ToolPolicy.Policy) => {
  const schema = tool.failureSchema as Schema.Constraint as Pure
  const open = isAnything(schema)
  const codec = Schema.toCodecJson(schema) as Pure
  const decode = Schema.decodeUnknownOption(codec)
  const isDeclared = Schema.is(schema)
  const failure = (json: Schema.Json): unknown => Option.getOrElse(open ? decodeOwn(json) : decode(json), () => json)
  const own = open || schema.ast._tag === "Never"
    ? []
    : samples(Arguments.encoded(codec, `The failure of tool "${tool.name}"`), 12, `${tool.name} fails`)
  const found = [
    ...common.filter((error) => open || isDeclared(error)).flatMap((error) => Option.toArray(encodeOwn(error))),
    // those of Volley itself are above, with fields that mean something
    ...own.filter((json) => Option.isNone(decodeOwn(json)))
  ]
  return { failure, failures: found.map((json) => ({ json, ...stated(policy, failure(json)) })) }
}

/** The annotation's default is true and means nothing. */
const isGated = ({ annotations, needsApproval }: Tool.Any): boolean =>
  (needsApproval !== undefined && needsApproval !== false)
  || (annotations.mapUnsafe.has(Tool.Destructive.key) && Context.get(annotations, Tool.Destructive))

const member = (tool: Tool.Any): Member => {
  const policy = ToolPolicy.get(tool)
  return {
    tool,
    name: tool.name,
    policy,
    effectClass: ToolPolicy.effectClass(tool),
    timeout: policy.timeout === undefined ? defaultTimeout : Duration.toMillis(policy.timeout),
    gated: isGated(tool),
    valid: samples(Arguments.valid(tool), 32, `${tool.name} valid`),
    broken: samples(Arguments.broken(tool), 16, `${tool.name} broken`),
    ...handled(tool),
    ...failing(tool, policy)
  }
}

const known = new WeakMap<object, Cast>()

/**
 * The cast of an agent.
 *
 * @throws `Error` naming the tool of whose schema no values can be made
 * @internal
 */
export const of = (agent: Agent.Agent<unknown, unknown, unknown, unknown>): Cast => {
  const found = known.get(agent)
  if (found !== undefined) return found
  const tools = Object.values(agent.tools as Record<string, Tool.Any>)
  const all = new Map<string, Member>()
  const add = (tool: Tool.Any): void => {
    if (all.get(tool.name)?.tool === tool) return
    all.set(tool.name, member(tool))
    const { fallback } = ToolPolicy.get(tool)
    if (fallback !== undefined && !all.has(fallback.name)) add(fallback)
  }
  // a tool of the agent goes before one of the same name that stands in
  for (const tool of tools) add(tool)
  const members = tools.filter((tool) => !Tool.isProviderDefined(tool)).map(({ name }) => all.get(name)!)
  const cast: Cast = { members, all }
  known.set(agent, cast)
  return cast
}

/** Whether the tool reads results that were cut: its own handler is part of what is tested. @internal */
export const isOwn: (tool: Tool.Any) => boolean = ResultStore.isReadResult
