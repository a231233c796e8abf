import { assert, describe, it } from "@effect/vitest"
import { Agent, type Limits, Outcome, PriceTable } from "@volley/core"
import { ModelScript } from "@volley/core/testing"
import { Effect, Exit, Schema } from "effect"
import { answers, inTime, ofTag } from "../support/observe.ts"
import { asking, failure, lastText, limited, success, timesOf, watch } from "./support.ts"

const echo = Agent.tool("echo", {
  description: "Says it again",
  class: "readonly",
  parameters: { text: Schema.String },
  run: ({ text }) => text
})

const sleeper = Agent.tool("sleeper", {
  description: "Sleeps for so many milliseconds",
  class: "readonly",
  parameters: { millis: Schema.Int },
  run: ({ millis }) => Effect.as(Effect.sleep(millis), `slept ${millis}`)
})

const bounded = (limits: Limits.Limits) => Agent.make("bounded", { tools: [echo, sleeper], limits })

const strict = (limits: Limits.Limits) =>
  Agent.make("strict", { tools: [echo, sleeper], limits, onLimit: "fail" as const })

const echoes = (texts: ReadonlyArray<string>, options?: ModelScript.ReplyOptions) =>
  ModelScript.toolUse(texts.map((text) => ({ name: "echo", input: { text } })), options)

const using = (inputTokens: number, outputTokens: number) => ({ usage: { inputTokens, outputTokens } })

describe("turns", () => {
  it.effect("the last turn withholds the tools by tool choice, shows them still, and asks for the answer", () =>
    Effect.gen(function*() {
      const { events, exit, requests } = yield* watch(bounded({ turns: 3 }), [
        ...asking("echo", 2),
        ModelScript.text("what I have")
      ])
      assert.deepInclude(limited(exit), { limit: "turns", text: "what I have", turns: 3, toolCalls: 2 })
      assert.deepStrictEqual(requests.map(({ toolChoice }) => toolChoice), ["auto", "auto", "none"])
      assert.deepStrictEqual(requests.map(({ tools }) => tools.map(({ name }) => name)), [
        ["echo", "sleeper"],
        ["echo", "sleeper"],
        ["echo", "sleeper"]
      ])
      assert.strictEqual(
        lastText(requests[2]),
        "The limit of turns of this run is reached. No more tools can be called. Answer now with what you have, "
          + "and say what is missing."
      )
      assert.deepStrictEqual(ofTag(events, "ModelRequested").map(({ limit }) => limit), [undefined, undefined, "turns"])
    }))

  it.effect("calls on the last turn are answered and not run, and no request follows", () =>
    Effect.gen(function*() {
      const { events, exit, requests } = yield* watch(bounded({ turns: 2 }), asking("echo", 5))
      assert.deepInclude(limited(exit), { limit: "turns", text: "", turns: 2, toolCalls: 1 })
      assert.strictEqual(requests.length, 2)
      assert.deepInclude(answers(events)[1], {
        attempts: 0,
        result: "No more tools can be called in this run; this call was not executed."
      })
    }))

  it.effect("a run that answers before is not Limited", () =>
    Effect.gen(function*() {
      const { exit } = yield* watch(bounded({ turns: 3 }), [...asking("echo", 1), ModelScript.text("done")])
      assert.deepInclude(success(exit), { _tag: "Completed", text: "done", turns: 2 })
    }))

  it.effect("an agent without tools has nothing to withhold: its one turn completes", () =>
    Effect.gen(function*() {
      const agent = Agent.make("toolless", { limits: { turns: 1 } })
      const { exit, requests } = yield* watch(agent, [ModelScript.text("done")])
      assert.deepInclude(success(exit), { _tag: "Completed", text: "done" })
      assert.notInclude(lastText(requests[0]), "No more tools")
    }))

  it.effect("ten are the default", () =>
    Effect.gen(function*() {
      const { exit, requests } = yield* watch(bounded({}), asking("echo", 20))
      assert.deepInclude(limited(exit), { limit: "turns", turns: 10 })
      assert.strictEqual(requests.length, 10)
    }))
})

