import {
  Agent,
  Approval,
  Journal,
  ResultStore,
  RunEvent,
  ToolCache,
  ToolCall,
  ToolFailure,
  ToolPolicy
} from "@volley/core"
import { ModelScript, ScriptedModel, Simulation } from "@volley/core/testing"
import { Clock, Context, Deferred, Effect, Exit, Option, References, Schema } from "effect"
import { LanguageModel, Tool } from "effect/ai"
import { type Plan, reply } from "./plan.ts"

/** What is outside of the process. */
export type Kind = "open" | "append" | "model" | "handler" | "reconcile" | "approver" | "cache" | "store"

/** Every call to the outside has two points: before it acts, and when it has acted and its caller does not know yet. */
export type Side = "before" | "after"

export type Fault = "fail" | "hang" | "cancel" | "crash"

/** The fault of a process at its nth point, from 1. */
export interface Strike {
  readonly at: number
  readonly fault: Fault
}

/** How a process ended: its run did, it was killed, or nothing could happen in it any more. */
export type End = Exit.Exit<unknown, unknown> | "killed" | "stuck" | "endless"

export interface Process {
  readonly strike: Strike | undefined
  /** The points it came to. */
  readonly points: Array<`${Kind} ${Side}`>
  /** How many events the journal had when it began, and how many when it ended. */
  readonly from: number
  to: number
  /** Events that it showed before they were in the journal, while that could be written. */
  unkept: number
  /** Handlers that run now, and that ran at the same time at most. */
  running: number
  peak: number
  alive: boolean
  end: End
  die: () => void
  cancel: () => void
}

/** What survives a process: the journal, the systems that the tools talk to, what the model was asked. */
export interface World {
  readonly plan: Plan
  readonly journal: Array<RunEvent.RunEvent>
  readonly lines: Array<string>
  /** How often the effect of each call took place. */
  readonly effects: Map<number, number>
  /** The idempotency keys that the systems were given. */
  readonly keys: Set<string>
  readonly executions: Map<number, number>
  readonly cache: Map<string, ToolCache.Entry>
  readonly results: Map<string, string>
  readonly requests: Array<LanguageModel.ProviderOptions>
  readonly replies: Array<ModelScript.Reply>
  readonly processes: Array<Process>
  opened: boolean
  writer: number
  /** Whether the journal of the present process cannot be written any more. */
  lost: boolean
  now: number
}

export const make = (plan: Plan): World => ({
  plan,
  journal: [],
  lines: [],
  effects: new Map(),
  keys: new Set(),
  executions: new Map(),
  cache: new Map(),
  results: new Map(),
  requests: [],
  replies: [],
  processes: [],
  opened: false,
  writer: 0,
  lost: false,
  now: 1_700_000_000_000
})

/** Of a run, in milliseconds. */
const deadline = 60_000

/** It takes longer than a run may take until somebody goes on with one whose process is gone. */
const outage = 2 * deadline

export const runId = "run"

type Here = { readonly world: World; readonly process: Process }

const here: Context.Reference<Here> = Context.Reference("faults/Here", {
  defaultValue: (): Here => {
    throw new Error("outside of a world")
  }
})

/** Nothing that belongs to a dead process goes on. */
const whileAlive = <A, E, R>({ alive }: Process, effect: Effect.Effect<A, E, R>): Effect.Effect<A, E, R> =>
  alive ? effect : Effect.never

/** A point: whether the call is to fail there. */
const point = (process: Process, name: `${Kind} ${Side}`): Effect.Effect<boolean> =>
  Effect.suspend(() => {
    if (!process.alive) return Effect.never
    process.points.push(name)
    if (process.points.length !== process.strike?.at) return Effect.succeed(false)
    switch (process.strike.fault) {
      case "crash":
        process.alive = false
        process.die()
        return Effect.never
      case "hang":
        return Effect.never
      case "cancel":
        process.cancel()
        return Effect.as(Effect.yieldNow, false)
      case "fail":
        return Effect.succeed(true)
    }
  })

