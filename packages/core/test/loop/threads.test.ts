import { assert, describe, it } from "@effect/vitest"
import { Agent, Check, Journal, Outcome, RunState, Threads } from "@volley/core"
import { ModelScript, ScriptedModel } from "@volley/core/testing"
import { Deferred, Effect, Fiber, Schema } from "effect"
import { Prompt } from "effect/ai"
import { inTime } from "../support/observe.ts"
import { failure, limited, roles, success, watch } from "./support.ts"

const echo = Agent.tool("echo", {
  description: "Says it again",
  class: "readonly",
  parameters: { text: Schema.String },
  run: ({ text }) => text
})

const agent = Agent.make("threaded", { instructions: "Be brief", tools: [echo] })

const look = ModelScript.toolUse([{ name: "echo", input: { text: "a" } }])

const inMemory = <A, E, R>(use: (threads: Threads.Threads) => Effect.Effect<A, E, R>) => {
  const threads = Threads.makeMemory()
  return Effect.provideService(use(threads), Threads.current, threads)
}

const rolesOf = (threads: Threads.Threads, id = "t") => Effect.map(threads.read(id), roles)

describe("a thread", () => {
  it.effect("two runs - the second goes on from the first, and adds to it", () =>
    inMemory((threads) =>
      Effect.gen(function*() {
        yield* watch(agent, [look, ModelScript.text("first")], { thread: "t", input: "one" })
        assert.deepStrictEqual(yield* rolesOf(threads), ["user", "assistant", "tool", "assistant"])
        const { exit, requests } = yield* watch(agent, [ModelScript.text("second")], { thread: "t", input: "two" })
        assert.strictEqual(success(exit).text, "second")
        assert.deepStrictEqual(roles(requests[0]!.prompt), ["system", "user", "assistant", "tool", "assistant", "user"])
        assert.include(JSON.stringify(requests[0]!.prompt), "first")
        assert.deepStrictEqual((yield* threads.read("t")).content, success(exit).transcript.content)
        assert.deepStrictEqual(Check.transcript(yield* threads.read("t")), [])
      })
    ))

  it.effect("other threads, and runs without one, know nothing of it", () =>
    inMemory((threads) =>
      Effect.gen(function*() {
        yield* watch(agent, [ModelScript.text("first")], { thread: "t" })
        for (const options of [{ thread: "u" }, {}]) {
          const { requests } = yield* watch(agent, [ModelScript.text("other")], options)
          assert.deepStrictEqual(roles(requests[0]!.prompt), ["system", "user"])
        }
        assert.deepStrictEqual(yield* rolesOf(threads), ["user", "assistant"])
      })
    ))

  it.effect("that has messages which runs leave out, approvals alone, keeps every run whole", () =>
    inMemory((threads) =>
      Effect.gen(function*() {
        const request = Prompt.makePart("tool-approval-request", { approvalId: "a", toolCallId: "x" })
        const response = Prompt.makePart("tool-approval-response", { approvalId: "a", approved: true })
        const before = [
          Prompt.userMessage({ content: [Prompt.makePart("text", { text: "before" })] }),
          Prompt.assistantMessage({ content: [request] }),
          Prompt.toolMessage({ content: [response] }),
          Prompt.assistantMessage({ content: [Prompt.makePart("text", { text: "so be it" })] })
        ]
        yield* threads.append("t", 0, before)
        for (const n of [1, 2]) {
          yield* watch(agent, [look, ModelScript.text(`answer ${n}`)], { thread: "t", input: `question ${n}` })
          const { content } = yield* threads.read("t")
          assert.deepStrictEqual(content.slice(0, before.length), before)
          assert.strictEqual(content.length, before.length + 4 * n)
          assert.include(JSON.stringify(content.at(-1)), `answer ${n}`)
          assert.include(JSON.stringify(content.at(-4)), `question ${n}`)
        }
      })
    ))

  it.effect("the history of a run comes after that of its thread, and becomes part of it", () =>
    inMemory((threads) =>
      Effect.gen(function*() {
        yield* watch(agent, [ModelScript.text("first")], { thread: "t", input: "one" })
        const history = Prompt.make([
          { role: "user", content: [{ type: "text", text: "aside" }] },
          { role: "assistant", content: [{ type: "text", text: "noted" }] }
        ])
        const { requests } = yield* watch(agent, [ModelScript.text("second")], { thread: "t", input: "two", history })
        const said = JSON.stringify(requests[0]!.prompt)
        const places = ["one", "first", "aside", "noted", "two"].map((text) => said.indexOf(`"${text}"`))
        assert.deepStrictEqual(places, places.toSorted((left, right) => left - right))
        assert.strictEqual((yield* threads.read("t")).content.length, 6)
      })
    ))

  it.effect("a run that is Limited, one that is refused and one that fails leave it valid", () =>
    inMemory((threads) =>
      Effect.gen(function*() {
        const cut = yield* watch(agent, [ModelScript.text("half", { stopReason: "max_tokens" })], { thread: "t" })
        limited(cut.exit)
        const refused = yield* watch(agent, [look, ModelScript.refusal("cyber")], { thread: "t" })
        assert.instanceOf(failure(refused.exit), Outcome.Refused)
        const failed = yield* watch(agent, [look, ModelScript.status(400)], { thread: "t" })
        assert.deepInclude(failed.state.ended, { outcome: "failed" })
        assert.deepStrictEqual(yield* rolesOf(threads), [
          "user",
          "assistant",
          "user",
          "assistant",
          "tool",
          "user",
          "assistant",
          "tool"
        ])
        const next = yield* watch(agent, [ModelScript.text("fine")], { thread: "t" })
        assert.strictEqual(success(next.exit).text, "fine")
      })
    ))

  it.effect("a run that is cancelled at any event leaves it valid", () =>
    inMemory((threads) =>
      Effect.gen(function*() {
        let n = 1
        for (let done = false; !done; n++) {
          const thread = `t${n}`
          let seen = 0
          const reached = yield* Deferred.make<void>()
          const model = yield* ScriptedModel.make([look, look, ModelScript.text("done")])
          const fiber = yield* Effect.forkChild(
            Agent.run(agent, "Go", {
              thread,
              onEvent: () => Effect.suspend(() => ++seen === n ? Deferred.succeed(reached, undefined) : Effect.void)
            }).pipe(Effect.provide(model.layer))
          )
          yield* Effect.raceFirst(Deferred.await(reached), Fiber.await(fiber))
          done = seen < n
          yield* Fiber.interrupt(fiber)
          const kept = yield* threads.read(thread)
          assert.deepStrictEqual(Check.transcript(kept), [], `cancelled at event ${n}`)
          assert.strictEqual(kept.content[0]?.role, "user", `cancelled at event ${n}`)
          const next = yield* watch(agent, [ModelScript.text("fine")], { thread, input: "and now?" })
          assert.strictEqual(success(next.exit).text, "fine", `cancelled at event ${n}`)
        }
        assert.isAbove(n, 15)
      })
    ))

  it.effect("what a cancelled run had said and done stays", () =>
    inMemory((threads) =>
      Effect.gen(function*() {
        const begun = yield* Deferred.make<void>()
        const hang = Agent.tool("hang", {
          description: "Hangs",
          run: () => Effect.andThen(Deferred.succeed(begun, undefined), Effect.never)
        })
        const model = yield* ScriptedModel.make([ModelScript.toolUse([{ name: "hang" }])])
        const fiber = yield* Effect.forkChild(
          Agent.run(Agent.make("hanging", { tools: [hang] }), "Go", { thread: "t" }).pipe(Effect.provide(model.layer))
        )
        yield* Deferred.await(begun)
        yield* Fiber.interrupt(fiber)
        assert.deepStrictEqual(yield* rolesOf(threads), ["user", "assistant", "tool"])
        assert.include(JSON.stringify(yield* threads.read("t")), "The run was cancelled while this call was running")
      })
    ))

  it.effect("that went on meanwhile is not overwritten: the later run fails with JournalFailure and its transcript", () =>
    inMemory((threads) =>
      Effect.gen(function*() {
        const slow = yield* Effect.forkChild(
          watch(agent, [ModelScript.text("slow", { delay: 1000 })], { thread: "t", input: "one" })
        )
        const quick = yield* inTime(
          watch(agent, [ModelScript.text("quick", { delay: 100 })], { thread: "t", input: "two" })
        )
        assert.strictEqual(success(quick.exit).text, "quick")
        const { exit, state } = yield* inTime(Fiber.join(slow))
        const error = failure(exit)
        assert.instanceOf(error, Journal.JournalFailure)
        assert.strictEqual(error.operation, "append")
        assert.include(error.message, "went on meanwhile")
        assert.include(JSON.stringify(error.transcript), "slow")
        assert.strictEqual(state.ended?.outcome, "completed")
        const kept = JSON.stringify(yield* threads.read("t"))
        assert.include(kept, "quick")
        assert.notInclude(kept, "slow")
      })
    ))

  it.effect("that cannot be read fails the run before any request", () =>
    Effect.gen(function*() {
      const lost = new Journal.JournalFailure({ runId: "", operation: "read", message: "disk lost" })
      const threads: Threads.Threads = { read: () => Effect.fail(lost), append: () => Effect.void }
      const { exit, requests } = yield* watch(agent, [ModelScript.text("never")], { thread: "t" }).pipe(
        Effect.provideService(Threads.current, threads)
      )
      assert.instanceOf(failure(exit), Journal.JournalFailure)
      assert.deepStrictEqual(requests, [])
    }))

  it.effect("by default nothing is kept", () =>
    Effect.gen(function*() {
      yield* watch(agent, [ModelScript.text("first")], { thread: "t" })
      const { requests } = yield* watch(agent, [ModelScript.text("second")], { thread: "t" })
      assert.deepStrictEqual(roles(requests[0]!.prompt), ["system", "user"])
    }))

  it.effect("the journal of a run has the thread's messages as its history", () =>
    inMemory(() =>
      Effect.gen(function*() {
        yield* watch(agent, [ModelScript.text("first")], { thread: "t" })
        const { events, state } = yield* watch(agent, [ModelScript.text("second")], { thread: "t" })
        assert.deepStrictEqual(roles(state.started!.history), ["user", "assistant"])
        assert.strictEqual(state.started!.thread, "t")
        assert.deepStrictEqual(events.reduce(RunState.apply, RunState.initial).transcript, state.transcript)
      })
    ))
})
