import { assert, describe, it } from "@effect/vitest"
import { Effect, Schema } from "effect"
import * as Arbitrary from "effect/Arbitrary"
import { call, serve, small, toolkit, toolOf } from "./api.ts"
import { type Declared, read, type Shape } from "./wire.ts"

const long = process.env["VOLLEY_LONG"] === "1"
const runs = long ? 1500 : 150

const literals = <A>(values: ReadonlyArray<A>) =>
  Arbitrary.map(
    Arbitrary.schema(Schema.Int.check(Schema.isBetween({ minimum: 0, maximum: values.length - 1 }))),
    (i) => values[i]!
  )

const nasty = [
  ...Array.from("aZ09-._~ /\\%&=+#?;,|'\"<>[]{}()*!$@:^`"),
  "..",
  "%2F",
  "%2e",
  "%00",
  "é",
  "日本",
  "😀",
  "\n",
  "\r\nX-Injected: 1",
  "\0",
  "\t",
  "//evil.example",
  "__proto__"
]

const text = Arbitrary.map(Arbitrary.array(literals(nasty), { maxLength: 5 }), (pieces) => pieces.join(""))

const places = {
  path: ["simple", "label", "matrix"],
  query: ["form", "spaceDelimited", "pipeDelimited", "deepObject"],
  header: ["simple"],
  cookie: ["form"]
} as const

const shapes: ReadonlyArray<Shape> = ["string", "integer", "boolean", "list", "map"]

/** Every place, style, explode and shape that can be declared. */
const all = Object.entries(places).flatMap(([place, styles]) =>
  styles.flatMap((style) =>
    [true, false].flatMap((explode) =>
      shapes.flatMap((shape): ReadonlyArray<Omit<Declared, "name">> => {
        if (style === "deepObject") return shape === "map" ? [{ in: "query", style, explode, shape, json: false }] : []
        const one = { in: place as Declared["in"], style, explode, shape, json: false }
        return style === styles[0] && explode ? [one, { ...one, json: true }] : [one]
      })
    )
  )
)

const valueFor = ({ in: place, shape, style }: Declared, name: string): Arbitrary.Arbitrary<unknown> => {
  // a zero has no sign in a text
  if (shape === "integer") return Arbitrary.map(Arbitrary.schema(Schema.Int), (value) => value + 0)
  if (shape === "boolean") return Arbitrary.schema(Schema.Boolean)
  if (shape === "string") return text
  const list = Arbitrary.array(text, { maxLength: 3 })
  if (shape === "list") return list
  return Arbitrary.map(
    Arbitrary.array(Arbitrary.all([text, text]), { maxLength: 3 }),
    (entries) =>
      Object.fromEntries(entries.map(([key, value]) => [
        // an exploded object says its own names
        place === "query" || place === "cookie"
          ? `${name}.${style === "deepObject" ? key.replaceAll(/[[\]]/g, "") : key}`
          : key,
        value
      ]))
  )
}

interface Given {
  readonly declared: Declared
  readonly value: unknown
}

const given = (name: string) =>
  Arbitrary.flatMap(literals(all), (one) => {
    const declared = { ...one, name }
    return Arbitrary.map(valueFor(declared, name), (value): Given => ({ declared, value }))
  })

const operation = Arbitrary.all([given("p0"), given("p1"), given("p2"), given("p3")])

const schemas: { readonly [K in Shape]: object } = {
  string: { type: "string" },
  integer: { type: "integer" },
  boolean: { type: "boolean" },
  list: { type: "array", items: { type: "string" } },
  map: { type: "object", additionalProperties: { type: "string" } }
}

const documentOf = (declared: ReadonlyArray<Declared>) => {
  const path = declared.filter((one) => one.in === "path").map(({ name }) => `/${name}/{${name}}`).join("")
  return small({
    [`/x${path}`]: {
      get: {
        operationId: "read",
        parameters: declared.map(({ explode, in: place, json, name, shape, style }) => ({
          name,
          in: place,
          required: place === "path",
          ...(json
            ? { content: { "application/json": { schema: schemas[shape] } } }
            : { style, explode, schema: schemas[shape] })
        }))
      }
    }
  })
}

const partsOf = (value: unknown): ReadonlyArray<string> => {
  if (typeof value !== "object" || value === null) return [typeof value === "string" ? value : JSON.stringify(value)]
  return Object.entries(value).flatMap(([key, item]) => Array.isArray(value) ? [item] : [key, item])
}

