/**
 * Runs effects, and whole agents, in a simulated world. Of an effect (`simulate`) one seed decides the order of fibers and the passing
 * of time; of an agent (`run`, `explore`) a plan decides faults, crashes and cancellations as well: one plan, one execution.
 *
 * **Details**
 *
 * A plan says everything that happens from outside: what the model asks turn by turn, how its requests fail, what each
 * attempt of each call meets in its handler, when a process dies or a store fails and the run is resumed by the next
 * process, when the client cancels. It is plain data, so a plan that shows a mistake can be printed, made smaller and kept
 * as a test.
 *
 * By default the handlers are stand-ins: results of the success schema, the failures that the tool declares, effects that
 * are written into a ledger. Policies, limits, `prepareTurn`, approvals and the loop are the agent's own. With `handlers`
 * the agent's own handlers run behind the same faults: they must be effects on services, since a promise or a timer of
 * their own is outside of the simulation. What a fake system does for them it tells with {@link effect}.
 *
 * After each run `Check.all` judges the journal, and more laws what the handlers saw: an effect takes place once, also
 * over crashes; no answer says "failed" where the outcome is unknown; what runs at the same time stays within its bounds;
 * deadlines are kept; with finitely many faults every run ends and leaves nothing behind.
 *
 * **Example** (Many seeds)
 *
 * ```ts
 * import { assert, it } from "@effect/vitest"
 * import { Agent, ToolPolicy } from "@volley/core"
 * import { Simulation } from "@volley/core/testing"
 * import { Schema } from "effect"
 *
 * const pay = ToolPolicy.effectful(
 *   Agent.tool("pay", { description: "Pays", parameters: { cents: Schema.Int }, success: Schema.String, run: () => "paid" })
 * )
 * const agent = Agent.make("shop", { tools: [pay] })
 *
 * it("holds in 50 simulated worlds", () => {
 *   assert.deepStrictEqual(Simulation.explore(agent, { seeds: 50 }).violations, [])
 * })
 *
 * it.prop("holds", [Simulation.plan(agent)], ([plan]) => Simulation.run(agent, plan).violations.length === 0)
 * ```
 *
 * @since 0.1.0
 */
import type * as LanguageModel from "effect/ai/LanguageModel"
import * as Arbitrary from "effect/Arbitrary"
import * as Context from "effect/Context"
import type * as Effect from "effect/Effect"
import * as Exit from "effect/Exit"
import * as Layer from "effect/Layer"
import * as Schema from "effect/Schema"
import * as SchemaGetter from "effect/SchemaGetter"
import * as Scope from "effect/Scope"
import type * as Agent from "../Agent.ts"
import { once } from "../internal/once.ts"
import type * as RunEvent from "../RunEvent.ts"
import * as Agents from "./internal/sim/agent.ts"
import * as Cast from "./internal/sim/cast.ts"
import * as Cells from "./internal/sim/cells.ts"
import * as Draw from "./internal/sim/draw.ts"
import * as Handlers from "./internal/sim/handlers.ts"
import * as Oracle from "./internal/sim/oracle.ts"
import { pageOf } from "./internal/sim/page.ts"
import * as Plans from "./internal/sim/plan.ts"
import * as Process from "./internal/sim/process.ts"
import { shrink, simpler } from "./internal/sim/simpler.ts"
import { testFileOf } from "./internal/sim/testFile.ts"
import * as World from "./internal/sim/world.ts"
import { simulate } from "./internal/simulate.ts"

export { randomNumbers, simulate, type Simulated, type Stop } from "./internal/simulate.ts"

/**
 * Everything that happens to the runs of an agent from outside.
 *
 * **Details**
 *
 * Times are milliseconds, `nth` counts from 1.
 *
 * - `seed`: the order of fibers. `slowJournal`: others run while an event is written.
 * - `runs`: at the same time, each for its `tenant`; `interval` between the events of a reply, `cancelAt` after its start.
 * - of a turn, `faults` of its requests one after the other (an HTTP status, which is sent again twice as a provider does, or
 *   a fault in the stream), then the reply: `text` and `calls`.
 * - of a call, `input` or `partialJson`, the `result` as the success schema encodes it, and the `fates` of its attempts;
 *   any further attempt is well. `approval` where it wants one, `reconcile: "fails"` where the tool cannot find out.
 * - of a fate, what the handler `does` after `millis` of work: `ok`, `flood` (a result with texts of so many `bytes`), `fail`
 *   (with the `failure` as the failure schema encodes it), `die`, `hang` until it is interrupted, or `deaf`: it works for
 *   `millis` and is not interrupted. `acts`: its effect takes place before that.
 * - `strikes`: one for each process, the `nth` time that it comes to a place, before or after it acts there: the call to the
 *   outside `fail`s, or the process dies (`crash`) and the next one resumes the runs. With `event` only that kind of event counts
 *   where the place is `append`.
 *
 * @category schemas
 * @since 0.1.0
 */
