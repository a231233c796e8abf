/**
 * Finds out from the environment how to reach a cluster.
 *
 * @internal
 */
import * as Redactor from "@volley/core/Redactor"
import * as Config from "effect/Config"
import * as Context from "effect/Context"
import * as Effect from "effect/Effect"
import * as FileSystem from "effect/FileSystem"
import * as HttpClient from "effect/http/HttpClient"
import * as Layer from "effect/Layer"
import * as Option from "effect/Option"
import * as Path from "effect/Path"
import * as Redacted from "effect/Redacted"
import * as Result from "effect/Result"
import { direct } from "../../internal/direct.ts"
import { baseUrl } from "../../internal/webUrl.ts"
import type { Tls, TlsClient } from "../Kubernetes.ts"
import { AccessUnusable, BadCredentials } from "../KubernetesError.ts"
import type { Access } from "./api.ts"
import * as Kubeconfig from "./kubeconfig.ts"
import { isLabel } from "./parameters.ts"

const serviceAccount = "/var/run/secrets/kubernetes.io/serviceaccount"

type Connection = Pick<Access, "url" | "token" | "client">

type Source = AccessUnusable["source"]

const unusable = (source: Source, detail: string) => new AccessUnusable({ source, detail })

/** The namespaces that may be asked about, each of which has to be a name of one: none would allow all of them. */
const checkedNamespaces = (names: ReadonlyArray<string>): Effect.Effect<ReadonlyArray<string>, AccessUnusable> =>
  names.length > 0 && names.every(isLabel)
    ? Effect.succeed(names)
    : Effect.fail(unusable("KUBERNETES_NAMESPACES", "it is not a list of names of namespaces"))

/** What the connection has, with the rest of an access. @internal */
export const make = Effect.fnUntraced(function*(connection: Connection, namespaces: ReadonlyArray<string> | undefined) {
  return {
    ...connection,
    client: direct(connection.client),
    redactor: yield* Redactor.current,
    namespaces: namespaces === undefined ? undefined : yield* checkedNamespaces(namespaces)
  } satisfies Access
})

const checkedUrl = (source: Source, text: string) => {
  const url = baseUrl(text)
  return url === undefined
    ? Effect.fail(unusable(source, "its URL is not one of http or https without credentials"))
    : Effect.succeed(url)
}

const readFile = Effect.fnUntraced(function*(source: Source, file: string) {
  const fs = yield* FileSystem.FileSystem
  return yield* Effect.mapError(
    fs.readFileString(file),
    () => unusable(source, `a file of it cannot be read (${file.slice(file.lastIndexOf("/") + 1)})`)
  )
})

/** Read again for each request: a service account's token lives an hour. */
const tokenFile = Effect.fnUntraced(function*(source: Source, file: string) {
  const fs = yield* FileSystem.FileSystem
  const redactor = yield* Redactor.current
  yield* readFile(source, file)
  return fs.readFileString(file).pipe(
    Effect.map((text) => {
      const token = Redacted.make(text.trim())
      redactor.add(token)
      return Option.some(token)
    }),
    Effect.mapError(() => new BadCredentials())
  )
})

const clientFor = Effect.fnUntraced(function*(
  source: Source,
  url: string,
  tls: Tls,
  make: TlsClient | undefined
) {
  const isPlain = !url.startsWith("https:") ||
    Object.values(tls).every((value) => value === undefined || value === false)
  if (isPlain) return yield* HttpClient.HttpClient
  if (make !== undefined) return Context.get(yield* Layer.build(make(tls)), HttpClient.HttpClient)
  // Without a client of its own an authority may still be known to the process (NODE_EXTRA_CA_CERTS).
  if (tls.certificate === undefined && tls.insecure !== true) return yield* HttpClient.HttpClient
  const what = tls.certificate === undefined ? "insecure-skip-tls-verify" : "a client certificate"
  return yield* unusable(source, `${what} needs an HTTP client that Kubernetes.tlsClient provides`)
})

