import { assert, describe, it } from "@effect/vitest"
import { ToolPolicy } from "@volley/core"
import { Effect } from "effect"
import { Tool } from "effect/ai"
import type { OpenApi } from "../../src/openapi/index.ts"
import { type Asked, call, document, serve, toolkit, toolOf } from "./api.ts"

const secrets = {
  OPENAPI_BEARER_AUTH: "token-of-issues",
  OPENAPI_BASIC_AUTH: "key-of-payments:",
  OPENAPI_BEARER_TOKEN: "Bearer token-of-cluster",
  OPENAPI_CHAT_AUTH: "token-of-chat"
}

const open = (name: string, given: Record<string, string> = secrets, options: Partial<OpenApi.Options> = {}) =>
  Effect.gen(function*() {
    const { asked, url } = yield* serve()
    const api = yield* toolkit(document(name), url, options, given)
    const request = (tool: string, args: unknown): Effect.Effect<Asked, OpenApi.BadCredentials> =>
      Effect.gen(function*() {
        const before = asked.length
        const { ok, result } = yield* call(toolOf(api, tool), args)
        assert.isTrue(ok, JSON.stringify(result))
        assert.strictEqual(asked.length, before + 1)
        return asked[before]!
      })
    return { api, request, asked }
  })

const line = ({ body, method, url }: Asked): string => `${method} ${url}${body === "" ? "" : ` ${body}`}`

const schemaOf = (api: OpenApi.Api, name: string) => Tool.getJsonSchema(toolOf(api, name)) as Record<string, any>

describe("a service of issues", () => {
  it.effect("tools - names, classes and what is withheld", () =>
    Effect.gen(function*() {
      const { api } = yield* open("issues.yaml")
      assert.deepStrictEqual(api.tools.map((tool) => [tool.name, ToolPolicy.effectClass(tool)]), [
        ["issues_list-for-repo", "readonly"],
        ["issues_create", "effectful"],
        ["issues_get", "readonly"],
        ["issues_update", "effectful"],
        ["repos_get-content", "readonly"],
        ["markdown_render-raw", "effectful"]
      ])
      assert.deepStrictEqual(api.withheld, [
        {
          operation: "GET /repos/{owner}/{repo}/compare/{base}...{head}",
          reason: "it is deprecated: include it by its name to have it"
        },
        {
          operation: "POST /repos/{owner}/{repo}/releases/assets",
          reason: "its body is application/octet-stream, which is not sent"
        }
      ])
      assert.strictEqual(
        Tool.getDescription(toolOf(api, "issues_list-for-repo")),
        "List repository issues\nLists issues in a repository.\nOnly open issues are listed by default."
      )
    }))

  it.effect("requests - parameters of the path item, lists with commas, a slash stays in its segment", () =>
    Effect.gen(function*() {
      const { request } = yield* open("issues.yaml")
      const list = yield* request("issues_list-for-repo", { owner: "o", repo: "r", labels: ["bug", "a,b"], page: 2 })
      assert.strictEqual(line(list), "GET /repos/o/r/issues?labels=bug,a%2Cb&page=2")
      assert.strictEqual(list.headers.authorization, "Bearer token-of-issues")
      const content = yield* request("repos_get-content", { owner: "o", repo: "r", path: "src/../a b.ts" })
      assert.strictEqual(line(content), "GET /repos/o/r/contents/src%2F..%2Fa%20b.ts")
      const raw = yield* request("markdown_render-raw", { body: "# Hi\n" })
      assert.deepStrictEqual([line(raw), raw.headers["content-type"]], [
        "POST /markdown/raw # Hi\n",
        "text/plain; charset=utf-8"
      ])
    }))

  it.effect("security - an operation that wants none gets none", () =>
    Effect.gen(function*() {
      const { request } = yield* open("issues.yaml")
      const one = yield* request("issues_get", { owner: "o", repo: "r", issue_number: 7 })
      assert.deepStrictEqual([line(one), one.headers.authorization], ["GET /repos/o/r/issues/7", undefined])
    }))

  it.effect("schemas - nullable, exclusive bounds and read-only properties of 3.0", () =>
    Effect.gen(function*() {
      const { api, asked } = yield* open("issues.yaml")
      const update = schemaOf(api, "issues_update")
      assert.deepStrictEqual(update["properties"].body.allOf[1], {
        type: "object",
        properties: {
          state_reason: { type: ["string", "null"], enum: ["completed", "not_planned", "reopened", null] }
        },
        required: ["state_reason"]
      })
      assert.deepStrictEqual(update["$defs"].issue.required, ["title"])
      assert.deepStrictEqual(Object.keys(update["$defs"].issue.properties), ["title", "user", "parent"])
      assert.deepStrictEqual(update["$defs"]["nullable-simple-user"], {
        type: ["object", "null"],
        properties: {
          login: { type: "string", pattern: "^[a-z0-9-]+$" },
          // one that could take for ever is told and not checked
          email: { type: "string", description: "Pattern: ^([a-z]+)*@example$" }
        }
      })
      const zero = yield* call(toolOf(api, "issues_get"), { owner: "o", repo: "r", issue_number: 0 })
      assert.strictEqual(zero.failure?.reason, "InvalidArguments")
      assert.deepStrictEqual(asked, [])
    }))

  it.effect("include - a deprecated operation by its name", () =>
    Effect.gen(function*() {
      const { request } = yield* open("issues.yaml", secrets, { include: ["repos/compare-commits"] })
      const one = yield* request("repos_compare-commits", { owner: "o", repo: "r", base: "v1.0", head: "a/b" })
      assert.strictEqual(line(one), "GET /repos/o/r/compare/v1.0...a%2Fb")
    }))
})

