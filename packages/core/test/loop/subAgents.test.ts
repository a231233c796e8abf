import { assert, describe, it } from "@effect/vitest"
import { Agent, Check, Journal, type Limits, PriceTable, ToolCall, ToolFailure } from "@volley/core"
import { Ledger, ModelScript, ScriptedModel, Simulation } from "@volley/core/testing"
import { Cause, Deferred, Effect, Exit, Fiber, References, Schema } from "effect"
import type { LanguageModel } from "effect/ai"
import { answers, inTime, ofTag } from "../support/observe.ts"
import { failure, limited, type Script, success, timesOf, watch } from "./support.ts"

type Request = LanguageModel.ProviderOptions

/** Who asks: the instructions of the agent. */
const asker = ({ prompt }: Request): string => {
  const [first] = prompt.content
  return first?.role === "system" ? first.content : ""
}

type AnyAgent = Agent.Agent<unknown, unknown, LanguageModel.LanguageModel>

/** An agent "level 0" with the tool of an agent "level 1", and so on. */
const nested = (levels: number, limits: (level: number) => Limits.Limits, level = 0): AnyAgent => {
  const tools = level === levels
    ? []
    : [Agent.asTool(nested(levels, limits, level + 1), { name: "delegate", description: "Does it for you" })]
  return Agent.make(`level_${level}`, { instructions: `level ${level}`, tools, limits: limits(level) }) as AnyAgent
}

const delegate = (times = 1, options?: ModelScript.ReplyOptions) =>
  ModelScript.toolUse(Array.from({ length: times }, (_, i) => ({ name: "delegate", input: { task: `${i}` } })), options)

/** A model that always delegates, whatever it is told, each time with another task. */
const adversary = (breadth: number): Script => (_, n) =>
  ModelScript.toolUse(
    Array.from({ length: breadth }, (_, i) => ({ name: "delegate", input: { task: `${n} ${i}` } })),
    { usage: { inputTokens: 10, outputTokens: 1 }, delay: 10 }
  )

const bySpeaker = (lines: Readonly<Record<string, ReadonlyArray<ModelScript.Step>>>): Script => {
  const asked = new Map<string, number>()
  return (request) => {
    const who = asker(request)
    const n = asked.get(who) ?? 0
    asked.set(who, n + 1)
    return lines[who]?.[n]
  }
}

const parent = <E, R, Output>(child: Agent.Agent<unknown, E, R, Output>, limits: Limits.Limits = {}) =>
  Agent.make("parent", {
    instructions: "parent",
    tools: [Agent.asTool(child, { name: "delegate", description: "Does it for you" })],
    limits
  })

const child = Agent.make("child", { instructions: "child" })

