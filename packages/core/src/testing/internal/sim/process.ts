/**
 * The processes of a world, one after the other: each begins the runs, or goes on with those that are in the journal.
 *
 * @internal
 */
import type * as LanguageModel from "effect/ai/LanguageModel"
import type * as Prompt from "effect/ai/Prompt"
import type * as Tool from "effect/ai/Tool"
import * as Arbitrary from "effect/Arbitrary"
import * as Clock from "effect/Clock"
import * as Context from "effect/Context"
import * as Deferred from "effect/Deferred"
import * as Effect from "effect/Effect"
import * as Exit from "effect/Exit"
import * as Fiber from "effect/Fiber"
import * as References from "effect/References"
import * as Schema from "effect/Schema"
import * as Agent from "../../../Agent.ts"
import * as Approval from "../../../Approval.ts"
import * as Journal from "../../../Journal.ts"
import * as ResultStore from "../../../ResultStore.ts"
import * as RunEvent from "../../../RunEvent.ts"
import * as ToolCache from "../../../ToolCache.ts"
import * as ModelScript from "../../ModelScript.ts"
import * as ScriptedModel from "../../ScriptedModel.ts"
import { simulate } from "../simulate.ts"
import type * as Agents from "./agent.ts"
import * as Arguments from "./arguments.ts"
import * as World from "./world.ts"

// ---- the model

/** As often a provider sends a request again that was refused, and waits first, in milliseconds. */
const resends = 2
const firstWait = 500
const longestWait = 30_000

const answers = new WeakMap<object, Arguments.Arguments>()

/** Arguments for the tool that gives the structured output. */
const answerFor = (tool: Tool.Any): Arguments.Arguments => {
  const known = answers.get(tool)
  if (known !== undefined) return known
  const sampled = Arbitrary.sampleEffect(Arguments.valid(tool), { count: 1, seed: 1, size: 4 })
  const [made = {}] = Effect.runSyncWith(Context.empty())(Effect.orElseSucceed(sampled, () => []))
  answers.set(tool, made)
  return made
}

/** The reply of a turn (from 0); the answer after the last one, and where no tools may be called. */
const replyOf = (
  { cast }: World.World,
  { plan }: World.WorldRun,
  turn: number,
  request: LanguageModel.ProviderOptions
) => {
  const planned = request.toolChoice === "none" ? undefined : plan.turns[turn]
  const pace = { chunkSize: 100, ...(plan.interval === 0 ? {} : { interval: plan.interval }) }
  const output = request.tools.find(({ name }) => !cast.all.has(name))
  if (planned === undefined) {
    return output === undefined || request.toolChoice === "none"
      ? ModelScript.text("done", pace)
      : ModelScript.toolUse([{ name: output.name, ...answerFor(output) }], pace)
  }
  return ModelScript.reply({
    ...pace,
    content: [
      ...(planned.text === undefined ? [] : [{ type: "text" as const, text: planned.text }]),
      ...planned.calls.map(({ id, input, partialJson, tool }, i) => ({
        type: "tool_use" as const,
        id: id ?? ModelScript.callId(turn, i),
        name: tool,
        ...(input === undefined ? {} : { input }),
        ...(partialJson === undefined ? {} : { partialJson })
      }))
    ]
  })
}

const isReply = ({ role }: Prompt.Message): boolean => role === "assistant"

const modelOf = (world: World.World, process: World.Process, run: World.WorldRun) =>
  ScriptedModel.make((request) =>
    Effect.gen(function*() {
      const turn = request.prompt.content.filter(isReply).length
      const whole = replyOf(world, run, turn, request)
      const { faults = [] } = run.plan.turns[turn] ?? {}
      for (let sent = 0;; sent++) {
        const nth = run.asked.get(turn) ?? 0
        run.asked.set(turn, nth + 1)
        const fault = faults[nth]
        if (fault !== undefined && !("status" in fault)) return { ...whole, fault }
        const step: ModelScript.Step = yield* World.outside(
          process,
          "model",
          () => fault ?? whole,
          (side) => Effect.succeed(side === "before" ? ModelScript.status(529) : ModelScript.cut(whole)),
          run
        )
        if (ModelScript.isReply(step)) return step
        const asked = typeof step.retryAfter === "number" ? step.retryAfter * 1000 : 0
        if (sent >= resends || asked > longestWait) return step
        yield* Effect.sleep(Math.max(asked, firstWait * 2 ** sent))
      }
    })
  )