/** A call to the outside, which may fail before and after it acts. */
const outside = <A, E>(
  process: Process,
  kind: Kind,
  act: () => A,
  fail: (side: Side) => Effect.Effect<A, E>
): Effect.Effect<A, E> =>
  Effect.flatMap(point(process, `${kind} before`), (fails) =>
    fails ? fail("before") : Effect.suspend(() =>
      whileAlive(
        process,
        Effect.flatMap(Effect.sync(act), (value) =>
          Effect.flatMap(point(process, `${kind} after`), (fails) => fails ? fail("after") : Effect.succeed(value)))
      )
    ))

const add = (counts: Map<number, number>, n: number): number => {
  const before = counts.get(n) ?? 0
  counts.set(n, before + 1)
  return before
}

// ---- the tools and the systems behind them

const resultOf = (n: number): string => `result ${n}`

const down = (more: object = {}) => ToolFailure.transient({ reason: "Unavailable", message: "no connection", ...more })

/** What a system does with a request: the idempotent one knows the keys that it was given, the others take every request. */
const commit = ({ effects, keys }: World, key: string, n: number, knowsKeys: boolean): void => {
  if (!knowsKeys || !keys.has(key)) add(effects, n)
  keys.add(key)
}

type Named = { readonly n: number }

/** Counts a handler until its end. */
const inside = (process: Process) =>
  Effect.acquireRelease(
    Effect.sync(() => {
      process.peak = Math.max(process.peak, ++process.running)
    }),
    () => Effect.sync(() => process.running--)
  )

const handle = (name: string, effectClass: ToolPolicy.EffectClass) =>
  Effect.fnUntraced(function*({ n }: Named) {
    const { process, world } = yield* here
    const { idempotencyKey } = (yield* ToolCall.current)!
    const fate = world.plan.fate(n, add(world.executions, n))
    const work = Effect.sleep(world.plan.work(n))
    yield* inside(process)
    yield* work
    if (fate === "refused") return yield* down({ executed: false })
    if (fate === "down") return yield* down()
    const act = () =>
      effectClass === "readonly" ? undefined : commit(world, idempotencyKey, n, effectClass === "idempotent")
    yield* outside(process, "handler", act, () => down())
    yield* work
    yield* Effect.suspend(() => whileAlive(process, Effect.void))
    if (fate === "committed") return yield* down()
    if (fate === "odd") return yield* new ToolFailure.Unknown({ message: "odd" })
    if (fate === "bug") return yield* Effect.die(new Error("bug"))
    return name === "big" ? resultOf(n).repeat(500) : resultOf(n)
  }, Effect.scoped)

const reconcile = ({ n }: Named, { idempotencyKey }: ToolCall.ToolCall) =>
  Effect.flatMap(here, ({ process, world: { keys } }) =>
    outside(
      process,
      "reconcile",
      () => keys.has(idempotencyKey) ? Option.some(resultOf(n)) : Option.none(),
      () => Effect.fail("no answer")
    ))

const tool = (name: string, effectClass: ToolPolicy.EffectClass) =>
  Agent.tool(name, {
    description: name,
    class: effectClass,
    parameters: { n: Schema.Int },
    success: Schema.String,
    failure: ToolFailure.ToolFailure,
    run: (parameters) => handle(name, effectClass)(parameters) as Effect.Effect<string, ToolFailure.ToolFailure>
  })

const common = { timeout: 1000, retry: { times: 2 } } as const

const approved = <T extends Tool.Any>(tool: T): T => tool.annotate(Tool.Destructive, true) as Tool.Any as T

