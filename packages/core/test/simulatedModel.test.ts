import { assert, describe, it } from "@effect/vitest"
import { Agent, Check, type Limits, type RunEvent, RunState, ToolFailure } from "@volley/core"
import { ModelScript, ScriptedModel, Simulation, Validator } from "@volley/core/testing"
import { Cause, Effect, Exit, Fiber, References, Result, Schema } from "effect"
import { type LanguageModel, Prompt } from "effect/ai"
import * as Json from "../src/anthropic/internal/json.ts"
import * as Request from "../src/anthropic/internal/request.ts"

/** One run against a model that says anything, drawn from one seed as data. */
interface Plan {
  readonly script: ModelScript.Script
  readonly limits: Limits.Limits
  readonly cancelAt: number | undefined
}

const plan = (seed: number): Plan => {
  const random = Simulation.randomNumbers(seed)
  const chance = (share: number): boolean => random() < share
  const upTo = (most: number): number => Math.floor(random() * (most + 1))
  const oneOf = <A>(...items: ReadonlyArray<A>): A => items[upTo(items.length - 1)]!

  const call = (): ModelScript.Block => ({
    type: "tool_use",
    name: oneOf("look", "look", "pay", "wait", "lok", "constructor"),
    ...(chance(0.15) ? { id: oneOf("same", "same", "toolu_x") } : {}),
    ...oneOf<{ readonly input: Schema.Json } | { readonly partialJson: string }>(
      { input: { id: `${upTo(3)}` } },
      { input: { id: `${upTo(3)}` } },
      { input: { id: 7 } },
      { input: ["not an object"] },
      { partialJson: "{\"id\":\"ha" },
      { partialJson: "" },
      { input: JSON.parse("{\"__proto__\":{\"id\":\"x\"}}") as Schema.Json }
    )
  })
  const block = (): ModelScript.Block =>
    oneOf<() => ModelScript.Block>(
      () => ({ type: "text", text: oneOf("Let me see. ", "", "Done. ", "\ud800 lone") }),
      () => ({ type: "thinking", thinking: oneOf("hm", ""), signature: "c2ln" }),
      () => ({ type: "redacted_thinking", data: "b3BhcXVl" }),
      call,
      call,
      call
    )()
  const reply = (): ModelScript.Reply => {
    const content = Array.from({ length: upTo(6) }, block)
    const stopReason = chance(0.25)
      ? oneOf(
        "max_tokens",
        "pause_turn",
        "stop_sequence",
        "end_turn",
        "refusal",
        "model_context_window_exceeded",
        "new"
      )
      : undefined
    return {
      content,
      interval: upTo(2) * 5,
      ...(stopReason === undefined ? {} : { stopReason }),
      ...(stopReason === "refusal" ? { stopDetails: { category: "cyber", explanation: null } } : {})
    }
  }
  const faulty = (whole: ModelScript.Reply): ModelScript.Step =>
    oneOf<() => ModelScript.Step>(
      () => ModelScript.cut(whole, { afterEvents: upTo(8) }),
      () => ModelScript.eof(whole, { afterEvents: upTo(8) }),
      () =>
        ModelScript.error(whole, {
          errorType: oneOf("overloaded_error", "invalid_request_error"),
          afterEvents: upTo(8)
        }),
      () => ModelScript.stall(whole, { afterEvents: upTo(8) }),
      () => ModelScript.status(oneOf(429, 500, 529, 400))
    )()
  return {
    script: Array.from({ length: 1 + upTo(5) }, () => chance(0.2) ? faulty(reply()) : reply()),
    limits: {
      turns: 1 + upTo(4),
      toolCallsPerTurn: 1 + upTo(3),
      ...(chance(0.3) ? { toolCalls: upTo(3) } : {}),
      concurrency: 1 + upTo(2),
      retries: upTo(3),
      deadline: 1000 + upTo(4) * 500
    },
    cancelAt: chance(0.2) ? upTo(300) : undefined
  }
}

const look = Agent.tool("look", {
  description: "Looks",
  class: "readonly",
  parameters: { id: Schema.String },
  run: ({ id }) =>
    id === "0"
      ? Effect.fail(ToolFailure.transient({ reason: "Unavailable", message: "down" }))
      : Effect.as(Effect.sleep(20), `saw ${id} \ud800`)
})
const pay = Agent.tool("pay", {
  description: "Pays",
  parameters: { id: Schema.String },
  run: ({ id }) => id === "1" ? Effect.die("bug") : Effect.asVoid(Effect.sleep(10))
})
const wait = Agent.tool("wait", { description: "Waits for ever", run: () => Effect.never })

interface Seen {
  readonly events: ReadonlyArray<RunEvent.RunEvent>
  readonly exit: Exit.Exit<unknown, unknown>
  readonly requests: ReadonlyArray<LanguageModel.ProviderOptions>
  readonly last: LanguageModel.ProviderOptions | undefined
}

const quiet = <A, E, R>(effect: Effect.Effect<A, E, R>): Effect.Effect<A, E, R> =>
  Effect.provideService(effect, References.MinimumLogLevel, "None")

