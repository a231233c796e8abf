/**
 * The structured output of a run: asked for as the form of the final text where the model follows that, else as the call
 * of a tool.
 *
 * @internal
 */
import * as Tool from "effect/ai/Tool"
import * as Effect from "effect/Effect"
import type * as JsonSchema from "effect/JsonSchema"
import * as Schema from "effect/Schema"
import * as RunState from "../../RunState.ts"
import * as Bound from "../boundTool.ts"
import { describeIssue } from "../describeIssue.ts"

/** @internal */
export interface Output {
  readonly name: string
  readonly schema: JsonSchema.JsonSchema
  readonly tool: Tool.Any
  /** What a JSON text is decoded to, or what is wrong with it. */
  readonly parse: (text: string) => Effect.Effect<unknown, string>
  /** What the run put out, once it was accepted. */
  readonly of: (state: RunState.RunState) => Effect.Effect<unknown>
}

/** What the API takes for the root of a schema is an object. */
const asObject = (schema: Schema.Codec<unknown, unknown>) => {
  const whole = Tool.getJsonSchemaFromSchema(schema)["type"] === "object"
  return whole ? { schema, unwrap: (value: unknown) => value } : {
    schema: Schema.Struct({ value: schema }) as Schema.Codec<unknown, unknown>,
    unwrap: (value: unknown) => (value as { readonly value: unknown }).value
  }
}

/** @internal */
export const make = (name: string, output: Schema.Codec<unknown, unknown>): Output => {
  const { schema, unwrap } = asObject(output)
  const decode = Schema.decodeUnknownEffect(schema, { errors: "all" })
  const tool = Tool.make(name, {
    description: "Gives the final answer.",
    parameters: schema as unknown as Schema.Struct<{}>,
    success: Schema.String
  }).annotate(Tool.Readonly, true).annotate(Tool.Destructive, false)
  const decoded = (value: unknown): Effect.Effect<unknown, string> =>
    Effect.mapBoth(decode(value), { onFailure: ({ issue }) => describeIssue(issue), onSuccess: unwrap })
  const parse: Output["parse"] = (text) =>
    Effect.suspend(() => {
      let value: unknown
      try {
        value = JSON.parse(text)
      } catch {
        return Effect.fail("the answer is not JSON")
      }
      return decoded(value)
    })
  return {
    name,
    schema: Tool.getJsonSchemaFromSchema(schema),
    tool: Object.assign(tool, { [Bound.TypeId]: { handler: () => Effect.succeed("done") } }),
    parse,
    of: (state) => {
      if (!state.output.accepted) return Effect.undefined
      const call = RunState.outputCall(state)
      return Effect.orDie(call === undefined ? parse(RunState.text(state)) : decoded(call.requested.params))
    }
  }
}
