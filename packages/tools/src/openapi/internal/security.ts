/**
 * Which secrets an operation wants, where they come from, and where they are sent.
 *
 * @internal
 */
import * as Config from "effect/Config"
import * as Effect from "effect/Effect"
import * as Option from "effect/Option"
import * as Redacted from "effect/Redacted"
import * as Result from "effect/Result"
import { type Document, type Fields, fieldsOf, fitting, follow, itemsOf, textOf, unfit } from "./document.ts"
import { isToken } from "./parameters.ts"

/** How a scheme sends its secret. @internal */
export type Carrier =
  | { readonly _tag: "Query" | "Header" | "Cookie"; readonly name: string }
  | { readonly _tag: "Bearer" | "Basic" }

/** @internal */
export interface Scheme {
  /** The key of its secret in the configuration. */
  readonly key: string
  /** Or why its secret cannot be sent. */
  readonly carrier: Result.Result<Carrier, string>
  readonly secret: Option.Option<Redacted.Redacted>
}

/** A secret and how it is sent. @internal */
export interface Credential {
  readonly carrier: Carrier
  readonly secret: Redacted.Redacted
}

/** The key of a scheme in the configuration: `OPENAPI_GITHUB_BEARER_AUTH` for `bearerAuth` of `github`. @internal */
export const keyOf = (api: string | undefined, scheme: string): string =>
  ["openapi", ...(api === undefined ? [] : [api]), scheme]
    .map((part) => part.replaceAll(/(?<=[a-z0-9])(?=[A-Z])/g, "_").replaceAll(/[^A-Za-z0-9]+/g, "_"))
    .join("_")
    .toUpperCase()

const apiKeys = { query: "Query", header: "Header", cookie: "Cookie" } as const

const carrierOf = (scheme: Fields): Carrier => {
  const { type } = scheme
  if (type === "oauth2" || type === "openIdConnect") return { _tag: "Bearer" }
  if (type === "http") {
    const kind = textOf(scheme["scheme"])?.toLowerCase()
    if (kind === "bearer") return { _tag: "Bearer" }
    return kind === "basic" ? { _tag: "Basic" } : unfit(`HTTP authentication ${JSON.stringify(kind)} is not supported`)
  }
  const [place, name] = [textOf(scheme["in"]) ?? "", textOf(scheme["name"])]
  if (type !== "apiKey") return unfit(`security of the type ${JSON.stringify(type)} is not supported`)
  if (!Object.hasOwn(apiKeys, place) || name === undefined || name === "" || (place !== "query" && !isToken(name))) {
    return unfit("an API key has no place or name that can be used")
  }
  return { _tag: apiKeys[place as keyof typeof apiKeys], name }
}

/** @internal */
export type Schemes = ReadonlyMap<string, Scheme>

/** A file or a variable often ends with a line break. */
const trimmed = (secret: Redacted.Redacted): Redacted.Redacted => Redacted.make(Redacted.value(secret).trim())

/** The schemes of a document with the secrets that are configured for them. @internal */
export const schemesOf = Effect.fnUntraced(function*(
  document: Document,
  api: string | undefined
): Effect.fn.Return<Schemes, Config.ConfigError> {
  const schemes = fieldsOf(fieldsOf(document.root["components"])["securitySchemes"])
  const all = yield* Effect.forEach(Object.entries(schemes), ([name, value]) => {
    const key = keyOf(api, name)
    const carrier = fitting(() => carrierOf(fieldsOf(follow(document, value))))
    return Effect.map(Config.option(Config.Redacted(key)), (given): readonly [string, Scheme] => [
      name,
      { key, carrier, secret: Option.filter(Option.map(given, trimmed), (secret) => Redacted.value(secret) !== "") }
    ])
  })
  return new Map(all)
})

/** What every place takes where a secret may be sent. */
const isSendable = (secret: Redacted.Redacted): boolean =>
  /^[\x21-\x7e]+(?: +[\x21-\x7e]+)*$/.test(Redacted.value(secret))

const credentialOf = (schemes: Schemes, name: string): Result.Result<Credential, string> => {
  const scheme = schemes.get(name)
  if (scheme === undefined) return Result.fail(`${JSON.stringify(name)}, which the document does not describe`)
  return Result.flatMap(
    Result.mapError(scheme.carrier, (reason) => `${JSON.stringify(name)} (${reason})`),
    (carrier) =>
      Option.match(scheme.secret, {
        onNone: () => Result.fail(scheme.key),
        onSome: (secret) =>
          isSendable(secret)
            ? Result.succeed({ carrier, secret })
            : Result.fail(`${scheme.key} (it has characters that cannot be sent)`)
      })
  )
}

/**
 * The secrets that an operation sends: of the first alternative whose secrets are all configured; none where it can do without.
 *
 * @param requirement - the member `security` of the operation, else of the document
 * @internal
 */
export const credentialsOf = (schemes: Schemes, requirement: unknown): ReadonlyArray<Credential> => {
  const alternatives = itemsOf(requirement).map((one) => Object.keys(fieldsOf(one)))
  const missing: Array<string> = []
  for (const names of alternatives.filter(({ length }) => length > 0)) {
    const wanted = names.map((name) => credentialOf(schemes, name))
    const lacking = wanted.filter(Result.isFailure).map(({ failure }) => failure)
    if (lacking.length === 0) return wanted.flatMap((one) => Result.isSuccess(one) ? [one.success] : [])
    missing.push(lacking.join(" and "))
  }
  return missing.length === alternatives.length && missing.length > 0
    ? unfit(`it needs a secret that is not configured: ${[...new Set(missing)].join(", or ")}`)
    : []
}

const base64 = (text: string): string => Buffer.from(text, "utf8").toString("base64")

/** The text of a credential as it is sent. @internal */
export const written = ({ carrier, secret }: Credential): string => {
  const value = Redacted.value(secret)
  return carrier._tag === "Bearer" ? `Bearer ${value}` : carrier._tag === "Basic" ? `Basic ${base64(value)}` : value
}

/** What a server that repeats a credential could say. @internal */
export const revealing = ({ carrier, secret }: Credential): ReadonlyArray<Redacted.Redacted> => {
  const value = Redacted.value(secret)
  const password = value.slice(value.indexOf(":") + 1)
  return [value, ...(carrier._tag === "Basic" ? [password, base64(value)] : [])].map((text) => Redacted.make(text))
}

/** Headers that some documents describe beside the scheme that they belong to. */
const secretHeader = /^(?:x-)?(?:auth-?)?(?:token|api-?key)$/i

/**
 * Whether a parameter of an operation is where a secret stands: it is no argument then.
 *
 * @param credentials - what the operation sends
 * @internal
 */
export const isSecret = (
  schemes: Schemes,
  credentials: ReadonlyArray<Credential>,
  { in: place, name }: { readonly in: string; readonly name: string }
): boolean =>
  (place === "header" && credentials.length > 0 && secretHeader.test(name)) ||
  [...schemes.values()].some(({ carrier }) =>
    Result.isSuccess(carrier) && "name" in carrier.success &&
    carrier.success._tag.toLowerCase() === place &&
    carrier.success.name.toLowerCase() === name.toLowerCase()
  )