const fromKubeconfig = Effect.fnUntraced(function*(file: string, make: TlsClient | undefined) {
  const source = "KUBECONFIG"
  const path = yield* Path.Path
  const redactor = yield* Redactor.current
  if (file.includes(":") && !/^[A-Za-z]:[\\/]/.test(file)) {
    return yield* unusable(source, "a list of files is not supported")
  }
  const read = Kubeconfig.read(yield* readFile(source, file))
  if (Result.isFailure(read)) return yield* unusable(source, read.failure)
  const { authority, certificate, insecure, key, server, serverName, token } = read.success
  const beside = (name: string): string => path.resolve(path.dirname(file), name)
  const load = <A>(it: Kubeconfig.Material<A> | undefined, of: (text: string) => A) => {
    if (it === undefined) return Effect.undefined
    return "data" in it ? Effect.succeed(it.data) : Effect.map(readFile(source, beside(it.file)), of)
  }
  const secretKey = yield* load(key, Redacted.make)
  for (const secret of [secretKey, token !== undefined && "data" in token ? token.data : undefined]) {
    if (secret !== undefined) redactor.add(secret)
  }
  const tls: Tls = Object.fromEntries(
    Object.entries({
      authority: yield* load(authority, (text) => text),
      certificate: yield* load(certificate, (text) => text),
      key: secretKey,
      serverName,
      insecure: insecure || undefined
    }).filter(([, value]) => value !== undefined)
  )
  const url = yield* checkedUrl(source, server)
  return {
    url,
    token: token !== undefined && "file" in token
      ? yield* tokenFile(source, beside(token.file))
      : Effect.succeed(Option.fromUndefinedOr(token?.data)),
    client: yield* clientFor(source, url, tls, make)
  } satisfies Connection
})

const fromServiceAccount = Effect.fnUntraced(function*(host: string, port: string, make: TlsClient | undefined) {
  const source = "service account"
  const url = yield* checkedUrl(source, `https://${host.includes(":") ? `[${host}]` : host}:${port}`)
  const tls = { authority: yield* readFile(source, `${serviceAccount}/ca.crt`) }
  return {
    url,
    token: yield* tokenFile(source, `${serviceAccount}/token`),
    client: yield* clientFor(source, url, tls, make)
  } satisfies Connection
})

const variable = (name: string) => Config.option(Config.NonEmptyString(name))

const environment = Config.all({
  url: variable("KUBERNETES_URL"),
  token: Config.option(Redactor.redacted("KUBERNETES_TOKEN")),
  kubeconfig: variable("KUBECONFIG"),
  host: variable("KUBERNETES_SERVICE_HOST"),
  port: Config.withDefault(Config.NonEmptyString("KUBERNETES_SERVICE_PORT"), "443"),
  namespaces: Config.option(Config.String("KUBERNETES_NAMESPACES"))
})

const connected = Effect.fnUntraced(function*(
  { host, kubeconfig, port, token, url }: Omit<Config.Success<typeof environment>, "namespaces">,
  tls: TlsClient | undefined
) {
  if (Option.isSome(url)) {
    const redactor = yield* Redactor.current
    if (Option.isSome(token)) redactor.add(token.value)
    return {
      url: yield* checkedUrl("KUBERNETES_URL", url.value),
      token: Effect.succeed(token),
      client: yield* HttpClient.HttpClient
    } satisfies Connection
  }
  if (Option.isSome(kubeconfig)) return yield* fromKubeconfig(kubeconfig.value, tls)
  if (Option.isSome(host)) return yield* fromServiceAccount(host.value, port, tls)
  return yield* unusable("none", "KUBERNETES_URL, KUBECONFIG and KUBERNETES_SERVICE_HOST are not set")
})

const namesIn = (text: string): ReadonlyArray<string> => text.split(",").map((name) => name.trim())

/** @internal */
export const fromEnvironment = Effect.fnUntraced(function*(tls: TlsClient | undefined) {
  const { namespaces, ...others } = yield* environment
  const connection = yield* connected(others, tls)
  return yield* make(connection, Option.getOrUndefined(Option.map(namespaces, namesIn)))
})