describe("an agent as a tool", () => {
  it.effect("its parameter is the task, its result the answer", () =>
    Effect.gen(function*() {
      const { events, exit, requests } = yield* watch(
        parent(child),
        bySpeaker({
          parent: [ModelScript.toolUse([{ name: "delegate", input: { task: "count" } }]), ModelScript.text("done")],
          child: [ModelScript.text("three")]
        })
      )
      assert.strictEqual(success(exit).text, "done")
      assert.deepStrictEqual(requests.map(asker), ["parent", "child", "parent"])
      assert.include(JSON.stringify(requests[1]!.prompt), "count")
      assert.strictEqual(answers(events)[0]?.result, "three")
    }))

  it.effect("its result is its structured output, where it has one", () =>
    Effect.gen(function*() {
      const typed = Agent.make("typed", { instructions: "child", output: Schema.Struct({ pods: Schema.Int }) })
      const { events } = yield* watch(
        parent(typed),
        bySpeaker({
          parent: [delegate(), ModelScript.text("done")],
          child: [ModelScript.toolUse([{ name: "final_answer", input: { pods: 3 } }])]
        })
      )
      assert.deepStrictEqual(answers(events)[0]?.result, { pods: 3 })
    }))

  it.effect("a refusal of it is a failure that its parent's model reads", () =>
    Effect.gen(function*() {
      const { events, exit } = yield* watch(
        parent(child),
        bySpeaker({ parent: [delegate(), ModelScript.text("done")], child: [ModelScript.refusal("cyber")] })
      )
      assert.strictEqual(success(exit).text, "done")
      assert.deepInclude(answers(events)[0]?.failure, { kind: "permanent", reason: "PermissionDenied" })
    }))

  it.effect("a limit of it is told with what it answered", () =>
    Effect.gen(function*() {
      const { events } = yield* watch(
        parent(child),
        bySpeaker({
          parent: [delegate(2), ModelScript.text("done")],
          child: [
            ModelScript.text("half", { stopReason: "max_tokens" }),
            ModelScript.reply({ content: [], stopReason: "max_tokens" })
          ]
        })
      )
      assert.deepStrictEqual(answers(events).filter(({ ok }) => ok).length, 1)
      assert.include(JSON.stringify(answers(events)), "half\\n\\n(it reached its limit of maxTokens)")
    }))

  it.effect("its class is the worst of its tools", () =>
    Effect.gen(function*() {
      const look = Agent.tool("look", { description: "Looks", class: "readonly", run: () => "seen" })
      const put = Agent.tool("put", { description: "Puts", class: "idempotent", run: () => "put" })
      const pay = Agent.tool("pay", { description: "Pays", run: () => "paid" })
      const classes: Array<string | undefined> = []
      for (const tools of [[], [look], [look, put], [put, pay, look]]) {
        const agent = parent(Agent.make("child", { tools }))
        const { events } = yield* watch(agent, [ModelScript.text("done")])
        classes.push(ofTag(events, "RunStarted")[0]?.tools[0]?.class)
      }
      assert.deepStrictEqual(classes, ["readonly", "readonly", "idempotent", "effectful"])
    }))

  it.effect("tenant and run id reach its handlers, and its journal is one of its own", () =>
    Effect.gen(function*() {
      const seen: Array<ToolCall.ToolCall | undefined> = []
      const spy = Agent.tool("spy", {
        description: "Notes its call",
        run: () => Effect.map(ToolCall.current, (call) => void seen.push(call))
      })
      const journal = Journal.makeMemory()
      yield* watch(
        parent(Agent.make("child", { instructions: "child", tools: [spy] })),
        bySpeaker({
          parent: [delegate(), ModelScript.text("done")],
          child: [ModelScript.toolUse([{ name: "spy" }]), ModelScript.text("spied")]
        }),
        { runId: "r", tenant: "acme" }
      ).pipe(Effect.provideService(Journal.current, journal))
      assert.strictEqual(seen[0]?.tenant, "acme")
      const childId = seen[0]!.runId
      assert.notStrictEqual(childId, "r")
      const events = yield* journal.read(childId)
      assert.deepStrictEqual(Check.all(events), [])
      assert.deepInclude(ofTag(events, "RunStarted")[0]?.parent, { runId: "r", depth: 1 })
      assert.deepInclude(ofTag(events, "RunEnded")[0], { outcome: "completed" })
    }))
})

