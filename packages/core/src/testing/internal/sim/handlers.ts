/**
 * The tools of an agent with handlers that do what a plan says.
 *
 * @internal
 */
import * as Tool from "effect/ai/Tool"
import type * as Toolkit from "effect/ai/Toolkit"
import * as Clock from "effect/Clock"
import * as Context from "effect/Context"
import * as Effect from "effect/Effect"
import * as Exit from "effect/Exit"
import * as Option from "effect/Option"
import type * as Schema from "effect/Schema"
import { atEnd } from "../../../internal/atEnd.ts"
import * as BoundTool from "../../../internal/boundTool.ts"
import * as ToolCall from "../../../ToolCall.ts"
import * as ToolPolicy from "../../../ToolPolicy.ts"
import * as Cast from "./cast.ts"
import type * as Plan from "./plan.ts"
import * as World from "./world.ts"

type Handler = (params: unknown, context: Toolkit.HandlerContext<never>) => Effect.Effect<unknown, unknown>

/** What becomes of a call that the plan does not know. */
const calm: Plan.Fate = { does: "ok", millis: 0 }

const plannedOf = ({ plan }: World.World, run: number, turn: number, index: number): Plan.Call | undefined =>
  plan.runs[run]?.turns[turn - 1]?.calls[index]

const lostConnection = Effect.suspend(() => Effect.die(new Error("the connection was lost")))

/** A side effect takes place: a point at which a process may be struck. */
const take = (
  { execution, process, world }: World.Here,
  what: () => string | undefined,
  fail: Effect.Effect<never, unknown>
): Effect.Effect<void, unknown> =>
  Effect.clockWith((clock) => {
    const act = () => {
      const at = clock.currentTimeMillisUnsafe()
      const effect = what()
      if (execution === undefined) return
      execution.acted ??= at
      if (effect !== undefined) world.effects.push({ execution, what: effect, at })
    }
    return World.outside(process, "effect", act, () => fail)
  })

/** For handlers of the user: the present handler takes effect. @internal */
export const effect = (what: string): Effect.Effect<void> =>
  Effect.flatMap(World.here, (here) =>
    here === undefined
      ? Effect.void
      : Effect.orDie(take(here, () => what, lostConnection)))

/** What a handler fails with where its system is struck. */
const struck = ({ failure, failures }: Cast.Member): Effect.Effect<never, unknown> =>
  Effect.suspend(() => {
    const lost = failures.find(({ executed, kind }) => kind === "transient" && executed)
    return lost === undefined ? lostConnection : Effect.fail(failure(lost.json))
  })

/** The systems behind the tools: that of an idempotent tool knows the keys that it was given. */
const simulated = (member: Cast.Member, here: World.Here): Effect.Effect<void, unknown> => {
  const what = () => {
    const { keys } = here.world
    const key = here.execution?.key ?? ""
    const isKnown = keys.has(key)
    keys.add(key)
    return member.effectClass === "effectful" || (member.effectClass === "idempotent" && !isKnown)
      ? member.name
      : undefined
  }
  return take(here, what, struck(member))
}

/** Does what is planned around the act of a handler. */
const meet = (
  member: Cast.Member,
  fate: Plan.Fate,
  act: Effect.Effect<unknown, unknown>
): Effect.Effect<unknown, unknown> => {
  const { failure } = member
  const work = fate.millis === 0 ? Effect.void : Effect.sleep(fate.millis)
  const first = fate.acts === true ? Effect.andThen(work, Effect.ignore(act)) : work
  switch (fate.does) {
    case "ok":
    case "flood":
      return fate.millis === 0 ? act : Effect.andThen(work, act)
    case "fail":
      return Effect.andThen(first, Effect.suspend(() => Effect.fail(failure(fate.failure ?? null))))
    case "die":
      return Effect.andThen(first, Effect.die(new Error("a bug of the tool")))
    case "hang":
      return Effect.andThen(first, Effect.never)
    case "deaf":
      return fate.acts === true
        ? Effect.flatMap(act, (value) => Effect.as(Effect.uninterruptible(work), value))
        : Effect.uninterruptible(Effect.andThen(work, act))
  }
}

const requestOf = (events: World.WorldRun["events"]): number => {
  const last = events.findLast(({ _tag }) => _tag === "ModelRequested")
  return last?._tag === "ModelRequested" ? last.request : 0
}

const begin = (
  { process, world }: World.Here,
  call: ToolCall.ToolCall,
  tool: string,
  params: unknown,
  start: number
): World.Execution | undefined => {
  const run = world.runs.findIndex(({ runId }) => runId === call.runId)
  if (run === -1) return undefined
  const { attempt, deadline, idempotencyKey, index, turn } = call
  const { events } = world.runs[run]!
  const execution: World.Execution = {
    id: world.executions.length,
    process: process.index,
    run,
    tool,
    turn,
    request: requestOf(events),
    index,
    attempt,
    key: idempotencyKey,
    params,
    fate: plannedOf(world, run, turn, index)?.fates[attempt - 1] ?? calm,
    deadline,
    start,
    from: events.length,
    end: undefined,
    to: undefined,
    finished: false,
    failure: undefined,
    acted: undefined
  }
  world.executions.push(execution)
  return execution
}

