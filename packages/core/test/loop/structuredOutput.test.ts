import { assert, describe, it } from "@effect/vitest"
import { Agent, type Limits, Outcome, PrepareTurn } from "@volley/core"
import { ModelScript } from "@volley/core/testing"
import { Effect, Schema } from "effect"
import { answers, ofTag } from "../support/observe.ts"
import { failure, lastText, limited, success, watch } from "./support.ts"

const Report = Schema.Struct({ pods: Schema.Int, cause: Schema.Struct({ code: Schema.String }) })

const good = { pods: 3, cause: { code: "OOM" } }
const bad = { pods: "three", cause: {} }

const echo = Agent.tool("echo", {
  description: "Says it again",
  class: "readonly",
  parameters: { text: Schema.String },
  run: ({ text }) => text
})

const reporter = (limits: Limits.Limits = {}) => Agent.make("reporter", { tools: [echo], output: Report, limits })

const json = (value: unknown, options?: ModelScript.ReplyOptions) => ModelScript.text(JSON.stringify(value), options)

const final = (input: Schema.Json) => ModelScript.toolUse([{ name: "final_answer", input }])

const look = ModelScript.toolUse([{ name: "echo", input: { text: "a" } }])

const followsOutput = true

describe("format: a model that follows a schema", () => {
  it.effect("is given the schema on each turn, and its text is decoded", () =>
    Effect.gen(function*() {
      const { events, exit, requests, settings } = yield* watch(reporter(), [look, json(good)], { followsOutput })
      assert.deepInclude(success(exit), { _tag: "Completed", output: good, text: JSON.stringify(good), turns: 2 })
      assert.deepStrictEqual(settings.map(({ output }) => output?.schema["type"]), ["object", "object"])
      assert.deepStrictEqual(requests.map(({ tools }) => tools.map(({ name }) => name)), [["echo"], ["echo"]])
      assert.deepStrictEqual(ofTag(events, "OutputChecked").map(({ ok }) => ok), [true])
    }))

  it.effect("what does not fit is sent back once, with the paths that are wrong", () =>
    Effect.gen(function*() {
      const { events, exit, requests } = yield* watch(reporter(), [json(bad), json(good)], { followsOutput })
      assert.deepInclude(success(exit), { _tag: "Completed", output: good, turns: 2 })
      const told = lastText(requests[1])
      assert.match(told, /^Your answer does not have the form that was asked for: /)
      assert.include(told, "pods")
      assert.include(told, "cause.code")
      assert.deepStrictEqual(ofTag(events, "OutputChecked").map(({ ok }) => ok), [false, true])
    }))

  it.effect("twice what does not fit fails the run with OutputInvalid", () =>
    Effect.gen(function*() {
      const { events, exit, requests } = yield* watch(
        reporter(),
        [json(bad), json({ ...good, pods: 0.5 }), json(good)],
        {
          followsOutput
        }
      )
      const error = failure(exit)
      assert.instanceOf(error, Outcome.OutputInvalid)
      assert.include(error.problem, "pods")
      assert.notInclude(error.problem, "cause")
      assert.strictEqual(error.text, JSON.stringify({ ...good, pods: 0.5 }))
      assert.strictEqual(requests.length, 2)
      assert.deepInclude(ofTag(events, "RunEnded")[0], { outcome: "failed", reason: "OutputInvalid" })
      const next = yield* watch(Agent.make("next"), [ModelScript.text("fine")], { history: error.transcript })
      assert.strictEqual(success(next.exit).text, "fine")
    }))

  it.effect("a text that is no JSON is told so", () =>
    Effect.gen(function*() {
      const { exit, requests } = yield* watch(reporter(), [ModelScript.text("three pods"), json(good)], {
        followsOutput
      })
      assert.deepInclude(success(exit), { output: good })
      assert.include(lastText(requests[1]), "the answer is not JSON")
    }))

  it.effect("a text cut at max_tokens is Limited, without output", () =>
    Effect.gen(function*() {
      const { exit } = yield* watch(reporter(), [ModelScript.text("{\"pods\":", { stopReason: "max_tokens" })], {
        followsOutput
      })
      assert.deepInclude(limited(exit), { limit: "maxTokens", output: undefined })
    }))

  it.effect("the last turn of a limit gives the output too", () =>
    Effect.gen(function*() {
      const { exit, requests } = yield* watch(reporter({ turns: 2 }), [look, json(good)], { followsOutput })
      assert.deepInclude(limited(exit), { limit: "turns", output: good })
      assert.deepStrictEqual(requests.map(({ toolChoice }) => toolChoice), ["auto", "none"])
    }))

  it.effect("the last turn of a limit without a fitting answer has no output", () =>
    Effect.gen(function*() {
      const { exit, requests } = yield* watch(reporter({ turns: 2 }), [look, json(bad), json(good)], { followsOutput })
      assert.deepInclude(limited(exit), { limit: "turns", output: undefined, text: JSON.stringify(bad) })
      assert.strictEqual(requests.length, 2)
    }))
})