export const Plan: typeof Plans.Plan = Plans.Plan

/**
 * Everything that happens to the runs of an agent from outside.
 *
 * @category models
 * @since 0.1.0
 */
export type Plan = typeof Plan.Type

/**
 * A law that is broken: which guarantee, by which run (from 0), at which of its events (from 0), and how. Besides those of
 * `Check`: `G9` (nothing is left behind), `G17` (the run survives what its tools do) and `G19` (it comes to its end).
 *
 * @category models
 * @since 0.1.0
 */
export interface Violation extends Oracle.Violation {}

/**
 * One execution of a handler, as it saw itself.
 *
 * - `run` and `process` from 0; `tool` is that of the handler, which may stand in for the call's.
 * - `key`: the idempotency key; `fate`: what the plan said; `effects`: what took place, and when.
 * - `end` is `undefined` where the process died meanwhile.
 *
 * @category models
 * @since 0.1.0
 */
export interface Execution {
  readonly run: number
  readonly process: number
  readonly tool: string
  readonly turn: number
  readonly index: number
  readonly attempt: number
  readonly key: string
  readonly params: unknown
  readonly fate: Plan["runs"][number]["turns"][number]["calls"][number]["fates"][number]
  readonly deadline: number
  readonly start: number
  readonly end: number | undefined
  readonly effects: ReadonlyArray<{ readonly what: string; readonly at: number }>
}

/**
 * What a plan led to.
 *
 * - `runs`: the journal of each, and how it ended; `exit` is `undefined` where it did not.
 * - `stop`: whether everything came to its end (`"Done"`), nothing could happen any more (`"Deadlock"`), or too much did.
 * - `now`: simulated milliseconds; `steps`: tasks that were run.
 *
 * @category models
 * @since 0.1.0
 */
export interface Report {
  readonly plan: Plan
  readonly runs: ReadonlyArray<{
    readonly runId: string
    readonly events: ReadonlyArray<RunEvent.RunEvent>
    readonly exit: Exit.Exit<unknown, unknown> | undefined
  }>
  readonly ledger: ReadonlyArray<Execution>
  readonly violations: ReadonlyArray<Violation>
  readonly stop: Process.Stop
  readonly now: number
  readonly steps: number
}

/**
 * `handlers`: what the agent's own handlers need, their own layer among it; without it they are stand-ins. It is built once for a plan,
 * so that fakes of other systems survive a crash.
 *
 * @category models
 * @since 0.1.0
 */
export interface Options<R> {
  readonly handlers?: Layer.Layer<Exclude<R, LanguageModel.LanguageModel>>
}

type AnyAgent<R> = Agent.Agent<unknown, unknown, R, unknown>

/** An agent with the tools of its simulation, for each kind of handlers. */
interface Prepared {
  readonly subject: Draw.Subject
  readonly simulated: (own: boolean) => Agents.Any
}

const prepare = once((agent: Agents.Any): Prepared => {
  const cast = Cast.of(agent)
  const agents = new Map<boolean, Agents.Any>()
  const simulated = (own: boolean): Agents.Any => {
    const made = agents.get(own) ?? Agents.withTools(agent, Handlers.tools(cast, own), own)
    agents.set(own, made)
    return made
  }
  return { subject: { cast, limits: agent.limits }, simulated }
})

/**
 * The plan of a seed.
 *
 * @throws `Error` naming the tool of whose schemas no values can be made
 * @category constructors
 * @since 0.1.0
 */
export const draw = <R>(agent: AnyAgent<R>, seed: number): Plan => Draw.draw(prepare(agent).subject, seed)

const isPlan = Schema.is(Plan)

/**
 * Plans of an agent, for `it.prop` and `it.effect.prop`. A plan that fails is made smaller.
 *
 * @throws `Error` naming the tool of whose schemas no values can be made
 * @category constructors
 * @since 0.1.0
 */
