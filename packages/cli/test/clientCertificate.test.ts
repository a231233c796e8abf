// Real sockets and child processes: the test needs the real clock.
import { assert, describe, it, vi } from "@effect/vitest"
import { Effect } from "effect"
import { execFileSync, spawnSync } from "node:child_process"
import * as fs from "node:fs"
import { createServer } from "node:https"
import type { AddressInfo } from "node:net"
import * as path from "node:path"
import type { TLSSocket } from "node:tls"
import { folder, volley } from "./support/volley.ts"

vi.setConfig({ testTimeout: 60_000 })

const hasOpenssl = spawnSync("openssl", ["version"]).status === 0

/** A certificate signed by an authority, or by itself. */
const certify = (
  dir: string,
  name: string,
  options: { readonly by?: string; readonly extension?: string } = {}
): void => {
  const openssl = (...args: ReadonlyArray<string>) => execFileSync("openssl", args, { cwd: dir, stdio: "ignore" })
  const request = ["req", "-newkey", "ec", "-pkeyopt", "ec_paramgen_curve:prime256v1", "-nodes", "-subj", `/CN=${name}`]
  if (options.by === undefined) {
    openssl(...request, "-x509", "-days", "2", "-keyout", `${name}.key`, "-out", `${name}.crt`)
    return
  }
  openssl(...request, "-keyout", `${name}.key`, "-out", `${name}.csr`)
  fs.writeFileSync(path.join(dir, `${name}.ext`), options.extension ?? "basicConstraints=CA:FALSE\n")
  const signed = ["-CA", `${options.by}.crt`, "-CAkey", `${options.by}.key`, "-CAcreateserial", "-days", "2"]
  openssl("x509", "-req", "-in", `${name}.csr`, ...signed, "-extfile", `${name}.ext`, "-out", `${name}.crt`)
}

/** An API server that answers only clients whose certificate its authority has signed. */
const serve = (dir: string) => {
  const seen = new Set<string>()
  const read = (file: string) => fs.readFileSync(path.join(dir, file))
  return Effect.map(
    Effect.acquireRelease(
      Effect.callback<ReturnType<typeof createServer>>((resume) => {
        const server = createServer(
          { key: read("server.key"), cert: read("server.crt"), ca: read("ca.crt"), requestCert: true },
          (request, response) => {
            seen.add(String((request.socket as TLSSocket).getPeerCertificate().subject.CN))
            response.setHeader("content-type", "application/json")
            response.end(JSON.stringify({ kind: "PodList", apiVersion: "v1", metadata: {}, items: [] }))
          }
        )
        server.listen(0, "127.0.0.1", () => resume(Effect.succeed(server)))
      }),
      (server) =>
        Effect.sync(() => {
          server.closeAllConnections()
          server.close()
        })
    ),
    (server) => ({ seen, url: `https://127.0.0.1:${(server.address() as AddressInfo).port}` })
  )
}

interface Report {
  readonly failure?: { readonly reason: string }
}

const kubeconfig = (url: string, user: string): string => `
apiVersion: v1
kind: Config
current-context: test
contexts: [{ name: test, context: { cluster: test, user: test } }]
clusters: [{ name: test, cluster: { server: "${url}", certificate-authority: ca.crt } }]
users: [{ name: test, user: { client-certificate: ${user}.crt, client-key: ${user}.key } }]
`

describe.skipIf(!hasOpenssl)("volley tools call", () => {
  it.live("KUBECONFIG - a client certificate is shown to the cluster; one of another authority is refused", () =>
    Effect.gen(function*() {
      const dir = yield* folder
      certify(dir, "ca")
      certify(dir, "server", { by: "ca", extension: "subjectAltName=IP:127.0.0.1\n" })
      certify(dir, "client", { by: "ca" })
      certify(dir, "stranger")
      const { seen, url } = yield* serve(dir)
      const ask = (user: string) => {
        const file = path.join(dir, `${user}.yaml`)
        fs.writeFileSync(file, kubeconfig(url, user))
        const args = ["tools", "call", "get_kubernetes_pod_status", "{\"namespace\":\"any\"}", "--output", "json"]
        return volley(args, { env: { KUBECONFIG: file } })
      }
      const [known, stranger] = yield* Effect.all([ask("client"), ask("stranger")], { concurrency: "unbounded" })
      assert.deepStrictEqual([...seen], ["client"])
      const reason = (stdout: string) => (JSON.parse(stdout) as Report).failure?.reason ?? ""
      const unreached = ["ApiUnavailable", "ApiUnreachable"]
      assert.notInclude(unreached, reason(known.stdout))
      assert.include(unreached, reason(stranger.stdout))
    }))
})
