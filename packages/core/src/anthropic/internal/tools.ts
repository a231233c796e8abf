/**
 * Turns effect tools into tool definitions of the Messages API.
 *
 * @internal
 */
import type * as Api from "@anthropic-ai/sdk/resources/messages"
import * as AiError from "effect/ai/AiError"
import * as LanguageModel from "effect/ai/LanguageModel"
import * as Tool from "effect/ai/Tool"
import type * as JsonSchema from "effect/JsonSchema"
import * as Result from "effect/Result"

type Converted<A> = Result.Result<A, AiError.AiErrorReason>

const namePattern = /^[a-zA-Z0-9_-]{1,128}$/

const unsupported = (description: string): Converted<never> =>
  Result.fail(new AiError.UnsupportedSchemaError({ description }))

const toJsonSchema = (tool: Tool.Any): Converted<JsonSchema.JsonSchema> =>
  Result.try({
    try: () => Tool.getJsonSchema(tool, { transformer: LanguageModel.defaultCodecTransformer }),
    catch: (cause) =>
      new AiError.UnsupportedSchemaError({
        description: `the parameters of tool "${tool.name}" have no JSON Schema (${String(cause)})`
      })
  })

// `$defs` that only the root itself used are tokens without a reader.
const withoutUnusedDefinitions = (schema: JsonSchema.JsonSchema): JsonSchema.JsonSchema => {
  const { $defs, ...root } = schema
  return $defs !== undefined && JSON.stringify(root).includes("\"#/$defs/") ? schema : root
}

const inputSchema = (tool: Tool.Any): Converted<Api.Tool.InputSchema> =>
  Result.flatMap(toJsonSchema(tool), (schema): Converted<Api.Tool.InputSchema> => {
    const union = ["anyOf", "oneOf", "allOf"].find((keyword) => Object.hasOwn(schema, keyword))
    if (union !== undefined) {
      return unsupported(
        `the parameters of tool "${tool.name}" are a union (${union}) at the root; wrap the union in a property of an object`
      )
    }
    if (schema["type"] === "object") {
      return Result.succeed({ ...withoutUnusedDefinitions(schema), type: "object" })
    }
    if (schema["type"] !== undefined || schema["$ref"] !== undefined) {
      return unsupported(`the parameters of tool "${tool.name}" are not an object at the root`)
    }
    // An unconstrained schema, or `Struct({})`, which says "anything but null".
    const { not: _, ...rest } = schema
    return Result.succeed({ ...rest, type: "object" })
  })

const convert = (tool: Tool.Any): Converted<Api.Tool> => {
  if (Tool.isProviderDefined(tool)) {
    return Result.fail(
      new AiError.InvalidRequestError({
        parameter: "tools",
        constraint: `has the provider-defined tool "${tool.name}"`,
        description: "Only tools with handlers of their own are supported"
      })
    )
  }
  if (!namePattern.test(tool.name)) {
    return Result.fail(
      new AiError.InvalidRequestError({
        parameter: "tools",
        constraint: `has the tool name "${tool.name}"`,
        description: "A name is 1 to 128 of the characters a-z, A-Z, 0-9, _ and -"
      })
    )
  }
  const description = Tool.getDescription(tool)
  return Result.map(inputSchema(tool), (schema) => ({
    name: tool.name,
    ...(description === undefined ? undefined : { description }),
    input_schema: schema
  }))
}

const converted = new WeakMap<Tool.Any, Converted<Api.Tool>>()

/**
 * Tool definitions in the order of the tools; a tool is converted once, so its definition never changes.
 *
 * @internal
 */
export const definitions = (tools: ReadonlyArray<Tool.Any>): Converted<Array<Api.Tool>> =>
  Result.all(tools.map((tool) => {
    const definition = converted.get(tool) ?? convert(tool)
    converted.set(tool, definition)
    return definition
  }))

/**
 * The `tool_choice` of a request that has tools.
 *
 * @internal
 */
export const choice = (toolChoice: LanguageModel.ToolChoice<string>): Api.ToolChoice => {
  if (typeof toolChoice === "string") return { type: toolChoice === "required" ? "any" : toolChoice }
  if ("tool" in toolChoice) return { type: "tool", name: toolChoice.tool }
  return { type: toolChoice.mode === "required" ? "any" : "auto" }
}