describe("T12: a model that always delegates", () => {
  for (const turns of [1, 2, 3, 7, 10, 25]) {
    for (const breadth of [1, 3]) {
      it.effect(`asks at most ${turns} times, ${breadth} at a time: the turns of the outermost run`, () =>
        Effect.gen(function*() {
          const agent = nested(6, (level) => level === 0 ? { turns, depth: 5 } : { turns: 50, depth: 5 })
          const { exit, requests, state } = yield* watch(agent, adversary(breadth)).pipe(inTime)
          const outcome = success(exit)
          assert.isAtMost(requests.length, turns)
          assert.strictEqual(outcome._tag, "Limited")
          assert.strictEqual(outcome.turns, requests.length)
          assert.strictEqual(state.spent.turns, requests.length)
        }))
    }
  }

  it.effect("uses all the turns there are, and not one more", () =>
    Effect.gen(function*() {
      for (const turns of [3, 8, 15]) {
        const agent = nested(2, () => ({ turns, depth: 5, subRuns: 100 }))
        const { requests } = yield* watch(agent, adversary(1)).pipe(inTime)
        assert.strictEqual(requests.length, turns)
      }
    }))

  it.effect("an agent that runs itself is bound in the same way", () =>
    Effect.gen(function*() {
      const self: AnyAgent = Agent.make("self", {
        instructions: "self",
        tools: [
          Agent.tool("delegate", {
            description: "Does it for you",
            parameters: { task: Schema.String },
            failure: Schema.Unknown,
            run: ({ task }): Effect.Effect<string, unknown, LanguageModel.LanguageModel> =>
              Effect.map(Agent.run(self, task), ({ text }) => text)
          })
        ],
        limits: { turns: 12, depth: 4 }
      }) as AnyAgent
      const { exit, requests } = yield* watch(self, adversary(2)).pipe(inTime)
      assert.isAtMost(requests.length, 12)
      assert.strictEqual(success(exit).turns, requests.length)
    }))

  it.effect("the last turn of a sub-agent is its own to use, also where the journal takes its time", () =>
    Effect.gen(function*() {
      const journal = Journal.makeMemory()
      const slow = <A, E>(effect: Effect.Effect<A, E>) => Effect.andThen(Effect.sleep(5), effect)
      const late: Journal.Journal = {
        ...journal,
        open: (runId) =>
          Effect.map(journal.open(runId), (writer) => ({
            ...writer,
            append: (event) => slow(writer.append(event))
          }))
      }
      const look = Agent.tool("look", {
        description: "Looks",
        class: "readonly",
        parameters: { n: Schema.Int },
        run: ({ n }) => n
      })
      const looks = ModelScript.toolUse([1, 2, 3].map((n) => ({ name: "look", input: { n } })))
      const { exit, requests } = yield* watch(
        parent(Agent.make("child", { instructions: "child", tools: [look] }), { turns: 4 }),
        bySpeaker({
          parent: [delegate(), ModelScript.text("done")],
          child: [looks, ModelScript.text("seen three")]
        })
      ).pipe(Effect.provideService(Journal.current, late), inTime)
      assert.deepStrictEqual(requests.map(asker), ["parent", "child", "child", "parent"])
      assert.strictEqual(success(exit).turns, requests.length)
    }))

  it("in 200 seeds with any limits on any level", { timeout: 300_000 }, () => {
    const program = (seed: number) =>
      Effect.gen(function*() {
        const random = Simulation.randomNumbers(seed)
        const upTo = (most: number) => 1 + Math.floor(random() * most)
        const turns = upTo(15)
        const depth = upTo(4)
        const subRuns = upTo(10)
        const agent = nested(5, (level) => level === 0 ? { turns, depth, subRuns } : { turns: upTo(10) })
        const breadth = upTo(4)
        const model = yield* ScriptedModel.make(adversary(breadth))
        const outcome = yield* Agent.run(agent, "Go").pipe(Effect.provide(model.layer))
        const requests = yield* model.requests
        const levels = requests.map((request) => Number(asker(request).slice("level ".length)))
        return { turns, depth, requests: requests.length, outcome, deepest: Math.max(...levels) }
      }).pipe(Effect.provideService(References.MinimumLogLevel, "None"))
    for (let seed = 1; seed <= 200; seed++) {
      const { stop } = Simulation.simulate(program(seed) as Effect.Effect<Effect.Success<ReturnType<typeof program>>>, {
        seed,
        maxSteps: 1_000_000
      })
      if (stop._tag !== "Done") assert.fail(`seed ${seed}: ${stop._tag}`)
      if (Exit.isFailure(stop.exit)) assert.fail(`seed ${seed}: ${Cause.pretty(stop.exit.cause)}`)
      const { deepest, depth, outcome, requests, turns } = stop.exit.value
      assert.isAtMost(requests, turns, `seed ${seed}`)
      assert.strictEqual(outcome.turns, requests, `seed ${seed}`)
      assert.isAtMost(deepest, depth, `seed ${seed}`)
    }
  })
})

