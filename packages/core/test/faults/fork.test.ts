import { assert, describe, it } from "@effect/vitest"
import { Agent, Check, Journal, RunState } from "@volley/core"
import { ModelScript } from "@volley/core/testing"
import { Effect, Exit } from "effect"
import { Prompt } from "effect/ai"
import { isDeepStrictEqual } from "node:util"
import { inScenario, record, type Recording, type Scenario, scenarios } from "./recorded.ts"
import { refused } from "./refused.ts"

type Edit = (transcript: Prompt.Prompt) => Prompt.Prompt

/** Whether the last that was said before a turn is the model's: somebody else has to say something then. */
const endsWithReply = ({ events }: Recording, turn: number): boolean => {
  const position = events.findIndex((event) => event._tag === "ModelRequested" && event.turn === turn)
  const { transcript } = events.slice(0, position).reduce(RunState.apply, RunState.initial)
  return transcript.content.at(-1)?.role === "assistant"
}

/** Goes on from a turn of a recording: what the new run asks first, and its journal. */
const fork = (scenario: Scenario, recording: Recording, turn: number, edit?: Edit) => {
  const { events, replies } = recording
  const final = scenario.agent.name === "structured"
    ? scenario.followsOutput === true
      ? ModelScript.text("{\"city\":\"Oslo\",\"degrees\":7}")
      : ModelScript.toolUse([{ name: "final_answer", input: { city: "Oslo", degrees: 7 } }])
    : ModelScript.text("done")
  const { requests, value } = inScenario({ ...scenario, script: [final] }, (journal) =>
    Effect.gen(function*() {
      const exit = yield* Effect.exit(
        Agent.fork(scenario.agent, events, { turn, runId: "forked", ...(edit === undefined ? {} : { edit }) })
      )
      return { exit, events: yield* Effect.orDie(journal.read("forked")) }
    }))
  assert.isTrue(Exit.isSuccess(value.exit), `${scenario.name}, turn ${turn}: ${String(value.exit)}`)
  assert.deepStrictEqual(Check.all(value.events), [])
  const [first] = requests
  if (first === undefined) assert.fail("nothing was asked")
  assert.deepStrictEqual(refused(first, replies), [], `${scenario.name}, turn ${turn}`)
  const messages = first.prompt.content.filter(({ role }) => role !== "system")
  return { messages, started: value.events[0] }
}

const hasThinking = ({ content, role }: Prompt.Message): boolean =>
  role === "assistant" && content.some(({ type }) => type === "reasoning")

/** Says a message in other words; results and calls stay paired. */
const reworded = (message: Prompt.Message): Prompt.Message => {
  switch (message.role) {
    case "system":
      return message
    case "tool":
      return Prompt.toolMessage({
        content: message.content.map((part) =>
          part.type === "tool-result"
            ? Prompt.makePart("tool-result", {
              id: part.id,
              name: part.name,
              isFailure: part.isFailure,
              providerExecuted: part.providerExecuted,
              result: "edited"
            })
            : part
        )
      })
    case "user":
      return Prompt.userMessage({ content: [Prompt.makePart("text", { text: "edited" })] })
    case "assistant":
      return Prompt.assistantMessage({
        content: message.content.map((part) =>
          part.type === "text" ? Prompt.makePart("text", { text: "edited" }) : part
        )
      })
  }
}

const editAt = (position: number): Edit => (transcript) =>
  Prompt.fromMessages(transcript.content.map((message, i) => i === position ? reworded(message) : message))

const turnsOf = ({ events }: Recording): ReadonlyArray<number> =>
  Array.from(new Set(events.flatMap((event) => event._tag === "ModelRequested" ? [event.turn] : [])))

describe("Agent.fork", () => {
  const found = { forks: 0, edited: 0 }

  for (const scenario of scenarios) {
    const recording = record(scenario)
    const turns = turnsOf(recording)

    it(`${scenario.name}: from each turn a request is sent that the API accepts, with all thinking before it`, () => {
      for (const turn of turns) {
        const { messages, started } = fork(scenario, recording, turn)
        assert.deepInclude(started, { forkedFrom: { runId: "recorded", turn } })
        const plain = JSON.parse(JSON.stringify(messages)) as ReadonlyArray<unknown>
        const original = recording.requests.find(({ prompt }) =>
          isDeepStrictEqual(
            JSON.parse(JSON.stringify(prompt.content.filter(({ role }) => role !== "system").slice(0, plain.length))),
            plain
          )
        )
        if (!endsWithReply(recording, turn)) {
          assert.isDefined(original, `turn ${turn}: the beginning is not that of a request that was sent`)
        }
        found.forks++
      }
    })

    it(`${scenario.name}: edited at any message, thinking is kept before it and dropped from it on`, () => {
      for (const turn of turns) {
        const { messages: unedited } = fork(scenario, recording, turn)
        for (let position = 0; position < unedited.length; position++) {
          const { messages } = fork(scenario, recording, turn, editAt(position))
          for (const [i, message] of messages.entries()) {
            const wanted = i < position && hasThinking(unedited[i]!)
            assert.strictEqual(hasThinking(message), wanted, `turn ${turn}, edited at ${position}, message ${i}`)
          }
          found.edited++
        }
      }
    })
  }

  it("an edit that takes the last exchange away - is valid and keeps the thinking before it", () => {
    const [scenario] = scenarios
    const recording = record(scenario!)
    const shorter: Edit = ({ content }) => Prompt.fromMessages(content.slice(0, -2))
    const { messages } = fork(scenario!, recording, 3, shorter)
    assert.deepStrictEqual(messages.map(({ role }) => role), ["user", "assistant", "tool"])
    assert.deepStrictEqual(messages.map(hasThinking), [false, true, false])
  })

  it("a turn that the run has not - is refused, and nothing is asked", () => {
    const [scenario] = scenarios
    const { events } = record(scenario!)
    const { requests, value } = inScenario(
      scenario!,
      () => Effect.flip(Agent.fork(scenario!.agent, events, { turn: 99 })).pipe(Effect.orDie)
    )
    assert.instanceOf(value, Journal.JournalFailure)
    assert.deepStrictEqual(requests, [])
  })

  it("its numbers", () => {
    // oxlint-disable-next-line no-console -- the numbers of the test
    console.log(`forks: ${JSON.stringify(found)}`)
    assert.isAbove(found.forks, 20)
    assert.isAbove(found.edited, 50)
  })
})
