import { assert, describe, it } from "@effect/vitest"
import { Agent, Approval, Dispatcher, type Limits, RunEvent, ToolPolicy } from "@volley/core"
import { Ledger, ModelScript, Simulation } from "@volley/core/testing"
import { Cause, Context, Deferred, Effect, Exit, Schema } from "effect"
import { Tool, Toolkit } from "effect/ai"
import { answers, inTime, ofTag } from "../support/observe.ts"
import { limited, success, timesOf, watch } from "./support.ts"

const parameters = { id: Schema.String }

const gated = <T extends Tool.Any>(tool: T, needsApproval: unknown = true): T => Object.assign(tool, { needsApproval })

const world = Effect.gen(function*() {
  const ledger = yield* Ledger.make
  const run = (name: string, millis: number) => ({ id }: { readonly id: string }) =>
    Effect.andThen(ledger.record(`${name} ${id}`), Effect.as(Effect.sleep(millis), `${name} ${id}`))
  const pay = gated(Agent.tool("pay", { description: "Pays", parameters, run: run("pay", 10) }))
  const look = Agent.tool("look", { description: "Looks", class: "readonly", parameters, run: run("look", 100) })
  const ship = ToolPolicy.set(Agent.tool("ship", { description: "Ships", parameters, run: run("ship", 10) }), {
    after: ["pay"]
  })
  return {
    ledger,
    pay,
    look,
    ship,
    agent: (limits: Limits.Limits = {}) => Agent.make("gated", { tools: [pay, look, ship], limits })
  }
})

const calls = (...names: ReadonlyArray<string>) =>
  ModelScript.toolUse(names.map((name, i) => ({ name, input: { id: `${i}` } })))

const script = (...names: ReadonlyArray<string>) => [calls(...names), ModelScript.text("done")]

const executed = (ledger: Ledger.Ledger) => Effect.map(ledger.entries, (entries) => entries.map(({ key }) => key))

const yes = (more: Omit<Approval.Decision, "approved"> = {}) =>
  Approval.layer(() => Effect.succeed({ approved: true, ...more }))

/** Answers after so many milliseconds. */
const after = (millis: number, decision: Approval.Decision = { approved: true }) =>
  Approval.layer(() => Effect.as(Effect.sleep(millis), decision))

