import { assert, describe, it } from "@effect/vitest"
import { Agent, Check, ToolFailure, ToolPolicy } from "@volley/core"
import { Simulation } from "@volley/core/testing"
import { Cause, Effect, Exit, Layer, Schema } from "effect"
import * as Arbitrary from "effect/Arbitrary"
import { execFile } from "node:child_process"
import * as fs from "node:fs"
import * as os from "node:os"
import * as path from "node:path"
import { promisify } from "node:util"
import { agents } from "./support/simAgents.ts"
import * as shop from "./support/simShop.ts"

const long = process.env["VOLLEY_LONG"] === "1"

const run = promisify(execFile)

const send = ToolPolicy.effectful(
  Agent.tool("send", {
    description: "Sends",
    parameters: { to: Schema.String },
    success: Schema.String,
    failure: ToolFailure.ToolFailure,
    run: () => Effect.succeed("sent")
  }),
  { timeout: 1000 }
)

const sender = Agent.make("sender", { tools: [send] })

type Call = Simulation.Plan["runs"][number]["turns"][number]["calls"][number]

/** A plan of one run with one turn. */
const planOf = (calls: ReadonlyArray<Call>, more: Partial<Simulation.Plan> = {}): Simulation.Plan => ({
  seed: 1,
  slowJournal: false,
  runs: [{ tenant: "a", startAt: 0, interval: 0, turns: [{ faults: [], calls }] }],
  strikes: [],
  ...more
})

const call = (more: Partial<Call> = {}): Call => ({
  tool: "send",
  input: { to: "a" },
  result: "sent",
  fates: [],
  ...more
})

const tags = (report: Simulation.Report): ReadonlyArray<string> => report.runs[0]!.events.map(({ _tag }) => _tag)

const answersOf = (report: Simulation.Report): ReadonlyArray<string> =>
  report.runs[0]!.events.flatMap((event) => event._tag === "ToolCallAnswered" ? [String(event.result)] : [])