describe("depth and number", () => {
  for (const depth of [0, 1, 2]) {
    it.effect(`depth ${depth} - no run is deeper below the outermost`, () =>
      Effect.gen(function*() {
        const agent = nested(4, () => ({ turns: 30, depth }))
        const { requests } = yield* watch(agent, adversary(1)).pipe(inTime)
        const levels = new Set(requests.map(asker))
        assert.deepStrictEqual(
          Array.from(levels).toSorted(),
          Array.from({ length: depth + 1 }, (_, level) => `level ${level}`)
        )
      }))
  }

  it.effect("depth - the call is answered with the limit", () =>
    Effect.gen(function*() {
      const { events, exit } = yield* watch(
        parent(child, { depth: 0 }),
        bySpeaker({ parent: [delegate(), ModelScript.text("done")] })
      )
      assert.strictEqual(success(exit).text, "done")
      assert.include(String(answers(events)[0]?.result), "it reached its limit of depth")
    }))

  it.effect("subRuns - no more runs are started, and the call is answered with the limit", () =>
    Effect.gen(function*() {
      const { events, exit, requests } = yield* watch(
        parent(child, { subRuns: 2 }),
        bySpeaker({
          parent: [delegate(3), ModelScript.text("done")],
          child: [ModelScript.text("a"), ModelScript.text("b"), ModelScript.text("c")]
        })
      )
      assert.strictEqual(success(exit).text, "done")
      assert.strictEqual(requests.filter((request) => asker(request) === "child").length, 2)
      assert.deepStrictEqual(answers(events).filter(({ ok }) => ok).length, 2)
      assert.include(JSON.stringify(answers(events)), "it reached its limit of subRuns")
    }))

  it.effect("subRuns - those of earlier turns count", () =>
    Effect.gen(function*() {
      const { requests } = yield* watch(
        parent(child, { subRuns: 2, turns: 30 }),
        bySpeaker({
          parent: [delegate(1), delegate(2), delegate(3), ModelScript.text("done")],
          child: Array.from({ length: 6 }, (_, i) => ModelScript.text(`${i}`))
        })
      )
      assert.strictEqual(requests.filter((request) => asker(request) === "child").length, 2)
    }))
})