export const plan = <R>(agent: AnyAgent<R>): Arbitrary.Arbitrary<Plan> => {
  const { subject } = prepare(agent)
  const drawn = Schema.declare((value): value is Plan => isPlan(value), {
    expected: "Plan",
    toCodecArbitrary: () =>
      Schema.link<Plan>()(Schema.Int, {
        decode: SchemaGetter.transform((seed) => Draw.draw(subject, seed)),
        encode: SchemaGetter.transform(({ seed }) => seed)
      })
  })
  return Arbitrary.schema(drawn, { shrink: simpler })
}

const executionsOf = ({ effects, executions }: World.World): ReadonlyArray<Execution> =>
  executions.map((execution) => {
    const { attempt, deadline, end, fate, index, key, params, process, run, start, tool, turn } = execution
    return {
      run,
      process,
      tool,
      turn,
      index,
      attempt,
      key,
      params,
      fate,
      deadline,
      start,
      end,
      effects: effects.filter((one) => one.execution === execution).map(({ at, what }) => ({ what, at }))
    }
  })

interface Lived {
  readonly world: World.World
  readonly stop: Process.Stop
}

/** What must not wait for anything: building and closing the layer of the handlers. */
const atOnce = <A>(effect: Effect.Effect<A>, seed: number): A => {
  const { stop } = simulate(effect, { seed })
  if (stop._tag !== "Done") throw new Error(`The layer of the handlers is outside of the simulation (${stop._tag})`)
  if (Exit.isFailure(stop.exit)) throw new Error("The layer of the handlers failed", { cause: stop.exit.cause })
  return stop.exit.value
}

const live = (agent: Agents.Any, plan: Plan, handlers: Layer.Layer<never> | undefined): Lived => {
  const { simulated, subject } = prepare(agent)
  const world = World.make(plan, subject.cast, handlers !== undefined)
  if (handlers === undefined) return { world, stop: Process.live(world, simulated(false), Context.empty()) }
  const scope = Scope.makeUnsafe()
  const services = atOnce(Layer.buildWithScope(handlers, scope), plan.seed)
  const stop = Process.live(world, simulated(true), services)
  atOnce(Scope.close(scope, Exit.void), plan.seed)
  return { world, stop }
}

const reportOf = ({ stop, world }: Lived): Report => ({
  plan: world.plan,
  runs: world.runs.map(({ events, exit, runId }) => ({ runId, events, exit })),
  ledger: executionsOf(world),
  violations: Oracle.violations(world, stop),
  stop,
  now: world.now,
  steps: world.steps
})

const layerOf = <R>({ handlers }: Options<R>) => handlers as Layer.Layer<never> | undefined

/**
 * Runs an agent by a plan: the same plan gives the same execution.
 *
 * @throws `Error` where no values can be made of the schemas of a tool, or the layer of the handlers cannot be built
 * @category combinators
 * @since 0.1.0
 */
export const run = <R>(agent: AnyAgent<R>, plan: Plan, options: Options<R> = {}): Report =>
  reportOf(live(agent, plan, layerOf(options)))

/**
 * A violation that exploration found: the first `seed` that shows it, in how many seeds it was seen (`times`), the plan made as
 * small as it was possible to find, what that leads to, and the program that replays it.
 *
 * @category models
 * @since 0.1.0
 */
export interface Counterexample {
  readonly seed: number
  readonly times: number
  readonly violation: Violation
  readonly plan: Plan
  readonly report: Report
  readonly replay: string
}

/**
 * What exploration found: `cells` says how many seeds reached each combination of a fault and a phase of the run, `missed` are
 * those that none did. There is one counterexample for each guarantee and kind of event that shows it.
 *
 * @category models
 * @since 0.1.0
 */
export interface Exploration {
  readonly seeds: number
  readonly from: number
  readonly cells: Readonly<Record<string, number>>
  readonly missed: ReadonlyArray<string>
  readonly violations: ReadonlyArray<Counterexample>
}

/** By what two violations are the same. */
const signatureOf = ({ event, guarantee, run }: Violation, { runs }: Pick<Report, "runs">): string =>
  `${guarantee} ${runs[run]?.events[event]?._tag ?? "-"}`

/** Executions that making one plan smaller may cost. */
const mostShrinks = 300

/**
 * Runs an agent in the worlds of many seeds.
 *
 * @param options.seeds - how many, at least 1
 * @param options.from - the first, default 1
 * @throws `RangeError` for a number that is out of range, `Error` as {@link run} does
 * @category combinators
 * @since 0.1.0
 */