describe("payments", () => {
  it.effect("queries - objects and lists in brackets, one of several types", () =>
    Effect.gen(function*() {
      const { request } = yield* open("payments.json")
      const range = yield* request("GetCharges", {
        created: { gte: 1, lt: 9 },
        expand: ["data.a", "b"],
        ids: ["x", "y"],
        limit: 3
      })
      assert.strictEqual(
        decodeURIComponent(line(range)),
        "GET /v1/charges?created[gte]=1&created[lt]=9&expand[0]=data.a&expand[1]=b&ids[]=x&ids[]=y&limit=3"
      )
      assert.strictEqual(line(yield* request("GetCharges", { created: 5 })), "GET /v1/charges?created=5")
    }))

  it.effect("forms - nested objects by their encoding, lists repeated, an object as JSON where nothing is said", () =>
    Effect.gen(function*() {
      const { request } = yield* open("payments.json")
      const one = yield* request("PostCharges", {
        body: {
          amount: 100,
          expand: ["customer"],
          metadata: { "order id": "1&2" },
          shipping: { address: { city: "Köln", lines: ["a", "b"] } },
          tags: ["x", "y=z"],
          options: { fast: true }
        }
      })
      assert.strictEqual(one.headers["content-type"], "application/x-www-form-urlencoded")
      assert.deepStrictEqual([...new URLSearchParams(one.body)], [
        ["amount", "100"],
        ["expand[0]", "customer"],
        ["metadata[order id]", "1&2"],
        ["shipping[address][city]", "Köln"],
        ["shipping[address][lines][0]", "a"],
        ["shipping[address][lines][1]", "b"],
        ["tags", "x"],
        ["tags", "y=z"],
        ["options", "{\"fast\":true}"]
      ])
    }))

  it.effect("idempotency - a POST that declares the header is idempotent and is sent the key of the call", () =>
    Effect.gen(function*() {
      const { api, request } = yield* open("payments.json")
      assert.strictEqual(ToolPolicy.effectClass(toolOf(api, "PostCharges")), "idempotent")
      assert.strictEqual(ToolPolicy.effectClass(toolOf(api, "DeleteChargesCharge")), "idempotent")
      assert.notProperty(schemaOf(api, "PostCharges")["properties"], "Idempotency-Key")
      const one = yield* request("PostCharges", { body: {}, "Stripe-Version": "1" })
      assert.match(String(one.headers["idempotency-key"]), /^[0-9a-f]{64}$/)
      assert.strictEqual(one.headers["stripe-version"], "1")
    }))

  it.effect("multipart - text, JSON and lists; files are left out, or the operation is withheld", () =>
    Effect.gen(function*() {
      const { api, request } = yield* open("payments.json")
      const one = yield* request("PostEvidence", {
        dispute: "d",
        body: { summary: "volley\r\n--volley--\r\n\"", facts: { paid: true }, pages: [1, 2] }
      })
      const form = yield* Effect.promise(() =>
        new Response(one.body, { headers: { "content-type": String(one.headers["content-type"]) } }).formData()
      )
      assert.deepStrictEqual([...form], [
        ["summary", "volley\r\n--volley--\r\n\""],
        ["facts", "{\"paid\":true}"],
        ["pages", "1"],
        ["pages", "2"]
      ])
      assert.notProperty(schemaOf(api, "PostEvidence")["properties"].body.properties, "attachment")
      assert.deepStrictEqual(api.withheld, [
        { operation: "POST /v1/files", reason: "its body has the file \"file\", which is not sent" }
      ])
    }))

  it.effect("security - the first alternative that is configured", () =>
    Effect.gen(function*() {
      const basic = yield* open("payments.json")
      const first = yield* basic.request("GetChargesCharge", { charge: "c" })
      assert.strictEqual(first.headers.authorization, `Basic ${Buffer.from("key-of-payments:").toString("base64")}`)
      const bearer = yield* open("payments.json", { OPENAPI_BEARER_AUTH: "token-of-payments" })
      const second = yield* bearer.request("GetChargesCharge", { charge: "c" })
      assert.strictEqual(second.headers.authorization, "Bearer token-of-payments")
      const none = yield* open("payments.json", {})
      assert.deepStrictEqual(none.api.tools, [])
      assert.deepStrictEqual(none.api.withheld[0], {
        operation: "GET /v1/charges",
        reason: "it needs a secret that is not configured: OPENAPI_BASIC_AUTH, or OPENAPI_BEARER_AUTH"
      })
    }))
})