export const agentOf = ({ cached, concurrency }: Plan) =>
  Agent.make("struck", {
    instructions: "Be brief",
    tools: [
      ToolPolicy.readonly(tool("look", "readonly"), {
        ...common,
        ...(cached ? { cache: { timeToLive: 60_000 } } : {})
      }),
      ToolPolicy.readonly(tool("big", "readonly"), { ...common, maxResultSize: 1024 }),
      ToolPolicy.set(tool("put", "idempotent"), common),
      ToolPolicy.effectful(tool("pay", "effectful"), common),
      ToolPolicy.effectful(tool("book", "effectful"), { ...common, reconcile }),
      approved(ToolPolicy.effectful(tool("refund", "effectful"), common))
    ],
    limits: { concurrency, deadline }
  })

// ---- the services of a process

const encode = Schema.encodeSync(RunEvent.Json)
const decode = Schema.decodeSync(RunEvent.Json)

/** What is written is what a file would have; a writer that failed, or was followed by another, writes no more. */
const journalOf = (world: World, process: Process): Journal.Journal => {
  const failed = (operation: "open" | "append" | "read", message: string) =>
    Effect.fail(new Journal.JournalFailure({ runId, operation, message }))
  const writer = (): Journal.Writer => {
    const epoch = ++world.writer
    let refused = false
    return {
      append: (event) =>
        Effect.suspend(() => {
          if (refused || world.writer !== epoch) return failed("append", "refused")
          refused = true
          const append = () => {
            world.journal.push(event)
            world.lines.push(JSON.stringify(encode(event)))
          }
          const broken = () => {
            world.lost = true
            return failed("append", "disk")
          }
          return Effect.map(outside(process, "append", append, broken), () => {
            refused = false
          })
        })
    }
  }
  const events = () => world.lines.map((line) => decode(JSON.parse(line)))
  return {
    open: () =>
      Effect.suspend(() => {
        if (world.opened) return failed("open", "exists")
        const open = () => {
          world.opened = true
          return writer()
        }
        return outside(process, "open", open, () => failed("open", "disk"))
      }),
    reopen: () =>
      Effect.suspend(() =>
        world.opened
          ? outside(process, "open", () => ({ events: events(), writer: writer() }), () => failed("open", "disk"))
          : failed("open", "no such run")
      ),
    read: () => Effect.sync(events)
  }
}

const cacheOf = ({ cache }: World, process: Process): ToolCache.ToolCache => ({
  get: (key) => outside(process, "cache", () => cache.get(key), () => Effect.fail("cache")),
  set: (key, entry) => outside(process, "cache", () => void cache.set(key, entry), () => Effect.fail("cache"))
})

const storeOf = ({ results }: World, process: Process): ResultStore.ResultStore => ({
  keep: (key, text) => outside(process, "store", () => Boolean(results.set(key, text)), () => Effect.fail("store")),
  read: (key) => outside(process, "store", () => results.get(key), () => Effect.fail("store"))
})

const approverOf = (process: Process): Approval.Approver => () =>
  outside(process, "approver", () => ({ approved: true, by: "the test" }), () => Effect.die(new Error("approver")))

/** Answers by what the conversation has reached, whoever asks; a request may be refused, and its reply break off. */
const modelOf = (world: World, process: Process) =>
  ScriptedModel.make((request) =>
    Effect.suspend(() => {
      world.requests.push(request)
      const turn = request.prompt.content.filter(({ role }) => role === "assistant").length
      const whole = reply(world.plan, turn)
      const issue = (): ModelScript.Step => {
        world.replies.push(whole)
        return whole
      }
      return outside(process, "model", issue, (side) =>
        Effect.succeed(
          side === "before"
            ? ModelScript.status(529)
            : ModelScript.cut(whole, { insideBlock: whole.content.length - 1 })
        ))
    })
  )