describe("toolCallsPerTurn", () => {
  it.effect("eight are the default: the excess is answered, not run and not dropped, and may be asked for again", () =>
    Effect.gen(function*() {
      const texts = Array.from({ length: 10 }, (_, i) => `${i}`)
      const { events, exit } = yield* watch(bounded({}), [
        echoes(texts),
        echoes(texts.slice(8)),
        ModelScript.text("done")
      ])
      const excess = "Too many calls in one turn, limit 8; this one was not executed. Ask for it in the next turn."
      assert.deepInclude(success(exit), { _tag: "Completed", toolCalls: 10, turns: 3 })
      assert.deepStrictEqual(answers(events).map(({ result }) => result), [
        ...texts.slice(0, 8),
        excess,
        excess,
        "8",
        "9"
      ])
      assert.deepStrictEqual(answers(events).slice(8, 10).map(({ attempts, ok }) => [attempts, ok]), [
        [0, false],
        [0, false]
      ])
    }))
})

describe("toolCalls", () => {
  it.effect("the call that is one too many is answered with that, and the next turn is the last", () =>
    Effect.gen(function*() {
      const { events, exit, requests } = yield* watch(bounded({ toolCalls: 3 }), [
        echoes(["a", "b"]),
        echoes(["c", "d"]),
        ModelScript.text("done")
      ])
      assert.deepInclude(limited(exit), { limit: "toolCalls", text: "done", toolCalls: 3 })
      assert.deepStrictEqual(requests.map(({ toolChoice }) => toolChoice), ["auto", "auto", "none"])
      assert.deepStrictEqual(answers(events).map(({ result }) => result), [
        "a",
        "b",
        "c",
        "Too many calls in this run, limit 3; this one was not executed."
      ])
    }))

  it.effect("none at all - the first turn is the last", () =>
    Effect.gen(function*() {
      const { exit, requests } = yield* watch(bounded({ toolCalls: 0 }), [ModelScript.text("by heart")])
      assert.deepInclude(limited(exit), { limit: "toolCalls", text: "by heart", toolCalls: 0 })
      assert.deepStrictEqual(requests.map(({ toolChoice }) => toolChoice), ["none"])
    }))

  it.effect("calls that were started before their reply was complete count once", () =>
    Effect.gen(function*() {
      const { events, exit } = yield* watch(bounded({ toolCalls: 4 }), [
        echoes(["a", "b"], { interval: 10 }),
        echoes(["c", "d"], { interval: 10 }),
        ModelScript.text("done")
      ]).pipe(inTime)
      assert.deepInclude(success(exit), { toolCalls: 4 })
      assert.deepStrictEqual(answers(events).map(({ ok }) => ok), [true, true, true, true])
    }))
})

