import { assert, describe, it } from "@effect/vitest"
import { RunEvent } from "@volley/core"
import { Effect, Schema } from "effect"
import { decode, encode, event, eventOf, goodRun, outputRun, parts, tags, user } from "./support/events.ts"

const roundTrip = Effect.fnUntraced(function*(original: RunEvent.RunEvent) {
  const text = JSON.stringify(yield* encode(original))
  const back = yield* decode(JSON.parse(text))
  assert.deepStrictEqual(back, original)
  assert.strictEqual(JSON.stringify(yield* encode(back)), text)
})

describe("RunEvent.Json", () => {
  it("the events of the test kit have every tag", () => {
    const all = Object.keys(RunEvent.RunEvent.cases).toSorted()
    assert.deepStrictEqual(tags.toSorted(), all)
    assert.deepStrictEqual(Array.from(new Set([...goodRun, ...outputRun].map(({ _tag }) => _tag))).toSorted(), all)
  })

  for (const tag of tags) {
    it.effect.prop(`round trip - ${tag} through JSON text`, [eventOf(tag)], ([original]) => roundTrip(original), {
      arbitrary: { runs: 50 }
    })
  }

  it.effect("round trip - every part of a prompt", () =>
    Effect.forEach(parts, (part) => roundTrip({ _tag: "BlockReceived", turn: 1, request: 1, part })))

  it.effect("round trip - a poisoned key stays data", () =>
    Effect.gen(function*() {
      const params: unknown = JSON.parse("{\"__proto__\":{\"polluted\":true},\"constructor\":{\"prototype\":1}}")
      const original: RunEvent.RunEvent = {
        _tag: "ToolCallRequested",
        turn: 1,
        request: 1,
        index: 0,
        at: 0,
        id: "c",
        name: "constructor",
        params
      }
      const back = yield* decode(JSON.parse(JSON.stringify(yield* encode(original))))
      assert.deepStrictEqual(JSON.stringify(back._tag === "ToolCallRequested" && back.params), JSON.stringify(params))
      assert.isUndefined(({} as { readonly polluted?: unknown }).polluted)
    }))

  it.effect.prop("refuses an event of another version, tag or shape", [event], ([original]) =>
    Effect.gen(function*() {
      const json = (yield* encode(original)) as { readonly [key: string]: unknown }
      const { _tag, ...fields } = json
      assert.isTrue(Schema.isSchemaError(yield* Effect.flip(decode(fields))))
      assert.isTrue(Schema.isSchemaError(yield* Effect.flip(decode({ ...json, _tag: `${String(_tag)}2` }))))
      if (original._tag === "RunStarted") {
        assert.isTrue(Schema.isSchemaError(yield* Effect.flip(decode({ ...json, version: 2 }))))
      }
    }))

  it.effect("a journal of a run without the optional fields is read as it was", () =>
    Effect.gen(function*() {
      const written = [
        { _tag: "ModelRequested", turn: 1, request: 1, at: 0 },
        { _tag: "ModelFailed", turn: 1, request: 1, at: 0, reason: "x", message: "", restartable: false, wait: 0 },
        { _tag: "ApprovalDecided", turn: 1, request: 1, index: 0, at: 0, approved: false },
        { _tag: "OutputChecked", turn: 1, request: 1, at: 0, ok: true },
        { _tag: "RunResumed", at: 7 }
      ]
      for (const json of written) assert.deepStrictEqual<unknown>(yield* decode(json), json)
    }))

  it.effect("refuses settings, limits and policies that are none", () =>
    Effect.gen(function*() {
      const begun = (yield* encode(goodRun[0]!)) as { readonly [key: string]: unknown }
      const asked = (yield* encode(goodRun[1]!)) as { readonly [key: string]: unknown }
      const refused = [
        { ...asked, limit: "patience" },
        { ...asked, settings: { toolChoice: "some" } },
        { ...asked, settings: { output: "prose" } },
        { ...asked, note: { role: "assistant", text: "x" } },
        { ...begun, partialFailure: { failIf: "half" } },
        { ...begun, tools: [{ name: "look", class: "harmless" }] },
        { ...begun, limits: { ...(begun["limits"] as object), onLimit: "ask" } },
        { ...begun, limits: { ...(begun["limits"] as object), tokens: {} } }
      ]
      for (const json of refused) {
        assert.isTrue(Schema.isSchemaError(yield* Effect.flip(decode(json))), JSON.stringify(json))
      }
    }))

  it.effect("refuses what JSON does not have", () =>
    Effect.gen(function*() {
      for (const result of [10n, Symbol("x"), () => 1]) {
        const original = goodRun.find(({ _tag }) => _tag === "ToolCallAnswered")!
        const error = yield* Effect.flip(encode({ ...original, result } as RunEvent.RunEvent))
        assert.isTrue(Schema.isSchemaError(error))
      }
    }))

  it("version - the first format is 1", () => {
    assert.strictEqual(RunEvent.version, 1)
    assert.isDefined(user("x"))
  })
})
