import { Agent, type Limits, ToolFailure, ToolPolicy } from "@volley/core"
import { Effect, Option, Schedule, Schema } from "effect"
import { Tool } from "effect/ai"
import { CircuitBreaker } from "effect/persistence"

class Sealed extends Schema.TaggedError<Sealed>()("Sealed", {}) {
  readonly [ToolFailure.kind] = "fatal" as const
}

const unused = () => Effect.die(new Error("the simulation has handlers of its own"))

const made = (name: string, effectClass: ToolPolicy.EffectClass) =>
  Agent.tool(name, {
    description: name,
    class: effectClass,
    parameters: { item: Schema.Literals([0, 1]), n: Schema.Int.check(Schema.isBetween({ minimum: 0, maximum: 9 })) },
    success: Schema.String,
    failure: ToolFailure.ToolFailure,
    run: unused
  })

const common = { timeout: 60, retry: { times: 2 } } as const

const byItem = ({ item }: { readonly item: number }): string => `${item}`

const reconcile = () => Effect.succeed(Option.none<string>())

const tools = [
  ToolPolicy.readonly(made("read", "readonly"), {
    ...common,
    concurrency: 2,
    cache: { timeToLive: 80, staleIfError: 400, failures: 60 }
  }),
  ToolPolicy.set(made("put", "idempotent"), { ...common, serial: byItem }),
  ToolPolicy.effectful(made("pay", "effectful"), { ...common, serial: byItem, reconcile }),
  ToolPolicy.effectful(made("send", "effectful"), common),
  ToolPolicy.readonly(made("slow", "readonly"), { ...common, hedge: { after: 20 } }),
  ToolPolicy.set(made("limited", "readonly"), { ...common, rateLimit: { limit: 2, window: 50 } }),
  ToolPolicy.readonly(made("fragile", "readonly"), {
    ...common,
    retry: { times: 1 },
    breaker: { tripPolicy: CircuitBreaker.consecutive(2), openDuration: 60 },
    fallback: ToolPolicy.set(made("spare", "readonly"), { ...common, retry: { times: 0 } })
  }),
  ToolPolicy.set(made("later", "readonly"), { ...common, after: ["pay"] }),
  ToolPolicy.set(made("big", "readonly"), { ...common, maxResultSize: "1 KiB" }),
  ToolPolicy.set(made("huge", "readonly"), common),
  ToolPolicy.set(
    Agent.tool("vault", {
      description: "May be sealed",
      class: "readonly",
      parameters: { item: Schema.Int },
      success: Schema.String,
      failure: Schema.Union([ToolFailure.Transient, ToolFailure.Permanent, ToolFailure.Unknown, Sealed]),
      run: unused
    }),
    common
  )
] as const

const bank = (limits: Limits.Limits) => Agent.make("bank", { instructions: "Be brief", tools, limits })

const approved = <T extends Tool.Any>(tool: T): T => tool.annotate(Tool.Destructive, true) as Tool.Any as T

class Busy extends Schema.TaggedError<Busy>()("Busy", { queue: Schema.Int }) {}
class Gone extends Schema.TaggedError<Gone>()("Gone", { id: Schema.String }) {}

/** Tools with failures and results of their own, approvals, schedules, and the words of policy that the bank has not. */
const office = Agent.make("office", {
  tools: [
    approved(ToolPolicy.effectful(made("refund", "effectful"), common)),
    Agent.tool("transfer", {
      description: "Moves money",
      parameters: { from: Schema.String, cents: Schema.Int },
      success: Schema.Struct({ id: Schema.String, cents: Schema.Int }),
      failure: ToolFailure.ToolFailure,
      needsApproval: ({ cents }) => cents > 0,
      run: unused
    }),
    ToolPolicy.readonly(
      Tool.make("list", {
        description: "Lists documents",
        parameters: Schema.Struct({ folder: Schema.Literals(["in", "out"]), page: Schema.optionalKey(Schema.Int) }),
        success: Schema.Array(Schema.String),
        failure: Schema.Union([Busy, Gone])
      }),
      {
        failures: { Busy: "transient", Gone: "permanent" },
        timeout: "10 seconds",
        retry: Schedule.spaced("1 second").pipe(Schedule.upTo({ times: 3 })),
        hedge: { after: "p95" },
        rateLimit: { limit: 4, window: "1 second", algorithm: "token-bucket", key: ({ folder }) => folder }
      }
    ),
    ToolPolicy.idempotent(
      Tool.make("archive", { parameters: Schema.Struct({ id: Schema.String }), failure: ToolFailure.ToolFailure }),
      {
        timeout: "5 seconds",
        serial: true,
        breaker: {
          tripPolicy: CircuitBreaker.rate({ threshold: 0.5, minimumCalls: 2, size: 4 }),
          openDuration: "1 second",
          key: ({ id }) => id.slice(0, 1)
        }
      }
    ),
    Tool.dynamic("anything", {
      parameters: { type: "object", properties: { id: { type: "string" } }, required: ["id"] }
    })
  ],
  limits: { concurrency: 3, retries: 8, turns: 5, toolCallsPerTurn: 10, deadline: "2 minutes" },
  partialFailure: { noteIf: 0.5, text: "Half of it failed" },
  prepareTurn: ({ turn }) => turn === 0 ? { effort: "low" } : {}
})

export const agents = {
  wide: bank({ concurrency: 3, retries: 6, deadline: 5000 }),
  narrow: bank({ concurrency: 1, retries: 2, deadline: 400, toolTimeout: 250 }),
  office
} as const
