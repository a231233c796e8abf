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
import * as Predicate from "effect/Predicate"
import * as Result from "effect/Result"
import { once } from "../../internal/once.ts"
import { refusesForcedTools } from "./models.ts"
import * as Names from "./names.ts"
import * as OutputFormat from "./outputFormat.ts"

type Converted<A> = Result.Result<A, AiError.AiErrorReason>

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

/** `Struct({})` says "anything but null"; where a schema is strict, that is an object without properties. */
const withoutProperties = ({ not, ...rest }: JsonSchema.JsonSchema, strict: boolean): Api.Tool.InputSchema => ({
  ...rest,
  type: "object",
  ...(strict && not !== undefined && { properties: {}, additionalProperties: false })
})

const inputSchema = (tool: Tool.Any, strict: boolean): Converted<Api.Tool.InputSchema> =>
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
    return Result.succeed(withoutProperties(schema, strict))
  })

const strictSchema = (tool: Tool.Any): Converted<Api.Tool.InputSchema> =>
  inputSchema(tool, true).pipe(
    Result.flatMap((schema) => OutputFormat.subset(`the parameters of the strict tool "${tool.name}"`, schema)),
    Result.mapBoth({
      onSuccess: (schema): Api.Tool.InputSchema => ({ ...schema, type: "object" }),
      onFailure: (reason) =>
        reason._tag === "UnsupportedSchemaError"
          ? new AiError.UnsupportedSchemaError({
            description: `${reason.description}, or annotate the tool with Tool.Strict as false`
          })
          : reason
    })
  )

const refuse = (constraint: string, description: string): Converted<never> =>
  Result.fail(new AiError.InvalidRequestError({ parameter: "tools", constraint, description }))

const prefix = "anthropic."

/** The members of a toolset are called by names of their own, which a tool of `effect/ai` cannot say. */
const isToolset = (type: string): boolean => type.includes("_toolset")

/** A tool that the API knows by its type: `anthropic.web_search_20260318` is of the type after the dot. */
const providerDefined = ({ args, id, name, providerName }: Tool.AnyProviderDefined): Converted<Api.ToolUnion> => {
  const constraint = `has the provider-defined tool "${name}" (${id})`
  if (!id.startsWith(prefix)) {
    return refuse(constraint, "Its id has to be \"anthropic.\" and a type of the Messages API")
  }
  const type = id.slice(prefix.length)
  if (isToolset(type)) return refuse(constraint, "Toolsets are not supported; offer tools one by one")
  const { failureMode: _, ...fields } = Predicate.isObject(args) ? args : {}
  // The types of tools that the SDK knows are not all there are.
  const definition: unknown = { type, name: providerName, ...fields }
  return Result.succeed(definition as Api.ToolUnion)
}

const convert = (tool: Tool.Any, strict: boolean): Converted<Api.ToolUnion> => {
  if (Tool.isProviderDefined(tool)) return providerDefined(tool)
  if (tool.name === "") return refuse("has a tool without a name", "Give each tool a name")
  const description = Tool.getDescription(tool)
  return Result.map(
    strict ? strictSchema(tool) : inputSchema(tool, false),
    (input_schema) => ({
      name: Names.ofTool(tool),
      ...(description === undefined ? undefined : { description }),
      input_schema,
      ...(strict && { strict })
    })
  )
}

const strictly = once((tool: Tool.Any) => convert(tool, true))
const loosely = once((tool: Tool.Any) => convert(tool, false))

const mostStrict = 20

/** The API limits what all strict tools of a request have together. */
const checkStrict = (tools: ReadonlyArray<Api.ToolUnion>): Converted<void> => {
  const strict = tools.filter((tool) => "input_schema" in tool && tool.strict === true) as ReadonlyArray<Api.Tool>
  if (strict.length > mostStrict) {
    return unsupported(`${strict.length} tools are strict; at most ${mostStrict} in a request can be`)
  }
  const all = strict.map(({ input_schema }) => OutputFormat.complexity(input_schema))
  return OutputFormat.withinLimits("the strict tools together", {
    optional: all.reduce((sum, { optional }) => sum + optional, 0),
    unions: all.reduce((sum, { unions }) => sum + unions, 0)
  })
}

const checkNames = (tools: ReadonlyArray<Tool.Any>): Converted<void> => {
  const names = tools.map(Names.ofTool)
  const twice = names.find((name, index) => names.indexOf(name) < index)
  return twice === undefined
    ? Result.succeed(undefined)
    : refuse(`has the tool name "${twice}" twice`, "Give each tool a name of its own")
}

/**
 * Tool definitions in the order of the tools; a tool is converted once, so its definition never changes. `strict` is for
 * tools that are not annotated with `Tool.Strict`.
 *
 * @internal
 */
export const definitions = (tools: ReadonlyArray<Tool.Any>, strict: boolean): Converted<Array<Api.ToolUnion>> =>
  Result.gen(function*() {
    const all = yield* Result.all(
      tools.map((tool) => Tool.getStrictMode(tool) ?? strict ? strictly(tool) : loosely(tool))
    )
    yield* checkNames(tools)
    yield* checkStrict(all)
    return all
  })

const kind = (toolChoice: LanguageModel.ToolChoice<string>, tools: ReadonlyArray<Tool.Any>): Api.ToolChoice => {
  if (typeof toolChoice === "string") return { type: toolChoice === "required" ? "any" : toolChoice }
  if (!("tool" in toolChoice)) return { type: toolChoice.mode === "required" ? "any" : "auto" }
  const tool = tools.find(({ name }) => name === toolChoice.tool)
  return { type: "tool", name: tool === undefined ? Names.toApi(toolChoice.tool) : Names.ofTool(tool) }
}

const forcedRefused = (model: string, choice: Api.ToolChoice): Converted<never> =>
  Result.fail(
    new AiError.InvalidRequestError({
      parameter: "toolChoice",
      constraint: choice.type === "tool" ? `is the tool "${choice.name}"` : "is \"required\"",
      description: `${model} cannot be made to call a tool; use "auto", or structured output`
    })
  )

/**
 * The `tool_choice` of a request that has tools; `parallel` is whether one reply may have several calls.
 *
 * @internal
 */
export const choice = (
  model: string,
  { toolChoice, tools }: Pick<LanguageModel.ProviderOptions, "toolChoice" | "tools">,
  parallel: boolean
): Converted<Api.ToolChoice> => {
  const chosen = kind(toolChoice, tools)
  if (chosen.type === "none") return Result.succeed(chosen)
  if (chosen.type !== "auto" && refusesForcedTools(model)) return forcedRefused(model, chosen)
  return Result.succeed(parallel ? chosen : { ...chosen, disable_parallel_tool_use: true })
}
