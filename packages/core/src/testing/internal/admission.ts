/**
 * Whether a server accepts a request at all, before it looks for an answer.
 *
 * @internal
 */
import { mask } from "../../Redactor.ts"
import * as Validator from "../Validator.ts"
import * as models from "./models.ts"

/** @internal */
export interface Received {
  readonly method: string
  readonly path: string
  readonly query: URLSearchParams
  readonly headers: Readonly<Record<string, string>>
  readonly text: string
  /** Bytes. */
  readonly size: number
}

/** What is known of the server. @internal */
export interface Server {
  readonly issued: ReadonlyArray<Validator.IssuedReply>
  readonly models: ReadonlyArray<models.Model>
  /** Whether there are no other models. */
  readonly closed: boolean
}

/** The largest body the API accepts, in bytes. @internal */
export const sizeLimit = 32 * 1024 * 1024

/** What a request is for. @internal */
export type Route = "messages" | "count_tokens" | "models" | "model"

interface Endpoint {
  readonly route: Route
  readonly method: "GET" | "POST"
  readonly path: RegExp
}

const endpoints: ReadonlyArray<Endpoint> = [
  { route: "messages", method: "POST", path: /^\/v1\/messages$/ },
  { route: "count_tokens", method: "POST", path: /^\/v1\/messages\/count_tokens$/ },
  { route: "models", method: "GET", path: /^\/v1\/models$/ },
  { route: "model", method: "GET", path: /^\/v1\/models\/([^/]+)$/ }
]

const versions: ReadonlySet<string> = new Set(["2026-10-21", "2023-06-01"])

/** @internal */
export interface Examined {
  readonly route: Route | undefined
  readonly body: unknown
  readonly violations: ReadonlyArray<Validator.Violation>
}

const refuse = (status: number, type: string, message: string): Validator.Violation => ({ status, type, message })

const invalid = (message: string): Validator.Violation => refuse(400, "invalid_request_error", message)

/** @internal */
export const examine = (received: Received, server: Server): Examined => {
  const { path } = received
  const found = endpoints.find((endpoint) => endpoint.path.test(path))
  const violation = found === undefined
    ? refuse(404, "not_found_error", `Not found: ${path}`)
    : unsuitable(received, found)
  if (found === undefined || violation !== undefined) {
    return { route: found?.route, body: undefined, violations: violation === undefined ? [] : [violation] }
  }
  return found.method === "GET"
    ? { route: found.route, body: undefined, violations: missing(received, found.route, server) }
    : { route: found.route, ...examineBody(received, found.route, server) }
}

/** What is wrong with a request before its body is read. */
const unsuitable = (received: Received, endpoint: Endpoint): Validator.Violation | undefined => {
  const { headers, method, size } = received
  if (method !== endpoint.method) return refuse(405, "invalid_request_error", "Method Not Allowed")
  if (!hasCredentials(headers)) {
    return refuse(401, "authentication_error", "Authorization or x-api-key header is required")
  }
  const version = headers["anthropic-version"] ?? ""
  if (version === "") return invalid("anthropic-version: header is required")
  if (!versions.has(version)) return invalid(`anthropic-version: "${version}" is not a valid version`)
  if (endpoint.method === "POST" && !isJson(headers)) return invalid("content-type: must be application/json")
  return size > sizeLimit ? refuse(413, "request_too_large", "Request exceeds the maximum size of 32 MB") : undefined
}

const hasCredentials = (headers: Received["headers"]): boolean =>
  /^Bearer \S/i.test(headers["authorization"] ?? "") || (headers["x-api-key"] ?? "") !== ""

const isJson = (headers: Received["headers"]): boolean =>
  /^application\/json\s*(;|$)/i.test(headers["content-type"] ?? "")

const missing = (
  { path, query }: Received,
  route: Route,
  server: Server
): ReadonlyArray<Validator.Violation> => {
  if (route === "model") return unknownModel(modelOf(path), server.models)
  const limit = Number(query.get("limit") ?? 20)
  if (!Number.isInteger(limit)) return [invalid("limit: Input should be a valid integer")]
  if (limit < 1) return [invalid("limit: Input should be greater than or equal to 1")]
  return limit > 1000 ? [invalid("limit: Input should be less than or equal to 1000")] : []
}

/** The id of a model in the path of its endpoint. @internal */
export const modelOf = (path: string): string => {
  const id = path.slice(path.lastIndexOf("/") + 1)
  try {
    return decodeURIComponent(id)
  } catch {
    return id
  }
}

const unknownModel = (id: string, known: ReadonlyArray<models.Model>): ReadonlyArray<Validator.Violation> =>
  models.find(known, id) === undefined ? [refuse(404, "not_found_error", `model: ${id}`)] : []

const examineBody = ({ headers, text }: Received, route: Route, server: Server): Omit<Examined, "route"> => {
  const body = parse(text)
  if (body === undefined) return { body: text, violations: [invalid("The request body is not valid JSON")] }
  const violations = Validator.validate(body.value, {
    issued: server.issued,
    models: server.models,
    betas: list(headers["anthropic-beta"]),
    version: headers["anthropic-version"],
    endpoint: route === "count_tokens" ? "count_tokens" : "messages"
  })
  const { model } = Object(body.value) as { readonly model?: unknown }
  const unknown = server.closed && typeof model === "string" ? unknownModel(model, server.models) : []
  return { body: body.value, violations: [...violations, ...unknown] }
}

const list = (header: string | undefined): ReadonlyArray<string> =>
  header?.split(",").map((value) => value.trim()).filter((value) => value !== "") ?? []

const parse = (text: string): { readonly value: unknown } | undefined => {
  try {
    return { value: JSON.parse(text) }
  } catch {
    return undefined
  }
}

const secretHeaders = new Set(["authorization", "proxy-authorization", "x-api-key", "cookie"])

/** @internal */
export const withoutSecrets = (headers: Received["headers"]): Received["headers"] =>
  Object.fromEntries(Object.entries(headers).map(([name, value]) => [name, secretHeaders.has(name) ? mask : value]))
