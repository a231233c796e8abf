import { assert, describe, it } from "@effect/vitest"
import { Agent, type RunEvent, ToolPolicy } from "@volley/core"
import { ModelScript, Simulation } from "@volley/core/testing"
import { Effect, Exit, Schema } from "effect"
import { calm, plan, troubled } from "./plan.ts"
import { executed, record, type Scenario, scenarios } from "./recorded.ts"
import { agentOf, live, make, recover } from "./world.ts"

type Events = ReadonlyArray<RunEvent.RunEvent>

const replay = <Tools, E, Output>(agent: Agent.Agent<Tools, E, never, Output>, events: Events): Agent.Replayed => {
  const { stop } = Simulation.simulate(Agent.replay(agent, events), { seed: 1 })
  if (stop._tag !== "Done" || Exit.isFailure(stop.exit)) assert.fail("the replay did not end")
  return stop.exit.value
}

/** Replays the same events with the code that wrote them; it gets no model, and handlers count their executions. */
const same = <Tools, E, Output>(agent: Agent.Agent<Tools, E, never, Output>, events: Events, what: string): void => {
  const before = executed.handlers
  const { divergence, events: decided } = replay(agent, events)
  assert.isUndefined(divergence, `${what}: ${JSON.stringify(divergence)}`)
  assert.strictEqual(JSON.stringify(decided), JSON.stringify(events), what)
  assert.strictEqual(executed.handlers, before, what)
}

describe("Agent.replay", () => {
  for (const scenario of scenarios) {
    it(`G15 - ${scenario.name}: the same code gives the same bytes and calls nothing, cancelled runs included`, () => {
      const whole = record(scenario)
      assert.isTrue(Exit.isSuccess(whole.exit))
      for (const seed of [1, 2, 3, 4, 5]) same(scenario.agent, record(scenario, { seed }).events, `seed ${seed}`)
      for (let cancelAt = 1; cancelAt <= whole.events.length; cancelAt += 2) {
        same(scenario.agent, record(scenario, { cancelAt }).events, `cancelled at ${cancelAt}`)
      }
    })
  }

  it("G15 - a journal that ends anywhere is replayed as far as it goes", () => {
    for (const scenario of scenarios) {
      const { events } = record(scenario)
      for (let length = 0; length <= events.length; length++) {
        same(scenario.agent, events.slice(0, length), `${scenario.name}, ${length} events`)
      }
    }
  })

  it("G15 - runs that crashed and were gone on with are replayed like others", () => {
    let replayed = 0
    for (const drawn of [calm, troubled, ...Array.from({ length: 20 }, (_, i) => plan(i + 1))]) {
      const points = live(make(drawn)).points.length
      for (let at = 1; at <= points; at += 9) {
        const world = make(drawn)
        live(world, { at, fault: "crash" })
        recover(world)
        same(agentOf(drawn), world.journal, `plan ${drawn.seed}, crash at ${at}`)
        replayed++
      }
    }
    // oxlint-disable-next-line no-console -- the numbers of the test
    console.log(`replayed after a crash: ${replayed} journals, byte for byte`)
    assert.isAbove(replayed, 100)
  })
})

