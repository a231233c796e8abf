/**
 * A `LanguageModel` that answers by a function of the request as the Messages API would see it, and of nothing else.
 *
 * **Details**
 *
 * The function gets a JSON copy of the body that the Claude provider sends for the request: it cannot reach a tool, a handler
 * or a schema that the request does not show. A test that finds its answers in there fails once a field is missing. Two things
 * are checked for it: a request that the API would refuse is answered with the API's error, and a reply may use only what its
 * request shows: its tools, the arguments that their schemas allow, its tool choice. A reply that does not keep to that is a
 * defect, which fails the run. Arguments that are text (`partialJson`) are broken on purpose and are not checked.
 *
 * @since 0.1.0
 */
import type * as Api from "@anthropic-ai/sdk/resources/messages"
import type * as LanguageModel from "effect/ai/LanguageModel"
import * as Tool from "effect/ai/Tool"
import * as Effect from "effect/Effect"
import type * as JsonSchema from "effect/JsonSchema"
import * as Predicate from "effect/Predicate"
import * as Result from "effect/Result"
import * as RequestBody from "../anthropic/internal/request.ts"
import { argumentsCheck } from "../internal/dispatch/jsonSchema.ts"
import * as ModelSettings from "../ModelSettings.ts"
import * as ModelScript from "./ModelScript.ts"
import * as ScriptedModel from "./ScriptedModel.ts"
import * as Validator from "./Validator.ts"

/**
 * A request: the body of a `POST /v1/messages`, without marks for the prompt cache. A tool of the provider's own has no
 * `input_schema`.
 *
 * @category models
 * @since 0.1.0
 */
export interface Request extends Omit<Api.MessageCreateParamsStreaming, "tools"> {
  readonly tools?: ReadonlyArray<Api.Tool>
}

/** The body that the provider sends, or why it sends none. */
const shown = (
  model: string,
  options: LanguageModel.ProviderOptions,
  settings: ModelSettings.ModelSettings
): Result.Result<Request, string> =>
  RequestBody.make(model, { cache: false }, options, settings).pipe(
    Result.map((body): Request => JSON.parse(JSON.stringify(body))),
    Result.mapError((reason) => reason.message),
    Result.flatMap((body) => {
      const [violation] = Validator.validate(body)
      return violation === undefined ? Result.succeed(body) : Result.fail(violation.message)
    })
  )

interface ShownTool {
  readonly name: string
  readonly input_schema: JsonSchema.JsonSchema
}

const toolsOf = ({ tools = [] }: Request): ReadonlyArray<ShownTool> =>
  tools.flatMap(({ input_schema, name }) =>
    input_schema === undefined ? [] : [{ name, input_schema: { ...input_schema } }]
  )

const listed = (names: ReadonlyArray<string>): string =>
  names.length === 0 ? "it shows none" : `it shows ${names.map((name) => JSON.stringify(name)).join(", ")}`

type Call = Extract<ModelScript.Block, { readonly type: "tool_use" }>

/** Why a call goes beyond what the request shows. */
const beyond = (tools: ReadonlyArray<ShownTool>, { input = {}, name, partialJson }: Call): string | undefined => {
  const tool = tools.find((candidate) => candidate.name === name)
  if (tool === undefined) return `it shows no tool "${name}"; ${listed(tools.map((one) => one.name))}`
  if (partialJson !== undefined) return undefined
  if (!Predicate.isObject(input) || Array.isArray(input)) return `the arguments of "${name}" are not an object`
  const { additionalProperties, patternProperties, properties } = tool.input_schema
  const known = Object.keys(Predicate.isObject(properties) ? properties : {})
  const isOpen = Predicate.isObject(additionalProperties) || patternProperties !== undefined
  const extra = isOpen ? undefined : Object.keys(input).find((key) => !known.includes(key))
  if (extra !== undefined) return `it shows no parameter "${extra}" of "${name}"; ${listed(known)}`
  const wrong = argumentsCheck(Tool.dynamic(name, { parameters: tool.input_schema }))?.(input)
  return wrong === undefined
    ? undefined
    : `the schema that it shows of "${name}" does not allow these arguments: ${wrong}`
}

/** Why the calls of a reply are not those that the request's tool choice asks for. */
const unasked = ({ tool_choice: choice }: Request, calls: ReadonlyArray<Call>): string | undefined => {
  if (choice === undefined) return undefined
  if (choice.type === "none") return calls.length === 0 ? undefined : "it asks for no tool call"
  if (choice.type !== "auto" && calls.length === 0) return "it asks for a tool call"
  const other = choice.type === "tool" ? calls.find(({ name }) => name !== choice.name) : undefined
  if (choice.type === "tool" && other !== undefined) {
    return `it asks for a call of "${choice.name}", not of "${other.name}"`
  }
  return choice.disable_parallel_tool_use === true && calls.length > 1
    ? "it asks for one tool call at the most"
    : undefined
}

const unfounded = (request: Request, step: ModelScript.Step): string | undefined => {
  if (!ModelScript.isReply(step)) return undefined
  const calls = step.content.filter((block) => block.type === "tool_use")
  const tools = toolsOf(request)
  return unasked(request, calls) ?? calls.map((call) => beyond(tools, call)).find((why) => why !== undefined)
}

/**
 * Creates a model that answers each request by a function of what the request shows.
 *
 * **Example** (A model that takes the city from the question)
 *
 * ```ts
 * import { Agent } from "@volley/core"
 * import { ModelScript, RequestOnlyModel } from "@volley/core/testing"
 * import { Effect, Schema } from "effect"
 *
 * const model = RequestOnlyModel.make(({ messages, tools = [] }) => {
 *   const city = /in (\w+)/.exec(JSON.stringify(messages[0]))?.[1] ?? ""
 *   return messages.length === 1
 *     ? ModelScript.toolUse(tools.map(({ name }) => ({ name, input: { city } })))
 *     : ModelScript.text(JSON.stringify(messages.at(-1)?.content))
 * })
 *
 * const weather = Agent.tool("get_weather", {
 *   description: "Current weather of a city",
 *   parameters: { city: Schema.String },
 *   run: ({ city }) => `${city}: 7 °C`
 * })
 *
 * const program = Effect.gen(function*() {
 *   const { layer } = yield* model
 *   const { text } = yield* Effect.provide(Agent.run(Agent.make("hello", { tools: [weather] }), "Weather in Oslo?"), layer)
 *   console.log(text)
 * })
 * await Effect.runPromise(program)
 * ```
 *
 * ```text
 * [{"type":"tool_result","tool_use_id":"toolu_0_0","content":"Oslo: 7 °C"}]
 * ```
 *
 * @param answer - the reply to the `n`-th request (from 0); `undefined` says that there is none
 * @category constructors
 * @since 0.1.0
 */
export const make = (
  answer: Extract<ModelScript.Source<Request>, Function>,
  options: { readonly modelName?: string } = {}
): Effect.Effect<ScriptedModel.ScriptedModel> => {
  const { modelName = "request-only" } = options
  return ScriptedModel.make(
    Effect.fnUntraced(function*(asked, n) {
      const request = shown(modelName, asked, yield* ModelSettings.current)
      if (Result.isFailure(request)) return ModelScript.status(400, { message: request.failure })
      const given = answer(request.success, n)
      const step = Effect.isEffect(given) ? yield* given : given
      const why = step === undefined ? undefined : unfounded(request.success, step)
      if (why !== undefined) {
        throw new Error(`The reply to request ${n + 1} uses what the request does not show: ${why}`)
      }
      return step
    }),
    { modelName }
  )
}
