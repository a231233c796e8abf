import { assert, describe, it } from "@effect/vitest"
import { Agent, type Limits, PriceTable } from "@volley/core"
import { ModelScript, Simulation } from "@volley/core/testing"
import { Effect, Schema } from "effect"
import { AiError } from "effect/ai"
import { inTime, ofTag } from "../support/observe.ts"
import { failure, lastText, limited, success, watch } from "./support.ts"

const echo = Agent.tool("echo", {
  description: "Says it again",
  class: "readonly",
  parameters: { text: Schema.String },
  run: ({ text }) => text
})

const bounded = (limits: Limits.Limits) => Agent.make("bounded", { tools: [echo], limits })

/** A call, in a reply that costs so many USD where one token of output costs one. */
const call = (usd: number, text = `${usd}`) =>
  ModelScript.toolUse([{ name: "echo", input: { text } }], { usage: { inputTokens: 5, outputTokens: usd } })

const answer = (usd: number) => ModelScript.text("answer", { usage: { inputTokens: 5, outputTokens: usd } })

/** The configured model has a price, that of its replies has none. */
const routed = { configured: "somebody", reported: "of nobody" }

const dollarAToken = PriceTable.layer([{ model: "scripted", input: 0, output: 1e6 }])

describe("cost", () => {
  it.effect("a scripted model costs nothing, and says so", () =>
    Effect.gen(function*() {
      const { events, exit } = yield* watch(bounded({}), [call(100), answer(100)])
      assert.strictEqual(success(exit).cost, 0)
      assert.deepStrictEqual(ofTag(events, "ModelResponded").map(({ cost }) => cost), [0, 0])
    }))

  it.effect("a model that the table does not know costs \"unknown\", and never 0", () =>
    Effect.gen(function*() {
      const { events, exit } = yield* watch(bounded({}), [call(100), answer(100)]).pipe(
        Effect.provide(PriceTable.layer([]))
      )
      assert.strictEqual(success(exit).cost, "unknown")
      assert.deepStrictEqual(ofTag(events, "ModelResponded").map((event) => "cost" in event), [false, false])
    }))

  it.effect("is the sum over all replies, at the prices of the table", () =>
    Effect.gen(function*() {
      const { exit } = yield* watch(bounded({}), [call(3), call(4), answer(5)]).pipe(Effect.provide(dollarAToken))
      assert.strictEqual(success(exit).cost, 12)
    }))

  it.effect("one reply without a price makes the whole unknown", () =>
    Effect.gen(function*() {
      const agent = Agent.make("routed", {
        tools: [echo],
        prepareTurn: ({ turn }) => turn === 0 ? {} : { model: "of nobody" }
      })
      const { exit } = yield* watch(agent, [call(3), answer(5)], { models: routed }).pipe(
        Effect.provide(PriceTable.layer([{ model: "somebody", input: 0, output: 1e6 }]))
      )
      assert.strictEqual(success(exit).cost, "unknown")
    }))
})

describe("a cost limit", () => {
  it.effect("on a model without a price fails before any request, and names what to do", () =>
    Effect.gen(function*() {
      for (const configured of [undefined, "of nobody"]) {
        const models = { configured, reported: "of nobody" }
        const { events, exit, requests } = yield* watch(bounded({ cost: { usd: 1 } }), [answer(1)], { models })
        const error = failure(exit)
        assert.isTrue(AiError.isAiError(error))
        assert.include(String(error), "PriceTable")
        assert.deepStrictEqual(requests, [])
        assert.strictEqual(ofTag(events, "ModelRequested").length, 0)
        assert.deepInclude(ofTag(events, "RunEnded")[0], { outcome: "failed" })
      }
    }))

  it.effect("a model that states a price of 0 is never limited by it", () =>
    Effect.gen(function*() {
      const { exit } = yield* watch(bounded({ cost: { usd: 1e-9 } }), [call(1000), answer(1000)])
      assert.deepInclude(success(exit), { _tag: "Completed", cost: 0 })
    }))

  it.effect("a scripted model needs nothing else for it", () =>
    Effect.gen(function*() {
      const { exit } = yield* watch(bounded({ cost: { usd: 1 } }), [call(1000), answer(1000)])
      assert.deepInclude(success(exit), { _tag: "Completed", cost: 0 })
    }))

  it.effect("the last turn is taken while there is money for it", () =>
    Effect.gen(function*() {
      const { exit, requests } = yield* watch(bounded({ cost: { usd: 10 } }), [call(4), answer(4)]).pipe(
        Effect.provide(dollarAToken)
      )
      assert.deepInclude(limited(exit), { limit: "cost", text: "answer", cost: 8, excess: 0 })
      assert.deepStrictEqual(requests.map(({ toolChoice }) => toolChoice), ["auto", "none"])
      assert.include(lastText(requests[1]), "The budget of this run is nearly spent.")
    }))

  it.effect("is exceeded by one reply that was dearer than expected, and excess says by how much", () =>
    Effect.gen(function*() {
      const { exit, requests } = yield* watch(bounded({ cost: { usd: 10 } }), [call(3), call(20), answer(1)]).pipe(
        Effect.provide(dollarAToken)
      )
      assert.deepInclude(limited(exit), { limit: "cost", cost: 23, excess: 13 })
      assert.strictEqual(requests.length, 2)
    }))

  it.effect("excess counts the answer on the last turn", () =>
    Effect.gen(function*() {
      const { exit } = yield* watch(bounded({ cost: { usd: 10 } }), [call(4), answer(9)]).pipe(
        Effect.provide(dollarAToken)
      )
      assert.deepInclude(limited(exit), { limit: "cost", cost: 13, excess: 3 })
    }))

  it.effect("a reply whose model has no price ends the run: what it cost may be any amount", () =>
    Effect.gen(function*() {
      const agent = Agent.make("routed", {
        tools: [echo],
        limits: { cost: { usd: 10 } },
        prepareTurn: () => ({ model: "of nobody" })
      })
      const { exit, requests } = yield* watch(agent, [call(1), call(1), call(1), answer(1)], { models: routed }).pipe(
        Effect.provide(PriceTable.layer([{ model: "somebody", input: 0, output: 1e6 }]))
      )
      assert.deepInclude(limited(exit), { limit: "cost", cost: "unknown" })
      assert.strictEqual(requests.length, 1)
    }))

  it.effect("in 300 seeds it is exceeded by at most the last reply", () =>
    Effect.gen(function*() {
      let exceeded = 0
      for (let seed = 1; seed <= 300; seed++) {
        const random = Simulation.randomNumbers(seed)
        const usd = () => 1 + Math.floor(random() ** 2 * 30)
        const limit = 5 + usd() * 2
        const costs: Array<number> = []
        const { exit } = yield* watch(
          bounded({ cost: { usd: limit }, turns: 50 }),
          (_, n) => {
            const cost = usd()
            costs.push(cost)
            return random() < 0.05 ? answer(cost) : call(cost, `${n}`)
          }
        ).pipe(Effect.provide(dollarAToken), inTime)
        const outcome = success(exit)
        const total = costs.reduce((sum, cost) => sum + cost, 0)
        assert.strictEqual(outcome.cost, total, `seed ${seed}`)
        assert.isBelow(total - costs.at(-1)!, limit, `seed ${seed}`)
        if (outcome._tag === "Limited") {
          assert.strictEqual(outcome.limit, "cost", `seed ${seed}`)
          assert.strictEqual(outcome.excess, Math.max(0, total - limit), `seed ${seed}`)
          if (outcome.excess > 0) exceeded++
        }
      }
      assert.isAbove(exceeded, 30)
    }))
})
