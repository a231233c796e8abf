import { assert, describe, it } from "@effect/vitest"
import { Agent, Outcome, type PartialFailure, ToolFailure } from "@volley/core"
import { ModelScript } from "@volley/core/testing"
import { Effect, Schema } from "effect"
import { answers, ofTag } from "../support/observe.ts"
import { failure, lastText, success, watch } from "./support.ts"

const source = Agent.tool("source", {
  description: "Reads a source",
  class: "readonly",
  parameters: { n: Schema.Int, ok: Schema.Boolean },
  run: ({ n, ok }) =>
    ok ? Effect.succeed(`read ${n}`) : Effect.fail(ToolFailure.permanent({ reason: "NotFound", message: "none" }))
})

const sources = (...oks: ReadonlyArray<boolean>) =>
  ModelScript.toolUse(oks.map((ok, n) => ({ name: "source", input: { n, ok } })))

const played = <const Policy extends PartialFailure.PartialFailure>(
  partialFailure: Policy,
  ...turns: ReadonlyArray<ReadonlyArray<boolean>>
) =>
  watch(Agent.make("partial", { tools: [source], partialFailure }), [
    ...turns.map((oks) => sources(...oks)),
    ModelScript.text("done")
  ])

describe("continue", () => {
  it.effect("is the default: the model reads the failures, however many", () =>
    Effect.gen(function*() {
      const { events, exit } = yield* watch(Agent.make("partial", { tools: [source] }), [
        sources(false, false),
        ModelScript.text("done")
      ])
      assert.strictEqual(success(exit).text, "done")
      assert.deepStrictEqual(answers(events).map(({ ok }) => ok), [false, false])
      assert.notProperty(ofTag(events, "RunStarted")[0], "partialFailure")
    }))
})

describe("failIf", () => {
  it.effect("the share is reached - fails the run, with how many of how many and which", () =>
    Effect.gen(function*() {
      const { events, exit, requests, state } = yield* played({ failIf: 0.5 }, [true, false, false, true])
      const error = failure(exit)
      assert.instanceOf(error, Outcome.TooManyFailed)
      assert.deepStrictEqual([error.calls, error.failed], [4, ["source", "source"]])
      assert.strictEqual(error.message, "2 of 4 tool calls failed: source, source")
      assert.deepStrictEqual(error.usage, state.spent.usage)
      assert.strictEqual(requests.length, 1)
      assert.deepInclude(ofTag(events, "RunEnded")[0], { outcome: "failed", reason: "PartialFailure" })
      // its calls are answered, so that the conversation can go on
      const next = yield* watch(Agent.make("next", { tools: [source] }), [ModelScript.text("fine")], {
        history: error.transcript
      })
      assert.strictEqual(success(next.exit).text, "fine")
    }))

  it.effect("the share is not reached - goes on", () =>
    Effect.gen(function*() {
      const { exit } = yield* played({ failIf: 0.5 }, [true, false, true])
      assert.strictEqual(success(exit).text, "done")
    }))

  it.effect("is of one turn: failures of several turns are not added", () =>
    Effect.gen(function*() {
      const { exit } = yield* played({ failIf: 0.5 }, [true, false, true], [true, false, true], [true, false, true])
      assert.strictEqual(success(exit).text, "done")
    }))

  it.effect("in a later turn", () =>
    Effect.gen(function*() {
      const { exit, requests } = yield* played({ failIf: 1 }, [true, false], [false, false])
      assert.instanceOf(failure(exit), Outcome.TooManyFailed)
      assert.strictEqual(requests.length, 2)
    }))

  it.effect("a turn without calls is none", () =>
    Effect.gen(function*() {
      const { exit } = yield* played({ failIf: 0.01 })
      assert.strictEqual(success(exit).text, "done")
    }))
})

describe("quorum", () => {
  for (
    const [oks, fails] of [
      [[true, true, false], false],
      [[true, false, false], true],
      [[true], false],
      [[false], true]
    ] as const
  ) {
    it.effect(`2 - ${oks.filter((ok) => ok).length} of ${oks.length} ${fails ? "fails the run" : "goes on"}`, () =>
      Effect.gen(function*() {
        const { exit } = yield* played({ quorum: 2 }, oks)
        if (fails) assert.instanceOf(failure(exit), Outcome.TooManyFailed)
        else assert.strictEqual(success(exit).text, "done")
      }))
  }
})

describe("noteIf", () => {
  const policy = { noteIf: 0.5, text: "Half of it is missing: say so." } as const

  it.effect("the share is reached - the next request says the note", () =>
    Effect.gen(function*() {
      const { exit, requests } = yield* played(policy, [true, false])
      assert.strictEqual(success(exit).text, "done")
      assert.strictEqual(lastText(requests[1]), policy.text)
    }))

  it.effect("the share is not reached - nothing is said", () =>
    Effect.gen(function*() {
      const { requests } = yield* played(policy, [true, true, false])
      assert.notInclude(JSON.stringify(requests[1]?.prompt), policy.text)
    }))

  it.effect("is said once for each turn that it is about", () =>
    Effect.gen(function*() {
      const { exit } = yield* played(policy, [false], [true], [false])
      assert.strictEqual(JSON.stringify(success(exit).transcript).split(policy.text).length - 1, 2)
    }))
})

describe("make", () => {
  it("refuses shares and numbers out of range", () => {
    const broken: ReadonlyArray<PartialFailure.PartialFailure> = [
      { failIf: 0 },
      { failIf: 1.1 },
      { noteIf: -1, text: "" },
      { quorum: 0 },
      { quorum: 1.5 }
    ]
    for (const partialFailure of broken) assert.throws(() => Agent.make("broken", { partialFailure }), RangeError)
  })
})