describe("Simulation.run", () => {
  it("a calm plan is answered, and the ledger says what took effect", () => {
    const report = Simulation.run(sender, planOf([call(), call({ input: { to: "b" } })]))
    assert.deepStrictEqual(report.violations, [])
    assert.strictEqual(report.stop, "Done")
    assert.isTrue(Exit.isSuccess(report.runs[0]!.exit!))
    assert.deepStrictEqual(
      report.ledger.map(({ attempt, effects, index, params, tool }) => ({ attempt, effects, index, params, tool })),
      [
        { attempt: 1, effects: [{ what: "send", at: 0 }], index: 0, params: { to: "a" }, tool: "send" },
        { attempt: 1, effects: [{ what: "send", at: 0 }], index: 1, params: { to: "b" }, tool: "send" }
      ]
    )
  })

  it("G4 - a process that dies after the effect leaves the outcome unknown, and nobody acts again", () => {
    const strikes = [{ at: "effect", side: "after", nth: 1, does: "crash" }] as const
    const report = Simulation.run(sender, planOf([call()], { strikes }))
    assert.deepStrictEqual(report.violations, [])
    assert.include(tags(report), "RunResumed")
    assert.strictEqual(report.ledger.length, 1)
    assert.strictEqual(report.ledger[0]!.effects.length, 1)
    assert.isUndefined(report.ledger[0]!.end)
    assert.match(answersOf(report)[0]!, /Outcome unknown/)
  })

  it("G4 - a failure that states that nothing happened is tried again, one that leaves it open is not", () => {
    const fails = (executed: boolean | undefined): Call["fates"] => [{
      does: "fail",
      millis: 5,
      failure: {
        _tag: "Transient",
        reason: "Unavailable",
        message: "down",
        ...(executed === undefined ? {} : { executed })
      }
    }]
    const refused = Simulation.run(sender, planOf([call({ fates: fails(false) })]))
    assert.deepStrictEqual(refused.violations, [])
    assert.deepStrictEqual(refused.ledger.map(({ effects }) => effects.length), [0, 1])
    const open = Simulation.run(sender, planOf([call({ fates: fails(undefined) })]))
    assert.deepStrictEqual(open.violations, [])
    assert.strictEqual(open.ledger.length, 1)
  })

  it("G10 - a journal that fails at any of its events ends the process, and the next one ends the run", () => {
    const { length } = tags(Simulation.run(sender, planOf([call()])))
    for (const side of ["before", "after"] as const) {
      for (const does of ["fail", "crash"] as const) {
        for (let nth = 1; nth <= length; nth++) {
          const report = Simulation.run(sender, planOf([call()], { strikes: [{ at: "append", side, nth, does }] }))
          assert.deepStrictEqual(report.violations, [], `${does} ${side} event ${nth}`)
          assert.isAtMost(report.ledger.flatMap(({ effects }) => effects).length, 1)
          if (nth > 1) assert.include(tags(report), "RunEnded")
        }
      }
    }
  })

  it("G4 - where the journal fails, no handler begins whose attempt is not in it", () => {
    for (let seed = 1; seed <= 20; seed++) {
      for (const side of ["before", "after"] as const) {
        const strikes = [{ at: "append", event: "AttemptStarted", side, nth: 1 + seed % 3, does: "fail" }] as const
        const report = Simulation.run(sender, planOf([call(), call(), call(), call()], { seed, strikes }))
        assert.deepStrictEqual(report.violations, [], `seed ${seed} ${side}`)
      }
    }
  })

  it("a run that is resumed after its model has failed says what the model failed with", () => {
    const { runs, ...plan } = planOf([])
    const faults = [{ status: 429, retryAfter: 60 }] as const
    const report = Simulation.run(sender, {
      ...plan,
      runs: [{ ...runs[0]!, turns: [{ faults, calls: [] }] }],
      strikes: [{ at: "append", event: "ModelFailed", side: "after", nth: 1, does: "crash" }]
    })
    assert.deepStrictEqual(report.violations, [])
    const { exit } = report.runs[0]!
    if (exit === undefined || Exit.isSuccess(exit)) return assert.fail("it has not failed")
    assert.match(Cause.pretty(exit.cause), /AiError.*Rate limit exceeded/s)
  })

  it("G8 - a reply that ends at the deadline is kept, and its turn is closed", () => {
    const interval = 10
    for (let deadline = 20; deadline <= 80; deadline += interval) {
      const late = Agent.make("late", { limits: { deadline } })
      for (let seed = 1; seed <= 12; seed++) {
        const { runs, ...plan } = planOf([], { seed, slowJournal: true })
        const report = Simulation.run(late, { ...plan, runs: [{ ...runs[0]!, interval, turns: [] }] })
        assert.deepStrictEqual(report.violations, [], `deadline ${deadline}, seed ${seed}`)
      }
    }
  })

  it("G11 - a run that is cancelled at any millisecond is closed and leaves nothing behind", () => {
    const fates: Call["fates"] = [{ does: "ok", millis: 10 }]
    for (let cancelAt = 0; cancelAt < 40; cancelAt++) {
      const { runs, ...plan } = planOf([call({ fates }), call({ fates: [{ does: "hang", millis: 0 }] })])
      const report = Simulation.run(sender, { ...plan, runs: [{ ...runs[0]!, interval: 2, cancelAt }] })
      assert.deepStrictEqual(report.violations, [], `at ${cancelAt}`)
      assert.strictEqual(tags(report).at(-1), "RunEnded")
    }
  })

  it("the agent is as it is: its limits, its output, its partial failure, what it prepares", () => {
    const agent = Agent.make("whole", {
      tools: [send],
      limits: { deadline: Number.POSITIVE_INFINITY, tokens: 5000 },
      output: Schema.Struct({ sent: Schema.Int }),
      partialFailure: { failIf: 0.5 },
      prepareTurn: () => ({ effort: "low" })
    })
    const report = Simulation.run(agent, planOf([call()]))
    assert.deepStrictEqual(report.violations, [])
    const [started, requested] = report.runs[0]!.events
    if (started?._tag !== "RunStarted" || requested?._tag !== "ModelRequested") return assert.fail(started?._tag)
    assert.deepStrictEqual(started.limits, agent.limits)
    assert.deepStrictEqual(started.partialFailure, { failIf: 0.5 })
    assert.strictEqual(requested.settings?.effort, "low")
    const { exit } = report.runs[0]!
    if (exit === undefined || Exit.isFailure(exit)) return assert.fail("it failed")
    assert.containsAllKeys((exit.value as { readonly output: object }).output, ["sent"])
  })

  it("faults of the model are sent again as a provider does, or restart the turn", () => {
    const { runs, ...plan } = planOf([call()])
    const faults = [{ status: 429, retryAfter: 2 }, { status: 529 }, { type: "cut", afterEvents: 8 }] as const
    const report = Simulation.run(sender, {
      ...plan,
      runs: [{ ...runs[0]!, turns: [{ faults, calls: [call(), call()] }] }]
    })
    assert.deepStrictEqual(report.violations, [])
    assert.strictEqual(tags(report).filter((tag) => tag === "ModelFailed").length, 1)
    assert.isAtLeast(report.now, 2000)
    assert.strictEqual(report.ledger.length, 2)
  })

  it("approvals are decided as planned, and what is not approved is not run", () => {
    const agent = Agent.make("gated", {
      tools: [
        Agent.tool("send", {
          description: "Sends",
          parameters: { to: Schema.String },
          needsApproval: true,
          run: () => "sent"
        })
      ]
    })
    const decided = (approval: NonNullable<Call["approval"]>) => Simulation.run(agent, planOf([call({ approval })]))
    const approved = decided({ decides: "approve", millis: 1000 })
    assert.deepStrictEqual(approved.violations, [])
    assert.strictEqual(approved.ledger.length, 1)
    for (
      const approval of [
        { decides: "deny", millis: 0 },
        { decides: "die", millis: 0 },
        { decides: "approve", millis: 0, expires: 0 }
      ] as const
    ) {
      const report = decided(approval)
      assert.deepStrictEqual(report.violations, [])
      assert.strictEqual(report.ledger.length, 0)
    }
  })

  it("G8 - a handler that hangs and whose effect fails has ended by itself, and was not stopped too early", () => {
    const hang = {
      tool: "pay",
      input: { cents: 1 },
      result: "paid",
      fates: [{ does: "hang", millis: 2, acts: true }]
    } as const
    const strikes = [{ at: "effect", side: "before", nth: 1, does: "fail" }] as const
    const report = Simulation.run(shop.right, planOf([hang], { strikes }), { handlers: shop.payments })
    assert.deepStrictEqual(report.violations, [])
    assert.match(answersOf(report)[0]!, /internal error/)
  })

  it("a plan is JSON, and the same plan gives the same execution", () => {
    for (const agent of Object.values(agents)) {
      for (let seed = 1; seed <= 6; seed++) {
        const plan = Simulation.draw(agent, seed)
        const read = Schema.decodeUnknownSync(Simulation.Plan)(JSON.parse(JSON.stringify(plan)))
        assert.deepStrictEqual(read, plan)
        const [first, second] = [Simulation.run(agent, read), Simulation.run(agent, plan)].map((
          { runs, ...report }
        ) => ({
          ...report,
          runs: runs.map(({ events, exit }) => ({ events, ended: exit?._tag }))
        }))
        assert.deepStrictEqual(first, second)
      }
    }
  })

  it("the events of 100 seeds are equal, byte for byte, in two processes", { timeout: 300_000 }, async () => {
    const script = path.join(import.meta.dirname, "support/simEvents.ts")
    const events = () =>
      run(process.execPath, ["--conditions=@volley/source", script, "100"], { maxBuffer: 256 * 1024 * 1024 })
    const [first, second] = await Promise.all([events(), events()])
    assert.strictEqual(first.stdout.trim().split("\n").length, 100)
    assert.isTrue(first.stdout === second.stdout)
  })

  it("the order of fibers is another for another seed: at least 50 interleavings of 6 fibers in 500 seeds", () => {
    const program = Effect.suspend(() => {
      const order: Array<string> = []
      const fiber = (name: string) =>
        Effect.forEach([1, 2, 3], (step) => Effect.sync(() => void order.push(`${name}${step}`)), { discard: true })
      return Effect.as(Effect.all(Array.from("abcdef", fiber), { concurrency: "unbounded" }), order)
    })
    const seen = new Set<string>()
    for (let seed = 1; seed <= 500; seed++) {
      const { stop } = Simulation.simulate(program, { seed })
      if (stop._tag !== "Done" || Exit.isFailure(stop.exit)) return assert.fail(stop._tag)
      seen.add(stop.exit.value.join())
    }
    assert.isAtLeast(seen.size, 50)
  })

  it("a handler that waits for a promise of its own is said to be outside of the simulation", () => {
    const slow = Agent.tool("send", {
      description: "Sends",
      parameters: { to: Schema.String },
      run: () => new Promise<string>(() => {})
    })
    const outside = Layer.effectDiscard(Effect.promise(() => new Promise<void>(() => {})))
    const agent = Agent.make("outside", { tools: [slow] })
    assert.throws(() => Simulation.run(agent, planOf([call()]), { handlers: outside }), /outside of the simulation/)
  })
})

