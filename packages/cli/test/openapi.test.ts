import * as NodeServices from "@effect/platform-node/NodeServices"
import { assert, describe, it } from "@effect/vitest"
import { Dispatcher } from "@volley/core"
import { Loopback } from "@volley/core/testing"
import { ConfigProvider, Effect } from "effect"
import * as fs from "node:fs"
import * as path from "node:path"
import * as OpenApi from "../src/openapi.ts"
import { folder } from "./support/volley.ts"

const document = JSON.stringify({
  openapi: "3.1.0",
  servers: [{ url: "/v1" }],
  security: [{ theKey: [] }],
  paths: {
    "/pets": {
      get: { operationId: "listPets", tags: ["pets"], security: [] },
      post: { operationId: "addPet", tags: ["pets"] }
    }
  },
  components: { securitySchemes: { theKey: { type: "http", scheme: "bearer" } } }
})

/** Serves the document at `/openapi.json` and the API beside it. */
const api = Effect.gen(function*() {
  const asked: Array<string> = []
  const url = yield* Loopback.serve((request, response) => {
    asked.push(`${request.method} ${request.url} ${request.headers.authorization ?? "-"}`)
    const { status, text } = request.url === "/missing"
      ? { status: 404, text: "{}" }
      : { status: 200, text: request.url === "/openapi.json" ? document : "[]" }
    response.writeHead(status, { "content-type": "application/json" }).end(text)
  })
  return { asked, url, host: new URL(url).host }
})

const sources = (openapi: ReadonlyArray<string>, include: ReadonlyArray<string>, env: Record<string, string> = {}) =>
  OpenApi.sources({ openapi, include }).pipe(
    Effect.provideService(ConfigProvider.ConfigProvider, ConfigProvider.fromUnknown(env)),
    Effect.provide(NodeServices.layer)
  )

const refused = (...args: Parameters<typeof sources>) =>
  Effect.map(Effect.flip(sources(...args)), ({ code, message }) => `${code} ${message}`)

describe("--openapi", () => {
  it.effect("a URL - its servers are relative to it; what is withheld says which variable is missing", () =>
    Effect.gen(function*() {
      const { asked, host, url } = yield* api
      const [source, ...others] = yield* sources([`${url}/openapi.json`], ["tag:pets"], { OPENAPI_ALLOW_PRIVATE: host })
      assert.deepStrictEqual(others, [])
      assert.deepStrictEqual(source?.tools.map(({ name }) => name), ["listPets"])
      assert.deepStrictEqual(source?.withheld, [
        { name: "POST /pets", reason: "it needs a secret that is not configured: OPENAPI_THE_KEY" }
      ])
      const { ok } = yield* Dispatcher.call(source!.tools[0]!, {})
      assert.isTrue(ok)
      assert.deepStrictEqual(asked, ["GET /openapi.json -", "GET /v1/pets -"])
    }))

  it.effect("files - with a name each, which keeps tools, secrets and servers apart", () =>
    Effect.gen(function*() {
      const { asked, host, url } = yield* api
      const file = path.join(yield* folder, "api.json")
      fs.writeFileSync(file, document)
      const all = yield* sources([`a=${file}`, `b=${file}`], ["a=addPet", "b=POST /*"], {
        OPENAPI_ALLOW_PRIVATE: `example.internal,${host}`,
        OPENAPI_A_SERVER: `${url}/a`,
        OPENAPI_B_SERVER: `${url}/b`,
        OPENAPI_A_THE_KEY: "key-of-a"
      })
      assert.deepStrictEqual(all.map(({ tools }) => tools.map(({ name }) => name)), [["a_addPet"], []])
      assert.strictEqual(
        all[1]?.withheld[0]?.reason,
        "it needs a secret that is not configured: OPENAPI_B_THE_KEY"
      )
      yield* Dispatcher.call(all[0]!.tools[0]!, {})
      assert.deepStrictEqual(asked, ["POST /a/pets Bearer key-of-a"])
    }))

  it.effect("what cannot be used is told in one line", () =>
    Effect.gen(function*() {
      const { host, url } = yield* api
      const dir = yield* folder
      const file = path.join(dir, "api.json")
      fs.writeFileSync(file, document)
      const allowed = { OPENAPI_ALLOW_PRIVATE: host }
      assert.strictEqual(
        yield* refused([file], []),
        `2 OpenAPI document "${file}": No operation of the OpenAPI document is included; tags are "pets"; choose with --openapi-include`
      )
      assert.include(yield* refused([file], ["listPet"]), "has no operation for \"listPet\"; near are \"listPets\"")
      assert.strictEqual(yield* refused([dir], ["x"]), `2 OpenAPI document "${dir}" is not a file`)
      assert.strictEqual(yield* refused([`${file}.no`], ["x"]), `2 OpenAPI document "${file}.no" does not exist`)
      assert.match(
        yield* refused([`${url}/openapi.json`], ["x"]),
        /^1 OpenAPI document ".*" cannot be read: .*no public address/
      )
      assert.match(yield* refused([`${url}/missing`], ["x"], allowed), /cannot be read: status 404$/)
      assert.match(yield* refused([], ["x"]), /^2 --openapi-include needs --openapi$/)
      assert.notInclude(yield* refused([`${url}/openapi.json?token=abc`], ["x"]), "abc")
      assert.match(yield* refused([file, file], ["x"]), /^2 Several OpenAPI documents need a name each/)
      assert.match(yield* refused([`a=${file}`, `b=${file}`], ["listPets"]), /needs the name of its document/)
      fs.writeFileSync(file, "swagger: '2.0'")
      assert.match(yield* refused([file], ["x"]), /convert it to OpenAPI 3.0 or 3.1$/)
      fs.truncateSync(file, 17 * 1024 * 1024)
      assert.match(yield* refused([file], ["x"]), /is larger than 16 MiB$/)
    }))
})