describe("Agent.replay of a run that the present code would not write", () => {
  const run = ({ n }: { readonly n: number }) => Effect.as(Effect.sleep(5), `did ${n}`)
  const parameters = { n: Schema.Int }
  const look = Agent.tool("look", { description: "Looks", class: "readonly", parameters, run })
  const pay = Agent.tool("pay", { description: "Pays", parameters, run })
  const wanting = (needsApproval: (n: number) => boolean) =>
    Object.assign(Agent.tool("drop", { description: "Drops", parameters, run }), {
      needsApproval: ({ n }: { readonly n: number }) => needsApproval(n)
    })
  const drop = wanting((n) => n > 1)
  const tools = [look, pay, drop] as const
  const limits = { turns: 5, toolCallsPerTurn: 3 }
  const Report = Schema.Struct({ degrees: Schema.Int })
  const prepareTurn = () => ({ effort: "low" })
  const options = { instructions: "Be brief", tools, limits, output: Report, prepareTurn }

  const ask = (...calls: ReadonlyArray<readonly [string, number]>) =>
    ModelScript.toolUse(calls.map(([name, n]) => ({ name, input: { n } })))

  const scenario = {
    name: "base",
    agent: Agent.make("base", options) as Scenario["agent"],
    script: [
      ask(["look", 1], ["pay", 1]),
      ask(["drop", 1], ["drop", 2], ["look", 2], ["pay", 2]),
      ModelScript.text("{\"degrees\":7}")
    ],
    followsOutput: true
  }
  const { events, exit } = record(scenario)

  const positionOf = (fits: (event: RunEvent.RunEvent) => boolean): number => {
    const position = events.findIndex(fits)
    assert.notStrictEqual(position, -1)
    return position
  }
  const request = (turn: number) => positionOf((event) => event._tag === "ModelRequested" && event.turn === turn)
  const secondDispatch = positionOf((event) => event._tag === "DispatchIntended" && event.turn === 2)
  const withheld = positionOf((event) => event._tag === "ToolCallAnswered" && event.turn === 2 && event.index === 3)
  const checked = positionOf(({ _tag }) => _tag === "OutputChecked")
  const ended = positionOf(({ _tag }) => _tag === "RunEnded")

  it("the run itself is complete, and the same", () => {
    assert.isTrue(Exit.isSuccess(exit))
    same(scenario.agent, events, "unchanged")
  })

  type Change = readonly [what: string, agent: Agent.Agent<any, any, any, any>, event: number, says: string]
  const changed = (change: object) => Agent.make("base", { ...options, ...change })
  const changes: ReadonlyArray<Change> = [
    ["a tool's class", changed({ tools: [ToolPolicy.idempotent(look), pay, drop] }), 0, "tools.0.class"],
    ["a tool that is gone", changed({ tools: [look, drop] }), 0, "tools.1"],
    ["limits", changed({ limits: { ...limits, turns: 4 } }), 0, "limits.turns"],
    ["instructions", changed({ instructions: "Be long" }), 0, "instructions"],
    ["the name", Agent.make("other", options), 0, "agent"],
    ["prepareTurn, from the first turn", changed({ prepareTurn: () => ({ effort: "high" }) }), request(1), "effort"],
    [
      "prepareTurn, on a later turn",
      changed({ prepareTurn: ({ turn }: { readonly turn: number }) => ({ effort: turn < 2 ? "low" : "high" }) }),
      request(3),
      "effort"
    ],
    ["the output schema", changed({ output: Schema.Struct({ degrees: Schema.String }) }), checked, "ok"],
    ["approval of a call", changed({ tools: [look, pay, wanting((n) => n > 5)] }), secondDispatch, "approval"]
  ]
  for (const [what, agent, event, says] of changes) {
    it(`${what} - is found at event ${event}`, () => {
      const { divergence, events: decided } = replay(agent as Scenario["agent"], events)
      assert.strictEqual(divergence?.event, event, JSON.stringify(divergence))
      assert.include(divergence?.message, says)
      assert.deepStrictEqual(decided, events.slice(0, event))
    })
  }

  it("approval of a tool that wanted none - is found at the start", () => {
    const asking = Object.assign(Agent.tool("look", { description: "Looks", class: "readonly", parameters, run }), {
      needsApproval: true
    })
    const { divergence } = replay(changed({ tools: [asking, pay, drop] }) as Scenario["agent"], events)
    assert.strictEqual(divergence?.event, 0)
    assert.include(divergence?.message, "approval")
  })

  const edits: ReadonlyArray<readonly [string, number, (event: RunEvent.RunEvent) => object]> = [
    ["the text of a withheld call", withheld, () => ({ result: "Too many calls" })],
    ["a withheld call that was run", withheld, () => ({ ok: true, result: "did 2", failure: undefined })],
    ["the text that a run ended with", ended, () => ({ text: "another" })],
    ["the way a run ended", ended, () => ({ outcome: "limited", reason: "turns" })],
    ["a class in a dispatch", secondDispatch, (event) => ({
      calls: (event as RunEvent.Of<"DispatchIntended">).calls.map((call) => ({ ...call, class: "readonly" }))
    })],
    ["a key in a dispatch", secondDispatch, (event) => ({
      calls: (event as RunEvent.Of<"DispatchIntended">).calls.map((call) => ({ ...call, key: "0" }))
    })],
    ["whether the output was accepted", checked, () => ({ ok: false, message: "no" })]
  ]
  for (const [what, position, edit] of edits) {
    it(`${what}, changed in the journal - is found there`, () => {
      const event = events[position]!
      const { divergence } = replay(scenario.agent, events.with(position, { ...event, ...edit(event) }))
      assert.strictEqual(divergence?.event, position, JSON.stringify(divergence))
    })
  }

  it("an event that is missing - is found at the first that cannot follow", () => {
    const without = (position: number) => replay(scenario.agent, events.toSpliced(position, 1)).divergence?.event
    assert.strictEqual(
      without(request(2)),
      positionOf((event) => event._tag === "DispatchIntended" && event.turn === 2) - 1
    )
    assert.isDefined(without(secondDispatch))
  })
})