describe("tokens", () => {
  const cases: ReadonlyArray<readonly [Limits.Reached, Limits.Limits["tokens"] & {}]> = [
    ["inputTokens", { input: 250 }],
    ["outputTokens", { output: 25 }],
    ["totalTokens", { total: 275 }],
    ["totalTokens", 275],
    ["context", { context: 122 }]
  ]
  for (const [limit, tokens] of cases) {
    it.effect(`${JSON.stringify(tokens)} - the last turn is taken while there is room for it`, () =>
      Effect.gen(function*() {
        const { exit, requests } = yield* watch(bounded({ tokens }), [
          echoes(["a"], using(100, 10)),
          ModelScript.text("what I have", using(100, 10))
        ])
        assert.deepInclude(limited(exit), { limit, text: "what I have", turns: 2, excess: 0 })
        assert.deepStrictEqual(requests.map(({ toolChoice }) => toolChoice), ["auto", "none"])
        assert.include(lastText(requests[1]), "Answer now with what you have")
      }))
  }

  const enough: ReadonlyArray<Limits.Limits["tokens"] & {}> = [
    { input: 300 },
    { output: 30 },
    { total: 330 },
    330,
    { context: 123 }
  ]
  for (const tokens of enough) {
    it.effect(`${JSON.stringify(tokens)} - is enough for one turn more`, () =>
      Effect.gen(function*() {
        const { exit, requests } = yield* watch(bounded({ tokens }), [
          echoes(["a"], using(100, 10)),
          ModelScript.text("done", using(100, 10))
        ])
        assert.deepInclude(success(exit), { _tag: "Completed", text: "done" })
        assert.deepStrictEqual(requests.map(({ toolChoice }) => toolChoice), ["auto", "auto"])
      }))
  }

  it.effect("one reply that uses up all of them ends the run at once, its calls being answered", () =>
    Effect.gen(function*() {
      const { events, exit, requests } = yield* watch(bounded({ tokens: 100 }), [echoes(["a"], using(100, 10))])
      assert.deepInclude(limited(exit), { limit: "totalTokens", turns: 1 })
      assert.strictEqual(requests.length, 1)
      assert.strictEqual(answers(events).length, 1)
    }))

  it.effect("context - by default nine tenths of the model's window, where the prices know it", () =>
    Effect.gen(function*() {
      const script = [echoes(["a"], using(850, 50)), ModelScript.text("what I have", using(900, 10))]
      const table = (window: number) => PriceTable.layer([{ model: "scripted", input: 0, output: 0, window }])
      const full = yield* watch(bounded({}), script).pipe(Effect.provide(table(1000)))
      assert.deepInclude(limited(full.exit), { limit: "context", text: "what I have" })
      assert.include(lastText(full.requests[1]), "The context window is nearly full.")
      const room = yield* watch(bounded({}), script).pipe(Effect.provide(table(1001)))
      assert.strictEqual(success(room.exit)._tag, "Completed")
    }))

  it.effect("tokens of a reply that broke off count", () =>
    Effect.gen(function*() {
      const { exit, state } = yield* watch(bounded({}), [
        ModelScript.cut(echoes(["a"], using(100, 10)), { insideBlock: 0 }),
        ModelScript.text("done", using(100, 10))
      ]).pipe(inTime)
      const outcome = success(exit)
      assert.deepStrictEqual(outcome.usage, state.spent.usage)
      assert.isAtLeast(outcome.usage.inputTokens, 100)
    }))
})

describe("deadline", () => {
  it.effect("tools end at nine tenths of it, the answer comes in the rest", () =>
    Effect.gen(function*() {
      const { events, exit } = yield* watch(bounded({ deadline: "10 seconds" }), [
        ModelScript.toolUse([{ name: "sleeper", input: { millis: 60_000 } }]),
        ModelScript.text("late answer", { delay: 500 })
      ]).pipe(inTime)
      assert.deepInclude(limited(exit), { limit: "deadline", text: "late answer" })
      assert.deepStrictEqual(timesOf(events, "ToolCallAnswered"), [9000])
      assert.deepStrictEqual(timesOf(events, "RunEnded"), [9500])
    }))

  it.effect("a model that does not answer in time is left: the run ends at its deadline, to the millisecond", () =>
    Effect.gen(function*() {
      const { events, exit } = yield* watch(bounded({ deadline: "10 seconds" }), [
        echoes(["a"]),
        ModelScript.stall(ModelScript.text("never whole"))
      ]).pipe(inTime)
      assert.deepInclude(limited(exit), { limit: "deadline", text: "" })
      assert.deepStrictEqual(timesOf(events, "RunEnded"), [10_000])
    }))

  it.effect("a run that ends before is not Limited", () =>
    Effect.gen(function*() {
      const { events, exit } = yield* watch(bounded({ deadline: 1000 }), [
        ModelScript.toolUse([{ name: "sleeper", input: { millis: 890 } }]),
        ModelScript.text("done", { delay: 100 })
      ]).pipe(inTime)
      assert.strictEqual(success(exit)._tag, "Completed")
      assert.deepStrictEqual(timesOf(events, "RunEnded"), [990])
    }))
})

