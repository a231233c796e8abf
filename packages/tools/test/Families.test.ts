import { assert, describe, expect, it } from "@effect/vitest"
import { Dispatcher, ToolFailure, ToolPolicy } from "@volley/core"
import { Context, Duration, Effect, Exit, Schema } from "effect"
import { Tool } from "effect/ai"
import * as Arbitrary from "effect/Arbitrary"
import { Families, Files, Weather } from "../src/index.ts"
import { argumentsOf, handledBy, tools } from "./support/everyTool.ts"
import { errorsOf, fieldsOf } from "./support/schemas.ts"
import { tell } from "./support/tell.ts"

const runs = process.env["VOLLEY_LONG"] === "1" ? 200 : 10

const poisonous = ["__proto__", "constructor", "prototype", "toString", "hasOwnProperty"]

/** Arguments with a poisoned key beside each of theirs and within them. */
const poison = (args: { readonly [name: string]: unknown }): ReadonlyArray<never> =>
  poisonous.flatMap((key) => {
    const bad = `${JSON.stringify(key)}:{"admin":true,"prototype":{"admin":true}}`
    const texts = [
      JSON.stringify({ ...args }).replace("{", `{${bad},`).replace(",}", "}"),
      ...Object.keys(args).map((name) =>
        JSON.stringify({ ...args, [name]: 0 }).replace(`${JSON.stringify(name)}:0`, `${JSON.stringify(name)}:{${bad}}`)
      )
    ]
    return texts.map((text): never => JSON.parse(text) as never)
  })

interface Errors {
  readonly transient: ReadonlyArray<string>
  readonly permanent: ReadonlyArray<string>
  readonly fatal: ReadonlyArray<string>
}

/** The tags of a tool's failures by what they mean: as its policy says, or the failure itself. */
const meanings = Effect.fnUntraced(function*(tool: Tool.Any) {
  const { failures = {} } = ToolPolicy.get(tool)
  const found = yield* Effect.forEach(
    errorsOf(tool),
    ({ arbitrary, tag }) =>
      Effect.map(
        Arbitrary.sampleEffect(arbitrary, { count: 1, seed: 1 }),
        ([error]) => [tag, ToolFailure.isFatal(error) ? "fatal" : failures[tag] ?? "unknown"] as const
      )
  )
  const of = (meaning: string) => found.flatMap(([tag, its]) => its === meaning ? [tag] : [])
  return { transient: of("transient"), permanent: of("permanent"), fatal: of("fatal"), unknown: of("unknown") }
})

const isDestructive = ({ annotations }: Tool.Any): boolean =>
  annotations.mapUnsafe.has(Tool.Destructive.key) && Context.get(annotations, Tool.Destructive)

const approvalOf = (tool: Tool.Any): string =>
  typeof tool.needsApproval === "function"
    ? "by arguments"
    : tool.needsApproval === true || isDestructive(tool)
    ? "always"
    : "never"

const boundsOf = ({ concurrency, maxResultSize = "32 KiB", retry, serial, timeout }: ToolPolicy.Policy): string =>
  [
    `timeout ${Duration.format(Duration.fromInputUnsafe(timeout ?? 0))}`,
    `result at most ${maxResultSize}`,
    ...(retry === undefined ? [] : [`retries ${"times" in retry ? retry.times : "by schedule"}`]),
    ...(concurrency === undefined ? [] : [`concurrency ${concurrency}`]),
    ...(serial === undefined ? [] : [`serial ${serial === true ? "within a turn" : "by key"}`])
  ].join(", ")

const listOf = (errors: Errors): ReadonlyArray<string> =>
  (["transient", "permanent", "fatal"] as const).flatMap((meaning) =>
    errors[meaning].length === 0 ? [] : [`    ${meaning}: ${errors[meaning].join(", ")}`]
  )

const described = (tool: Tool.Any) =>
  Effect.map(meanings(tool), (errors) => [
    `  ${tool.name}: ${ToolPolicy.effectClass(tool)}, approval ${approvalOf(tool)}`,
    `    ${boundsOf(ToolPolicy.get(tool))}${ToolPolicy.get(tool).reconcile === undefined ? "" : ", reconcile"}`,
    ...listOf(errors)
  ])

describe("Families", () => {
  it("names - are the keys of the registry", () => {
    assert.deepStrictEqual<ReadonlyArray<string>>(Families.names, Object.keys(Families.all))
    assert.strictEqual(Families.all.files.toolkit, Files.toolkit)
    assert.strictEqual(Families.all.weather.toolkit, Weather.toolkit)
  })

  it("isName - knows families and nothing that every object has", () => {
    assert.isTrue(Families.isName("files"))
    for (const other of ["", "file", "constructor", "__proto__", "toString"]) assert.isFalse(Families.isName(other))
  })

  it("names of tools - are unique among all families", () => {
    assert.strictEqual(new Set(tools.map(({ name }) => name)).size, tools.length)
  })
})

