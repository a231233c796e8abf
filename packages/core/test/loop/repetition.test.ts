import { assert, describe, it } from "@effect/vitest"
import { Agent, type Limits, Outcome, ToolFailure } from "@volley/core"
import { ModelScript } from "@volley/core/testing"
import { Effect, Schema } from "effect"
import { answers } from "../support/observe.ts"
import { failure, lastText, limited, success, watch } from "./support.ts"

const echo = Agent.tool("echo", {
  description: "Says it again",
  class: "readonly",
  parameters: { text: Schema.String, more: Schema.optionalKey(Schema.Int) },
  run: ({ text }) =>
    text === "down"
      ? Effect.fail(ToolFailure.permanent({ reason: "NotFound", message: "none" }))
      : Effect.succeed(text)
})

const poll = () => {
  let asked = 0
  return Agent.tool("poll", { description: "Asks for the state", class: "readonly", run: () => `state ${asked++}` })
}

const agent = (limits: Limits.Limits = {}) =>
  Agent.make("repeating", { tools: [echo], limits: { turns: 30, ...limits } })

const say = (...texts: ReadonlyArray<string>) =>
  ModelScript.toolUse(texts.map((text) => ({ name: "echo", input: { text } })))

const times = (n: number, ...texts: ReadonlyArray<string>) => Array.from({ length: n }, () => say(...texts))

const told = "You called \"echo\" 3 times with the same arguments, and the result was the same each time. "
  + "Do something else, or answer with what you have."

const done = ModelScript.text("done")

describe("the same call with the same result", () => {
  it.effect("three times - the model is told, and goes on", () =>
    Effect.gen(function*() {
      const { exit, requests } = yield* watch(agent(), [...times(3, "a"), done])
      assert.deepInclude(success(exit), { _tag: "Completed", text: "done" })
      assert.strictEqual(lastText(requests[3]), told)
      for (const n of [1, 2]) assert.notInclude(JSON.stringify(requests[n]?.prompt), "Do something else")
      assert.deepStrictEqual(requests.map(({ toolChoice }) => toolChoice), ["auto", "auto", "auto", "auto"])
    }))

  it.effect("once more - the run takes its last turn", () =>
    Effect.gen(function*() {
      const { exit, requests } = yield* watch(agent(), [...times(4, "a"), ModelScript.text("what I have")])
      assert.deepInclude(limited(exit), { limit: "repetition", text: "what I have", turns: 5 })
      assert.deepStrictEqual(requests.map(({ toolChoice }) => toolChoice), ["auto", "auto", "auto", "auto", "none"])
      assert.include(lastText(requests[4]), "The same call gave the same result again and again.")
    }))

  it.effect("a model that never stops is ended", () =>
    Effect.gen(function*() {
      const { exit, requests } = yield* watch(agent(), times(20, "a"))
      assert.deepInclude(limited(exit), { limit: "repetition", turns: 5 })
      assert.strictEqual(requests.length, 5)
    }))

  it.effect("a failure that is the same counts too", () =>
    Effect.gen(function*() {
      const { exit } = yield* watch(agent(), [...times(4, "down"), done])
      assert.deepInclude(limited(exit), { limit: "repetition" })
    }))

  it.effect("a tool that does not exist counts too", () =>
    Effect.gen(function*() {
      const lost = Array.from({ length: 4 }, () => ModelScript.toolUse([{ name: "lost" }]))
      const { exit } = yield* watch(agent(), [...lost, done])
      assert.deepInclude(limited(exit), { limit: "repetition" })
    }))

  it.effect("other calls in between do not hide it", () =>
    Effect.gen(function*() {
      const { exit } = yield* watch(agent(), [
        say("a", "b"),
        say("c", "a"),
        say("a"),
        say("d"),
        say("a"),
        ModelScript.text("what I have")
      ])
      assert.deepInclude(limited(exit), { limit: "repetition", turns: 6 })
    }))

  it.effect("the order of the arguments' keys does not matter", () =>
    Effect.gen(function*() {
      const one = ModelScript.toolUse([{ name: "echo", partialJson: "{\"text\":\"a\",\"more\":1}" }])
      const two = ModelScript.toolUse([{ name: "echo", partialJson: "{\"more\":1, \"text\":\"a\"}" }])
      const { exit } = yield* watch(agent(), [one, two, one, two, done])
      assert.deepInclude(limited(exit), { limit: "repetition" })
    }))

  it.effect("limits.repetition says how often it may be", () =>
    Effect.gen(function*() {
      const twice = yield* watch(agent({ repetition: 2 }), [...times(3, "a"), done])
      assert.deepInclude(limited(twice.exit), { limit: "repetition", turns: 4 })
      assert.include(lastText(twice.requests[2]), "You called \"echo\" 2 times")
      const five = yield* watch(agent({ repetition: 5 }), [...times(5, "a"), done])
      assert.strictEqual(success(five.exit)._tag, "Completed")
    }))

  it.effect("onLimit fail - the model is told at three, and the run fails at four", () =>
    Effect.gen(function*() {
      const strict = Agent.make("strict", { tools: [echo], onLimit: "fail", limits: { turns: 30 } })
      const { exit, requests } = yield* watch(strict, [...times(4, "a"), done])
      const error = failure(exit)
      assert.instanceOf(error, Outcome.LimitReached)
      assert.strictEqual(error.limit, "repetition")
      assert.strictEqual(lastText(requests[3]), told)
    }))
})

describe("what is no repetition", () => {
  it.effect("polling whose result changes", () =>
    Effect.gen(function*() {
      const polling = Agent.make("polling", { tools: [poll()], limits: { turns: 30 } })
      const asks = Array.from({ length: 12 }, () => ModelScript.toolUse([{ name: "poll" }]))
      const { exit, requests } = yield* watch(polling, [...asks, done])
      assert.deepInclude(success(exit), { _tag: "Completed", turns: 13 })
      assert.notInclude(JSON.stringify(requests.at(-1)?.prompt), "Do something else")
    }))

  it.effect("other arguments", () =>
    Effect.gen(function*() {
      const { exit } = yield* watch(agent(), [...["a", "b", "c", "d", "e"].map((text) => say(text)), done])
      assert.strictEqual(success(exit)._tag, "Completed")
    }))

  it.effect("equal calls within one turn, which count once", () =>
    Effect.gen(function*() {
      const { events, exit, requests } = yield* watch(agent(), [
        say("a", "a", "a", "a", "a"),
        ...times(1, "a", "a"),
        done
      ])
      assert.deepInclude(success(exit), { _tag: "Completed", turns: 3 })
      assert.strictEqual(answers(events).length, 7)
      assert.notInclude(JSON.stringify(requests.at(-1)?.prompt), "Do something else")
    }))

  it.effect("a result that changed once in between", () =>
    Effect.gen(function*() {
      const results = ["same", "same", "other", "same", "same"]
      let asked = 0
      const state = Agent.tool("state", { description: "State", class: "readonly", run: () => results[asked++] })
      const changing = Agent.make("changing", { tools: [state], limits: { turns: 30 } })
      const { exit, requests } = yield* watch(changing, [
        ...results.map(() => ModelScript.toolUse([{ name: "state" }])),
        done
      ])
      assert.strictEqual(success(exit)._tag, "Completed")
      assert.notInclude(JSON.stringify(requests.at(-1)?.prompt), "Do something else")
    }))
})