describe("what it uses", () => {
  const usage = (inputTokens: number, outputTokens: number) => ({ usage: { inputTokens, outputTokens } })
  const dollarAToken = PriceTable.layer([{ model: "scripted", input: 0, output: 1e6 }])

  it.effect("G16 - counts for its parent: tokens, cost, turns and tool calls", () =>
    Effect.gen(function*() {
      const look = Agent.tool("look", { description: "Looks", class: "readonly", run: () => "seen" })
      const { events, exit, state } = yield* watch(
        parent(Agent.make("child", { instructions: "child", tools: [look] })),
        bySpeaker({
          parent: [delegate(2, usage(1, 2)), ModelScript.text("done", usage(3, 4))],
          child: [
            ModelScript.toolUse([{ name: "look" }], usage(10, 20)),
            ModelScript.toolUse([{ name: "look" }], usage(100, 200)),
            ModelScript.text("a", usage(1000, 2000)),
            ModelScript.text("b", usage(10_000, 20_000))
          ]
        })
      ).pipe(Effect.provide(dollarAToken))
      const outcome = success(exit)
      assert.deepInclude(outcome.usage, { inputTokens: 11_114, outputTokens: 22_226 })
      assert.strictEqual(outcome.cost, 22_226)
      assert.deepInclude(outcome, { turns: 6, toolCalls: 4 })
      assert.strictEqual(ofTag(events, "SubRunEnded").length, 2)
      assert.strictEqual(state.spent.subRuns, 2)
    }))

  it.effect("G16 - counts over two levels, and where it failed", () =>
    Effect.gen(function*() {
      const inner = Agent.make("inner", { instructions: "inner" })
      const middle = Agent.make("middle", {
        instructions: "middle",
        tools: [Agent.asTool(inner, { name: "delegate", description: "Does it for you" })]
      })
      const { exit } = yield* watch(
        parent(middle),
        bySpeaker({
          parent: [delegate(1, usage(1, 0)), ModelScript.text("done", usage(2, 0))],
          middle: [delegate(1, usage(10, 0)), ModelScript.text("sub", usage(20, 0))],
          inner: [ModelScript.refusal("cyber", null, usage(100, 0))]
        })
      )
      assert.strictEqual(success(exit).usage.inputTokens, 133)
    }))

  it.effect("a price that is not known makes the cost of its parent unknown", () =>
    Effect.gen(function*() {
      const routed = Agent.make("child", { instructions: "child", prepareTurn: () => ({ model: "of nobody" }) })
      const { exit } = yield* watch(
        parent(routed),
        bySpeaker({ parent: [delegate(), ModelScript.text("done")], child: [ModelScript.text("a")] }),
        { models: { configured: "somebody", reported: "of nobody" } }
      ).pipe(Effect.provide(PriceTable.layer([{ model: "somebody", input: 0, output: 1 }])))
      assert.strictEqual(success(exit).cost, "unknown")
    }))

  it.effect("tool calls - those of sub-agents are the parent's", () =>
    Effect.gen(function*() {
      const ledger = yield* Ledger.make
      const note = Agent.tool("note", {
        description: "Notes",
        parameters: { id: Schema.Int },
        run: ({ id }) => ledger.record(`${id}`)
      })
      const notes = ModelScript.toolUse([1, 2, 3, 4, 5].map((id) => ({ name: "note", input: { id } })))
      const { exit } = yield* watch(
        parent(Agent.make("child", { instructions: "child", tools: [note] }), { toolCalls: 4 }),
        bySpeaker({
          parent: [delegate(), ModelScript.text("done")],
          child: [notes, ModelScript.text("a")]
        })
      )
      assert.strictEqual((yield* ledger.entries).length, 3)
      assert.strictEqual(success(exit).toolCalls, 4)
    }))

  it.effect("retries - those of sub-agents are the parent's", () =>
    Effect.gen(function*() {
      const down = Agent.tool("down", {
        description: "Is down",
        class: "readonly",
        run: () => Effect.fail(ToolFailure.transient({ reason: "Unavailable", message: "down" }))
      })
      const journal = Journal.makeMemory()
      const busy = Agent.make("child", { instructions: "child", tools: [down] })
      yield* watch(
        parent(busy, { retries: 1 }),
        bySpeaker({
          parent: [delegate(), ModelScript.text("done")],
          child: [ModelScript.toolUse([{ name: "down" }]), ModelScript.text("a")]
        }),
        { runId: "r" }
      ).pipe(Effect.provideService(Journal.current, journal), inTime)
      const [ended] = ofTag(yield* journal.read("r"), "SubRunEnded")
      assert.strictEqual(ofTag(yield* journal.read(ended!.runId), "AttemptStarted").length, 2)
    }))

  it.effect("parallel sub-agents exceed a cost limit by at most one response", () =>
    Effect.gen(function*() {
      let exceeded = 0
      for (let seed = 1; seed <= 60; seed++) {
        const random = Simulation.randomNumbers(seed)
        const usd = () => 1 + Math.floor(random() ** 2 * 30)
        const limit = 20 + usd()
        const costs: Array<number> = []
        const look = Agent.tool("look", {
          description: "Looks",
          class: "readonly",
          parameters: { n: Schema.Int },
          run: ({ n }) => `seen ${n}`
        })
        const busy = Agent.make("child", { instructions: "child", tools: [look], limits: { turns: 50 } })
        const { exit } = yield* watch(
          parent(busy, { cost: { usd: limit }, turns: 100, toolCalls: 1000 }),
          (request, n) => {
            const cost = n === 0 ? 1 : usd()
            costs.push(cost)
            const options = { usage: { inputTokens: 1, outputTokens: cost }, delay: 10 + Math.floor(random() * 5) * 10 }
            return asker(request) === "parent"
              ? delegate(4, options)
              : ModelScript.toolUse([{ name: "look", input: { n } }], options)
          }
        ).pipe(Effect.provide(dollarAToken), inTime)
        const outcome = success(exit)
        const total = costs.reduce((sum, cost) => sum + cost, 0)
        assert.strictEqual(outcome.cost, total, `seed ${seed}`)
        assert.isAtMost(total - limit, Math.max(...costs), `seed ${seed}: ${costs.join(" ")}, limit ${limit}`)
        if (outcome._tag === "Limited") assert.strictEqual(outcome.excess, Math.max(0, total - limit), `seed ${seed}`)
        if (total > limit) exceeded++
      }
      assert.isAbove(exceeded, 5)
    }))

  it.effect("parallel sub-agents ask at the same time where the budget has room for all", () =>
    Effect.gen(function*() {
      const { events } = yield* watch(
        parent(child, { cost: { usd: 1e9 } }),
        bySpeaker({
          parent: [delegate(4), ModelScript.text("done")],
          child: Array.from({ length: 4 }, (_, i) => ModelScript.text(`${i}`, { delay: 100 }))
        })
      ).pipe(Effect.provide(dollarAToken), inTime)
      assert.deepStrictEqual(timesOf(events, "ToolCallAnswered"), [100, 100, 100, 100])
    }))
})

