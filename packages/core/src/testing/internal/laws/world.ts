/**
 * One seed, one world: the runs of an agent with the tools of a law, in simulated time.
 *
 * @internal
 */
import type * as Tool from "effect/ai/Tool"
import * as Cause from "effect/Cause"
import * as Effect from "effect/Effect"
import * as Exit from "effect/Exit"
import * as Fiber from "effect/Fiber"
import * as Layer from "effect/Layer"
import * as Predicate from "effect/Predicate"
import * as References from "effect/References"
import * as Agent from "../../../Agent.ts"
import * as Approval from "../../../Approval.ts"
import type * as RunEvent from "../../../RunEvent.ts"
import * as ModelFuzz from "../../ModelFuzz.ts"
import * as Engine from "../simulate.ts"
import * as Fates from "./fates.ts"
import { type Books, type Execution, subjects } from "./subject.ts"

/** What a law wants of its worlds. @internal */
export interface Shape {
  readonly weather: Fates.Weather
  /** How many tenants run at the same time; they all have the same model. */
  readonly tenants: number
  readonly cancelled: boolean
  /** Whether the deadline comes while calls are under way. */
  readonly hurried: boolean
}

/** @internal */
export interface SeenRun {
  readonly runId: string
  readonly events: ReadonlyArray<RunEvent.RunEvent>
  readonly executions: ReadonlyArray<Execution>
  readonly exit: Exit.Exit<unknown, unknown>
  /** When it was over, in milliseconds after its start. */
  readonly took: number
}

/** @internal */
export interface Seen {
  readonly tools: ReadonlyArray<Tool.Any>
  readonly runs: ReadonlyArray<SeenRun>
}

/** Handlers that were abandoned end by themselves before that, in milliseconds. */
const aftermath = 2 * 3_600_000

const isEvent = (item: RunEvent.RunEvent | RunEvent.Delta): item is RunEvent.RunEvent =>
  item._tag !== "TextDelta" && item._tag !== "ThinkingDelta" && item._tag !== "Progress"

const now = Effect.clockWith((clock) => clock.currentTimeMillis)

const oneRun = Effect.fnUntraced(
  function*(agent: Agent.Agent<unknown>, tenant: string, books: Books, seed: number, shape: Shape) {
    const random = Fates.numbersOf(`${seed} ${tenant}`)
    const runId = `run-${tenant}`
    const events: Array<RunEvent.RunEvent> = []
    const model = yield* ModelFuzz.make(seed)
    yield* Effect.sleep(Math.floor(random() * 3) * 50)
    const started = yield* now
    const running = Agent.run(agent, "go", {
      runId,
      tenant,
      onEvent: (item) => Effect.sync(() => void (isEvent(item) && events.push(item)))
    })
    const fiber = yield* Effect.forkChild(Effect.provide(running, model.layer))
    if (shape.cancelled) {
      yield* Effect.sleep(Math.floor(random() ** 2 * 3000))
      yield* Fiber.interrupt(fiber)
    }
    const exit = yield* Fiber.await(fiber)
    const took = (yield* now) - started
    return { runId, events, exit, took, executions: books.executions }
  }
)

const limitsOf = (seed: number, { hurried }: Shape) => {
  const random = Fates.numbersOf(`limits ${seed}`)
  const upTo = (most: number): number => Math.floor(random() * (most + 1))
  return {
    concurrency: 1 + upTo(4),
    retries: upTo(10),
    turns: 6,
    deadline: hurried ? 50 + upTo(40) * 50 : "5 minutes"
  } as const
}

const world = Effect.fnUntraced(function*(
  tools: ReadonlyArray<Tool.Any>,
  layer: Layer.Layer<never> | undefined,
  seed: number,
  shape: Shape
) {
  const books: Books = { executions: [], counts: new Map(), moment: 0 }
  const services = layer === undefined ? undefined : yield* Layer.build(layer)
  const made = yield* subjects(tools, { seed, weather: shape.weather, books, services })
  const agent = Agent.make("laws", { tools: made, limits: limitsOf(seed, shape) }) as Agent.Agent<unknown>
  const tenants = Array.from({ length: shape.tenants }, (_, i) => String.fromCharCode(97 + i))
  const running = Effect.forEach(tenants, (tenant) => oneRun(agent, tenant, books, seed, shape), {
    concurrency: "unbounded"
  })
  const runs = yield* services === undefined ? running : Effect.provideContext(running, services)
  yield* Effect.sleep(aftermath)
  return {
    tools: made,
    runs: runs.map((run): SeenRun => ({
      ...run,
      executions: books.executions.filter(({ call }) => call.runId === run.runId)
    }))
  } satisfies Seen
})

/** Approves most of what wants approval. */
const approver = (seed: number): Approval.Approver => ({ key }) =>
  Effect.delay(
    Effect.sync(() => ({ approved: Fates.numbersOf(`${seed} ${key}`)() < 0.8 })),
    Math.floor(Fates.numbersOf(`delay ${seed} ${key}`)() * 500)
  )

/** Runs an effect in simulated time: what it gave, or why it never came to an end. @internal */
export const simulated = <A>(effect: Effect.Effect<A, unknown>, seed: number): A | string => {
  const { stop } = Engine.simulate(Effect.provideService(effect, References.MinimumLogLevel, "None"), {
    seed,
    maxSteps: 1_000_000
  })
  switch (stop._tag) {
    case "Deadlock":
      return "it waits for what is outside of the simulation: a promise, or a timer of its own"
    case "StepLimit":
      return "it does not come to an end"
    case "Done":
      return Exit.isSuccess(stop.exit) ? stop.exit.value : `it broke: ${described(stop.exit.cause)}`
  }
}

const described = (cause: Cause.Cause<unknown>): string => {
  const error = Cause.squash(cause)
  return Predicate.isError(error) ? error.message : String(error)
}

/** @internal */
export const simulate = (
  tools: ReadonlyArray<Tool.Any>,
  layer: Layer.Layer<never> | undefined,
  seed: number,
  shape: Shape
): Seen | string =>
  simulated(
    world(tools, layer, seed, shape).pipe(Effect.scoped, Effect.provideService(Approval.current, approver(seed))),
    seed
  )
