import { assert, describe, it } from "@effect/vitest"
import { ToolPolicy } from "@volley/core"
import { ConfigProvider, Effect, Exit } from "effect"
import { Tool } from "effect/ai"
import { OpenApi } from "../../src/openapi/index.ts"
import { call, serve, small, toolkit, toolOf } from "./api.ts"

const get = (operationId: string, more: object = {}) => ({ get: { operationId, responses: {}, ...more } })

const pets = small({
  "/pets": { ...get("listPets", { tags: ["pets"] }), post: { operationId: "addPet", tags: ["pets"], responses: {} } },
  "/pets/{id}": {
    ...get("getPet", {
      tags: ["pets"],
      parameters: [{ name: "id", in: "path", required: true, schema: { type: "string" } }]
    })
  },
  "/shops": get("listShops", { tags: ["shop keeping"], deprecated: true }),
  "/shops/a/b": get("deepShop", { tags: ["shop keeping"] })
})

const made = (
  document: string | object,
  options: Partial<OpenApi.Options> = {},
  secrets: Record<string, string> = {}
) =>
  OpenApi.toolkit(document, { include: ["* /**"], ...options }).pipe(
    Effect.provideService(ConfigProvider.ConfigProvider, ConfigProvider.fromUnknown(secrets))
  )

const namesOf = (include: ReadonlyArray<string>) =>
  Effect.map(made(pets, { include }), ({ tools }) => tools.map(({ name }) => name))

const refusedBy = (document: string | object, options: Partial<OpenApi.Options> = {}) =>
  Effect.map(Effect.flip(made(document, options)), ({ _tag, message }) => [_tag, message])

describe("include", () => {
  it.effect("takes operations by id, by tag, and by method and path", () =>
    Effect.gen(function*() {
      assert.deepStrictEqual(yield* namesOf(["getPet"]), ["getPet"])
      assert.deepStrictEqual(yield* namesOf(["tag:pets"]), ["listPets", "addPet", "getPet"])
      assert.deepStrictEqual(yield* namesOf(["tag:shop keeping", "GET /pets"]), ["listPets", "deepShop"])
      assert.deepStrictEqual(yield* namesOf(["* /pets"]), ["listPets", "addPet"])
      assert.deepStrictEqual(yield* namesOf(["get /pets/*"]), ["getPet"])
      assert.deepStrictEqual(yield* namesOf(["GET /pets/{id}"]), ["getPet"])
      assert.deepStrictEqual(yield* namesOf(["GET /shops/**"]), ["deepShop"])
      assert.deepStrictEqual(yield* namesOf(["GET /*"]), ["listPets"])
    }))

  it.effect("an entry that means nothing is an error that names near ones", () =>
    Effect.gen(function*() {
      assert.deepStrictEqual(yield* refusedBy(pets, { include: ["listPets", "getPets"] }), [
        "IncludeUnknown",
        "The OpenAPI document has no operation for \"getPets\"; near are \"getPet\", \"GET /pets\", \"listPets\""
      ])
      assert.deepStrictEqual(yield* refusedBy(pets, { include: ["tag:shop"] }), [
        "IncludeUnknown",
        "The OpenAPI document has no operation for \"tag:shop\"; near are \"tag:shop keeping\", \"tag:pets\""
      ])
    }))

  it.effect("no operations, and more than 128, are errors that name the tags", () =>
    Effect.gen(function*() {
      assert.deepStrictEqual(yield* refusedBy(pets, { include: [] }), [
        "IncludeUnusable",
        "No operation of the OpenAPI document is included; tags are \"pets\", \"shop keeping\""
      ])
      const many = small(Object.fromEntries(Array.from({ length: 129 }, (_, i) => [`/a${i}`, get(`a${i}`)])))
      assert.deepStrictEqual(yield* refusedBy(many), [
        "IncludeUnusable",
        "129 operations of the OpenAPI document are included, more than 128"
      ])
      assert.strictEqual((yield* made(many, { include: ["GET /a1*"] })).tools.length, 40)
    }))

  it.effect("a deprecated operation is withheld unless it is named", () =>
    Effect.gen(function*() {
      const { withheld } = yield* made(pets, { include: ["tag:shop keeping"] })
      assert.deepStrictEqual(withheld, [
        { operation: "GET /shops", reason: "it is deprecated: include it by its name to have it" }
      ])
      assert.deepStrictEqual(yield* namesOf(["listShops"]), ["listShops"])
      assert.deepStrictEqual(yield* namesOf(["GET /shops"]), ["listShops"])
    }))
})