const world = ({ cancelAt, limits, script }: Plan): Effect.Effect<Seen> =>
  Effect.scoped(Effect.gen(function*() {
    const agent = Agent.make("simulated", { instructions: "Be brief", tools: [look, pay, wait], limits })
    const events: Array<RunEvent.RunEvent> = []
    const model = yield* ScriptedModel.make(script)
    const run = Agent.run(agent, "go", {
      onEvent: (item) =>
        Effect.sync(() => {
          if (item._tag !== "TextDelta" && item._tag !== "ThinkingDelta" && item._tag !== "Progress") events.push(item)
        })
    })
    const fiber = yield* Effect.forkChild(Effect.provide(run, model.layer))
    if (cancelAt !== undefined) {
      yield* Effect.sleep(cancelAt)
      yield* Fiber.interrupt(fiber)
    }
    const exit = yield* Fiber.await(fiber)
    // a next question on what is left of the conversation
    const after = yield* ScriptedModel.make([ModelScript.text("fine")])
    const history = events.reduce(RunState.apply, RunState.initial).transcript
    yield* Effect.exit(Effect.provide(Agent.run(agent, "and now?", { history }), after.layer))
    const [last] = yield* after.requests
    return { events, exit, requests: yield* model.requests, last }
  })).pipe(quiet)

/**
 * The replies of a script as a server knows them that has issued them, without what cannot be sent back. A reply may not
 * be sent back with thinking as its end, so a paused one may come back without it.
 */
const issuedBy = (script: ModelScript.Script): ReadonlyArray<Validator.IssuedReply> =>
  script.filter(ModelScript.isReply).flatMap(({ content, stopReason = "end_turn" }) => {
    const blocks = content.flatMap((block) =>
      block.type === "tool_use" || (block.type === "text" && block.text === "")
        ? []
        : [block.type === "text" ? { ...block, text: block.text.toWellFormed() } : block]
    )
    const withoutEnd = blocks.slice(0, blocks.findLastIndex(({ type }) => type === "text") + 1)
    return [{ content: blocks, stopReason }, { content: withoutEnd, stopReason }]
  })

/** What the Messages API would refuse of a request, as Volley's own provider would send it. */
const refused = (
  options: LanguageModel.ProviderOptions,
  issued: ReadonlyArray<Validator.IssuedReply>
): ReadonlyArray<string> => {
  const body = Request.make("claude-sonnet-5-5", {}, options)
  if (Result.isFailure(body)) return [`not even a request: ${body.failure.message}`]
  return Validator.validate(JSON.parse(Json.stringify(body.success)), { issued }).map((
    { message }
  ) => message)
}

const seeds = process.env["VOLLEY_LONG"] === "1" ? 20_000 : 1000

describe("simulated models", () => {
  it(`G1, G2, G11, G17 - in ${seeds} seeds every run ends in its journal, and every request is one the API accepts`, {
    timeout: 300_000
  }, () => {
    const endings = new Map<string, number>()
    for (let seed = 1; seed <= seeds; seed++) {
      const drawn = plan(seed)
      const issued = issuedBy(drawn.script)
      const { stop } = Simulation.simulate(world(drawn), { seed })
      if (stop._tag !== "Done") assert.fail(`seed ${seed}: ${stop._tag}`)
      if (Exit.isFailure(stop.exit)) assert.fail(`seed ${seed}: ${Cause.pretty(stop.exit.cause)}`)
      const { events, exit, last, requests } = stop.exit.value
      assert.deepStrictEqual(Check.all(events), [], `seed ${seed}`)
      assert.isFalse(Exit.isFailure(exit) && Cause.hasDies(exit.cause), `seed ${seed}: the run died`)
      for (const request of requests) assert.deepStrictEqual(refused(request, issued), [], `seed ${seed}`)
      if (last === undefined) assert.fail(`seed ${seed}: no next request`)
      assert.deepStrictEqual(refused(last, issued), [], `seed ${seed}: the next request`)
      const ended = events.at(-1)
      const ending = ended?._tag === "RunEnded" ? `${ended.outcome} ${ended.reason ?? ""}`.trim() : "none"
      endings.set(ending, (endings.get(ending) ?? 0) + 1)
    }
    const reached = new Set(Array.from(endings.keys(), (ending) => ending.split(" ")[0]))
    assert.deepStrictEqual(reached, new Set(["completed", "limited", "refused", "failed", "cancelled"]))
    for (const limit of ["turns", "toolCalls", "deadline", "maxTokens"]) {
      assert.isAbove(endings.get(`limited ${limit}`) ?? 0, 0, limit)
    }
  })

  it("no prompt has its history edited: each request begins with the messages of the one before", () => {
    for (let seed = 1; seed <= 300; seed++) {
      const { stop } = Simulation.simulate(world(plan(seed)), { seed })
      if (stop._tag !== "Done" || Exit.isFailure(stop.exit)) assert.fail(`seed ${seed}`)
      const prompts = stop.exit.value.requests.map(({ prompt }) => Schema.encodeSync(Prompt.Prompt)(prompt).content)
      for (const [i, prompt] of prompts.entries()) {
        const before = i === 0 ? [] : prompts[i - 1]!
        assert.deepStrictEqual(prompt.slice(0, before.length), before, `seed ${seed}, request ${i}`)
      }
    }
  })
})