describe("onLimit fail", () => {
  const reached = <E>(exit: Exit.Exit<unknown, E>): Limits.Reached => {
    const error = failure(exit)
    assert.instanceOf(error, Outcome.LimitReached)
    return error.limit
  }

  it.effect("fails with the limit, the transcript and what was used, and asks for no answer", () =>
    Effect.gen(function*() {
      const { events, exit, requests } = yield* watch(strict({ tokens: 200 }), [
        echoes(["a"], using(100, 10)),
        ModelScript.text("never asked")
      ])
      const error = failure(exit)
      assert.instanceOf(error, Outcome.LimitReached)
      assert.strictEqual(error.limit, "totalTokens")
      assert.strictEqual(error.message, "The run reached its limit of totalTokens")
      assert.deepInclude(error.usage, { inputTokens: 100, outputTokens: 10 })
      assert.strictEqual(requests.length, 1)
      assert.deepInclude(ofTag(events, "RunEnded")[0], { outcome: "limited", reason: "totalTokens" })
      const next = yield* watch(bounded({}), [ModelScript.text("fine")], { history: error.transcript })
      assert.strictEqual(success(next.exit).text, "fine")
    }))

  it.effect("turns - a model that asks for tools again and again fails the run", () =>
    Effect.gen(function*() {
      const { exit, requests } = yield* watch(strict({ turns: 3 }), asking("echo", 9))
      const error = failure(exit)
      assert.instanceOf(error, Outcome.LimitReached)
      assert.strictEqual(error.limit, "turns")
      assert.isAtMost(requests.length, 3)
    }))

  it.effect("turns - all of them may be used: nothing is kept back for an answer that nobody is asked for", () =>
    Effect.gen(function*() {
      const { exit } = yield* watch(strict({ turns: 2 }), [echoes(["a"]), ModelScript.text("done")])
      assert.isTrue(Exit.isSuccess(exit), "the answer on the second of two turns is not taken")
    }))

  it.effect("turns - one turn is enough for an answer without calls", () =>
    Effect.gen(function*() {
      const { exit, requests } = yield* watch(strict({ turns: 1 }), [ModelScript.text("by heart")])
      assert.strictEqual(requests.length, 1)
      assert.isTrue(Exit.isSuccess(exit), "the answer on the only turn is not taken")
    }))

  it.effect("maxTokens and pauses fail the run as well", () =>
    Effect.gen(function*() {
      const cut = yield* watch(strict({}), [ModelScript.text("half", { stopReason: "max_tokens" })])
      assert.strictEqual(reached(cut.exit), "maxTokens")
      const paused = Array.from({ length: 6 }, () => ModelScript.text("hm", { stopReason: "pause_turn" }))
      const pauses = yield* watch(strict({}), paused)
      assert.strictEqual(reached(pauses.exit), "pauses")
    }))

  it.effect("deadline - fails at the deadline where the model is silent", () =>
    Effect.gen(function*() {
      const { events, exit } = yield* watch(strict({ deadline: 1000 }), [
        ModelScript.stall(ModelScript.text("never whole"))
      ]).pipe(inTime)
      assert.strictEqual(reached(exit), "deadline")
      assert.deepStrictEqual(timesOf(events, "RunEnded"), [1000])
    }))

  it.effect("a run that reaches none completes", () =>
    Effect.gen(function*() {
      const { exit } = yield* watch(strict({ turns: 5, tokens: 10_000 }), [echoes(["a"]), ModelScript.text("done")])
      assert.deepInclude(success(exit), { _tag: "Completed", text: "done" })
    }))
})
