/**
 * What the fields of a request beside its messages must be.
 *
 * @internal
 */
import * as blockRules from "./blockRules.ts"
import * as fields from "./fields.ts"

// `temperature`, `top_p` and `top_k` are gone since version 2026-10-21 of the API.
const requestKeys = new Set([
  "cache_control",
  "container",
  "diagnostics",
  "inference_geo",
  "max_tokens",
  "messages",
  "metadata",
  "model",
  "output_config",
  "service_tier",
  "speed",
  "stop_sequences",
  "stream",
  "system",
  "thinking",
  "tool_choice",
  "tools"
])

/** @internal */
export const request = function*(body: fields.Fields): fields.Violations {
  yield* fields.only("", body, requestKeys)
  yield* fields.required("", body, "model", "string")
  if (body["model"] === "") yield "model: String should have at least 1 character"
  yield* maxTokens(body["max_tokens"])
  yield* fields.required("", body, "messages", "list")
  yield* fields.optional("", body, "stream", "boolean")
  yield* system(body["system"])
}

const maxTokens = function*(value: unknown): fields.Violations {
  if (value === undefined) yield "max_tokens: Field required"
  else if (!Number.isInteger(value)) yield "max_tokens: Input should be a valid integer"
  else if (Number(value) < 1) yield "max_tokens: Input should be greater than or equal to 1"
}

const system = function*(value: unknown): fields.Violations {
  if (value === undefined || typeof value === "string") return
  if (!Array.isArray(value)) return yield "system: Input should be a valid string or list"
  for (const [index, block] of value.entries()) {
    const path = `system.${index}`
    if (!fields.isFields(block) || block["type"] !== "text" || typeof block["text"] !== "string") {
      yield `${path}: Input should be a valid text block`
    }
  }
  yield* blockRules.texts("system", value.filter(fields.isFields))
}

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

/** @internal */
export const tools = function*(body: fields.Fields): fields.Violations {
  yield* fields.optional("", body, "tools", "list")
  const list: ReadonlyArray<unknown> = Array.isArray(body["tools"]) ? body["tools"] : []
  for (const [index, tool] of list.entries()) {
    if (!fields.isFields(tool)) yield `tools.${index}: Input should be a valid dictionary`
    else if (isCustom(tool)) yield* customTool(`tools.${index}.custom`, tool)
  }
  const names = toolNames(list)
  if (new Set(names).size < names.length) yield "tools: Tool names must be unique."
  yield* toolChoice(body["tool_choice"], names)
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
  yield* fields.required(path, tool, "input_schema", "object")
  const schema = tool["input_schema"]
  if (!fields.isFields(schema)) return
  if (["oneOf", "allOf", "anyOf"].some((key) => key in schema)) {
    yield `${path}.input_schema: input_schema does not support oneOf, allOf, or anyOf at the top level`
  } else if (schema["type"] === undefined) yield `${path}.input_schema.type: Field required`
  else if (schema["type"] !== "object") yield `${path}.input_schema.type: Input should be 'object'`
}

const toolChoices = new Set(["auto", "any", "tool", "none"])

const toolChoice = function*(choice: unknown, names: ReadonlyArray<string>): fields.Violations {
  if (choice === undefined) return
  if (!fields.isFields(choice)) return yield "tool_choice: Input should be an object"
  yield* fields.oneOf("tool_choice", choice["type"], toolChoices)
  if (choice["type"] === "any" && names.length === 0) {
    yield "tool_choice.any may only be specified while providing tools"
  }
  if (choice["type"] === "tool" && !names.some((name) => name === choice["name"])) {
    yield `Tool '${fields.show(choice["name"])}' not found in provided tools`
  }
}