describe("documents", () => {
  it.effect("are taken as a value, as JSON and as YAML", () =>
    Effect.gen(function*() {
      const yaml =
        "openapi: 3.1.0\npaths:\n  /a:\n    get:\n      operationId: a\nservers: [{url: https://a.example}]\n"
      for (const document of [pets, JSON.stringify(pets), `\uFEFF${yaml}`]) {
        const { tools } = yield* made(document, { include: ["GET /*"] })
        assert.strictEqual(tools.length, 1)
      }
    }))

  it.effect("another version, another form and too much are refused with a reason", () =>
    Effect.gen(function*() {
      const reason = (document: string | object) =>
        Effect.map(refusedBy(document), ([tag, message]) => {
          assert.strictEqual(tag, "DocumentUnusable")
          return String(message).replace("The OpenAPI document cannot be used: ", "")
        })
      assert.strictEqual(
        yield* reason({ swagger: "2.0", paths: {} }),
        "it is of Swagger 2.0: convert it to OpenAPI 3.0 or 3.1"
      )
      assert.strictEqual(yield* reason({ openapi: "3.2.0" }), "it is of OpenAPI 3.2.0, not 3.0 or 3.1")
      assert.strictEqual(yield* reason("{}"), "it does not say which version of OpenAPI it is of")
      assert.match(yield* reason("{\"openapi\": "), /^it is neither JSON nor YAML: /)
      assert.strictEqual(yield* reason("[1]"), "it is not an object")
      assert.strictEqual(yield* reason(`"${"x".repeat(16 * 1024 * 1024)}"`), "it is larger than 16 MiB")
      const cyclic: Record<string, unknown> = { openapi: "3.0.0" }
      cyclic["paths"] = cyclic
      assert.match(yield* reason(cyclic), /nested deeper than 200 levels$/)
      const layers = Array.from({ length: 9 }, (_, i) => `x${i + 1}: &x${i + 1} [${`*x${i},`.repeat(9)}*x${i}]`)
      assert.match(
        yield* reason(`openapi: 3.0.0\nx0: &x0 [1]\n${layers.join("\n")}`),
        /^it has more than 4000000 values/
      )
    }))

  it.effect("any shape in any place withholds the operation, or is passed over, and is never a defect", () =>
    Effect.gen(function*() {
      const odd: ReadonlyArray<unknown> = [
        null,
        true,
        7,
        "x",
        [],
        [null],
        {},
        { $ref: 5 },
        { $ref: "#/paths" },
        "__proto__"
      ]
      const places = [
        "parameters",
        "requestBody",
        "security",
        "servers",
        "tags",
        "summary",
        "operationId",
        "deprecated"
      ]
      const inner = ["name", "in", "schema", "content", "style", "explode", "required", "description"]
      const keywords = [
        "type",
        "properties",
        "required",
        "items",
        "allOf",
        "oneOf",
        "enum",
        "pattern",
        "minimum",
        "additionalProperties",
        "patternProperties",
        "discriminator",
        "nullable",
        "format",
        "prefixItems",
        "default"
      ]
      for (const value of odd) {
        const operations = [
          ...places.map((place) => ({ operationId: place, [place]: value })),
          ...inner.map((field) => ({ parameters: [{ name: "a", in: "query", schema: {}, [field]: value }] })),
          ...keywords.map((keyword) => ({ parameters: [{ name: "a", in: "query", schema: { [keyword]: value } }] })),
          { requestBody: { content: { "application/json": value } } },
          { requestBody: { content: value } }
        ]
        const document = small(Object.fromEntries(operations.map((operation, i) => [`/p${i}`, { post: operation }])))
        const exit = yield* Effect.exit(made(document))
        assert.isTrue(Exit.isSuccess(exit), JSON.stringify([value, exit]))
        for (const field of ["paths", "components", "security", "servers"]) {
          const one = yield* Effect.exit(made({ ...pets, [field]: value }))
          assert.isFalse(Exit.hasDies(one), JSON.stringify([field, value, one]))
        }
        const item = yield* Effect.exit(made({ ...pets, paths: { ...pets.paths, "/x": value } }))
        assert.isTrue(Exit.isSuccess(item), JSON.stringify([value, item]))
      }
    }))

  it.effect("a tool's schema is bounded: without descriptions where it is too large, else withheld", () =>
    Effect.gen(function*() {
      const query = (count: number, described: number) =>
        get(`a${count}`, {
          parameters: [{
            name: "a",
            in: "query",
            schema: {
              type: "object",
              properties: Object.fromEntries(Array.from({ length: count }, (_, i) => [`p${i}`, {
                type: "string",
                description: "x".repeat(described)
              }]))
            }
          }]
        })
      const { tools, withheld } = yield* made(small({ "/a": query(100, 900), "/b": query(5000, 0) }))
      assert.deepStrictEqual(tools.map(({ name }) => name), ["a100"])
      assert.isBelow(JSON.stringify(Tool.getJsonSchema(tools[0]!)).length, 5000)
      assert.deepStrictEqual(withheld, [
        { operation: "GET /b", reason: "the schema of its arguments is larger than 64 KiB" }
      ])
    }))

  it.effect("a schema that is made twice of one that is made twice of another, and so on, is read once", () =>
    Effect.gen(function*() {
      const twice = Array.from({ length: 60 }, (_, i): [string, object] => {
        const next = { $ref: `#/components/schemas/s${i + 1}` }
        return [`s${i}`, { allOf: [next, next], required: ["a"] }]
      })
      const s60 = { properties: { a: { type: "string", readOnly: true } } }
      const { tools } = yield* made(small({
        "/a": get("a", { parameters: [{ name: "a", in: "query", schema: { $ref: "#/components/schemas/s0" } }] })
      }, { components: { schemas: { ...Object.fromEntries(twice), s60 } } }))
      assert.notInclude(JSON.stringify(Tool.getJsonSchema(tools[0]!)), "\"required\"")
    }))

  it.effect("a long chain of schemas is followed to its end, or given up", () =>
    Effect.gen(function*() {
      const chain = Array.from({ length: 20_000 }, (_, i): [string, object] => [`s${i}`, {
        properties: { next: { $ref: `#/components/schemas/s${i + 1}` } }
      }])
      const at = (i: number) =>
        get(`a${i}`, { parameters: [{ name: "a", in: "query", schema: { $ref: `#/components/schemas/s${i}` } }] })
      const { tools, withheld } = yield* made(small({ "/a": at(19_500), "/b": at(0) }, {
        components: { schemas: { ...Object.fromEntries(chain), s20000: { type: "string" } } }
      }))
      assert.deepStrictEqual(tools.map(({ name }) => name), ["a19500"])
      assert.deepStrictEqual(withheld, [
        { operation: "GET /b", reason: "the schema of its arguments has more than 1000 parts" }
      ])
    }))
})

