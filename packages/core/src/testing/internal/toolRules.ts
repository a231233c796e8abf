/**
 * What the tools of a request, and the choice among them, must be.
 *
 * @internal
 */
import * as models from "../../anthropic/internal/models.ts"
import * as cacheRules from "./cacheRules.ts"
import * as fields from "./fields.ts"
import * as schemaRules from "./schemaRules.ts"

const toolKeys = new Set([
  "name",
  "input_schema",
  "description",
  "type",
  "strict",
  "input_examples",
  "eager_input_streaming",
  "defer_loading",
  "allowed_callers",
  "cache_control"
])

/** Tools that the API defines, with the only name each may have; a toolset has none. */
const defined: { readonly [type: string]: string | undefined } = {
  bash_20250124: "bash",
  text_editor_20250124: "str_replace_editor",
  text_editor_20250429: "str_replace_based_edit_tool",
  text_editor_20250728: "str_replace_based_edit_tool",
  memory_20250818: "memory",
  browser_toolset_20260801: undefined,
  computer_toolset_20260801: undefined,
  code_execution_20250522: "code_execution",
  code_execution_20250825: "code_execution",
  code_execution_20260120: "code_execution",
  code_execution_20260521: "code_execution",
  web_search_20250305: "web_search",
  web_search_20260209: "web_search",
  web_search_20260318: "web_search",
  web_fetch_20250910: "web_fetch",
  web_fetch_20260209: "web_fetch",
  web_fetch_20260309: "web_fetch",
  web_fetch_20260318: "web_fetch",
  tool_search_tool_bm25: "tool_search_tool_bm25",
  tool_search_tool_bm25_20251119: "tool_search_tool_bm25",
  tool_search_tool_regex: "tool_search_tool_regex",
  tool_search_tool_regex_20251119: "tool_search_tool_regex"
}

const toolTypes = new Set(["custom", ...Object.keys(defined)])

// Those of betas have a date, too, and are passed unread.
const betaTool = /^(bash|computer|text_editor|advisor)_\d{8}$|^mcp_toolset$/

const mostStrict = 20

/** @internal */
export const tools = function*(body: fields.Fields): fields.Violations {
  yield* fields.optional("", body, "tools", "list")
  const list = fields.list(body["tools"])
  for (const [index, tool] of list.entries()) {
    if (!fields.isFields(tool)) yield `tools.${index}: Input should be a valid dictionary`
    else if (isCustom(tool)) yield* customTool(`tools.${index}.custom`, tool)
    else yield* definedTool(`tools.${index}`, tool)
  }
  const names = toolNames(list)
  if (new Set(names).size < names.length) yield "tools: Tool names must be unique."
  const strict = list.filter(fields.isFields).filter(({ strict }) => strict === true)
  if (strict.length > mostStrict) {
    yield `Too many strict tools (${strict.length}). The maximum number of strict tools supported is ${mostStrict}. Try ` +
      "reducing the number of tools marked as strict."
  }
  yield* schemaRules.limits([...strict.map((tool) => tool["input_schema"]), formatOf(body)].filter(fields.isFields))
  yield* toolChoice(body, names)
}

const formatOf = ({ output_config }: fields.Fields): unknown => {
  const format = fields.isFields(output_config) ? output_config["format"] : undefined
  return fields.isFields(format) ? format["schema"] : undefined
}

const namePattern = /^[a-zA-Z0-9_-]{1,128}$/

const isCustom = ({ type }: fields.Fields): boolean => type === undefined || type === null || type === "custom"

const toolNames = (tools: ReadonlyArray<unknown>): ReadonlyArray<string> =>
  tools.flatMap((tool) => fields.isFields(tool) && typeof tool["name"] === "string" ? [tool["name"]] : [])

const customTool = function*(path: string, tool: fields.Fields): fields.Violations {
  yield* fields.only(path, tool, toolKeys)
  yield* fields.required(path, tool, "name", "string")
  yield* fields.matches(path, tool, "name", namePattern)
  yield* fields.optional(path, tool, "description", "string")
  yield* fields.optional(path, tool, "strict", "boolean")
  yield* fields.required(path, tool, "input_schema", "object")
  yield* cacheRules.control(path, tool)
  const schema = tool["input_schema"]
  if (!fields.isFields(schema)) return
  if (["oneOf", "allOf", "anyOf"].some((key) => key in schema)) {
    yield `${path}.input_schema: input_schema does not support oneOf, allOf, or anyOf at the top level`
  } else if (schema["type"] === undefined) yield `${path}.input_schema.type: Field required`
  else if (schema["type"] !== "object") yield `${path}.input_schema.type: Input should be 'object'`
  else if (tool["strict"] === true) yield* schemaRules.schema(path, schema)
}

const definedTool = function*(path: string, tool: fields.Fields): fields.Violations {
  const type = fields.show(tool["type"])
  if (betaTool.test(type) && !Object.hasOwn(defined, type)) return
  yield* fields.oneOf(path, tool["type"], toolTypes)
  const name = Object.hasOwn(defined, type) ? defined[type] : undefined
  if (name === undefined) return
  yield* fields.required(`${path}.${type}`, tool, "name", "string")
  yield* fields.literal(`${path}.${type}`, tool, "name", [name])
  yield* cacheRules.control(`${path}.${type}`, tool)
}

const parallel = "disable_parallel_tool_use"

const choiceKeys: { readonly [type: string]: ReadonlySet<string> } = {
  auto: new Set(["type", parallel]),
  any: new Set(["type", parallel]),
  tool: new Set(["type", "name", parallel]),
  none: new Set(["type"])
}

const choiceTypes = new Set(Object.keys(choiceKeys))

const toolChoice = function*(body: fields.Fields, names: ReadonlyArray<string>): fields.Violations {
  const choice = body["tool_choice"]
  if (choice === undefined) return
  if (!fields.isFields(choice)) return yield "tool_choice: Input should be an object"
  yield* fields.oneOf("tool_choice", choice["type"], choiceTypes)
  const type = fields.show(choice["type"])
  if (!choiceTypes.has(type)) return
  yield* fields.only(`tool_choice.${type}`, choice, choiceKeys[type]!)
  yield* fields.optional(`tool_choice.${type}`, choice, parallel, "boolean")
  if (type === "any" && names.length === 0) yield "tool_choice.any may only be specified while providing tools"
  if (type === "tool") {
    yield* fields.required("tool_choice.tool", choice, "name", "string")
    const { name } = choice
    if (typeof name === "string" && !names.includes(name)) yield `Tool '${name}' not found in provided tools`
  }
  if (type === "any" || type === "tool") yield* forced(body)
}

const forced = function*({ model, thinking }: fields.Fields): fields.Violations {
  if (typeof model === "string" && models.refusesForcedTools(model)) {
    yield "tool_choice: type \"tool\" and \"any\" are not supported for this model."
  }
  if (fields.isFields(thinking) && (thinking["type"] === "enabled" || thinking["type"] === "adaptive")) {
    yield "Thinking may not be enabled when tool_choice forces tool use."
  }
}
