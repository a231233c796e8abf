/**
 * A bound tool whose parameters are a raw JSON Schema.
 *
 * @internal
 */
import * as Tool from "effect/ai/Tool"
import * as Schema from "effect/Schema"

/** @param tool - as `Agent.tool` made it @internal */
export const dynamic = <T extends Tool.Any>(tool: T, parameters: { readonly [key: string]: unknown }): T =>
  Object.assign(tool, {
    [Tool.DynamicTypeId]: Tool.DynamicTypeId,
    parametersSchema: Schema.Unknown,
    jsonSchema: parameters
  })
