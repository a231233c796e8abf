/**
 * The tool of an operation, with its handler.
 *
 * @internal
 */
import * as Agent from "@volley/core/Agent"
import * as Dispatcher from "@volley/core/Dispatcher"
import * as ToolCall from "@volley/core/ToolCall"
import * as ToolFailure from "@volley/core/ToolFailure"
import * as ToolPolicy from "@volley/core/ToolPolicy"
import * as Tool from "effect/ai/Tool"
import * as Effect from "effect/Effect"
import * as Result from "effect/Result"
import type * as Schema from "effect/Schema"
import * as Body from "./body.ts"
import { type Document, type Fields, textOf, unfit } from "./document.ts"
import { type Api, Failure, Reply, send } from "./exchange.ts"
import type { Operation } from "./operations.ts"
import { named, type Parameter, parametersOf } from "./parameters.ts"
import { bodyName, make as makeRequest, pathOf, type Plan, secretNames } from "./request.ts"
import type { Schemas } from "./schemas.ts"
import * as Security from "./security.ts"
import { serverOf } from "./servers.ts"

/** @internal */
export interface ApiTool
  extends Agent.BoundTool<string, typeof Schema.Unknown, typeof Reply.Type, typeof Failure.Type, never>
{}

/** What all operations of a toolkit have in common. @internal */
export interface Common {
  readonly document: Document
  readonly url: string | undefined
  readonly server: URL | undefined
  readonly schemes: Security.Schemes
  /** With descriptions, and without them for a schema that is too large. */
  readonly schemas: readonly [Schemas, Schemas]
  readonly isPrivate: (server: URL) => boolean
}

/** Of the schema of a tool as JSON, in characters. */
const largestSchema = 64 * 1024
const longestDescription = 2000

const classes: { readonly [method: string]: ToolPolicy.EffectClass } = {
  GET: "readonly",
  HEAD: "readonly",
  PUT: "idempotent",
  DELETE: "idempotent",
  POST: "effectful",
  PATCH: "effectful"
}

const classed = {
  readonly: ToolPolicy.readonly,
  idempotent: ToolPolicy.idempotent,
  effectful: ToolPolicy.effectful
} as const satisfies { readonly [K in ToolPolicy.EffectClass]: unknown }

const isKey = ({ in: place, name }: Parameter): boolean => place === "header" && /^idempotency-key$/i.test(name)

/** A plan with what the model is told of it. @internal */
export interface Planned {
  readonly plan: Plan
  readonly effectClass: ToolPolicy.EffectClass
  readonly description: string
  readonly parameters: Fields
}

const bodyFor = (document: Document, { fields, method }: Operation): Body.Body | undefined => {
  if (classes[method] !== "readonly") return Body.bodyOf(document, fields)
  const isRequired = fields["requestBody"] !== undefined && Body.isRequired(document, fields)
  return isRequired ? unfit(`it wants a body, which ${method} has not`) : undefined
}

const schemaOf = (common: Common, { arguments: args, body }: Plan): Fields => {
  const properties = [
    ...args.map(({ name, parameter }) => ({
      name,
      schema: parameter.schema,
      required: parameter.required,
      description: [
        parameter.description,
        parameter.name === name ? "" : `Sent as ${JSON.stringify(parameter.name)} in the ${parameter.in}.`
      ].filter((part) => part !== "").join("\n")
    })),
    ...(body === undefined ? [] : [{ ...body, name: bodyName }])
  ]
  for (const schemas of common.schemas) {
    const schema = schemas.object(properties)
    if (JSON.stringify(schema).length <= largestSchema) return schema
  }
  return unfit(`the schema of its arguments is larger than ${largestSchema / 1024} KiB`)
}

const descriptionOf = ({ fields, key }: Operation): string => {
  const parts = [textOf(fields["summary"])?.trim() ?? "", textOf(fields["description"])?.trim() ?? ""]
  const text = [...new Set(parts)].filter((part) => part !== "").join("\n")
  const whole = text === "" ? key : text
  return whole.length <= longestDescription ? whole : `${whole.slice(0, longestDescription - 1).toWellFormed()}…`
}

/** Secrets are not sent where others can read along. */
const checkSecure = ({ isPrivate }: Common, server: URL): void => {
  if (server.protocol === "http:" && !isPrivate(server)) {
    unfit(`its secret would be sent unencrypted to ${server.host}: give an https address as the option "server"`)
  }
}

/** What an operation becomes. @internal */
export const planOf = (common: Common, operation: Operation): Planned => {
  const { document, schemes } = common
  const item = Result.getOrElse(operation.item, unfit)
  const effectClass = classes[operation.method] ?? unfit(`its method ${operation.method} is not supported`)
  const all = parametersOf(document, item, operation.fields)
  const keyHeader = effectClass === "readonly" ? undefined : all.find(isKey)?.name.toLowerCase()
  const body = bodyFor(document, operation)
  const credentials = Security.credentialsOf(schemes, operation.fields["security"] ?? document.root["security"])
  const args = named(
    all.filter((one) => !(keyHeader !== undefined && isKey(one)) && !Security.isSecret(schemes, credentials, one)),
    body === undefined ? [] : [bodyName]
  )
  const server = common.server ??
    serverOf([operation.fields["servers"], item["servers"], document.root["servers"]], common.url)
  if (credentials.length > 0) checkSecure(common, server)
  const path = pathOf(operation.path, args)
  const used = args.filter((argument) => argument.parameter.in !== "path" || path.includes(argument))
  const plan = { method: operation.method, server, path, arguments: used, body, credentials, keyHeader }
  return {
    plan,
    // who takes a key makes one of all requests with it
    effectClass: keyHeader === undefined ? effectClass : "idempotent",
    description: descriptionOf(operation),
    parameters: schemaOf(common, plan)
  }
}

/** Outside of a run each call has a key of its own. */
const keyOf = (call: ToolCall.ToolCall | undefined): string => call?.idempotencyKey ?? globalThis.crypto.randomUUID()

const handlerOf = (plan: Plan, api: Api) => {
  const secrets = secretNames(plan)
  return Effect.fnUntraced(function*(params: unknown) {
    const request = makeRequest(plan, params, keyOf(yield* ToolCall.current))
    if (Result.isFailure(request)) {
      return yield* ToolFailure.permanent({ reason: "InvalidArguments", message: request.failure })
    }
    return yield* send(api, request.success, secrets)
  })
}

/** A tool, or why the dispatcher would not take it. @internal */
export const make = (
  name: string,
  { description, effectClass, parameters, plan }: Planned,
  api: Api,
  policy: ToolPolicy.Options<Tool.Any, {}>
): ApiTool => {
  const dynamic = Tool.dynamic(name, { description, parameters, success: Reply, failure: Failure })
  const tool = Agent.bind(classed[effectClass](dynamic as Tool.Any, policy), handlerOf(plan, api))
  const [problem] = Dispatcher.check([tool])
  return problem === undefined ? tool as unknown as ApiTool : unfit(problem)
}