/** Whether a style can carry a value so that it is read as what it was. */
const carries = ({ declared: { explode, in: place, json, shape, style }, value }: Given): boolean => {
  const parts = partsOf(value)
  const isWhole = shape !== "list" && shape !== "map"
  switch (place) {
    case "path":
      return json || (parts.length > 0 && !/^[.,]*$/.test(parts.join("")))
    case "query":
      if (json || isWhole || explode) return true
      return !parts.some((part) =>
        part.includes(style === "spaceDelimited" ? " " : style === "pipeDelimited" ? "|" : "\0\0")
      )
    case "cookie":
      return true
    case "header": {
      const written = json ? JSON.stringify(value) : parts.join(",")
      // oxlint-disable-next-line no-control-regex -- what a header may have
      const isSendable = /^[\t\x20-\x7e\x80-\xff]*$/.test(written) &&
        (json || parts.every((part) => part === part.trim()))
      if (json || isWhole) return isSendable && (!isWhole || written === written.trim())
      const keys = shape === "map" && explode ? Object.keys(value as object) : []
      return isSendable && !parts.some((part) => part.includes(",")) && !keys.some((key) => key.includes("="))
    }
  }
}

/** An empty list or object is not sent, outside of the path. */
const isSent = ({ declared, value }: Given): boolean =>
  declared.in === "path" || typeof value !== "object" || Object.keys(value!).length > 0

describe("round trip", () => {
  it.effect.prop(
    "parameters - a server reads what the arguments were, whatever the place, the style and the value, or nothing is sent",
    [operation],
    ([params]) =>
      Effect.gen(function*() {
        const { asked, url } = yield* serve()
        const api = yield* toolkit(documentOf(params.map(({ declared }) => declared)), url)
        const args = Object.fromEntries(params.map(({ declared, value }) => [declared.name, value]))
        const report = yield* call(toolOf(api, "read"), args)
        const cannot = params.filter((one) => isSent(one) && !carries(one))
        if (!report.ok) {
          assert.strictEqual(report.failure?.reason, "InvalidArguments", JSON.stringify(report.result))
          assert.deepStrictEqual(asked, [])
          assert.isAbove(cannot.length, 0, JSON.stringify([params, report.result]))
          return
        }
        const sent = params.filter(isSent)
        const [request = assert.fail("not asked")] = asked
        assert.strictEqual(request.headers["x-injected"], undefined)
        assert.deepStrictEqual(
          read(sent.map(({ declared }) => declared), request),
          Object.fromEntries(sent.map(({ declared, value }) => [declared.name, value]))
        )
      }).pipe(Effect.scoped),
    { arbitrary: { runs } }
  )

  const list = Arbitrary.array(text, { minLength: 1, maxLength: 3 })
  const flat = Arbitrary.map(
    Arbitrary.array(Arbitrary.all([text, text]), { minLength: 1, maxLength: 3 }),
    (entries) => Object.fromEntries(entries)
  )
  const body = Arbitrary.map(
    Arbitrary.all([text, Arbitrary.schema(Schema.Boolean), list, flat, flat]),
    ([note, isOpen, tags, meta, deep]) => ({ note, isOpen, tags, meta, deep })
  )
  const type = literals(["application/json", "application/x-www-form-urlencoded", "multipart/form-data", "text/plain"])

  it.effect.prop(
    "bodies - a server reads what the argument was, in every media type",
    [type, body],
    ([type, value]) =>
      Effect.gen(function*() {
        const { asked, url } = yield* serve()
        const media = { schema: {}, encoding: { deep: { style: "deepObject" } } }
        const document = small({
          "/x": { post: { operationId: "write", requestBody: { content: { [type]: media } }, responses: {} } }
        })
        const isText = type === "text/plain"
        const sent = isText ? value.note : value
        const { ok } = yield* call(toolOf(yield* toolkit(document, url), "write"), { body: sent })
        if (!ok) {
          const keys = Object.keys(value.deep).join("")
          return assert.isTrue(
            type === "application/x-www-form-urlencoded" && /[[\]]/.test(keys),
            JSON.stringify(value)
          )
        }
        const [{ body, headers } = assert.fail("not asked")] = asked
        if (isText) return assert.strictEqual(body, value.note)
        if (type === "application/json") return assert.deepStrictEqual(JSON.parse(body), value)
        const read = yield* Effect.promise(() =>
          new Response(body, { headers: { "content-type": String(headers["content-type"]) } }).formData()
        )
        assert.deepStrictEqual(read.getAll("note"), [value.note])
        assert.deepStrictEqual(read.getAll("isOpen"), [String(value.isOpen)])
        assert.deepStrictEqual(read.getAll("tags"), value.tags)
        assert.deepStrictEqual(JSON.parse(read.get("meta") as string), value.meta)
        const deep = type === "multipart/form-data"
          ? JSON.parse(read.get("deep") as string)
          : Object.fromEntries(
            [...read].filter(([key]) => key.startsWith("deep[")).map(([key, item]) => [key.slice(5, -1), item])
          )
        assert.deepStrictEqual(deep, value.deep)
      }).pipe(Effect.scoped),
    { arbitrary: { runs: runs / 3 } }
  )
})