const end = (
  { world }: World.Here,
  { policy }: Cast.Member,
  execution: World.Execution,
  exit: Exit.Exit<unknown, unknown>,
  at: number
): void => {
  execution.end = at
  execution.to = world.runs[execution.run]!.events.length
  execution.finished = !Exit.hasInterrupts(exit)
  const error = Exit.findErrorOption(exit)
  if (Option.isSome(error)) execution.failure = Cast.stated(policy, error.value)
  else if (Exit.hasDies(exit)) execution.failure = { kind: "defect", executed: true, retryAfter: undefined }
}

/** The agent's own handler: it carries it, or the context has it. */
const own = (tool: Tool.Any): Handler => (params, context) => {
  if (BoundTool.isBound(tool)) return (tool[BoundTool.TypeId].handler as Handler)(params, context)
  return Effect.contextWith((services: Context.Context<never>) => {
    const found = services.mapUnsafe.get(tool.id) as
      | { readonly handler: Handler; readonly context: Context.Context<never> }
      | undefined
    if (found === undefined) return Effect.die(new Error(`Tool "${tool.name}" has no handler in the context`))
    return Effect.updateContext(
      found.handler(params, context),
      (caller: Context.Context<never>) => Context.merge(found.context, caller)
    )
  })
}

/** What a handler gives for a call, as its success schema encodes it. @internal */
export const resultOf = (
  member: Cast.Member,
  planned: Plan.Call | undefined,
  fate: Plan.Fate,
  ...place: readonly [run: number, turn: number, index: number]
): Schema.Json | undefined => {
  const json = planned?.result ?? member.results[0]
  if (json === undefined) return undefined
  const marked = member.mark(json, ...place)
  return fate.does === "flood" ? member.flood(marked, fate.bytes ?? 0) ?? marked : marked
}

const handlerOf = (member: Cast.Member, isOwn: boolean): Handler => (params, context) =>
  Effect.uninterruptibleMask((restore) =>
    Effect.withFiber((fiber) => {
      const clock = fiber.getRef(Clock.Clock)
      const place = fiber.getRef(World.here)
      const call = fiber.getRef(ToolCall.current)
      const execution = place === undefined || call === undefined
        ? undefined
        : begin(place, call, member.name, params, clock.currentTimeMillisUnsafe())
      if (place === undefined || call === undefined || execution === undefined) {
        // of a run that a handler of the user's began
        return isOwn
          ? restore(own(member.tool)(params, context))
          : Effect.die(new Error("a handler outside of the simulation"))
      }
      const here: World.Here = { ...place, execution }
      const planned = plannedOf(place.world, execution.run, call.turn, call.index)
      const result = Effect.sync(() =>
        member.result(resultOf(member, planned, execution.fate, execution.run, call.turn, call.index))
      )
      const done = isOwn
        ? Effect.provideService(own(member.tool)(params, context), World.here, here)
        : Effect.andThen(simulated(member, here), result)
      return atEnd(
        restore(meet(member, execution.fate, done)),
        (exit) => end(place, member, execution, exit, clock.currentTimeMillisUnsafe())
      )
    })
  )

/** Asks the systems behind a tool whether a call took effect, which sometimes do not answer. */
const reconcileOf = (member: Cast.Member, isOwn: boolean): ToolPolicy.Policy["reconcile"] => {
  const { reconcile } = member.policy
  if (reconcile === undefined) return undefined
  return (params, call) =>
    Effect.flatMap(World.here, (place) => {
      const run = place?.world.runs.findIndex(({ runId }) => runId === call.runId) ?? -1
      const planned = place === undefined ? undefined : plannedOf(place.world, run, call.turn, call.index)
      if (place === undefined || planned?.reconcile === "fails") return Effect.fail("no answer")
      if (isOwn) return reconcile(params, call)
      const ask = () =>
        place.world.keys.has(call.idempotencyKey)
          ? Option.some(member.result(resultOf(member, planned, calm, run, call.turn, call.index)))
          : Option.none()
      return World.outside(place.process, "reconcile", ask, () => Effect.fail("no answer"))
    })
}

/**
 * The tools of a cast with handlers that do what the plan of their world says.
 *
 * @param isOwn - whether what they do then is done by the handlers of the agent
 * @internal
 */
export const tools = (cast: Cast.Cast, isOwn: boolean): ReadonlyMap<string, Tool.Any> => {
  const made = new Map<string, Tool.Any>()
  const make = (member: Cast.Member): Tool.Any => {
    const known = made.get(member.name)
    if (known !== undefined) return known
    const { fallback } = member.policy
    const standIn = fallback === undefined ? undefined : cast.all.get(fallback.name)
    const reconcile = reconcileOf(member, isOwn)
    const policy = {
      ...member.policy,
      ...(reconcile === undefined ? {} : { reconcile }),
      ...(standIn === undefined ? {} : { fallback: make(standIn) })
    }
    const tool = Cast.isOwn(member.tool) || Tool.isProviderDefined(member.tool)
      ? member.tool
      : Object.assign(member.tool.annotate(ToolPolicy.Annotation, policy), {
        [BoundTool.TypeId]: { handler: handlerOf(member, isOwn) }
      })
    made.set(member.name, tool)
    return tool
  }
  for (const member of cast.all.values()) make(member)
  return made
}
