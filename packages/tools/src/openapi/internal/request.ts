/**
 * The request of a call: pure.
 *
 * @internal
 */
import * as HttpClientRequest from "effect/http/HttpClientRequest"
import type { HttpMethod } from "effect/http/HttpMethod"
import * as Predicate from "effect/Predicate"
import * as Result from "effect/Result"
import * as Body from "./body.ts"
import { fieldsOf, fitting, memberOf, unfit } from "./document.ts"
import type { Argument, Parameter } from "./parameters.ts"
import * as Security from "./security.ts"
import { encode, inHeader, inPath, type Pair, pairs } from "./serialize.ts"

/** The name of the argument that is the body. @internal */
export const bodyName = "body"

/** What is known of an operation before it is called. @internal */
export interface Plan {
  readonly method: string
  readonly server: URL
  /** Literal text, encoded, and parameters, in turn. */
  readonly path: ReadonlyArray<string | Argument>
  readonly arguments: ReadonlyArray<Argument>
  readonly body: Body.Body | undefined
  readonly credentials: ReadonlyArray<Security.Credential>
  /** The header that takes the idempotency key of a call. */
  readonly keyHeader: string | undefined
}

const longestUrl = 16 * 1024
const accept = "application/json, text/*;q=0.8, */*;q=0.1"

const literal = (text: string): string => {
  const url = URL.parse(`http://path/${text}`)
  return url === null || `${url.search}${url.hash}` !== "" || /[?#\\]/.test(text)
    ? unfit("its path has a query or a fragment")
    : encodeURI(text).replaceAll(/%25([0-9A-Fa-f]{2})/g, "%$1")
}

/** The parts of a path template. @internal */
export const pathOf = (path: string, all: ReadonlyArray<Argument>): Plan["path"] =>
  path.split(/(\{[^{}/]*\})/).filter((part) => part !== "").map((part) => {
    const name = /^\{(.*)\}$/.exec(part)?.[1]
    if (name === undefined) return literal(part)
    return all.find(({ parameter }) => parameter.in === "path" && parameter.name === name) ??
      unfit(`its path has ${part}, which is no parameter`)
  })

const isNothing = (value: unknown): boolean =>
  value === undefined || value === null ||
  (Predicate.isObjectKeyword(value) && Object.keys(value).length === 0)

/** What a parameter is written as; a refusal says which one it is. */
const of = <A>({ name }: Argument, write: () => A): A =>
  Result.getOrElse(fitting(write), (reason) => unfit(`argument "${name}": ${reason}`))

const writtenPath = (plan: Plan, args: object): string =>
  plan.path.map((part) => {
    if (typeof part === "string") return part
    return of(part, () => {
      const text = inPath(part.parameter, memberOf(args, part.name) ?? null)
      return text === "" ? unfit("it is empty, which the path cannot be") : text
    })
  }).join("")

interface Owned {
  readonly owner: unknown
  readonly pair: Pair
}

/** No argument may add a name that another argument or a secret has. */
const checkOwners = (owned: ReadonlyArray<Owned>): ReadonlyArray<string> => {
  const owners = new Map<string, unknown>()
  for (const { owner, pair: [name] } of owned) {
    if (owners.has(name) && owners.get(name) !== owner) {
      unfit(`two arguments would be sent as ${JSON.stringify(decodeURIComponent(name))}`)
    }
    owners.set(name, owner)
  }
  return owned.map(({ pair }) => pair.join("="))
}

const carried = ({ credentials }: Plan, kind: Security.Carrier["_tag"]): ReadonlyArray<Owned> =>
  credentials.flatMap((credential) => {
    const { carrier } = credential
    return carrier._tag === kind && "name" in carrier
      ? [{ owner: credential, pair: [encode(carrier.name), encode(Security.written(credential))] }]
      : []
  })

const at = (plan: Plan, place: Parameter["in"], args: object) =>
  plan.arguments.flatMap((argument) => {
    const value = memberOf(args, argument.name)
    return argument.parameter.in !== place || isNothing(value) ? [] : [{ argument, value }]
  })

const ownedPairs = (plan: Plan, place: "query" | "cookie", args: object): ReadonlyArray<string> => {
  const given = at(plan, place, args).flatMap(({ argument, value }) =>
    of(argument, () => pairs(argument.parameter, value)).map((pair): Owned => ({ owner: argument, pair }))
  )
  // A name that a parameter has is its own, also while it is not given.
  const names = plan.arguments.filter(({ parameter }) => parameter.in === place && parameter.style !== "deepObject")
  const foreign = given.find(({ owner, pair }) =>
    names.some((argument) => argument !== owner && encode(argument.parameter.name) === pair[0])
  )
  if (foreign !== undefined) {
    unfit(`two arguments would be sent as ${JSON.stringify(decodeURIComponent(foreign.pair[0]))}`)
  }
  return checkOwners([...carried(plan, place === "query" ? "Query" : "Cookie"), ...given])
}

const headersOf = (plan: Plan, args: object, key: string | undefined): Record<string, string> => {
  const cookies = ownedPairs(plan, "cookie", args)
  const secrets = plan.credentials.flatMap((credential): ReadonlyArray<Pair> => {
    const { carrier } = credential
    if (carrier._tag === "Query" || carrier._tag === "Cookie") return []
    return [[carrier._tag === "Header" ? carrier.name.toLowerCase() : "authorization", Security.written(credential)]]
  })
  return Object.fromEntries([
    ["accept", accept],
    ...at(plan, "header", args).map(({ argument, value }): Pair => [
      argument.parameter.name.toLowerCase(),
      of(argument, () => inHeader(argument.parameter, value))
    ]),
    ...(cookies.length === 0 ? [] : [["cookie", cookies.join("; ")]]),
    ...(plan.keyHeader === undefined || key === undefined ? [] : [[plan.keyHeader, key]]),
    ...secrets
  ])
}

const urlOf = (plan: Plan, args: object): string => {
  const query = ownedPairs(plan, "query", args).join("&")
  const path = `${plan.server.href.replace(/\/+$/, "")}${writtenPath(plan, args)}`
  const text = query === "" ? path : `${path}?${query}`
  if (text.length > longestUrl) return unfit(`the arguments make an address longer than ${longestUrl} characters`)
  // What an address is not read as, it must not be sent as: a segment of dots would lead elsewhere.
  return URL.parse(text)?.href === text ? text : unfit("the arguments would lead to another path")
}

/** The request of a call, or why its arguments cannot be sent. @internal */
export const make = (
  plan: Plan,
  params: unknown,
  key: string | undefined
): Result.Result<HttpClientRequest.HttpClientRequest, string> =>
  fitting(() => {
    const args = fieldsOf(params)
    const body = memberOf(args, bodyName)
    return HttpClientRequest.make(plan.method as HttpMethod)(urlOf(plan, args), {
      headers: headersOf(plan, args, key),
      ...(plan.body === undefined || body === undefined ? {} : { body: Body.written(plan.body, body) })
    })
  })

/** Names under which no span shows a value. @internal */
export const secretNames = ({ credentials }: Plan): ReadonlyArray<string> =>
  credentials.map(({ carrier }) => "name" in carrier ? carrier.name.toLowerCase() : "authorization")