describe("a cluster", () => {
  it.effect("tools - vendor extensions, bodies of any type, patches, schemas that contain themselves", () =>
    Effect.gen(function*() {
      const { api, request } = yield* open("cluster.json")
      assert.notInclude(JSON.stringify(api.tools.map((tool) => Tool.getJsonSchema(tool))), "x-kubernetes")
      const pod = { metadata: { name: "p" }, spec: { containers: [{ name: "c", port: "http" }] } }
      const created = yield* request("createCoreV1NamespacedPod", { namespace: "default", body: pod })
      assert.strictEqual(line(created), `POST /api/v1/namespaces/default/pods ${JSON.stringify(pod)}`)
      assert.deepStrictEqual(
        [created.headers["content-type"], created.headers.authorization],
        ["application/json", "Bearer token-of-cluster"]
      )
      const patched = yield* request("patchCoreV1NamespacedPod", { namespace: "d", name: "p", body: { spec: null } })
      assert.strictEqual(patched.headers["content-type"], "application/merge-patch+json")
      const nested = { properties: { a: { not: { allOf: [{ type: "string" }] } } } }
      assert.strictEqual((yield* request("createSchema", { body: nested })).body, JSON.stringify(nested))
      const wrong = yield* call(toolOf(api, "createSchema"), { body: { not: { not: { not: "x" } } } })
      assert.strictEqual(wrong.failure?.reason, "InvalidArguments")
      assert.deepStrictEqual(api.withheld.map(({ reason }) => reason), [
        "its method OPTIONS is not supported",
        "it needs a secret that is not configured: \"clientCert\" (security of the type \"mutualTLS\" is not supported)"
      ])
    }))
})

describe("a chat", () => {
  it.effect("security - a token that the document has as a parameter is no argument", () =>
    Effect.gen(function*() {
      const { api, request } = yield* open("chat.yaml")
      assert.deepStrictEqual(Object.keys(schemaOf(api, "chat_postMessage")["properties"]), ["body"])
      const sent = yield* request("chat_postMessage", { body: { channel: "C1", text: "hi" } })
      assert.deepStrictEqual(
        [line(sent), sent.headers.authorization, sent.headers["content-type"]],
        ["POST /chat.postMessage {\"channel\":\"C1\",\"text\":\"hi\"}", "Bearer token-of-chat", "application/json"]
      )
      const wrong = yield* call(toolOf(api, "chat_postMessage"), { body: { text: "hi" } })
      assert.strictEqual(wrong.failure?.reason, "InvalidArguments")
    }))

  it.effect("security - keys in a query and a cookie, all of an alternative or none", () =>
    Effect.gen(function*() {
      const both = yield* open("chat.yaml", { OPENAPI_LEGACY_TOKEN: "x&y legacy", OPENAPI_WORKSPACE: "w=1; z" })
      const one = yield* both.request("dnd_info", { user: "U1" })
      assert.deepStrictEqual(
        [one.url, one.headers.cookie],
        ["/dnd.info?token=x%26y%20legacy&user=U1", "d=w%3D1%3B%20z"]
      )
      const half = yield* open("chat.yaml", { OPENAPI_LEGACY_TOKEN: "legacy" })
      const anonymous = yield* half.request("dnd_info", { user: "U1" })
      assert.deepStrictEqual([anonymous.url, anonymous.headers.cookie], ["/dnd.info?user=U1", undefined])
      assert.strictEqual((yield* half.request("conversations_list", {})).url, "/conversations.list?token=legacy")
    }))
})