// ---- the stores and the approver

const encode = Schema.encodeSync(RunEvent.Json)
const decode = Schema.decodeSync(RunEvent.Json)

/** What is read is what a file would have. */
const reread = (event: RunEvent.RunEvent): RunEvent.RunEvent => decode(JSON.parse(JSON.stringify(encode(event))))

/** A writer that failed, or was followed by another, writes no more. */
const journalOf = (world: World.World, process: World.Process): Journal.Journal => {
  const failed = (runId: string, operation: "open" | "append" | "read", message: string) =>
    Effect.fail(new Journal.JournalFailure({ runId, operation, message }))
  const pause = Effect.repeat(Effect.yieldNow, { times: 2 })
  const writerOf = (run: World.WorldRun): Journal.Writer => {
    const { runId } = run
    const epoch = ++run.writer
    let refused = false
    const append: Journal.Writer["append"] = (event) =>
      Effect.suspend(() => {
        if (refused || run.writer !== epoch) return failed(runId, "append", "the writer is refused")
        const add = () => void run.events.push(event)
        const broken = () => {
          refused = true
          run.lost = true
          return failed(runId, "append", "the disk is full")
        }
        return World.outside(process, "append", add, broken, run, event._tag)
      })
    return { append: world.plan.slowJournal ? (event) => Effect.andThen(pause, append(event)) : append }
  }
  const found = (runId: string) => World.runOf(world, runId)
  return {
    open: (runId) =>
      Effect.suspend(() => {
        const run = found(runId)
        // a run that a handler of the user's begins is nobody's to keep
        if (run === undefined) return Effect.succeed<Journal.Writer>({ append: () => Effect.void })
        if (run.opened) return failed(runId, "open", "there is such a run")
        const open = () => {
          run.opened = true
          return writerOf(run)
        }
        return World.outside(process, "open", open, () => failed(runId, "open", "the disk is full"), run)
      }),
    reopen: (runId) =>
      Effect.suspend(() => {
        const run = found(runId)
        if (run?.opened !== true) return failed(runId, "open", "there is no such run")
        const reopen = () => ({ events: run.events.map(reread), writer: writerOf(run) })
        return World.outside(process, "open", reopen, () => failed(runId, "open", "the disk is full"), run)
      }),
    read: (runId) => Effect.sync(() => [...(found(runId)?.events ?? [])])
  }
}

const cacheOf = ({ cache }: World.World, process: World.Process): ToolCache.ToolCache => ({
  get: (key) => World.outside(process, "cache", () => cache.get(key), () => Effect.fail("cache")),
  set: (key, entry) =>
    World.outside(process, "cache", () => void cache.set(key, structuredClone(entry)), () => Effect.fail("cache"))
})

const storeOf = ({ results }: World.World, process: World.Process): ResultStore.ResultStore => ({
  keep: (key, text) =>
    World.outside(process, "store", () => Boolean(results.set(key, text)), () => Effect.fail("store")),
  read: (key) => World.outside(process, "store", () => results.get(key), () => Effect.fail("store"))
})

const approverOf = (world: World.World, process: World.Process): Approval.Approver => ({ index, runId, turn }) => {
  const run = World.runOf(world, runId)
  const { decides = "approve", expires, millis = 0 } = run?.plan.turns[turn - 1]?.calls[index]?.approval ?? {}
  const decide = Effect.clockWith((clock) =>
    World.outside(
      process,
      "approver",
      () => ({
        approved: decides === "approve",
        by: "the simulation",
        ...(expires === undefined ? {} : { expires: clock.currentTimeMillisUnsafe() + expires })
      }),
      () => Effect.die(new Error("the approver is gone")),
      run
    )
  )
  const decided = decides === "die" ? Effect.die(new Error("the approver has a bug")) : decide
  return millis === 0 ? decided : Effect.delay(decided, millis)
}

// ---- a process

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

/** Handlers that were abandoned end by themselves before that, in milliseconds. */
const aftermath = 3_600_000

/** It takes longer than most runs may take until somebody goes on with one whose process is gone, in milliseconds. */
const outage = 600_000