describe("tool: a model that does not say that it follows a schema", () => {
  it.effect("is given a tool beside the others, whose call ends the run with the decoded output", () =>
    Effect.gen(function*() {
      const { events, exit, requests, settings } = yield* watch(reporter(), [look, final(good)])
      assert.deepInclude(success(exit), { _tag: "Completed", output: good, turns: 2 })
      assert.deepStrictEqual(requests.map(({ tools }) => tools.map(({ name }) => name)), [
        ["echo", "final_answer"],
        ["echo", "final_answer"]
      ])
      assert.deepStrictEqual(settings.map(({ output }) => output), [undefined, undefined])
      assert.deepStrictEqual(answers(events).map(({ ok }) => ok), [true, true])
      const next = yield* watch(reporter(), [final(good)], { history: success(exit).transcript })
      assert.deepInclude(success(next.exit), { output: good })
    }))

  it.effect("arguments that do not fit are sent back once, with the paths that are wrong", () =>
    Effect.gen(function*() {
      const { events, exit } = yield* watch(reporter(), [final(bad), final(good)])
      assert.deepInclude(success(exit), { _tag: "Completed", output: good, turns: 2 })
      const told = String(answers(events)[0]?.result)
      assert.include(told, "pods")
      assert.include(told, "cause.code")
    }))

  it.effect("twice what does not fit fails the run with OutputInvalid", () =>
    Effect.gen(function*() {
      const { exit, requests } = yield* watch(reporter(), [final(bad), final({ ...good, pods: 0.5 }), final(good)])
      const error = failure(exit)
      assert.instanceOf(error, Outcome.OutputInvalid)
      assert.include(error.problem, "pods")
      assert.notInclude(error.problem, "cause")
      assert.strictEqual(requests.length, 2)
    }))

  it.effect("a text in place of the call is sent back once, and the call demanded", () =>
    Effect.gen(function*() {
      const { exit, requests } = yield* watch(reporter(), [ModelScript.text("three pods"), final(good)])
      assert.deepInclude(success(exit), { _tag: "Completed", output: good, turns: 2 })
      assert.strictEqual(lastText(requests[1]), "Give your answer by calling the tool \"final_answer\".")
      assert.deepStrictEqual(requests.map(({ toolChoice }) => toolChoice), ["auto", { tool: "final_answer" }])
    }))

  it.effect("a text twice fails the run", () =>
    Effect.gen(function*() {
      const { exit, requests } = yield* watch(reporter(), [ModelScript.text("three"), ModelScript.text("three!")])
      assert.instanceOf(failure(exit), Outcome.OutputInvalid)
      assert.strictEqual(requests.length, 2)
    }))

  it.effect("the last turn of a limit demands the call", () =>
    Effect.gen(function*() {
      const { exit, requests } = yield* watch(reporter({ turns: 2 }), [look, final(good)])
      assert.deepInclude(limited(exit), { limit: "turns", output: good })
      assert.deepStrictEqual(requests.map(({ toolChoice }) => toolChoice), ["auto", { tool: "final_answer" }])
    }))

  it.effect("the last turn of a limit without a fitting call has no output", () =>
    Effect.gen(function*() {
      for (const last of [ModelScript.text("three pods"), final(bad), look]) {
        const { exit, requests } = yield* watch(reporter({ turns: 2 }), [look, last, final(good)])
        assert.deepInclude(limited(exit), { limit: "turns", output: undefined })
        assert.strictEqual(requests.length, 2)
      }
    }))

  it.effect("beyond toolCalls and toolCallsPerTurn the output may be given all the same", () =>
    Effect.gen(function*() {
      const both = ModelScript.reply({
        content: [
          { type: "tool_use", name: "echo", input: { text: "a" } },
          { type: "tool_use", name: "final_answer", input: good }
        ]
      })
      const { exit } = yield* watch(reporter({ toolCalls: 1, toolCallsPerTurn: 1 }), [both])
      assert.deepInclude(success(exit), { _tag: "Completed", output: good })
    }))

  it.effect("the presets keep the call possible on the turn that answers", () =>
    Effect.gen(function*() {
      const agent = Agent.make("reporter", {
        tools: [echo],
        output: Report,
        prepareTurn: PrepareTurn.gatherThenAnswer(1)
      })
      const { exit, requests } = yield* watch(agent, [look, final(good)])
      assert.deepInclude(success(exit), { _tag: "Completed", output: good })
      assert.notStrictEqual(requests[1]?.toolChoice, "none")
    }))

  it.effect("a tool of the agent may not have its name", () =>
    Effect.sync(() => {
      const own = Agent.tool("final_answer", { description: "Mine", run: () => 1 })
      assert.throws(() => Agent.make("taken", { tools: [own], output: Report }), /final_answer/)
    }))
})

