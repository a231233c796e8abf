/**
 * Reads a kubeconfig: the current context's cluster and user.
 *
 * @internal
 */
import * as Base64 from "effect/encoding/Base64"
import * as Yaml from "effect/encoding/Yaml"
import * as Redacted from "effect/Redacted"
import * as Result from "effect/Result"
import * as Schema from "effect/Schema"

const text = Schema.optionalKey(Schema.String)

const Config = Schema.Struct({
  "current-context": text,
  contexts: Schema.Array(
    Schema.Struct({ name: Schema.String, context: Schema.Struct({ cluster: Schema.String, user: text }) })
  ),
  clusters: Schema.Array(
    Schema.Struct({
      name: Schema.String,
      cluster: Schema.Struct({
        server: Schema.String,
        "certificate-authority": text,
        "certificate-authority-data": text,
        "insecure-skip-tls-verify": Schema.optionalKey(Schema.Boolean),
        "tls-server-name": text
      })
    })
  ),
  users: Schema.optionalKey(
    Schema.Array(
      Schema.Struct({
        name: Schema.String,
        user: Schema.NullOr(
          Schema.Struct({
            token: text,
            tokenFile: text,
            "client-certificate": text,
            "client-certificate-data": text,
            "client-key": text,
            "client-key-data": text,
            username: text,
            exec: Schema.optionalKey(Schema.Unknown),
            "auth-provider": Schema.optionalKey(Schema.Unknown)
          })
        )
      })
    )
  )
})

/** Something in the file itself, or the path of a file that holds it. @internal */
export type Material<A> = { readonly data: A } | { readonly file: string }

/** @internal */
export interface Kubeconfig {
  readonly server: string
  readonly token?: Material<Redacted.Redacted>
  readonly authority?: Material<string>
  readonly certificate?: Material<string>
  readonly key?: Material<Redacted.Redacted>
  readonly serverName?: string
  readonly insecure: boolean
}

const decode = Schema.decodeUnknownResult(Config)

const parse = (source: string): Result.Result<unknown, string> =>
  Result.try({ try: () => Yaml.parse(source), catch: () => "it is not YAML" })

const material = <A>(
  data: string | undefined,
  file: string | undefined,
  of: (text: string) => A
): Material<A> | undefined => {
  if (data === undefined) return file === undefined ? undefined : { file }
  const decoded = Base64.decodeString(data)
  return Result.isSuccess(decoded) ? { data: of(decoded.success) } : undefined
}

const pick = <K extends string, A>(key: K, value: A | undefined): { readonly [P in K]?: A } =>
  value === undefined ? {} : { [key]: value } as { readonly [P in K]: A }

/** What a kubeconfig says of its current context, or why it cannot be used. @internal */
export const read = (source: string): Result.Result<Kubeconfig, string> =>
  Result.flatMap(parse(source), (value) => {
    const decoded = decode(value)
    if (Result.isFailure(decoded)) return Result.fail("it has not the form of a kubeconfig")
    const config = decoded.success
    const current = config["current-context"] || config.contexts[0]?.name
    const context = config.contexts.find(({ name }) => name === current)?.context
    if (context === undefined) return Result.fail(`it has no context "${current ?? ""}"`)
    const cluster = config.clusters.find(({ name }) => name === context.cluster)?.cluster
    if (cluster === undefined) return Result.fail(`it has no cluster "${context.cluster}"`)
    const user = config.users?.find(({ name }) => name === context.user)?.user ?? {}
    if (context.user !== undefined && !config.users?.some(({ name }) => name === context.user)) {
      return Result.fail(`it has no user "${context.user}"`)
    }
    const token = user.token === undefined
      ? user.tokenFile === undefined ? undefined : { file: user.tokenFile }
      : { data: Redacted.make(user.token) }
    const certificate = material(user["client-certificate-data"], user["client-certificate"], (it) => it)
    if (token === undefined && certificate === undefined) {
      const other = ["exec", "auth-provider", "username"].find((way) => Object.hasOwn(user, way))
      if (other !== undefined) {
        return Result.fail(`a user with "${other}" is not supported: use a token or a certificate`)
      }
    }
    return Result.succeed({
      server: cluster.server,
      insecure: cluster["insecure-skip-tls-verify"] === true,
      ...pick("token", token),
      ...pick("certificate", certificate),
      ...pick("key", material(user["client-key-data"], user["client-key"], Redacted.make)),
      ...pick(
        "authority",
        material(cluster["certificate-authority-data"], cluster["certificate-authority"], (it) => it)
      ),
      ...pick("serverName", cluster["tls-server-name"])
    })
  })
