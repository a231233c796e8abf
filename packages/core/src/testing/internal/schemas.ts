/**
 * What the schemas of a script are made of.
 *
 * @internal
 */
import * as Schema from "effect/Schema"

/** @internal */
export const Count = Schema.Int.check(Schema.isGreaterThanOrEqualTo(0))

const Unit = Schema.Literals(["nanos", "micros", "millis", "second", "seconds", "minute", "minutes", "hour", "hours"])

const NotNegative = Schema.Finite.check(Schema.isGreaterThanOrEqualTo(0))

/** What `Duration` reads, which knows no exponents. @internal */
export const Pause = Schema.Union([
  NotNegative,
  Schema.TemplateLiteral([NotNegative, " ", Unit]).check(Schema.isPattern(/^\d+(\.\d+)? [a-z]+$/))
])

const Fields = Schema.Record(Schema.String, Schema.Json)

/** One member of a union for each type, so that an error is about the type that is meant. */
const each = <const Type extends string, Fields extends Schema.Struct.Fields>(
  types: ReadonlyArray<Type>,
  fields: Fields
) => types.map((type) => Schema.Struct({ type: Schema.Literal(type), ...fields }))

const argumentsOfCall = {
  input: Schema.optionalKey(Schema.Json),
  partialJson: Schema.optionalKey(Schema.String),
  caller: Schema.optionalKey(Fields)
}

/** The blocks in which the server says what its own tools have done, without those of betas. @internal */
export const generalServerResults = [
  "web_search_tool_result",
  "web_fetch_tool_result",
  "code_execution_tool_result",
  "bash_code_execution_tool_result",
  "text_editor_code_execution_tool_result",
  "tool_search_tool_result"
] as const

/** Those, and those of betas. @internal */
export const serverResults = [...generalServerResults, "advisor_tool_result", "mcp_tool_result"] as const

const ModelName = Schema.Struct({ model: Schema.String })

/** @internal */
export const Block = Schema.Union([
  Schema.Struct({
    type: Schema.Literal("text"),
    text: Schema.String,
    citations: Schema.optionalKey(Schema.Array(Fields))
  }),
  Schema.Struct({ type: Schema.Literal("thinking"), thinking: Schema.String, signature: Schema.String }),
  Schema.Struct({ type: Schema.Literal("redacted_thinking"), data: Schema.String }),
  Schema.Struct({
    type: Schema.Literal("tool_use"),
    id: Schema.optionalKey(Schema.String),
    name: Schema.String,
    ...argumentsOfCall,
    toolset_name: Schema.optionalKey(Schema.String)
  }),
  Schema.Struct({
    type: Schema.Literal("server_tool_use"),
    id: Schema.String,
    name: Schema.String,
    ...argumentsOfCall
  }),
  Schema.Struct({
    type: Schema.Literal("mcp_tool_use"),
    id: Schema.String,
    name: Schema.String,
    server_name: Schema.String,
    ...argumentsOfCall
  }),
  ...each(serverResults, {
    tool_use_id: Schema.String,
    content: Schema.Json,
    is_error: Schema.optionalKey(Schema.Boolean),
    caller: Schema.optionalKey(Fields)
  }),
  Schema.Struct({
    type: Schema.Literal("mcp_tool_listing"),
    mcp_server_name: Schema.String,
    tools: Schema.Array(Fields)
  }),
  Schema.Struct({ type: Schema.Literal("container_upload"), file_id: Schema.String }),
  Schema.Struct({
    type: Schema.Literal("compaction"),
    content: Schema.NullOr(Schema.String),
    encrypted_content: Schema.optionalKey(Schema.NullOr(Schema.String))
  }),
  Schema.Struct({
    type: Schema.Literal("fallback"),
    from: ModelName,
    to: ModelName,
    trigger: Schema.optionalKey(Fields)
  })
]).annotate({ expected: "a block of a known type" })

const atEvent = { afterEvents: Schema.optionalKey(Count), insideBlock: Schema.optionalKey(Count) }

const atByte = { ...atEvent, afterBytes: Schema.optionalKey(Count) }

const shouldRetry = { shouldRetry: Schema.optionalKey(Schema.Boolean) }

/** Faults in place of a reply. @internal */
export const StatusFault = Schema.Union([
  Schema.Struct({
    type: Schema.Literal("rateLimit"),
    retryAfter: Schema.optionalKey(Pause),
    retryAfterIn: Schema.optionalKey(Schema.Literals(["seconds", "date", "milliseconds"])),
    ...shouldRetry
  }),
  ...each(["spendLimit", "serverError", "overloaded"], shouldRetry)
])

/** Faults on the way of a reply. @internal */
export const WireFault = Schema.Union([
  Schema.Struct({ type: Schema.Literal("slowStart"), pause: Schema.optionalKey(Pause) }),
  Schema.Struct({ type: Schema.Literal("stall"), pings: Schema.optionalKey(Pause), ...atByte }),
  ...each(["cut", "eof"], atByte),
  Schema.Struct({
    type: Schema.Literal("error"),
    errorType: Schema.optionalKey(Schema.NonEmptyString),
    message: Schema.optionalKey(Schema.String),
    ...atEvent
  }),
  ...each(["malformed", "unknownEvent"], atEvent),
  ...each(["wrongIndex", "unknownDelta"], { insideBlock: Schema.optionalKey(Count) })
])

/** Faults in what a reply says. @internal */
export const ValueFault = Schema.Union([
  ...each(["empty", "truncated", "swapped", "corrupted"], { of: Schema.Literals(["text", "arguments"]) }),
  ...each(["missingCall", "repeatedCall", "duplicateId", "unknownBlock"], {})
])
