import { assert, describe, it } from "@effect/vitest"
import { Agent, Journal, ToolPolicy } from "@volley/core"
import { FakeTool, ModelScript, ScriptedModel, Timeline } from "@volley/core/testing"
import { expectRun } from "@volley/core/testing/vitest"
import { Effect, Fiber } from "effect"
import { TestClock } from "effect/testing"

/** Two calls of `read`, of which the first is retried, and one of a tool that there is not. */
const run = Effect.gen(function*() {
  const fake = yield* FakeTool.make("read", ["transient", "ok", "ok"], { class: "readonly" })
  const journal = Journal.makeMemory()
  const agent = Agent.make("sre", { tools: [ToolPolicy.set(fake.tool, { serial: true })] })
  const fiber = yield* Agent.run(agent, "go", { runId: "run" }).pipe(
    Effect.provide(ScriptedModel.layer([
      ModelScript.toolUse([{ name: "read" }, { name: "read", input: { n: 1 } }, { name: "red" }]),
      ModelScript.text("All is well.")
    ])),
    Effect.provideService(Journal.current, journal),
    Effect.forkChild
  )
  for (let n = 0; n < 20; n++) yield* TestClock.adjust("100 millis")
  yield* Fiber.join(fiber)
  return yield* journal.read("run")
})

interface Failed {
  readonly message: string
  readonly actual?: string
  readonly expected?: string
}

const failureOf = (expectation: () => void): Failed => {
  try {
    expectation()
  } catch (error) {
    return error as Failed
  }
  return { message: "it held" }
}

const messageOf = (expectation: () => void): string => failureOf(expectation).message

describe("expectRun", () => {
  it.effect("matchers - hold for a run that is so", () =>
    Effect.gen(function*() {
      const events = yield* run
      expectRun(events).toComplete()
      expectRun(events).toHaveNoViolations()
      expectRun(events).toHaveAnswered("read")
      expectRun(events).toHaveAnswered("read", "ok")
      expectRun(events).toHaveAnswered("red", "failed")
      expectRun(events).toHaveAnswered({ turn: 1, index: 1 }, "ok")
      expectRun(events).not.toHaveAnswered("red", "ok")
      expectRun(events).not.toHaveAnswered("write")
      expectRun(events).not.toHaveAnswered({ turn: 2, index: 0 })
      expectRun(events).toHaveAttempts("read", 3)
      expectRun(events).toHaveAttempts({ turn: 1, index: 0 }, 2)
      expectRun(events).toHaveAttempts("red", 0)
      expectRun(events).toHaveAnswerText("well")
      expectRun(events).toHaveAnswerText(/^All/)
      expectRun(events).toMatchTimeline(Timeline.text(events))
      expectRun(events).toMatchTimeline(`
        ${Timeline.text(events).split("\n").join("\n        ")}
      `)
      expectRun(events).not.toMatchTimeline("       0  run of agent \"other\"")
    }))

  it.effect("matchers - a failure says what was expected, what there is, and shows the timeline", () =>
    Effect.gen(function*() {
      const events = yield* run
      const begins = (expectation: () => void, text: string) => {
        const message = messageOf(expectation)
        assert.isTrue(message.startsWith(text), message)
        return message
      }
      const timeline = `\n\n${Timeline.text(events)}`
      assert.strictEqual(
        messageOf(() => expectRun(events).toHaveAttempts("read", 2)),
        `expected the run to have 2 attempts of "read", but it has 3${timeline}`
      )
      begins(() => expectRun(events).not.toComplete(), "expected the run not to complete, but it ended completed\n")
      begins(() => expectRun(events.slice(0, -1)).toComplete(), "expected the run to complete, but it has not ended\n")
      begins(
        () => expectRun(events).toHaveAnswered("red", "ok"),
        "expected the run to have answered \"red\" ok, but call 2 of turn 1 was answered failed: "
      )
      begins(
        () => expectRun(events).toHaveAnswered("write"),
        "expected the run to have answered \"write\", but it was not asked for"
      )
      begins(
        () => expectRun(events.filter(({ _tag }) => _tag !== "ToolCallAnswered")).toHaveAnswered({ turn: 1, index: 0 }),
        "expected the run to have answered call 0 of turn 1, but call 0 of turn 1 has no answer"
      )
      begins(
        () => expectRun(events).toHaveAnswerText("ill"),
        "expected the run to say ill, but it says \"All is well.\""
      )
      assert.include(
        begins(
          () => expectRun(events.filter(({ _tag }) => _tag !== "ToolCallAnswered")).toHaveNoViolations(),
          "expected the run to keep all guarantees, but it does not:\n  "
        ),
        "G1, event "
      )
    }))

  it.effect("toMatchTimeline - names the first line that differs and gives both texts for the diff", () =>
    Effect.gen(function*() {
      const events = yield* run
      const wrong = Timeline.text(events).replace("call 1 (read) requested", "call 1 (read) wanted")
      const line = wrong.split("\n").findIndex((text) => text.includes("wanted")) + 1
      const { actual, expected, message } = failureOf(() => expectRun(events).toMatchTimeline(wrong))
      assert.strictEqual(message, `expected the run to have this timeline (the first line that differs: ${line})`)
      assert.include(expected, "call 1 (read) wanted")
      assert.include(actual, "call 1 (read) requested")
    }))

  it("expectRun - anything but events is refused", () => {
    assert.throws(() => expectRun("events" as never).toComplete(), /expectRun takes the events of a run/)
    assert.throws(() => expectRun([{ text: "delta" } as never]).toComplete(), TypeError)
    assert.include(messageOf(() => expectRun([]).toComplete()), "it has not ended")
  })
})