describe("tools", () => {
  it.effect("names - fit the rule, are kept apart, and do not depend on what else is included", () =>
    Effect.gen(function*() {
      const long = "a".repeat(80)
      const document = small({
        "/x": get("get/x"),
        "/y": get("get x"),
        "/z/{id}": { get: { parameters: [{ name: "id", in: "path", required: true, schema: {} }] } },
        "/l": get(long)
      })
      const { tools } = yield* made(document)
      const names = tools.map(({ name }) => name)
      assert.strictEqual(new Set(names).size, 4)
      for (const name of names) assert.match(name, /^[a-zA-Z0-9_-]{1,64}$/)
      assert.match(names[0]!, /^get_x_[0-9a-f]{8}$/)
      assert.strictEqual(names[2], "get_z_id")
      const alone = yield* made(document, { include: ["GET /y", "GET /l"], name: "shop" })
      assert.match(alone.tools[0]!.name, /^shop_get_x_[0-9a-f]{8}$/)
      assert.strictEqual(alone.tools[1]!.name.length, 64)
      assert.deepStrictEqual((yield* made(document, { include: ["GET /y"] })).tools.map(({ name }) => name), [names[1]])
    }))

  it.effect("classes - by the method, and the policy of the option on each", () =>
    Effect.gen(function*() {
      const operations = ["get", "head", "put", "delete", "post", "patch"]
      const { tools } = yield* made(
        small({
          "/a": Object.fromEntries(operations.map((method) => [method, { operationId: method, responses: {} }]))
        }),
        { policy: { timeout: "3 seconds", maxResultSize: "64 KiB" } }
      )
      assert.deepStrictEqual(tools.map((tool) => `${tool.name} ${ToolPolicy.effectClass(tool)}`), [
        "get readonly",
        "head readonly",
        "post effectful",
        "put idempotent",
        "patch effectful",
        "delete idempotent"
      ])
      for (const tool of tools) {
        const { maxResultSize, timeout } = ToolPolicy.get(tool)
        assert.deepStrictEqual([timeout, maxResultSize], ["3 seconds", "64 KiB"])
      }
    }))

  it.effect("options - what cannot be used fails", () =>
    Effect.gen(function*() {
      const wrong: ReadonlyArray<Partial<OpenApi.Options>> = [
        { server: "ftp://a.example" },
        { server: "https://a.example/?key=1" },
        { server: "https://user:pass@a.example" },
        { url: "petstore.json" },
        { name: "not a name" },
        { allowPrivate: ["http://localhost"] }
      ]
      for (const options of wrong) assert.strictEqual((yield* refusedBy(pets, options))[0], "OptionUnusable")
    }))
})

