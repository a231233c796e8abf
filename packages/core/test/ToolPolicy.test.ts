import { assert, describe, it } from "@effect/vitest"
import { ToolFailure, ToolPolicy } from "@volley/core"
import { Context, Schedule, Schema } from "effect"
import { Tool } from "effect/ai"

class Busy extends Schema.TaggedError<Busy>()("Busy", {}) {}
class Gone extends Schema.TaggedError<Gone>()("Gone", {}) {}

const standard = Tool.make("standard", { success: Schema.String, failure: ToolFailure.ToolFailure })
const domain = Tool.make("domain", { success: Schema.String, failure: Schema.Union([Busy, Gone]) })

const annotationsOf = (tool: Tool.Any) => ({
  readonly: Context.get(tool.annotations, Tool.Readonly),
  idempotent: Context.get(tool.annotations, Tool.Idempotent),
  destructive: Context.get(tool.annotations, Tool.Destructive)
})

describe("effect class", () => {
  it("a tool that says nothing is effectful", () => {
    assert.strictEqual(ToolPolicy.effectClass(standard), "effectful")
    assert.deepStrictEqual(ToolPolicy.get(standard), {})
  })

  it("a plain tool takes its class from the standard annotations", () => {
    assert.strictEqual(ToolPolicy.effectClass(standard.annotate(Tool.Readonly, true)), "readonly")
    assert.strictEqual(ToolPolicy.effectClass(standard.annotate(Tool.Idempotent, true)), "idempotent")
    assert.strictEqual(
      ToolPolicy.effectClass(standard.annotate(Tool.Readonly, true).annotate(Tool.Idempotent, false)),
      "readonly"
    )
  })

  it("each constructor sets its class and the standard annotations that others read", () => {
    const readonly = ToolPolicy.readonly(standard)
    assert.strictEqual(ToolPolicy.effectClass(readonly), "readonly")
    assert.deepStrictEqual(annotationsOf(readonly), { readonly: true, idempotent: true, destructive: false })

    const idempotent = ToolPolicy.idempotent(standard)
    assert.strictEqual(ToolPolicy.effectClass(idempotent), "idempotent")
    assert.deepStrictEqual(annotationsOf(idempotent), { readonly: false, idempotent: true, destructive: true })

    const effectful = ToolPolicy.effectful(standard)
    assert.strictEqual(ToolPolicy.effectClass(effectful), "effectful")
    assert.deepStrictEqual(annotationsOf(effectful), { readonly: false, idempotent: false, destructive: true })
  })

  it("the constructor that is applied last decides", () => {
    assert.strictEqual(ToolPolicy.effectClass(ToolPolicy.effectful(ToolPolicy.readonly(standard))), "effectful")
    assert.strictEqual(ToolPolicy.effectClass(ToolPolicy.idempotent(ToolPolicy.readonly(standard))), "idempotent")
    assert.strictEqual(ToolPolicy.effectClass(ToolPolicy.readonly(ToolPolicy.effectful(standard))), "readonly")
  })

  it("the tool that is given stays as it was", () => {
    ToolPolicy.readonly(standard, { concurrency: 3 })
    assert.strictEqual(ToolPolicy.effectClass(standard), "effectful")
    assert.deepStrictEqual(ToolPolicy.get(standard), {})
  })
})

describe("policy", () => {
  it("get - is what was declared, through every further annotation", () => {
    const serial = () => "key"
    const policy = {
      failures: { Busy: "transient", Gone: "permanent" },
      timeout: "1 second",
      retry: { times: 0 }
    } as const
    const tool = ToolPolicy.idempotent(domain, { ...policy, concurrency: 2, serial })
    assert.deepStrictEqual(ToolPolicy.get(tool), { ...policy, concurrency: 2, serial })
    assert.deepStrictEqual(ToolPolicy.get(tool.annotate(Tool.Title, "t")), { ...policy, concurrency: 2, serial })
  })

  it("set - adds policy and leaves the class and the rest of the policy", () => {
    for (const make of [ToolPolicy.readonly, ToolPolicy.idempotent, ToolPolicy.effectful]) {
      const before = make(standard, { concurrency: 2, timeout: 100 })
      const after = ToolPolicy.set(before, { timeout: 200, serial: true })
      assert.strictEqual(ToolPolicy.effectClass(after), ToolPolicy.effectClass(before))
      assert.deepStrictEqual(annotationsOf(after), annotationsOf(before))
      assert.deepStrictEqual(ToolPolicy.get(after), { concurrency: 2, timeout: 200, serial: true })
      assert.deepStrictEqual(ToolPolicy.get(before), { concurrency: 2, timeout: 100 })
    }
    assert.strictEqual(ToolPolicy.effectClass(ToolPolicy.set(standard.annotate(Tool.Readonly, true), {})), "readonly")
  })

  const constructors = Object.entries({
    readonly: ToolPolicy.readonly<typeof standard>,
    idempotent: ToolPolicy.idempotent<typeof standard>,
    effectful: ToolPolicy.effectful<typeof standard>,
    set: ToolPolicy.set<typeof standard>
  })

  it.each(constructors)("%s - refuses what is out of range, with the tool's name", (_, make) => {
    for (const concurrency of [0, -1, 1.5, Number.NaN, Number.POSITIVE_INFINITY]) {
      assert.throws(
        () => make(standard, { concurrency }),
        RangeError,
        /^Tool "standard": concurrency must be a whole number of at least 1$/
      )
    }
    for (const timeout of [0, -1, Number.NaN, "soon" as never]) {
      assert.throws(
        () => make(standard, { timeout }),
        RangeError,
        /^Tool "standard": timeout must be a duration above zero$/
      )
    }
    for (const times of [-1, 0.5, Number.NaN, Number.POSITIVE_INFINITY]) {
      assert.throws(
        () => make(standard, { retry: { times } }),
        RangeError,
        /^Tool "standard": retry.times must be a whole number of at least 0$/
      )
    }
  })

  it.each(constructors)("%s - accepts the least, and a schedule of one's own", (_, make) => {
    const schedule = Schedule.recurs(3)
    const tool = make(standard, { concurrency: 1, retry: { times: 0 } })
    assert.deepStrictEqual(ToolPolicy.get(tool), { concurrency: 1, retry: { times: 0 } })
    assert.strictEqual(ToolPolicy.get(make(standard, { retry: schedule })).retry, schedule)
  })
})