describe("which calls want approval", () => {
  const record = (ledger: Ledger.Ledger) => ({ id }: { readonly id: string }) => Effect.as(ledger.record(id), id)

  const act = (ledger: Ledger.Ledger) => Agent.tool("act", { description: "Acts", parameters, run: record(ledger) })

  type Act = ReturnType<typeof act>

  const played = Effect.fnUntraced(function*(make: (ledger: Ledger.Ledger) => Act) {
    const ledger = yield* Ledger.make
    const agent = Agent.make("asked", { tools: [make(ledger)] })
    const { events } = yield* watch(agent, script("act", "act")).pipe(
      Effect.provide(Approval.layer(() => Effect.succeed({ approved: false })))
    )
    return {
      asked: ofTag(events, "ApprovalRequested").map(({ index }) => index),
      executed: yield* executed(ledger),
      started: ofTag(events, "RunStarted")[0]!
    }
  })

  it.effect("none by default", () =>
    Effect.gen(function*() {
      const { asked, executed, started } = yield* played(act)
      assert.deepStrictEqual([asked, executed.toSorted()], [[], ["0", "1"]])
      assert.notProperty(started.tools[0], "approval")
    }))

  it.effect("needsApproval true - every call", () =>
    Effect.gen(function*() {
      const { asked, executed, started } = yield* played((ledger) => gated(act(ledger), true))
      assert.deepStrictEqual([asked, executed], [[0, 1], []])
      assert.isTrue(started.tools[0]?.approval)
    }))

  it.effect("needsApproval false - none", () =>
    Effect.gen(function*() {
      const { asked, executed } = yield* played((ledger) => gated(act(ledger), false))
      assert.deepStrictEqual([asked, executed.toSorted()], [[], ["0", "1"]])
    }))

  it.effect("a function of the decoded arguments decides call by call", () =>
    Effect.gen(function*() {
      const { asked, executed } = yield* played((ledger) =>
        gated(act(ledger), ({ id }: { readonly id: string }) => id === "1")
      )
      assert.deepStrictEqual([asked, executed], [[1], ["0"]])
    }))

  it.effect("a function reads the id of the call and the conversation", () =>
    Effect.gen(function*() {
      const seen: Array<unknown> = []
      yield* played((ledger) =>
        gated(
          act(ledger),
          (
            _: unknown,
            context: { readonly toolCallId: string; readonly messages: ReadonlyArray<{ role: string }> }
          ) => {
            seen.push([context.toolCallId, context.messages[0]?.role])
            return false
          }
        )
      )
      assert.deepStrictEqual(seen.slice(0, 2), [["toolu_0_0", "user"], ["toolu_0_1", "user"]])
    }))

  it.effect("an effect decides with the services around the run", () =>
    Effect.gen(function*() {
      class Owner extends Context.Service<Owner, string>()("test/Owner") {}
      const { asked, executed } = yield* played((ledger) =>
        gated(act(ledger), ({ id }: { readonly id: string }) => Effect.map(Owner, (owner) => id !== owner))
      ).pipe(Effect.provideService(Owner, "0"))
      assert.deepStrictEqual([asked, executed], [[1], ["0"]])
    }))

  for (
    const [name, broken] of [
      ["throws", () => {
        throw new Error("bug")
      }],
      ["fails", () => Effect.fail("down")],
      ["dies", () => Effect.die("bug")]
    ] as const
  ) {
    it.effect(`a function that ${name} - every call`, () =>
      Effect.gen(function*() {
        const { asked, executed } = yield* played((ledger) => gated(act(ledger), broken))
        assert.deepStrictEqual([asked, executed], [[0, 1], []])
      }))
  }

  it.effect("Destructive - every call where it is annotated, none by its default", () =>
    Effect.gen(function*() {
      const destructive = yield* played((ledger) => act(ledger).annotate(Tool.Destructive, true) as Act)
      assert.deepStrictEqual([destructive.asked, destructive.executed], [[0, 1], []])
      const harmless = yield* played((ledger) => act(ledger).annotate(Tool.Destructive, false) as Act)
      assert.deepStrictEqual([harmless.asked, harmless.executed.toSorted()], [[], ["0", "1"]])
    }))

  it.effect("a tool of a toolkit says so as any other", () =>
    Effect.gen(function*() {
      const ledger = yield* Ledger.make
      const kit = Toolkit.make(Tool.make("act", { parameters: Schema.Struct(parameters), needsApproval: true }))
      const layer = kit.toLayer({ act: ({ id }) => ledger.record(id) })
      const { events } = yield* watch(Agent.make("kit", { tools: [kit], layer }), script("act"))
      assert.strictEqual(ofTag(events, "ApprovalRequested").length, 1)
      assert.deepStrictEqual(yield* ledger.entries, [])
    }))

  it.effect("a call whose arguments are not valid asks nobody: it is not run anyway", () =>
    Effect.gen(function*() {
      const { agent } = yield* world
      const { events } = yield* watch(agent(), [
        ModelScript.toolUse([{ name: "pay", input: { id: 7 } }]),
        ModelScript.text("done")
      ]).pipe(Effect.provide(yes()))
      assert.strictEqual(ofTag(events, "ApprovalRequested").length, 0)
      assert.include(String(answers(events)[0]?.result), "InvalidArguments")
    }))
})

