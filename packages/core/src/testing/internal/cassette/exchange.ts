/**
 * What a model was asked and what it answered, as JSON.
 *
 * @internal
 */
import * as AiError from "effect/ai/AiError"
import type * as LanguageModel from "effect/ai/LanguageModel"
import * as Prompt from "effect/ai/Prompt"
import * as Response from "effect/ai/Response"
import * as Tool from "effect/ai/Tool"
import * as Schema from "effect/Schema"
import type { ModelSettings } from "../../../ModelSettings.ts"

/**
 * - `request`: the messages, the tools with their JSON Schemas, the tool choice and the settings.
 * - `model`: what the model said of itself: whether it follows a schema of its text, and takes system messages in the history.
 * - `parts`: of the reply, with the deltas of each block as one.
 * - `end`: `"whole"`, `"broken off"` where the run did not wait for the rest, or the failure.
 *
 * @internal
 */
export const Exchange = Schema.Struct({
  request: Schema.Struct({
    messages: Schema.Array(Schema.Json),
    tools: Schema.Array(Schema.Json),
    toolChoice: Schema.Json,
    settings: Schema.Json
  }),
  model: Schema.Struct({ followsOutput: Schema.Boolean, systemMessages: Schema.Boolean }),
  parts: Schema.Array(Schema.Json),
  end: Schema.Union([
    Schema.Literals(["whole", "broken off"]),
    Schema.Struct({ failure: Schema.toCodecJson(AiError.AiError) })
  ])
})

/** @internal */
export type Exchange = typeof Exchange.Type

/** @internal */
export type Request = Exchange["request"]

const encodeMessages = Schema.encodeSync(Schema.toCodecJson(Schema.Array(Prompt.Message)))

const json = (value: unknown): Schema.Json => JSON.parse(JSON.stringify(value) ?? "null")

/** @internal */
export const requestOf = (
  { prompt, toolChoice, tools }: LanguageModel.ProviderOptions,
  { output, ...settings }: ModelSettings
): Request => ({
  messages: encodeMessages(prompt.content) as ReadonlyArray<Schema.Json>,
  tools: tools.map((tool) =>
    json({ name: tool.name, description: Tool.getDescription(tool), parameters: Tool.getJsonSchema(tool) })
  ),
  toolChoice: json(toolChoice),
  settings: json(output === undefined ? settings : { ...settings, output })
})

const StreamPart = Schema.toCodecJson(Response.StreamPart())

/** @internal */
export const encodePart = Schema.encodeUnknownSync(StreamPart)

const isDelta = (
  part: Schema.Json
): part is { type: string; id: string; delta: string; metadata?: Record<string, Schema.Json> } =>
  typeof part === "object" && part !== null && "delta" in part && typeof part["delta"] === "string" && "id" in part

/** A secret may begin in one delta and end in another: those of a block become one. @internal */
export const merged = (parts: ReadonlyArray<Schema.Json>): ReadonlyArray<Schema.Json> => {
  const all: Array<Schema.Json> = []
  const places = new Map<string, number>()
  for (const part of parts) {
    if (!isDelta(part)) {
      all.push(part)
      continue
    }
    const key = `${part.type} ${part.id}`
    const place = places.get(key)
    const before = place === undefined ? undefined : all[place]
    if (place === undefined || before === undefined || !isDelta(before)) {
      places.set(key, all.length)
      all.push(part)
      continue
    }
    const metadata = { ...before.metadata, ...part.metadata }
    all[place] = {
      ...before,
      delta: before.delta + part.delta,
      ...(Object.keys(metadata).length === 0 ? {} : { metadata })
    }
  }
  return all
}