describe("how it ends", () => {
  class Sealed extends Schema.TaggedError<Sealed>()("Sealed", { path: Schema.String }) {
    readonly [ToolFailure.kind] = "fatal" as const
  }

  it.effect("a fatal failure of one of its tools ends the run above, with its own type", () =>
    Effect.gen(function*() {
      const vault = Agent.tool("vault", {
        description: "Opens the vault",
        failure: Sealed,
        run: () => Effect.fail(new Sealed({ path: "vault" }))
      })
      const { events, exit } = yield* watch(
        parent(Agent.make("child", { instructions: "child", tools: [vault] })),
        bySpeaker({ parent: [delegate()], child: [ModelScript.toolUse([{ name: "vault" }])] })
      )
      const error = failure(exit)
      assert.instanceOf(error, Sealed)
      assert.strictEqual(error.path, "vault")
      assert.deepInclude(ofTag(events, "RunEnded")[0], { outcome: "failed", reason: "Sealed" })
      assert.strictEqual(ofTag(events, "SubRunEnded").length, 1)
    }))

  it.effect("its deadline is inside of its parent's: it answers in time for its parent to answer", () =>
    Effect.gen(function*() {
      const { events, exit } = yield* watch(
        parent(child, { deadline: "10 seconds" }),
        bySpeaker({
          parent: [delegate(), ModelScript.text("done")],
          child: [ModelScript.stall(ModelScript.text("never whole"))]
        })
      ).pipe(inTime)
      assert.strictEqual(success(exit).text, "done")
      const [answered] = timesOf(events, "ToolCallAnswered")
      assert.isAtMost(answered!, 9000)
      assert.isAtMost(timesOf(events, "RunEnded")[0]!, 10_000)
      assert.include(String(answers(events)[0]?.result), "it reached its limit of deadline")
    }))

  it.effect("its own deadline holds where it is the shorter one", () =>
    Effect.gen(function*() {
      const quick = Agent.make("child", { instructions: "child", limits: { deadline: 1000 } })
      const { events } = yield* watch(
        parent(quick, { deadline: "10 seconds" }),
        bySpeaker({
          parent: [delegate(), ModelScript.text("done")],
          child: [ModelScript.stall(ModelScript.text("never whole"))]
        })
      ).pipe(inTime)
      assert.isAtMost(timesOf(events, "ToolCallAnswered")[0]!, 1000)
      assert.include(String(answers(events)[0]?.result), "it reached its limit of deadline")
    }))

  it.effect("a parent that is cancelled cancels all below it, and every journal is closed", () =>
    Effect.gen(function*() {
      const ledger = yield* Ledger.make
      const begun = yield* Deferred.make<void>()
      const hang = Agent.tool("hang", {
        description: "Hangs",
        run: () =>
          Effect.andThen(Deferred.succeed(begun, undefined), Effect.never).pipe(
            Effect.onInterrupt(() => ledger.record("interrupted"))
          )
      })
      const middle = Agent.make("middle", {
        instructions: "middle",
        tools: [Agent.asTool(Agent.make("inner", { instructions: "inner", tools: [hang] }), {
          name: "delegate",
          description: "Does it for you"
        })]
      })
      const journal = Journal.makeMemory()
      const ids = new Set<string>()
      const listening: Journal.Journal = {
        ...journal,
        open: (runId) => {
          ids.add(runId)
          return journal.open(runId)
        }
      }
      const model = yield* ScriptedModel.make(bySpeaker({
        parent: [delegate()],
        middle: [delegate()],
        inner: [ModelScript.toolUse([{ name: "hang" }])]
      }))
      const fiber = yield* Effect.forkChild(
        Agent.run(parent(middle), "Go", { runId: "r" }).pipe(
          Effect.provide(model.layer),
          Effect.provideService(Journal.current, listening)
        )
      )
      yield* Deferred.await(begun)
      yield* Fiber.interrupt(fiber)
      assert.strictEqual(yield* ledger.count("interrupted"), 1)
      assert.strictEqual(ids.size, 3)
      for (const id of ids) {
        const events = yield* journal.read(id)
        assert.deepStrictEqual(Check.all(events), [], id)
        assert.deepInclude(events.at(-1), { _tag: "RunEnded", outcome: "cancelled" }, id)
      }
    }))

  it.effect("its limits are its own as well: it is Limited while its parent goes on", () =>
    Effect.gen(function*() {
      const look = Agent.tool("look", { description: "Looks", class: "readonly", run: () => "seen" })
      const { exit, requests } = yield* watch(
        parent(Agent.make("child", { instructions: "child", tools: [look], limits: { turns: 1 } })),
        bySpeaker({
          parent: [delegate(), ModelScript.text("done")],
          child: [ModelScript.text("by heart")]
        })
      )
      assert.deepInclude(success(exit), { _tag: "Completed", text: "done" })
      assert.strictEqual(requests[1]?.toolChoice, "none")
    }))

  it.effect("a sub-agent that never has enough leaves its parent a turn to answer", () =>
    Effect.gen(function*() {
      const look = Agent.tool("look", {
        description: "Looks",
        class: "readonly",
        parameters: { n: Schema.Int },
        run: ({ n }) => n
      })
      const looks = Array.from({ length: 9 }, (_, n) => ModelScript.toolUse([{ name: "look", input: { n } }]))
      const { exit, requests } = yield* watch(
        parent(Agent.make("child", { instructions: "child", tools: [look] }), { turns: 5 }),
        bySpeaker({ parent: [delegate(), ModelScript.text("what I have")], child: looks })
      )
      assert.deepInclude(limited(exit), { limit: "turns", text: "what I have", turns: 5 })
      assert.deepStrictEqual(requests.map(asker), ["parent", "child", "child", "child", "parent"])
      assert.deepStrictEqual(requests.map(({ toolChoice }) => toolChoice), ["auto", "auto", "auto", "none", "none"])
    }))

  it.effect("turns that are left to the parent alone are kept for its answer", () =>
    Effect.gen(function*() {
      const { exit, requests } = yield* watch(
        parent(child, { turns: 3 }),
        bySpeaker({
          parent: [delegate(), ModelScript.text("what I have")],
          child: [ModelScript.text("a")]
        })
      )
      assert.deepInclude(limited(exit), { limit: "turns", text: "what I have", turns: 3 })
      assert.deepStrictEqual(requests.map(asker), ["parent", "child", "parent"])
    }))
})
