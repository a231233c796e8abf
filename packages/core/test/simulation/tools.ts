import { Agent, ToolCall, ToolFailure, ToolPolicy } from "@volley/core"
import { Context, Effect, Exit, Option, Schema } from "effect"
import { CircuitBreaker } from "effect/persistence"
import { type Fate, type Plan, policies, retryAfter, type Step } from "./plan.ts"

/** One execution of a handler, as it saw itself: the dispatcher has no part in this record. */
export interface Execution {
  readonly id: number
  readonly tenant: string
  readonly tool: string
  readonly turn: number
  readonly call: number
  readonly item: number
  readonly n: number
  readonly attempt: number
  readonly key: string
  readonly fate: Fate
  readonly deadline: number
  readonly start: number
  /** How many events of its run there were when it began. */
  readonly from: number
  end: number | undefined
  /** How many events of its run there were when it ended. */
  to: number | undefined
  /** Whether it ended by itself, not by interruption. */
  finished: boolean
  /** When the side effect took place. */
  committed: number | undefined
}

/** What the handlers of a world write. */
export interface Books {
  readonly plan: Plan
  readonly executions: Array<Execution>
  readonly counts: Map<string, number>
  readonly eventsOf: (tenant: string) => number
}

/** The books of the world that a handler is in. */
export const books: Context.Reference<Books> = Context.Reference("simulation/Books", {
  defaultValue: (): Books => {
    throw new Error("a handler outside of a world")
  }
})

class Sealed extends Schema.TaggedError<Sealed>()("Sealed", {}) {
  readonly [ToolFailure.kind] = "fatal" as const
}

const now = Effect.clockWith((clock) => clock.currentTimeMillis)

/** What a result says of itself, so that the oracle knows which execution gave it. */
export const resultOf = ({ id, item, n, tenant, tool }: Execution): string =>
  `${tenant}/${tool}/${item}/${n}#${id};${filler(tool, item)}`

const filler = (tool: string, item: number): string =>
  tool === "big" ? "x".repeat(item === 0 ? 100 : 3000) : tool === "huge" ? "x".repeat(item === 0 ? 30_000 : 40_000) : ""

const act = (
  { fate, millis }: Step,
  commit: Effect.Effect<void>,
  result: string
): Effect.Effect<string, ToolFailure.ToolFailure | Sealed> => {
  const down = (more: object = {}) => ToolFailure.transient({ reason: "Unavailable", message: "down", ...more })
  const done = Effect.as(commit, result)
  const work = Effect.sleep(millis)
  switch (fate) {
    case "ok":
      return Effect.andThen(work, done)
    case "slow":
      return Effect.andThen(Effect.sleep(millis + 35), done)
    case "transient":
      return Effect.andThen(work, down())
    case "refused":
      return Effect.andThen(work, down({ executed: false }))
    case "throttled":
    case "distant":
      return Effect.andThen(
        work,
        ToolFailure.transient({
          reason: "RateLimited",
          message: "slow down",
          retryAfter: retryAfter[fate],
          executed: false
        })
      )
    case "committed":
      return Effect.andThen(work, Effect.andThen(commit, down()))
    case "permanent":
      return Effect.andThen(work, ToolFailure.permanent({ reason: "NotFound", message: "none" }))
    case "unknown":
      return Effect.andThen(work, new ToolFailure.Unknown({ message: "odd" }))
    case "die":
      return Effect.andThen(work, Effect.die(new Error("bug")))
    case "hang":
      return Effect.never
    case "deaf": {
      // its effect takes place at once, or when nobody expects it any more
      const sleep = Effect.uninterruptible(Effect.sleep(170))
      return millis < 10
        ? Effect.andThen(commit, Effect.as(sleep, result))
        : Effect.uninterruptible(Effect.andThen(sleep, done))
    }
    case "fatal":
      return Effect.andThen(work, new Sealed())
  }
}

type Parameters = { readonly item: number; readonly n: number }