describe("servers", () => {
  const at = (servers: unknown, options: Partial<OpenApi.Options>) =>
    Effect.gen(function*() {
      const { asked, url } = yield* serve()
      const { host, port } = new URL(url)
      const text = JSON.stringify(small({ "/a": get("a") }, { servers })).replaceAll("HOST", host).replaceAll(
        "PORT",
        port
      )
      const api = yield* made(text, {
        allowPrivate: [host],
        ...options,
        ...(options.url === undefined ? {} : { url: options.url.replace("HOST", host) })
      })
      if (api.tools.length === 0) return api.withheld[0]?.reason
      const { result } = yield* call(toolOf(api, "a"), {})
      return asked[0]?.url ?? result
    })

  it.effect("the first server, its variables at their defaults", () =>
    Effect.gen(function*() {
      const variables = { port: { default: "PORT", enum: ["PORT", "1"] }, base: { default: "v2" } }
      assert.strictEqual(yield* at([{ url: "http://127.0.0.1:{port}/{base}/", variables }, { url: "x" }], {}), "/v2/a")
    }))

  it.effect("relative to the document, which has to be known", () =>
    Effect.gen(function*() {
      assert.strictEqual(yield* at([{ url: "../v3" }], { url: "http://HOST/docs/x/openapi.json" }), "/docs/v3/a")
      assert.strictEqual(yield* at([], { url: "http://HOST/docs/openapi.json" }), "/a")
      assert.strictEqual(
        yield* at([{ url: "/v3" }], {}),
        "its server \"/v3\" is no whole URL: give the option \"server\""
      )
      assert.strictEqual(
        yield* at([{ url: "https://{x}.example.com" }], {}),
        "its server has {x} without a default: give the option \"server\""
      )
      assert.strictEqual(
        yield* at([{ url: "file:///etc/passwd" }], {}),
        "its server \"file:///etc/passwd\" is not a plain http or https URL"
      )
    }))

  it.effect("a server of the operation and of the path go before that of the document, the option before all", () =>
    Effect.gen(function*() {
      const { asked, url } = yield* serve()
      const document = small({
        "/a": { servers: [{ url: `${url}/path` }], ...get("a", { servers: [{ url: `${url}/operation` }] }) },
        "/b": { servers: [{ url: `${url}/path` }], ...get("b") },
        "/c": get("c")
      }, { servers: [{ url: `${url}/document` }] })
      const own = yield* made(document, { allowPrivate: [new URL(url).host] })
      const option = yield* toolkit(document, `${url}/option`)
      for (const api of [own, option]) for (const name of ["a", "b", "c"]) yield* call(toolOf(api, name), {})
      assert.deepStrictEqual(asked.map((one) => one.url), [
        "/operation/a",
        "/path/b",
        "/document/c",
        "/option/a",
        "/option/b",
        "/option/c"
      ])
    }))
})