const later = (clock: Clock.Clock, by: number): Clock.Clock => {
  const nanos = BigInt(by) * 1_000_000n
  return {
    sleep: (duration) => clock.sleep(duration),
    monotonicTimeNanosUnsafe: () => clock.monotonicTimeNanosUnsafe(),
    monotonicTimeNanos: clock.monotonicTimeNanos,
    currentTimeMillisUnsafe: () => clock.currentTimeMillisUnsafe() + by,
    currentTimeMillis: Effect.map(clock.currentTimeMillis, (now) => now + by),
    currentTimeNanosUnsafe: () => clock.currentTimeNanosUnsafe() + nanos,
    currentTimeNanos: Effect.map(clock.currentTimeNanos, (now) => now + nanos)
  }
}

const living = Effect.fnUntraced(function*(world: World, process: Process) {
  const over = yield* Deferred.make<End>()
  const agent = agentOf(world.plan)
  const { model } = yield* modelOf(world, process)
  let shown = process.from
  const onEvent = (item: RunEvent.RunEvent | RunEvent.Delta) =>
    Effect.suspend(() =>
      whileAlive(
        process,
        Effect.sync(() => {
          if (item._tag === "TextDelta" || item._tag === "ThinkingDelta" || item._tag === "Progress") return
          if (world.journal[shown++] !== item && !world.lost) process.unkept++
        })
      )
    )
  const started = world.opened
    ? Agent.resume(agent, runId, { onEvent })
    : Agent.run(agent, "Go", { runId, onEvent })
  const clock = yield* Clock.Clock
  const services = yield* Effect.context()
  const run = started.pipe(
    Effect.provideContext(
      Context.mergeAll(
        services,
        Context.make(here, { world, process }),
        Context.make(Journal.current, journalOf(world, process)),
        Context.make(ToolCache.current, cacheOf(world, process)),
        Context.make(ResultStore.current, storeOf(world, process)),
        Context.make(Approval.current, approverOf(process)),
        Context.make(Clock.Clock, later(clock, world.now)),
        Context.make(References.MinimumLogLevel, "None" as const)
      )
    ),
    Effect.provideService(LanguageModel.LanguageModel, model)
  )
  // the run may come to its points before its fiber is known
  let isCancelled = false
  process.cancel = () => {
    isCancelled = true
  }
  process.die = () => Deferred.doneUnsafe(over, Effect.succeed("killed" as const))
  const fiber = yield* Effect.forkDetach(run)
  process.cancel = () => fiber.interruptUnsafe()
  if (isCancelled) process.cancel()
  fiber.addObserver((exit) => Deferred.doneUnsafe(over, Effect.succeed(exit)))
  return yield* Deferred.await(over)
})

/** One process of a run: begins it, or goes on with it where it is in the journal. */
export const live = (world: World, strike?: Strike): Process => {
  const process: Process = {
    strike,
    points: [],
    from: world.journal.length,
    to: 0,
    unkept: 0,
    running: 0,
    peak: 0,
    alive: true,
    end: "stuck",
    die: () => {},
    cancel: () => {}
  }
  world.processes.push(process)
  world.lost = false
  const seed = world.plan.seed * 31 + world.processes.length
  const { now, stop } = Simulation.simulate(living(world, process), { seed, yieldProbability: 0.1 })
  process.alive = false
  process.to = world.journal.length
  process.end = stop._tag === "Done"
    ? (Exit.isSuccess(stop.exit) ? stop.exit.value : stop.exit)
    : stop._tag === "Deadlock"
    ? "stuck"
    : "endless"
  const last = world.journal.findLast((event) => "at" in event)
  world.now = (last !== undefined && "at" in last ? last.at : world.now + now) + outage
  return process
}

/** The run as it is told when its processes die or cannot go on: others go on with it, until it has ended. */
export const recover = (world: World): void => {
  for (let i = 0; i < 5; i++) {
    const { end } = world.processes.at(-1)!
    const last = world.journal.at(-1)
    if (last === undefined || (Exit.isExit(end) && Exit.isSuccess(end))) return
    if (last._tag === "RunEnded" && (last.outcome === "failed" || last.outcome === "cancelled")) return
    live(world)
  }
}