describe("what is decided", () => {
  it.effect("by default nobody is there: the call is refused with that reason", () =>
    Effect.gen(function*() {
      const { agent, ledger } = yield* world
      const { events, exit } = yield* watch(agent(), script("pay"))
      assert.deepInclude(success(exit), { _tag: "Completed", text: "done" })
      assert.deepStrictEqual(yield* ledger.entries, [])
      assert.deepInclude(answers(events)[0], {
        ok: false,
        attempts: 0,
        result: "This call was not approved: nobody is there to approve it; it was not executed."
      })
      assert.deepInclude(answers(events)[0]?.failure, {
        kind: "permanent",
        reason: "PermissionDenied",
        executed: false
      })
    }))

  it.effect("approved - the call runs once, and who approved it is in the journal", () =>
    Effect.gen(function*() {
      const { agent, ledger } = yield* world
      const { events } = yield* watch(agent(), script("pay")).pipe(
        Effect.provide(yes({ by: "alice", reason: "small", expires: 10_000 })),
        inTime
      )
      assert.deepStrictEqual(yield* executed(ledger), ["pay 0"])
      assert.deepInclude(ofTag(events, "ApprovalDecided")[0], {
        approved: true,
        by: "alice",
        reason: "small",
        expires: 10_000
      })
      assert.deepInclude(answers(events)[0], { ok: true, attempts: 1, result: "pay 0" })
    }))

  it.effect("refused - the model reads the reason, where there is one", () =>
    Effect.gen(function*() {
      for (
        const [reason, text] of [
          ["too much.", "This call was not approved: too much; it was not executed."],
          [undefined, "This call was not approved; it was not executed."]
        ] as const
      ) {
        const { agent, ledger } = yield* world
        const decision = { approved: false, ...(reason === undefined ? {} : { reason }) }
        const { events } = yield* watch(agent(), script("pay")).pipe(
          Effect.provide(Approval.layer(() => Effect.succeed(decision)))
        )
        assert.strictEqual(answers(events)[0]?.result, text)
        assert.deepStrictEqual(yield* ledger.entries, [])
      }
    }))

  it.effect("an approver that dies or throws has refused, and its error is not told", () =>
    Effect.gen(function*() {
      const broken: ReadonlyArray<Approval.Approver> = [
        () => Effect.die(new Error("secret internals")),
        () => {
          throw new Error("secret internals")
        }
      ]
      for (const approver of broken) {
        const { agent, ledger } = yield* world
        const { events, exit } = yield* watch(agent(), script("pay")).pipe(Effect.provide(Approval.layer(approver)))
        assert.strictEqual(success(exit).text, "done")
        assert.strictEqual(
          answers(events)[0]?.result,
          "This call was not approved: it could not be decided; it was not executed."
        )
        assert.deepStrictEqual(yield* ledger.entries, [])
        assert.notInclude(JSON.stringify(events), "secret internals")
      }
    }))

  it.effect("the approver is asked for the call: run, agent, tenant, place, tool, arguments and key", () =>
    Effect.gen(function*() {
      const { agent } = yield* world
      const asked: Array<Approval.Request> = []
      const layer = Approval.layer((request) =>
        Effect.sync(() => {
          asked.push(request)
          return { approved: false }
        })
      )
      const { events } = yield* watch(agent(), script("look", "pay"), { runId: "r", tenant: "acme" }).pipe(
        Effect.provide(layer),
        inTime
      )
      const key = ofTag(events, "DispatchIntended").flatMap((event) => event.calls).find(({ index }) => index === 1)
        ?.key
      assert.deepStrictEqual(asked, [{
        runId: "r",
        agent: "gated",
        tenant: "acme",
        callId: "toolu_0_1",
        turn: 1,
        index: 1,
        tool: "pay",
        params: { id: "1" },
        key: key!
      }])
    }))

  it.effect("an approval that has expired before the call could start is none", () =>
    Effect.gen(function*() {
      const { agent, ledger } = yield* world
      const { events } = yield* watch(agent(), script("pay")).pipe(
        Effect.provide(after(100, { approved: true, expires: 100 })),
        inTime
      )
      assert.deepStrictEqual(yield* ledger.entries, [])
      assert.deepInclude(answers(events)[0], { ok: false, attempts: 0 })
    }))

  it.effect("several calls are asked for at the same time, each for itself", () =>
    Effect.gen(function*() {
      const { agent, ledger } = yield* world
      const layer = Approval.layer(({ params }) =>
        Effect.as(Effect.sleep(1000), { approved: (params as { id: string }).id !== "1" })
      )
      const { events } = yield* watch(agent(), script("pay", "pay", "pay")).pipe(Effect.provide(layer), inTime)
      assert.deepStrictEqual(timesOf(events, "ApprovalDecided"), [1000, 1000, 1000])
      assert.deepStrictEqual((yield* executed(ledger)).toSorted(), ["pay 0", "pay 2"])
      assert.deepStrictEqual(answers(events).map(({ ok }) => ok), [true, false, true])
    }))
})

