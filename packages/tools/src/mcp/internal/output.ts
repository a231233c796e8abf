/**
 * Checks structured results against the schema that a server declares for them, by the same bounded check as arguments.
 *
 * @internal
 */
import * as Agent from "@volley/core/Agent"
import * as Dispatcher from "@volley/core/Dispatcher"
import * as Tool from "effect/ai/Tool"
import * as Effect from "effect/Effect"

type Schema = { readonly [key: string]: unknown }

/** What is wrong with a value, as a failure. @internal */
export type Check = (value: unknown) => Effect.Effect<unknown, string>

/** A schema of arguments whose one argument is the value: they are always an object, the value may be anything. */
const wrapped = (schema: Schema): Schema => ({
  ...(schema["$schema"] === undefined ? {} : { $schema: schema["$schema"] }),
  type: "object",
  properties: { result: { $id: "https://mcp.invalid/result", ...schema } },
  required: ["result"]
})

const checked = (schema: Schema) => Agent.bind(Tool.dynamic("result", { parameters: schema }), () => Effect.void)

/** What is wrong with the schema itself; `undefined` when nothing is. @internal */
export const flawOf = (schema: Schema): string | undefined =>
  Dispatcher.check([checked(wrapped(schema))])[0]?.replace(/^tool "result": its parameters are/, "its results have")

/** @internal */
export const make = (schema: Schema): Effect.Effect<Check> =>
  Effect.map(Dispatcher.make([checked(wrapped(schema))]), ({ tools }) => {
    const decode = tools.get("result")?.decode ?? Effect.succeed
    return (result) => decode({ result })
  })
