import { assert, describe, it } from "@effect/vitest"
import { Agent, Check, type RunEvent } from "@volley/core"
import { ModelScript, ScriptedModel, Simulation } from "@volley/core/testing"
import { Effect, Exit, Schema } from "effect"
import { calm, type Fate, type Plan } from "./plan.ts"
import { record, type Scenario, scenarios } from "./recorded.ts"
import { refused } from "./refused.ts"
import { verdict } from "./verdict.ts"
import { live, make, recover } from "./world.ts"

type Events = ReadonlyArray<RunEvent.RunEvent>

const replayed = (agent: Scenario["agent"], events: Events): Agent.Replayed => {
  const { stop } = Simulation.simulate(Agent.replay(agent, events), { seed: 1 })
  if (stop._tag !== "Done" || Exit.isFailure(stop.exit)) assert.fail("the replay did not end")
  return stop.exit.value
}

const named = (name: string): Scenario => scenarios.find((scenario) => scenario.name === name)!

describe("what the faults have found", () => {
  it("Agent.replay - an eager call that starts when its reply has just become complete is the same", () => {
    const scenario = named("eager")
    for (let seed = 1; seed <= 20; seed++) {
      const { divergence } = replayed(scenario.agent, record(scenario, { seed }).events)
      assert.isUndefined(divergence, `seed ${seed}: ${JSON.stringify(divergence)}`)
    }
  })

  /** Where the replays of runs of two early calls, in so many orders, part from them. */
  const partings = (tag: RunEvent.RunEvent["_tag"]): ReadonlyArray<string> => {
    const look = Agent.tool("look", {
      description: "Looks",
      class: "readonly",
      parameters: { n: Schema.Int },
      run: () => 1
    })
    const agent = Agent.make("early", { tools: [look] }) as Scenario["agent"]
    const calls = ModelScript.toolUse([{ name: "look", input: { n: 1 } }, { name: "look", input: { n: 2 } }])
    return Array.from({ length: 100 }, (_, seed) => {
      const { events } = record({ name: "early", agent, script: [calls, ModelScript.text("done")] }, { seed })
      const { divergence } = replayed(agent, events)
      return divergence !== undefined && events[divergence.event]?._tag === tag
        ? [`seed ${seed}, event ${divergence.event}: ${divergence.message}`]
        : []
    }).flat()
  }

  it("Agent.replay - an early call that starts when the next one has just been received is the same", () => {
    assert.deepStrictEqual(partings("AttemptStarted"), [])
  })

  it("Agent.replay - a reply whose last early call is answered when it has just become complete is the same", () => {
    assert.deepStrictEqual(partings("DispatchIntended"), [])
  })

  /** A reply with two harmless calls and one that is not, in many orders of what happens when it becomes complete. */
  const settled = (stopReason: string) => {
    let pays = 0
    const parameters = { n: Schema.Int }
    const look = Agent.tool("look", { description: "Looks", class: "readonly", parameters, run: () => 1 })
    const pay = Agent.tool("pay", { description: "Pays", parameters, run: () => ++pays })
    const agent = Agent.make("settled", { tools: [look, pay] }) as Scenario["agent"]
    const calls = ["look", "look", "pay"].map((name, n) => ({ name, input: { n } }))
    const violations = Array.from({ length: 300 }, (_, seed) => {
      const script = [ModelScript.toolUse(calls, { stopReason }), ModelScript.text("done")]
      return Check.all(record({ name: "settled", agent, script }, { seed }).events).map(({ message }) => message)
    })
    return { pays, violations: violations.flat() }
  }

  it("a reply that becomes complete while its first call is intended - none starts without being intended", () => {
    assert.deepStrictEqual(settled("tool_use"), { pays: 300, violations: [] })
  })

  it("a reply that is refused while its first call is intended - none that may act is run", () => {
    assert.deepStrictEqual(settled("refusal"), { pays: 0, violations: [] })
  })

  /** One call of the idempotent tool, whose attempts do this in order and then are refused, without having taken effect. */
  const putting = (...fates: ReadonlyArray<Fate>): Plan => ({
    ...calm,
    turns: [[{ tool: "put", n: 1 }]],
    fate: (_, nth) => fates[nth] ?? "refused"
  })

  it("an answer after an attempt that took effect and others that did not - says that the outcome is unknown", () => {
    const world = make(putting("committed"))
    live(world)
    assert.strictEqual(world.effects.get(1), 1)
    assert.deepStrictEqual(verdict(world), [])
  })

  it("an answer after an attempt of a dead process and others that did not take effect - says the same", () => {
    const plan = putting("ok")
    const { points } = live(make(plan))
    const world = make(plan)
    live(world, { at: points.indexOf("handler after") + 1, fault: "crash" })
    recover(world)
    assert.strictEqual(world.effects.get(1), 1)
    assert.deepStrictEqual(verdict(world), [])
  })

  it("Agent.replay - another schema of an output that is given by a tool is found", () => {
    const scenario = named("structured output by a tool")
    const { events } = record(scenario)
    const other = Agent.make("structured", {
      tools: Object.values(scenario.agent.tools as object) as [],
      output: Schema.Struct({ city: Schema.String, degrees: Schema.String })
    })
    assert.isDefined(replayed(other as unknown as Scenario["agent"], events).divergence)
  })

  it.effect("Agent.fork - at a turn that follows a reply without calls, what is asked can be sent", () =>
    Effect.gen(function*() {
      const scenario = named("structured output as a format")
      const { events, replies } = record(scenario)
      const { layer, requests } = yield* ScriptedModel.make([ModelScript.text("done")])
      yield* Effect.exit(Effect.provide(Agent.fork(scenario.agent, events, { turn: 3 }), layer))
      const [first] = yield* requests
      assert.deepStrictEqual(first === undefined ? ["nothing was asked"] : refused(first, replies), [])
    }))
})