describe("while a call waits", () => {
  const hour = 3_600_000

  it.effect("its siblings finish, and then the clock stands: the deadline is not reached over an hour", () =>
    Effect.gen(function*() {
      const { agent, ledger } = yield* world
      const { events, exit } = yield* watch(agent({ deadline: 1000 }), [
        calls("look", "pay"),
        ModelScript.text("done", { delay: 500 })
      ]).pipe(Effect.provide(after(hour)), (run) => inTime(run, 1000))
      assert.deepInclude(success(exit), { _tag: "Completed", text: "done" })
      assert.deepStrictEqual(yield* executed(ledger), ["look 0", "pay 1"])
      const [looked, paid] = timesOf(events, "ToolCallAnswered")
      assert.isBelow(looked!, hour)
      assert.isAtLeast(paid!, hour)
    }))

  it.effect("the time before it counts: what is left of the deadline is left afterwards", () =>
    Effect.gen(function*() {
      const { agent } = yield* world
      const { events, exit } = yield* watch(agent({ deadline: 1000 }), [
        ModelScript.toolUse([{ name: "pay", input: { id: "0" } }], { delay: 400 }),
        ModelScript.stall(ModelScript.text("never whole"))
      ]).pipe(Effect.provide(after(10_000)), inTime)
      assert.deepInclude(limited(exit), { limit: "deadline" })
      assert.deepStrictEqual(timesOf(events, "RunEnded"), [11_000])
    }))

  it.effect("the clock goes on while a sibling is at work", () =>
    Effect.gen(function*() {
      const { look, pay } = yield* world
      const slow = Agent.tool("slow", {
        description: "Takes long",
        class: "readonly",
        parameters,
        run: () => Effect.sleep(60_000)
      })
      const agent = Agent.make("slow", { tools: [look, pay, slow], limits: { deadline: 1000 } })
      const { events } = yield* watch(agent, script("slow", "pay")).pipe(Effect.provide(after(5000)), inTime)
      // the sibling is cut at nine tenths of the deadline; from then on nothing but the approval is awaited
      assert.deepStrictEqual(timesOf(events, "ToolCallAnswered").slice(0, 1), [900])
      assert.deepStrictEqual(timesOf(events, "ApprovalDecided"), [5000])
    }))

  it.effect("calls that come after it wait for it", () =>
    Effect.gen(function*() {
      const { agent, ledger } = yield* world
      const { events } = yield* watch(agent({ deadline: 1000 }), script("ship", "pay")).pipe(
        Effect.provide(after(hour)),
        (run) => inTime(run, 1000)
      )
      assert.deepStrictEqual(yield* executed(ledger), ["pay 1", "ship 0"])
      assert.deepStrictEqual(answers(events).map(({ ok }) => ok), [true, true])
    }))

  it.effect("calls that come after it are not run where it is refused", () =>
    Effect.gen(function*() {
      const { agent, ledger } = yield* world
      const { events } = yield* watch(agent(), script("ship", "pay"))
      assert.deepStrictEqual(yield* ledger.entries, [])
      assert.deepInclude(answers(events)[0]?.failure, { reason: "DependencyFailed", executed: false })
    }))

  it.effect("a run that is cancelled interrupts the approver, and every call is answered", () =>
    Effect.gen(function*() {
      const { agent } = yield* world
      let interrupted = 0
      const asked = yield* Deferred.make<void>()
      const layer = Approval.layer(() =>
        Effect.andThen(Deferred.succeed(asked, undefined), Effect.never).pipe(
          Effect.onInterrupt(() => Effect.sync(() => interrupted++))
        )
      )
      const events: Array<RunEvent.RunEvent> = []
      yield* Effect.raceFirst(
        watch(agent(), script("pay"), {
          onEvent: (item) => Effect.sync(() => RunEvent.RunEvent.guards.RunEnded(item) && events.push(item))
        }).pipe(Effect.provide(layer)),
        Deferred.await(asked)
      )
      assert.strictEqual(interrupted, 1)
      assert.deepInclude(events[0], { outcome: "cancelled" })
    }))

  it.effect("a bug in a sibling does not end the run: both calls are answered", () =>
    Effect.gen(function*() {
      const { pay } = yield* world
      const vault = Agent.tool("vault", { description: "Breaks", class: "readonly", run: () => Effect.die("bug") })
      const { events } = yield* watch(Agent.make("two", { tools: [pay, vault] }), [
        ModelScript.toolUse([{ name: "vault" }, { name: "pay", input: { id: "1" } }]),
        ModelScript.text("done")
      ])
      assert.deepStrictEqual(answers(events).map(({ ok }) => ok), [false, false])
    }))
})