describe("Simulation.explore", () => {
  const seeds = long ? 5000 : 80
  for (const [name, agent] of Object.entries(agents)) {
    it(`${name} - holds in ${seeds} worlds`, { timeout: 600_000 }, () => {
      const { violations } = Simulation.explore(agent, { seeds })
      assert.deepStrictEqual(violations.map(({ replay, violation }) => ({ replay, violation })), [])
    })
  }

  it("no cell stays empty, of any of its faults and phases", { timeout: 600_000 }, () => {
    const { cells, missed } = Simulation.explore(agents.office, { seeds: long ? 2500 : 120, from: 1000 })
    const all = Object.keys(cells).length
    assert.isAbove(all, 60)
    assert.isAtMost(missed.length, long ? 0 : all / 3, missed.join(", "))
  })

  it("the right handlers hold, with the faults around them", { timeout: 600_000 }, () => {
    const { violations } = Simulation.explore(shop.right, { seeds: long ? 3000 : 80, handlers: shop.payments })
    assert.deepStrictEqual(violations, [])
  })

  const mistakes = [
    ["a handler that ignores its idempotency key", shop.keyless, "G4", /declared idempotent/],
    ["an effectful tool that is declared idempotent", shop.misdeclared, "G4", /declared idempotent/],
    ["a handler that acts twice", shop.twice, "G4", /took place 2 times/],
    ["a tool that acts and is declared readonly", shop.stealthy, "G4", /declared readonly/],
    ["a handler that acts and says that it failed for good", shop.lying, "G4", /took effect, the model reads/]
  ] as const
  for (const [what, agent, guarantee, message] of mistakes) {
    it(`${what} is found, in a plan of few elements`, { timeout: 120_000 }, () => {
      const { violations } = Simulation.explore(agent, { seeds: 40, handlers: shop.payments })
      const found = violations.find(({ violation }) => violation.guarantee === guarantee)
      if (found === undefined) return assert.fail("it is not found")
      assert.match(found.violation.message, message)
      const { runs, strikes } = found.plan
      const turns = runs.flatMap(({ turns }) => turns)
      const calls = turns.flatMap(({ calls }) => calls)
      assert.isAtMost(runs.length, 1)
      assert.isAtMost(turns.length, 1)
      assert.isAtMost(calls.length, 1)
      assert.isAtMost(calls.flatMap(({ fates }) => fates).length + strikes.length, 1)
      assert.isTrue(found.report.violations.some(({ message }) => message === found.violation.message))
      assert.isTrue(
        Simulation.run(agent, Simulation.draw(agent, found.seed), { handlers: shop.payments }).violations.length > 0
      )
    })
  }

  it("says how many seeds it ran and refuses a number that is none", () => {
    assert.throws(() => Simulation.explore(sender, { seeds: 0 }), /seeds must be a whole number of at least 1/)
    assert.throws(() => Simulation.explore(sender, { seeds: 1, from: 0.5 }), /from must be a whole number/)
    const { from, seeds } = Simulation.explore(sender, { seeds: 3, from: 7 })
    assert.deepStrictEqual({ from, seeds }, { from: 7, seeds: 3 })
  })

  it("an agent without tools is explored too", () => {
    assert.deepStrictEqual(Simulation.explore(Agent.make("mute"), { seeds: 50 }).violations, [])
  })
})

