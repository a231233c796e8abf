// Faults, time and the order of fibers from one seed: laws that the tools keep and worlds that the agent survives, with the real
// handlers behind injected faults.
import { assert, describe, it } from "@effect/vitest"
import { Agent, ToolCall, ToolFailure, ToolPolicy } from "@volley/core"
import { Laws, Simulation } from "@volley/core/testing"
import { Context, Effect, Layer, Ref, Schema } from "effect"
import { Tool, Toolkit } from "effect/ai"

const Refund = ToolPolicy.idempotent(
  Tool.make("refund", {
    description: "Refunds an order",
    parameters: Schema.Struct({ order: Schema.Int, cents: Schema.Int }),
    success: Schema.String,
    failure: ToolFailure.ToolFailure
  }),
  { retry: { times: 3 }, timeout: "5 seconds" }
)

const tools = Toolkit.make(Refund)

/** The system behind the tool: it does nothing twice for the same key. */
class Bank extends Context.Service<Bank, {
  readonly pay: (key: string, cents: number) => Effect.Effect<string>
  readonly paid: Effect.Effect<number>
}>()("example/Bank") {
  static readonly layer = Layer.effect(
    Bank,
    Effect.map(Ref.make<ReadonlyMap<string, number>>(new Map()), (payments) => ({
      pay: (key: string, cents: number) =>
        Effect.as(Ref.update(payments, (all) => new Map(all).set(key, cents)), `paid ${cents}`),
      paid: Effect.map(Ref.get(payments), (all) => all.size)
    }))
  )
}

const makeHandlers = (keyOf: (call: ToolCall.ToolCall | undefined) => string) =>
  tools.toLayer(Effect.map(Bank, (bank) => ({
    refund: Effect.fnUntraced(function*({ cents }) {
      yield* Effect.sleep("20 millis")
      return yield* bank.pay(keyOf(yield* ToolCall.current), cents)
    })
  }))).pipe(Layer.provideMerge(Bank.layer))

const handlers = makeHandlers((call) => call?.idempotencyKey ?? "none")

describe("refund", () => {
  it.effect("keeps all laws, whatever fails and in whatever order", () =>
    Laws.forAll(Laws.toolkit([tools], { layer: handlers }), { seeds: 20 }))

  it.effect.prop(
    "is never tried again once it failed for good",
    [Schema.Int],
    ([seed]) => Laws.permanentNotRetried([tools])(seed),
    { arbitrary: { runs: 20 } }
  )

  const observe = Effect.flatMap(Bank, (bank) => bank.paid)

  it.effect("pays once for a key, however often it is asked", () =>
    Laws.forAll(Laws.sameKeySameEffect(Refund, { layer: handlers, observe })))

  it.effect("a handler that makes up its own key is found out", () =>
    Effect.gen(function*() {
      let calls = 0
      const careless = makeHandlers(() => `refund-${calls++}`)
      const broken = yield* Effect.flip(Laws.forAll(Laws.sameKeySameEffect(Refund, { layer: careless, observe })))
      assert.match(
        broken.message,
        /^Law "the same key has the same effect" is broken by seed 0:\n {2}after one execution of refund /
      )
    }))

  it("survives crashes, broken replies and cancellations", () => {
    const agent = Agent.make("support", { tools: [tools] })
    assert.deepStrictEqual(Simulation.explore(agent, { seeds: 50, handlers }).violations, [])
  })
})
