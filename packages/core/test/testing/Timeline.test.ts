import { assert, describe, it } from "@effect/vitest"
import { Agent, Journal, type Limits, RunEvent, ToolFailure, ToolPolicy } from "@volley/core"
import { FakeTool, ModelScript, ScriptedModel, Simulation, Timeline } from "@volley/core/testing"
import { Effect, Exit } from "effect"

const throttled = ToolFailure.transient({
  reason: "RateLimited",
  message: "slow down",
  retryAfter: "3 seconds",
  executed: false
})

/** The events of a run in simulated time. */
const eventsOf = (
  programme: ReadonlyArray<FakeTool.Step>,
  script: ModelScript.Script,
  limits: Limits.Limits = {},
  runId = "run"
) => {
  const running = Effect.gen(function*() {
    const fake = yield* FakeTool.make("read", programme, { class: "readonly" })
    const tool = ToolPolicy.set(fake.tool, { timeout: "10 seconds" })
    const journal = Journal.makeMemory()
    yield* Agent.run(Agent.make("sre", { tools: [tool], limits }), "go", { runId }).pipe(
      Effect.provide(ScriptedModel.layer(script)),
      Effect.provideService(Journal.current, journal)
    )
    return yield* journal.read(runId)
  })
  const { stop } = Simulation.simulate(running, { seed: 1 })
  assert.isTrue(stop._tag === "Done" && Exit.isSuccess(stop.exit))
  return stop._tag === "Done" && Exit.isSuccess(stop.exit) ? stop.exit.value : []
}

const twoCalls = [
  ModelScript.toolUse([{ name: "read", input: {} }, { name: "read", input: { n: 2 } }]),
  { ...ModelScript.text("done"), delay: 250 }
]

describe("Timeline", () => {
  it("text - a line for each request, call, attempt, wait and answer, with its time", () => {
    const events = eventsOf([{ after: 400, result: throttled }, { after: 500, result: "ok" }], [
      ModelScript.toolUse([{ name: "read" }, { name: "red" }]),
      { ...ModelScript.text("done"), delay: 250 }
    ])
    assert.strictEqual(
      Timeline.text(events),
      [
        "       0  run of agent \"sre\"",
        "       0  model turn 1: tool_use after 0 ms",
        "       0  call 0 (read) requested {}",
        "       0  call 0 (read) attempt 1 fails after 400 ms: transient RateLimited: slow down, retry after 3000 ms",
        "       0  call 1 (red) requested {}",
        "       0  call 1 (red) answered failed \"Permanent failure (NotFound): no tool is named \\\"red\\\"; did you mean \\\"read\\\"? It was not execut...",
        "     400  call 0 (read) waits 3000 ms for attempt 2",
        "    3400  call 0 (read) attempt 2 succeeds after 500 ms",
        "    3900  call 0 (read) answered ok \"ok\"",
        "    3900  model turn 2: end_turn after 250 ms",
        "    4150  run completed"
      ].join("\n")
    )
  })

  it("text - under virtual time and one seed it is the same, whatever the ids are", () => {
    const [one, two] = ["run_a", "run_b"].map((runId) => Timeline.text(eventsOf(["ok", "ok"], twoCalls, {}, runId)))
    assert.strictEqual(one, two)
    const later = eventsOf(["ok", "ok"], twoCalls).map((event) =>
      "at" in event ? { ...event, at: event.at + 1_700_000_000_000 } : event
    )
    assert.strictEqual(Timeline.text(later), one)
  })

  it("text - what is abandoned, refused or cut off says so", () => {
    const deaf = Timeline.text(eventsOf(["deaf", "ok", "ok"], twoCalls))
    assert.match(deaf, /call \d \(read\) attempt 1 fails after 10\d\d\d ms: transient Timeout/)
    const cut = Timeline.text(
      eventsOf(["ok"], [
        ModelScript.cut(ModelScript.text("a long text that is cut somewhere"), { afterEvents: 3 }),
        ModelScript.text("whole")
      ])
    )
    assert.match(cut, /model turn 1 fails after 0 ms: NetworkError, asked again in \d+ ms/)
    assert.include(cut, "model turn 1, request 2: end_turn")
    assert.include(Timeline.text(eventsOf(["ok", "ok"], twoCalls, { turns: 2 })), "last turn, limit turns")
  })

  it("text - every event has a line or is told by another's", () => {
    const told = new Set([
      "BlockReceived",
      "ModelResponded",
      "ModelFailed",
      "DispatchIntended",
      "AttemptEnded",
      "AttemptAbandoned",
      "AttemptReleased",
      "SubRunEnded",
      "TurnClosed"
    ])
    const call = { turn: 1, request: 1, index: 0, at: 5 }
    const more: Record<string, object> = {
      RunStarted: { agent: "a" },
      RetryRefused: { attempt: 2, why: "run" },
      CallQueued: { behind: "tool" },
      OutputChecked: { ok: false, message: "no" },
      FallbackStarted: { tool: "spare" }
    }
    for (const tag of Object.keys(RunEvent.RunEvent.cases)) {
      const line = Timeline.text([{ _tag: tag, ...call, ...more[tag] } as never])
      assert.strictEqual(line === "", told.has(tag), tag)
      assert.notInclude(line, "undefined undefined", tag)
    }
    assert.strictEqual(Timeline.text([]), "")
  })
})