describe("Simulation.plan", () => {
  it.prop("is an arbitrary of plans", [Simulation.plan(sender)], ([plan]) => {
    const { runs, violations } = Simulation.run(sender, plan)
    return violations.length === 0 && runs.every(({ events }) => Check.all(events).length === 0)
  }, { arbitrary: { runs: 25 } })

  it.effect("a plan that fails is made smaller", () =>
    Effect.gen(function*() {
      const property = (plan: Simulation.Plan) =>
        Simulation.run(shop.twice, plan, { handlers: shop.payments }).violations.length === 0
      const result = yield* Arbitrary.checkEffect(Simulation.plan(shop.twice), property, { seed: 1, maxShrinks: 2000 })
      if (result._tag !== "Falsified") return assert.fail(result._tag)
      const { runs, strikes } = result.shrunkInput
      assert.strictEqual(runs.flatMap(({ turns }) => turns.flatMap(({ calls }) => calls)).length, 1)
      assert.deepStrictEqual(strikes, [])
    }))

  it("a tool of whose schemas no values can be made is named", () => {
    const odd = Schema.declare((value): value is URL => value instanceof URL)
    const agent = Agent.make("odd", {
      tools: [Agent.tool("odd", { description: "Odd", parameters: { odd }, run: () => "" })]
    })
    assert.throws(() => Simulation.plan(agent), /Tool "odd" has a schema that no values can be made of/)
  })
})