/** Writes the beginning of an execution into the books. */
const begin = (
  { counts, eventsOf, executions, plan }: Books,
  { attempt, deadline, idempotencyKey, index, tenant = "", turn }: ToolCall.ToolCall,
  tool: string,
  { item, n }: Parameters,
  at: number
): readonly [Execution, Step] => {
  const counted = `${tenant} ${tool} ${item} ${n}`
  const nth = counts.get(counted) ?? 0
  counts.set(counted, nth + 1)
  const step = plan.step(tenant, tool, item, n, nth)
  const execution: Execution = {
    id: executions.length,
    tenant,
    tool,
    turn,
    call: index,
    item,
    n,
    attempt,
    key: idempotencyKey,
    fate: step.fate,
    deadline,
    start: at,
    from: eventsOf(tenant),
    end: undefined,
    to: undefined,
    finished: false,
    committed: undefined
  }
  executions.push(execution)
  return [execution, step]
}

/** Does what the plan says; the books are complete whenever it is interrupted. */
const execute = (tool: string) =>
  Effect.fnUntraced(function*(parameters: Parameters) {
    const written = yield* books
    const call = yield* ToolCall.current
    if (call === undefined) return yield* Effect.die(new Error("a handler without a call"))
    return yield* Effect.acquireUseRelease(
      Effect.map(now, (at) => begin(written, call, tool, parameters, at)),
      ([execution, step]) => {
        const commit = Effect.map(now, (at) => {
          execution.committed = at
        })
        return act(step, commit, resultOf(execution))
      },
      ([execution], exit) =>
        Effect.map(now, (at) => {
          execution.end = at
          execution.to = written.eventsOf(execution.tenant)
          execution.finished = !Exit.hasInterrupts(exit)
        })
    )
  })

const made = (name: string, effectClass: ToolPolicy.EffectClass) =>
  Agent.tool(name, {
    description: name,
    class: effectClass,
    parameters: { item: Schema.Int, n: Schema.Int },
    success: Schema.String,
    failure: ToolFailure.ToolFailure,
    run: (parameters) => execute(name)(parameters) as Effect.Effect<string, ToolFailure.ToolFailure>
  })

const common = { timeout: policies.timeout, retry: { times: policies.retries } }

export const byItem = ({ item }: { readonly item: number }): string => `${item}`

/** Asks the books, which sometimes do not answer. */
const reconcile = ({ item, n }: Parameters, { idempotencyKey }: ToolCall.ToolCall) =>
  Effect.flatMap(books, ({ executions }) => {
    if ((item + n) % 3 === 2) return Effect.fail("no answer")
    const taken = executions.find(({ committed, key }) => key === idempotencyKey && committed !== undefined)
    return Effect.succeed(taken === undefined ? Option.none() : Option.some(resultOf(taken)))
  })

export const tools = [
  ToolPolicy.readonly(made("read", "readonly"), {
    ...common,
    concurrency: policies.read.concurrency,
    cache: policies.read
  }),
  ToolPolicy.set(made("put", "idempotent"), { ...common, serial: byItem }),
  ToolPolicy.effectful(made("pay", "effectful"), { ...common, serial: byItem, reconcile }),
  ToolPolicy.readonly(made("slow", "readonly"), { ...common, hedge: policies.slow }),
  ToolPolicy.set(made("limited", "readonly"), { ...common, rateLimit: policies.limited }),
  ToolPolicy.readonly(made("fragile", "readonly"), {
    ...common,
    retry: { times: policies.fragile.retries },
    breaker: {
      tripPolicy: CircuitBreaker.consecutive(policies.fragile.failures),
      openDuration: policies.fragile.openFor
    },
    fallback: ToolPolicy.set(made("spare", "readonly"), { ...common, retry: { times: 0 } })
  }),
  ToolPolicy.set(made("later", "readonly"), { ...common, after: ["pay"] }),
  ToolPolicy.set(made("big", "readonly"), { ...common, maxResultSize: policies.big.maxResultSize }),
  ToolPolicy.set(made("huge", "readonly"), common),
  ToolPolicy.set(
    Agent.tool("vault", {
      description: "May be sealed",
      class: "readonly",
      parameters: { item: Schema.Int, n: Schema.Int },
      success: Schema.String,
      failure: Schema.Union([ToolFailure.Transient, ToolFailure.Permanent, ToolFailure.Unknown, Sealed]),
      run: execute("vault")
    }),
    common
  )
]