describe("shapes of 3.1", () => {
  it.effect("parameters - equal names in several places, content, names that a model's API does not take", () =>
    Effect.gen(function*() {
      const { api, request } = yield* open("shapes.json")
      assert.deepStrictEqual(Object.keys(schemaOf(api, "search")["properties"]), [
        "query_id",
        "header_id",
        "cookie_id",
        "filter",
        "top",
        "bbox",
        "path",
        "X-Trace"
      ])
      const one = yield* request("search", {
        query_id: 1,
        header_id: "h",
        cookie_id: "c=",
        filter: { field: "name", not: { field: "name" } },
        top: 5,
        bbox: [1.5, 2],
        path: "/a?b=c&d#e"
      })
      assert.strictEqual(
        one.url,
        `/search?id=1&filter=${encodeURIComponent("{\"field\":\"name\",\"not\":{\"field\":\"name\"}}")}` +
          "&%24top=5&bbox=1.5%7C2&path=/a?b=c%26d%23e"
      )
      assert.deepStrictEqual([one.headers["id"], one.headers.cookie, one.headers.accept], [
        "h",
        "id=c%3D",
        "application/json, text/*;q=0.8, */*;q=0.1"
      ])
    }))

  it.effect("operations - a referenced path item, names from method and path, HEAD", () =>
    Effect.gen(function*() {
      const { request } = yield* open("shapes.json")
      assert.strictEqual(line(yield* request("get_things_id", { id: "ä/1" })), "GET /things/%C3%A4%2F1")
      assert.strictEqual(line(yield* request("head_things_id", { id: "1" })), "HEAD /things/1")
    }))

  it.effect("schemas - alternatives by a discriminator, JSON of another type, a tree", () =>
    Effect.gen(function*() {
      const { api, request } = yield* open("shapes.json")
      assert.deepStrictEqual(schemaOf(api, "addPet")["$defs"].Cat.required, ["kind"])
      assert.include(schemaOf(api, "addPet")["$defs"].Pet.description, "\"kind\": cat, dog")
      const cat = yield* request("addPet", { body: { kind: "cat", lives: 9 } })
      assert.strictEqual(cat.headers["content-type"], "application/vnd.pets.v2+json")
      const tree = { left: { value: 0.1, right: null }, value: 19.99 }
      assert.strictEqual((yield* request("putTree", { body: tree })).body, JSON.stringify(tree))
      const cow = yield* call(toolOf(api, "addPet"), { body: { kind: "cow" } })
      assert.strictEqual(cow.failure?.reason, "InvalidArguments")
    }))

  it.effect("withheld - each operation that cannot be a tool, with its reason", () =>
    Effect.gen(function*() {
      const { api } = yield* open("shapes.json")
      assert.deepStrictEqual(api.withheld.map(({ operation, reason }) => `${operation}: ${reason}`), [
        "GET /broken/outside: it refers to \"common.yaml#/limit\", outside of the document",
        "GET /broken/missing: it refers to \"#/components/parameters/nothing\", which the document does not have",
        "GET /broken/loop: it has a reference that leads back to itself: \"#/components/parameters/loop\"",
        "GET /broken/self: its schema \"Self\" is made of itself",
        "GET /broken/{id}/{other}: its path has {other}, which is no parameter",
        "GET /broken/style: its parameter \"a\" has the style \"matrix\", which query has not",
        "POST /broken/body: its body is application/xml, which is not sent",
        "GET /broken/query?a=1: its path has a query or a fragment",
        "GET /broken/content: a parameter of it is application/xml, which is not sent",
        "GET /broken/get: it wants a body, which GET has not"
      ])
    }))
})