describe("what is not an object is wrapped", () => {
  const schemas: ReadonlyArray<readonly [string, Schema.Codec<unknown, unknown>, Schema.Json]> = [
    ["a string", Schema.String, "three"],
    ["a number", Schema.Int, 3],
    ["an array", Schema.Array(Schema.Int), [1, 2]],
    ["a union", Schema.Union([Schema.String, Schema.Struct({ a: Schema.Int })]), { a: 1 }]
  ]
  for (const [name, schema, value] of schemas) {
    const agent = Agent.make("wrapped", { output: schema })
    it.effect(`${name} - by format`, () =>
      Effect.gen(function*() {
        const { exit, settings } = yield* watch(agent, [json({ value })], { followsOutput })
        assert.deepInclude(success(exit), { _tag: "Completed", output: value })
        assert.strictEqual(settings[0]?.output?.schema["type"], "object")
        assert.hasAllKeys(settings[0]?.output?.schema["properties"], ["value"])
      }))

    it.effect(`${name} - by tool`, () =>
      Effect.gen(function*() {
        const { exit } = yield* watch(agent, [final({ value })])
        assert.deepInclude(success(exit), { _tag: "Completed", output: value })
      }))
  }

  it.effect("not wrapped it is sent back", () =>
    Effect.gen(function*() {
      const { exit, requests } = yield* watch(
        Agent.make("wrapped", { output: Schema.Int }),
        [json(3), json({ value: 3 })],
        { followsOutput }
      )
      assert.deepInclude(success(exit), { output: 3 })
      assert.strictEqual(requests.length, 2)
    }))
})

describe("decoding", () => {
  it.effect("the output is the decoded side of the schema", () =>
    Effect.gen(function*() {
      const agent = Agent.make("dated", {
        output: Schema.Struct({ at: Schema.DateFromString, n: Schema.NumberFromString })
      })
      for (const follows of [true, false]) {
        const value = { at: "2026-11-21T00:00:00.000Z", n: "7" }
        const { exit } = yield* watch(agent, [follows ? json(value) : final(value)], { followsOutput: follows })
        const { at, n } = success(exit).output as { readonly at: Date; readonly n: number }
        assert.deepStrictEqual([at.toISOString(), n], [value.at, 7])
      }
    }))

  it.effect("without output there is none", () =>
    Effect.gen(function*() {
      const { exit } = yield* watch(Agent.make("plain"), [json(good)], { followsOutput })
      assert.isUndefined(success(exit).output)
    }))
})