describe("T13: an approval is for one call, and serves once", () => {
  const asked = (more: Partial<{ runId: string; turn: number; index: number; name: string; params: unknown }> = {}) => {
    const { runId = "run", ...call } = { turn: 1, index: 0, name: "pay", params: { id: "0" } as unknown, ...more }
    const request = { request: 1, id: "x", ...call }
    return { ...request, key: Dispatcher.idempotencyKey(runId, request) }
  }

  const open = Effect.fnUntraced(function*(tools: Iterable<Tool.Any>) {
    return Dispatcher.open(yield* Dispatcher.make(tools), {
      runId: "run",
      tenant: undefined,
      thread: undefined,
      concurrency: 10,
      retries: { allowed: 10, left: 10 },
      emit: () => Effect.void,
      publish: () => Effect.void
    })
  })

  const tools = Effect.gen(function*() {
    const ledger = yield* Ledger.make
    const run = ({ id }: { readonly id: string }) => ledger.record(id)
    return {
      ledger,
      list: [
        gated(Agent.tool("pay", { description: "Pays", parameters, run })),
        gated(Agent.tool("burn", { description: "Burns", parameters, run }))
      ]
    }
  })

  /** Approves with one key, submits another call. */
  const attempt = Effect.fnUntraced(function*(
    key: string | undefined,
    request: Dispatcher.Request = asked(),
    expires?: number
  ) {
    const { ledger, list } = yield* tools
    const dispatch = yield* open(list)
    if (key !== undefined) dispatch.approve(key, expires)
    const call = yield* dispatch.submit(request, 60_000)
    dispatch.close()
    const answer = yield* call
    return { answer, executions: (yield* ledger.entries).length }
  })

  it.effect("with the key of the call it runs", () =>
    Effect.gen(function*() {
      const { answer, executions } = yield* attempt(asked().key)
      assert.isTrue(answer.ok)
      assert.strictEqual(executions, 1)
    }))

  const mutations: Readonly<Record<string, string | undefined>> = {
    "no approval": undefined,
    "another run's": asked({ runId: "other" }).key,
    "another turn's": asked({ turn: 2 }).key,
    "another call's": asked({ index: 1 }).key,
    "another tool's": asked({ name: "burn" }).key,
    "other arguments'": asked({ params: { id: "1" } }).key,
    "more arguments'": asked({ params: { id: "0", more: true } }).key,
    "an empty key": ""
  }
  for (const [name, key] of Object.entries(mutations)) {
    it.effect(`${name} - is not run`, () =>
      Effect.gen(function*() {
        const { answer, executions } = yield* attempt(key)
        assert.strictEqual(executions, 0)
        assert.deepInclude(answer, { ok: false, attempts: 0 })
        assert.deepInclude(answer.failure, { kind: "permanent", reason: "PermissionDenied", executed: false })
      }))
  }

  it.effect("arguments changed after the approval - are not run, although the call says the approved key", () =>
    Effect.gen(function*() {
      const { executions } = yield* attempt(asked().key, { ...asked({ params: { id: "1000000" } }), key: asked().key })
      assert.strictEqual(executions, 0)
    }))

  it.effect("another tool with the approved key - is not run", () =>
    Effect.gen(function*() {
      const { executions } = yield* attempt(asked().key, { ...asked({ name: "burn" }), key: asked().key })
      assert.strictEqual(executions, 0)
    }))

  it.effect("expired - is not run; a millisecond before it is", () =>
    Effect.gen(function*() {
      assert.strictEqual((yield* attempt(asked().key, asked(), 0)).executions, 0)
      assert.strictEqual((yield* attempt(asked().key, asked(), 1)).executions, 1)
    }))

  it.effect("the order of the arguments' keys does not matter", () =>
    Effect.gen(function*() {
      const ledger = yield* Ledger.make
      const two = gated(Agent.tool("two", {
        description: "Takes two",
        parameters: { a: Schema.Int, b: Schema.Int },
        run: () => ledger.record("ran")
      }))
      const dispatch = yield* open([two])
      dispatch.approve(asked({ name: "two", params: { a: 1, b: 2 } }).key)
      const call = yield* dispatch.submit(asked({ name: "two", params: { b: 2, a: 1 } }), 60_000)
      dispatch.close()
      yield* call
      assert.strictEqual(yield* ledger.count("ran"), 1)
    }))

  it.effect("a second use - is not run", () =>
    Effect.gen(function*() {
      const { ledger, list } = yield* tools
      const dispatch = yield* open(list)
      dispatch.approve(asked().key)
      const first = yield* dispatch.submit(asked(), 60_000)
      const second = yield* dispatch.submit(asked(), 60_000)
      dispatch.close()
      const oks = (yield* Effect.all([first, second], { concurrency: 2 })).map(({ ok }) => ok)
      assert.deepStrictEqual(oks, [true, false])
      assert.strictEqual((yield* ledger.entries).length, 1)
    }))

  it.effect("an approval in one turn's dispatch is none in the next", () =>
    Effect.gen(function*() {
      const { ledger, list } = yield* tools
      const first = yield* open(list)
      first.approve(asked().key)
      const second = yield* open(list)
      const call = yield* second.submit(asked(), 60_000)
      second.close()
      assert.isFalse((yield* call).ok)
      assert.deepStrictEqual(yield* ledger.entries, [])
    }))

  it("in 1,000 races of four uses there is one execution", { timeout: 300_000 }, () => {
    const program = Effect.gen(function*() {
      const { ledger, list } = yield* tools
      const dispatch = yield* open(list)
      dispatch.approve(asked().key)
      const use = Effect.flatten(dispatch.submit(asked(), 60_000))
      const answers = yield* Effect.all([use, use, use, use], { concurrency: 4 })
      return { oks: answers.filter(({ ok }) => ok).length, executions: (yield* ledger.entries).length }
    })
    for (let seed = 1; seed <= 1000; seed++) {
      const { stop } = Simulation.simulate(program, { seed })
      if (stop._tag !== "Done") assert.fail(`seed ${seed}: ${stop._tag}`)
      if (Exit.isFailure(stop.exit)) assert.fail(`seed ${seed}: ${Cause.pretty(stop.exit.cause)}`)
      assert.deepStrictEqual(stop.exit.value, { oks: 1, executions: 1 }, `seed ${seed}`)
    }
  })
})