describe("every tool", () => {
  it.effect("class, failures and policy - as the snapshot says", () =>
    Effect.gen(function*() {
      const seen = new Set<Tool.Any>()
      const lines = yield* Effect.forEach(Object.entries(Families.all), ([name, { toolkit }]) =>
        Effect.map(
          Effect.forEach(Object.values(toolkit.tools), (tool: Tool.Any) => {
            if (seen.has(tool)) return Effect.succeed([`  ${tool.name}: see above`])
            seen.add(tool)
            return described(tool)
          }),
          (tools) => [name, ...tools.flat(), ""]
        ))
      assert.strictEqual(seen.size, tools.length)
      yield* Effect.promise(() => expect(lines.flat().join("\n")).toMatchFileSnapshot("tools.snapshot.txt"))
    }))

  it.each(tools.map((tool) => [tool.name, tool] as const))("%s - is described in three lines", (_, tool) => {
    const lines = tool.description?.split("\n") ?? []
    assert.lengthOf(lines, 3)
    assert.match(lines[1] ?? "", /^Use it /)
    assert.match(lines[2] ?? "", /^Do not use it /)
    for (const line of lines) assert.match(line, /^[A-Z].*\.$/)
  })

  it.each(tools.map((tool) => [tool.name, tool] as const))("%s - each field has a description", (_, tool) => {
    for (const schema of [tool.parametersSchema, tool.successSchema]) {
      const fields = fieldsOf(schema)
      assert.isAbove(fields.length, 0)
      assert.deepStrictEqual(fields.filter(({ description }) => description === undefined).map(({ path }) => path), [])
    }
  })

  it.effect.each(tools)(
    "$name - its policy says what each failure means, and how long it may take",
    (tool) =>
      Effect.gen(function*() {
        const { failures = {}, timeout } = ToolPolicy.get(tool)
        const { fatal, permanent, transient, unknown } = yield* meanings(tool)
        assert.deepStrictEqual(unknown, [])
        assert.sameMembers(Object.keys(failures), [...transient, ...permanent])
        assert.strictEqual(fatal.some((tag) => Object.hasOwn(failures, tag)), false)
        assert.isDefined(timeout)
      })
  )

  it.effect("T6 - a poisoned key in the arguments of any tool is refused or left out, and nothing is polluted", () =>
    Effect.gen(function*() {
      const before = Object.getOwnPropertyNames(Object.prototype)
      let sent = 0
      for (const tool of tools) {
        for (const poisoned of poison(argumentsOf(tool))) {
          sent++
          const seen: Array<unknown> = []
          const { ok } = yield* Dispatcher.call(tool, poisoned).pipe(
            Effect.provide(handledBy(tool, (parameters) => {
              seen.push(parameters)
              return Effect.interrupt
            })),
            Effect.exit,
            Effect.map((exit) => Exit.isSuccess(exit) ? exit.value : { ok: true })
          )
          assert.isTrue(!ok || seen.length === 1, tool.name)
          for (const parameters of seen) {
            assert.strictEqual((parameters as { readonly admin?: boolean }).admin, undefined)
            assert.notInclude(JSON.stringify(parameters), "admin")
          }
        }
      }
      assert.deepStrictEqual(Object.getOwnPropertyNames(Object.prototype), before)
      tell(`T6: ${sent} calls with poisoned keys, 0 polluted`)
    }))

  it.effect.each(tools)(
    "$name - T10: whatever its failures hold, the model reads a text that JSON can hold",
    (tool) =>
      Effect.forEach(errorsOf(tool), ({ arbitrary, schema, tag }) =>
        Effect.gen(function*() {
          const errors = yield* Arbitrary.sampleEffect(arbitrary, { count: runs, seed: 7 })
          for (const error of errors) {
            const encoded = yield* Schema.encodeUnknownEffect(schema)(error)
            assert.strictEqual((yield* Schema.decodeUnknownEffect(schema)(encoded)).message, error.message)
            assert.notInclude(error.message, "undefined", tag)
            const answered = yield* Dispatcher.call(tool, argumentsOf(tool), { limits: { retries: 0 } }).pipe(
              Effect.provide(handledBy(tool, () => Effect.fail(error))),
              Effect.exit
            )
            if (ToolFailure.isFatal(error)) {
              assert.isTrue(Exit.isFailure(answered), tag)
              continue
            }
            const { result } = Exit.isSuccess(answered) ? answered.value : assert.fail(tag)
            assert.match(String(result), /^(?:Transient failure|Permanent failure|Outcome unknown) \(\w+\): ./, tag)
            assert.isTrue(String(result).isWellFormed(), tag)
            assert.notInclude(String(result), "\0", tag)
          }
        }), { discard: true })
  )
})
