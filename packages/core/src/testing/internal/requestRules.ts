/**
 * What the fields of a request beside its messages and tools must be.
 *
 * @internal
 */
import { refusesThinking } from "../../anthropic/internal/models.ts"
import type { Allowed } from "./betas.ts"
import * as blockRules from "./blockRules.ts"
import * as cacheRules from "./cacheRules.ts"
import * as fields from "./fields.ts"
import * as models from "./models.ts"
import * as schemaRules from "./schemaRules.ts"

/** @internal */
export interface Rules {
  readonly endpoint: "messages" | "count_tokens"
  /** Whether the request is of the version of the API that still had sampling parameters. */
  readonly sampling: boolean
  readonly betas: Allowed
  readonly models: ReadonlyArray<models.Model>
}

const countedKeys = [
  "cache_control",
  "messages",
  "model",
  "output_config",
  "speed",
  "system",
  "thinking",
  "tool_choice",
  "tools"
]

const requestKeys = [
  ...countedKeys,
  "container",
  "diagnostics",
  "inference_geo",
  "max_tokens",
  "metadata",
  "service_tier",
  "stop_sequences",
  "stream"
]

const samplingKeys = ["temperature", "top_p", "top_k"]

const mostMessages = 100_000

/** @internal */
export const request = function*(body: fields.Fields, rules: Rules): fields.Violations {
  const counted = rules.endpoint === "count_tokens"
  const keys = counted ? countedKeys : rules.sampling ? [...requestKeys, ...samplingKeys] : requestKeys
  yield* fields.only("", body, new Set([...keys, ...rules.betas.parameters]))
  yield* fields.required("", body, "model", "string")
  if (body["model"] === "") yield "model: String should have at least 1 character"
  // No token at all is asked for to fill the cache.
  if (!counted) yield* fields.atLeast("", body, "max_tokens", 0)
  yield* fields.required("", body, "messages", "list")
  const { length } = fields.list(body["messages"])
  if (length > mostMessages) {
    yield `messages: List should have at most ${mostMessages} items after validation, not ${length}`
  }
  yield* fields.optional("", body, "stream", "boolean")
  yield* system(body["system"])
  yield* cacheRules.control("", body)
  yield* stopSequences(body["stop_sequences"])
  yield* fields.literal("", body, "service_tier", ["auto", "standard_only"])
  yield* fields.literal("", body, "speed", ["standard", "fast"])
  for (const [key, allowed] of Object.entries(objects)) yield* object(key, body[key], allowed)
  const model = models.find(rules.models, fields.show(body["model"]))
  yield* thinking(body, model)
  yield* outputConfig(body["output_config"], model, rules.betas)
}

const objects: { readonly [key: string]: ReadonlySet<string> } = {
  metadata: new Set(["user_id"]),
  diagnostics: new Set(["previous_message_id"]),
  container: new Set(["id", "skills"])
}

const object = function*(key: string, value: unknown, allowed: ReadonlySet<string>): fields.Violations {
  if (value === undefined || (key === "container" && typeof value === "string")) return
  if (!fields.isFields(value)) return yield `${key}: Input should be an object`
  yield* fields.only(key, value, allowed)
}

const systemKeys = new Set(["type", "text", "cache_control", "citations"])

const system = function*(value: unknown): fields.Violations {
  if (value === undefined || typeof value === "string") return
  if (!Array.isArray(value)) return yield "system: Input should be a valid string or list"
  for (const [index, block] of value.entries()) {
    const path = `system.${index}`
    if (!fields.isFields(block) || block["type"] !== "text" || typeof block["text"] !== "string") {
      yield `${path}: Input should be a valid text block`
    } else {
      yield* fields.only(path, block, systemKeys)
      yield* cacheRules.control(path, block)
    }
  }
  yield* blockRules.texts("system", value.filter(fields.isFields))
}

const stopSequences = function*(value: unknown): fields.Violations {
  if (value === undefined) return
  if (!Array.isArray(value)) return yield "stop_sequences: Input should be a valid list"
  for (const [index, sequence] of value.entries()) {
    if (typeof sequence !== "string") yield `stop_sequences.${index}: Input should be a valid string`
    else if (sequence.trim() === "") yield "stop_sequences: each stop sequence must contain non-whitespace"
  }
}

const thinkingKeys: { readonly [type: string]: ReadonlySet<string> } = {
  adaptive: new Set(["type", "display"]),
  between_tools: new Set(["type"]),
  disabled: new Set(["type"]),
  enabled: new Set(["type", "budget_tokens", "display"])
}

const thinkingTypes = new Set(models.thinkingTypes)

const thinking = function*(body: fields.Fields, model: Required<models.Model> | undefined): fields.Violations {
  const value = body["thinking"]
  if (value === undefined) return
  if (!fields.isFields(value)) return yield "thinking: Input should be an object"
  yield* fields.oneOf("thinking", value["type"], thinkingTypes)
  const type = fields.show(value["type"])
  if (!Object.hasOwn(thinkingKeys, type)) return
  yield* fields.only(`thinking.${type}`, value, thinkingKeys[type]!)
  if (value["display"] !== null) {
    yield* fields.literal(`thinking.${type}`, value, "display", ["summarized", "omitted"])
  }
  if (type === "enabled") {
    yield* fields.atLeast("thinking.enabled", value, "budget_tokens", 1024)
    if (Number(value["budget_tokens"]) >= Number(body["max_tokens"])) {
      yield "`max_tokens` must be greater than `thinking.budget_tokens`."
    }
  }
  if (model === undefined ? refusesThinking(fields.show(body["model"]), type) : !model.thinking.includes(type)) {
    yield `"thinking.type.${type}" is not supported for this model. ` +
      "Use \"thinking.type.adaptive\" and \"output_config.effort\" to control thinking behavior."
  }
}

const outputKeys = ["effort", "format"]
const formatKeys = new Set(["type", "schema"])
const formatTypes = new Set(["json_schema"])

const outputConfig = function*(
  value: unknown,
  model: Required<models.Model> | undefined,
  betas: Allowed
): fields.Violations {
  if (value === undefined) return
  if (!fields.isFields(value)) return yield "output_config: Input should be an object"
  yield* fields.only("output_config", value, new Set([...outputKeys, ...betas.output]))
  yield* effort(value, model)
  const { format } = value
  if (format === undefined || format === null) return
  if (!fields.isFields(format)) return yield "output_config.format: Input should be an object"
  yield* fields.oneOf("output_config.format", format["type"], formatTypes)
  yield* fields.only("output_config.format", format, formatKeys)
  yield* fields.required("output_config.format", format, "schema", "object")
  if (fields.isFields(format["schema"])) yield* schemaRules.schema("output_config.format.schema", format["schema"])
}

const efforts = ["low", "medium", "high", "xhigh", "max"]

const effort = function*(
  config: fields.Fields,
  model: Required<models.Model> | undefined
): fields.Violations {
  const level = config["effort"]
  yield* fields.literal("output_config", config, "effort", efforts)
  if (model === undefined || typeof level !== "string" || !efforts.includes(level)) return
  if (model.effort.length === 0) yield "This model does not support the effort parameter."
  else if (!model.effort.includes(level)) {
    yield `This model does not support effort level '${level}'. Supported levels: ${
      model.effort.toSorted().join(", ")
    }.`
  }
}
