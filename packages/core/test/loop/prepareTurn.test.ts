import { assert, describe, it } from "@effect/vitest"
import { Agent, type Limits, PrepareTurn, type RunState } from "@volley/core"
import { ModelScript } from "@volley/core/testing"
import { Effect, Schema } from "effect"
import { answers, inTime, ofTag } from "../support/observe.ts"
import { asking, lastText, limited, success, watch } from "./support.ts"

const echo = Agent.tool("echo", {
  description: "Says it again",
  class: "readonly",
  parameters: { text: Schema.String },
  run: ({ text }) => text
})

const other = Agent.tool("other", { description: "Another", class: "readonly", run: () => "other" })

const prepared = (prepareTurn: PrepareTurn.PrepareTurn, limits: Limits.Limits = {}) =>
  Agent.make("prepared", { tools: [echo, other], prepareTurn, limits })

const script = [...asking("echo", 1), ModelScript.text("done")]

describe("prepareTurn", () => {
  it.effect("model, effort, maxTokens and parallel calls reach the provider and the journal, turn by turn", () =>
    Effect.gen(function*() {
      const first = { model: "small", effort: "low", maxTokens: 500, parallelToolCalls: false }
      const { events, settings } = yield* watch(prepared(({ turn }) => turn === 0 ? first : { model: "large" }), script)
      assert.deepStrictEqual(settings, [{ ...first, previousResponse: null }, {
        model: "large",
        previousResponse: "msg_0"
      }])
      assert.deepStrictEqual(ofTag(events, "ModelRequested").map((event) => event.settings), [first, {
        model: "large"
      }])
    }))

  it.effect("without it nothing is set but what the request follows", () =>
    Effect.gen(function*() {
      const { events, settings } = yield* watch(Agent.make("plain", { tools: [echo] }), script)
      assert.deepStrictEqual(settings, [{ previousResponse: null }, { previousResponse: "msg_0" }])
      assert.deepStrictEqual(ofTag(events, "ModelRequested").map((event) => "settings" in event), [false, false])
    }))

  it.effect("is given the state before the turn", () =>
    Effect.gen(function*() {
      const states: Array<RunState.RunState> = []
      yield* watch(
        prepared((state) => {
          states.push(state)
          return {}
        }),
        script
      )
      assert.deepStrictEqual(states.map(({ spent, turn }) => [turn, spent.toolCalls]), [[0, 0], [1, 1]])
    }))

  it.effect("toolChoice - required, one tool or none", () =>
    Effect.gen(function*() {
      const choices = ["required", { tool: "echo" }, "none"] as const
      const { requests } = yield* watch(
        prepared(({ turn }) => ({ toolChoice: choices[turn]! })),
        [...asking("echo", 2), ModelScript.text("done")]
      )
      assert.deepStrictEqual(requests.map(({ toolChoice }) => toolChoice), [...choices])
    }))

  it.effect("activeTools - the model is shown these alone, and a call of another is answered and not run", () =>
    Effect.gen(function*() {
      const { events, requests } = yield* watch(prepared(() => ({ activeTools: ["echo"] })), [
        ModelScript.toolUse([{ name: "other" }, { name: "echo", input: { text: "a" } }]),
        ModelScript.text("done")
      ])
      assert.deepStrictEqual(requests.map(({ tools }) => tools.map(({ name }) => name)), [["echo"], ["echo"]])
      assert.deepStrictEqual(answers(events).map(({ attempts, result }) => [attempts, result]), [
        [0, "The tool \"other\" cannot be called in this turn; this call was not executed."],
        [1, "a"]
      ])
    }))

  it.effect("the last turn withholds the tools, whatever it says", () =>
    Effect.gen(function*() {
      const { exit, requests } = yield* watch(prepared(() => ({ toolChoice: "required" }), { turns: 2 }), script)
      assert.deepInclude(limited(exit), { limit: "turns", text: "done" })
      assert.deepStrictEqual(requests.map(({ toolChoice }) => toolChoice), ["required", "none"])
    }))

  it.effect("a reply that is asked for again keeps the settings of its turn", () =>
    Effect.gen(function*() {
      let asked = 0
      const { settings } = yield* watch(prepared(() => ({ model: `model ${asked++}` })), [
        ModelScript.cut(ModelScript.text("half"), { insideBlock: 0 }),
        ModelScript.text("done")
      ]).pipe(inTime)
      assert.deepStrictEqual(settings.map(({ model }) => model), ["model 0", "model 0"])
    }))

  it.effect("more room for a cut call joins its settings", () =>
    Effect.gen(function*() {
      const { settings } = yield* watch(prepared(() => ({ model: "small", maxTokens: 100 })), [
        ModelScript.toolUse([{ name: "echo", partialJson: "{\"te" }], {
          stopReason: "max_tokens",
          usage: { outputTokens: 100 }
        }),
        ...script
      ])
      assert.deepStrictEqual(settings.map(({ maxTokens, model }) => [model, maxTokens]), [
        ["small", 100],
        ["small", 200],
        ["small", 100]
      ])
    }))
})

describe("gatherThenAnswer", () => {
  it.effect("tools on the first turns, then the answer", () =>
    Effect.gen(function*() {
      const { exit, requests } = yield* watch(prepared(PrepareTurn.gatherThenAnswer(2)), [
        ...asking("echo", 2),
        ModelScript.text("done")
      ])
      assert.deepInclude(success(exit), { _tag: "Completed", text: "done" })
      assert.deepStrictEqual(requests.map(({ toolChoice }) => toolChoice), ["auto", "auto", "none"])
    }))

  it.effect("a model that answers before is done", () =>
    Effect.gen(function*() {
      const { exit, requests } = yield* watch(prepared(PrepareTurn.gatherThenAnswer(3)), script)
      assert.deepInclude(success(exit), { _tag: "Completed", text: "done" })
      assert.strictEqual(requests.length, 2)
    }))
})

describe("routeByPhase", () => {
  const route = PrepareTurn.routeByPhase({ gather: "small", answer: "large", turns: 3 })

  it.effect("one model gathers until it calls no tool, another answers from that", () =>
    Effect.gen(function*() {
      const { exit, requests, settings } = yield* watch(prepared(route), [
        ...asking("echo", 1),
        ModelScript.text("I have it all"),
        ModelScript.text("the answer")
      ])
      assert.deepInclude(success(exit), { _tag: "Completed", text: "the answer", turns: 3 })
      assert.deepStrictEqual(settings.map(({ model }) => model), ["small", "small", "large"])
      assert.deepStrictEqual(requests.map(({ toolChoice }) => toolChoice), ["auto", "auto", "none"])
      assert.strictEqual(lastText(requests[2]), "Now answer, from what was gathered.")
    }))

  it.effect("or until the turns to gather are over", () =>
    Effect.gen(function*() {
      const { exit, settings } = yield* watch(prepared(route), [...asking("echo", 3), ModelScript.text("the answer")])
      assert.deepInclude(success(exit), { _tag: "Completed", text: "the answer" })
      assert.deepStrictEqual(settings.map(({ model }) => model), ["small", "small", "small", "large"])
    }))

  it.effect("an empty reply of the one that gathers ends the gathering", () =>
    Effect.gen(function*() {
      const { exit, settings } = yield* watch(prepared(route), [
        ...asking("echo", 1),
        ModelScript.reply({ content: [] }),
        ModelScript.text("the answer")
      ])
      assert.deepInclude(success(exit), { _tag: "Completed", text: "the answer" })
      assert.deepStrictEqual(settings.map(({ model }) => model), ["small", "small", "large"])
    }))
})