describe("what is written of a violation", () => {
  const hostile = "</pre><script>alert(1)</script>\u202e\u001b[31m"
  let explored: Simulation.Counterexample | undefined
  const found = () =>
    explored ??= Simulation.explore(shop.misdeclared, { seeds: 20, handlers: shop.payments }).violations[0]!

  it("a test file fails when it is run, and passes once the mistake is repaired", { timeout: 300_000 }, async () => {
    const folder = fs.mkdtempSync(path.join(fs.realpathSync(os.tmpdir()), "volley-sim-"))
    const root = path.resolve(import.meta.dirname, "../../../..")
    const agentFile = path.join(import.meta.dirname, "support/simShop.ts")
    const config = `const conditions = ["@volley/source", "node", "import", "module", "default"]
export default { resolve: { conditions }, ssr: { resolve: { conditions } } }
`
    const tested = async (name: string) => {
      const text = Simulation.testFile(found(), { agent: agentFile, name, handlers: "payments" })
      fs.writeFileSync(path.join(folder, "found.test.ts"), text)
      const vitest = path.join(root, "node_modules/vitest/vitest.mjs")
      const options = { cwd: folder, env: { ...process.env, NO_COLOR: "1" } }
      try {
        return { code: 0, ...await run(process.execPath, [vitest, "run", "--root", folder], options) }
      } catch (error) {
        return error as { readonly code: number; readonly stdout: string; readonly stderr: string }
      }
    }
    try {
      fs.symlinkSync(path.join(root, "node_modules"), path.join(folder, "node_modules"))
      fs.writeFileSync(path.join(folder, "vitest.config.mjs"), config)
      const failing = await tested("misdeclared")
      assert.strictEqual(failing.code, 1, failing.stdout + failing.stderr)
      assert.match(failing.stdout + failing.stderr, /took place 2 times/)
      const passing = await tested("right")
      assert.strictEqual(passing.code, 0, passing.stdout + passing.stderr)
      assert.match(passing.stdout, /1 passed/)
    } finally {
      fs.rmSync(folder, { recursive: true, force: true })
    }
  })

  it("a test file takes names only", () => {
    const { plan, violation } = found()
    const written = (options: Parameters<typeof Simulation.testFile>[1]) =>
      Simulation.testFile({ plan, violation }, options)
    assert.throws(() => written({ agent: "./a.ts", name: "a; b" }), /is not the name of an export/)
    assert.include(written({ agent: "./\"a.ts" }), "from \"./\\\"a.ts\"")
    assert.notInclude(written({ agent: "./a.ts" }), "handlers")
  })

  it("a page shows the run and the violation, has no script and loads nothing", () => {
    const report = found().report
    const page = Simulation.page(report)
    assert.match(page, /^<!doctype html>/)
    assert.include(page, "default-src &#39;none&#39;".replaceAll("&#39;", "'"))
    assert.match(page, /style-src 'sha256-[A-Za-z0-9+/]+={0,2}'/)
    assert.notMatch(page, /<script|\son\w+=|\sstyle=|https?:|<link|<img|url\(/i)
    assert.include(page, "took place 2 times")
    assert.match(page, /<line class="violation"/)
    assert.match(page, /<rect class="ok"/)
    assert.include(page, "prefers-color-scheme: dark")
    assert.include(page, "takes effect at")
    const { event, run } = report.violations[0]!
    assert.include(page, `<a href="#event-${run}-${event}">`)
    assert.include(page, `<tr id="event-${run}-${event}" class="bad">`)
  })

  it("a page does not let out what the plan and the tools say", () => {
    const { runs, ...plan } = planOf([call({ input: { to: hostile } }), call({ tool: hostile })])
    const page = Simulation.page(Simulation.run(sender, { ...plan, runs: [{ ...runs[0]!, tenant: hostile }] }))
    assert.notInclude(page, "<script")
    assert.notInclude(page, "</pre><script")
    for (const character of ["\u202e", "\u001b"]) assert.notInclude(page, character)
    assert.include(page, "&lt;script&gt;")
  })

  it("a page has a lane for each call and a line for each process", () => {
    const strikes = [{ at: "effect", side: "after", nth: 1, does: "crash" }] as const
    const page = Simulation.page(Simulation.run(sender, planOf([call(), call()], { strikes })))
    assert.include(page, "1.1.0 send")
    assert.include(page, "1.1.1 send")
    assert.match(page, /<line class="resumed"/)
    assert.include(page, "Process 0 dies right after the time no. 1 that a tool takes effect.")
    assert.include(page, "every attempt succeeds at once")
    assert.include(page, "all laws hold")
    assert.include(page, "Simulation.run(agent, plan).violations")
    assert.match(page, /<rect class="lost"/)
  })
})