export const explore = <R>(
  agent: AnyAgent<R>,
  options: Options<R> & { readonly seeds: number; readonly from?: number }
): Exploration => {
  const { from = 1, seeds } = options
  if (!Number.isSafeInteger(seeds) || seeds < 1) throw new RangeError("seeds must be a whole number of at least 1")
  if (!Number.isSafeInteger(from)) throw new RangeError("from must be a whole number")
  const handlers = layerOf(options)
  const again = (plan: Plan): Report => reportOf(live(agent, plan, handlers))
  const { subject } = prepare(agent)
  const cells = new Map(Cells.all(subject.cast).map((cell) => [cell, 0]))
  const found = new Map<string, { readonly seed: number; readonly report: Report; times: number }>()
  for (let seed = from; seed < from + seeds; seed++) {
    const lived = live(agent, Draw.draw(subject, seed), handlers)
    const report = reportOf(lived)
    for (const cell of Cells.reached(lived.world)) cells.set(cell, (cells.get(cell) ?? 0) + 1)
    for (const signature of new Set(report.violations.map((violation) => signatureOf(violation, report)))) {
      const known = found.get(signature)
      if (known === undefined) found.set(signature, { seed, report, times: 1 })
      else known.times++
    }
  }
  const violations = Array.from(found, ([signature, { report, seed, times }]): Counterexample => {
    const shows = (plan: Plan): boolean => {
      const candidate = again(plan)
      return candidate.violations.some((violation) => signatureOf(violation, candidate) === signature)
    }
    const least = again(shrink(report.plan, shows, mostShrinks))
    const violation = least.violations.find((one) => signatureOf(one, least) === signature)!
    return {
      seed,
      times,
      violation,
      plan: least.plan,
      report: least,
      replay: `Simulation.run(agent, Simulation.draw(agent, ${seed})${handlers === undefined ? "" : ", { handlers }"})`
    }
  })
  return {
    seeds,
    from,
    cells: Object.fromEntries(cells),
    missed: Array.from(cells).flatMap(([cell, times]) => times === 0 ? [cell] : []),
    violations
  }
}

/**
 * Says that a side effect takes place, for fakes of the systems behind handlers of one's own: `what` took place for the call that
 * the present handler answers. The same twice for one call is a violation. Outside of a simulation it does nothing.
 *
 * **Example** (A fake that takes each idempotency key once)
 *
 * ```ts
 * import { Agent, ToolCall } from "@volley/core"
 * import { Simulation } from "@volley/core/testing"
 * import { Effect, Schema } from "effect"
 *
 * const seen = new Set<string>()
 *
 * const charge = (cents: number) =>
 *   Effect.gen(function*() {
 *     const call = yield* ToolCall.current
 *     if (call !== undefined && seen.has(call.idempotencyKey)) return
 *     if (call !== undefined) seen.add(call.idempotencyKey)
 *     yield* Simulation.effect(`charge ${cents}`)
 *   })
 *
 * const pay = Agent.tool("pay", {
 *   description: "Pays",
 *   class: "idempotent",
 *   parameters: { cents: Schema.Int },
 *   run: ({ cents }) => Effect.as(charge(cents), "paid")
 * })
 * console.log(Simulation.explore(Agent.make("shop", { tools: [pay] }), { seeds: 20 }).violations)
 * ```
 *
 * ```text
 * []
 * ```
 *
 * @category combinators
 * @since 0.1.0
 */
export const effect: (what: string) => Effect.Effect<void> = Handlers.effect

/**
 * A test file for Vitest that fails as long as a plan leads to a violation.
 *
 * @param found.plan - such as that of a counterexample
 * @param options.agent - what the agent is imported from, as the file is to write it, such as `"../src/shop.ts"`
 * @param options.name - of the agent's export, default `"agent"`
 * @param options.handlers - of the export of what its own handlers need, from the same module; default none
 * @category combinators
 * @since 0.1.0
 */
export const testFile: (
  found: Pick<Counterexample, "plan" | "violation">,
  options: { readonly agent: string; readonly name?: string; readonly handlers?: string }
) => string = testFileOf

/**
 * A static HTML page of what a plan led to: a timeline with a lane for each run and call, the violations, the plan. It needs nothing
 * from elsewhere.
 *
 * @category combinators
 * @since 0.1.0
 */
export const page: (report: Report) => string = pageOf