/** An abandoned handler may end after its run. */
const hasEnded = (events: World.WorldRun["events"]): boolean => events.some(({ _tag }) => _tag === "RunEnded")

/** Whether nothing more can come of a run. */
const isOver = ({ events, exit, opened }: World.WorldRun): boolean =>
  hasEnded(events) || (exit !== undefined && Exit.isSuccess(exit)) || (opened && events.length === 0)

const oneRun = Effect.fnUntraced(function*(
  world: World.World,
  process: World.Process,
  agent: Agents.Any,
  run: World.WorldRun
) {
  const { cancelAt, startAt, tenant } = run.plan
  const { layer } = yield* modelOf(world, process, run)
  let shown = run.events.length
  const onEvent = (item: RunEvent.RunEvent | RunEvent.Delta) =>
    Effect.sync(() => {
      if (item._tag === "TextDelta" || item._tag === "ThinkingDelta" || item._tag === "Progress") return
      if (run.events[shown++] !== item && !run.lost) run.unkept++
    })
  const isFirst = process.index === 0
  if (isFirst && startAt > 0) yield* Effect.sleep(startAt)
  if (run.opened) run.resumed.push(run.events.length)
  run.lost = false
  run.exit = undefined
  const running = run.opened
    ? Agent.resume(agent, run.runId, { onEvent })
    : Agent.run(agent, "Go", { runId: run.runId, tenant, onEvent })
  const fiber = yield* Effect.forkChild(Effect.provide(running as Effect.Effect<unknown, unknown>, layer))
  if (isFirst && cancelAt !== undefined) {
    yield* Effect.sleep(cancelAt)
    if (fiber.pollUnsafe() === undefined) run.cancelled = run.events.length
    yield* Fiber.interrupt(fiber)
  }
  const exit = yield* Fiber.await(fiber)
  if (process.alive) run.exit = exit
})

const living = Effect.fnUntraced(function*(
  world: World.World,
  process: World.Process,
  agent: Agents.Any,
  services: Context.Context<never>
) {
  const over = yield* Deferred.make<void>()
  process.die = () => Deferred.doneUnsafe(over, Effect.void)
  const clock = yield* Clock.Clock
  const runs = world.runs.filter((run) => !isOver(run))
  const all: Effect.Effect<unknown> = Effect.forEach(runs, (run) => oneRun(world, process, agent, run), {
    concurrency: "unbounded"
  })
  const lives = Effect.andThen(all, Effect.sleep(aftermath)).pipe(
    Effect.andThen(Deferred.succeed(over, undefined)),
    Effect.provideContext(
      Context.mergeAll(
        services,
        yield* Effect.context(),
        Context.make(World.here, { world, process, execution: undefined }),
        Context.make(Journal.current, journalOf(world, process)),
        Context.make(ToolCache.current, cacheOf(world, process)),
        Context.make(ResultStore.current, storeOf(world, process)),
        Context.make(Approval.current, approverOf(world, process)),
        Context.make(Clock.Clock, world.now === 0 ? clock : later(clock, world.now)),
        Context.make(References.MinimumLogLevel, "None" as const),
        Context.make(References.TracerEnabled, false)
      )
    )
  )
  yield* Effect.forkDetach(lives)
  yield* Deferred.await(over)
})

/** @internal */
export type Stop = "Done" | "Deadlock" | "StepLimit"

const maxSteps = 2_000_000

/**
 * Runs a world to its end: until its runs are over, or nothing can happen any more.
 *
 * @internal
 */
export const live = (world: World.World, agent: Agents.Any, services: Context.Context<never>): Stop => {
  const { seed, strikes } = world.plan
  for (let index = 0; index <= strikes.length; index++) {
    const process: World.Process = {
      index,
      strike: strikes[index],
      count: 0,
      struck: undefined,
      alive: true,
      die: () => {}
    }
    world.processes.push(process)
    const { now, steps, stop } = simulate(living(world, process, agent, services), {
      // another process, another order; the same share of yields
      seed: seed + index * 0x10000,
      maxSteps
    })
    process.alive = false
    world.steps += steps
    world.now += now
    if (stop._tag !== "Done") return stop._tag
    if (world.runs.every(isOver)) return "Done"
    world.now += outage
  }
  return "Done"
}
