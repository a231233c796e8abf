import {
  Agent,
  Approval,
  Journal,
  ModelSettings,
  type Outcome,
  type RunEvent,
  ToolFailure,
  ToolPolicy
} from "@volley/core"
import { ModelScript, ScriptedModel, Simulation } from "@volley/core/testing"
import { Effect, Exit, Fiber, Layer, References, Schema } from "effect"
import { LanguageModel, type Prompt } from "effect/ai"
import { journalOf } from "../support/journalOf.ts"

/** How often a handler was run, over all recordings: a replay adds nothing. */
export const executed = { handlers: 0 }

const worked = <A, E = never>(millis: number, then: Effect.Effect<A, E>): Effect.Effect<A, E> =>
  Effect.suspend(() => {
    executed.handlers++
    return Effect.andThen(Effect.sleep(millis), then)
  })

const parameters = { n: Schema.Int }

const look = Agent.tool("look", {
  description: "Looks",
  class: "readonly",
  parameters,
  run: ({ n }) => worked(10 * n, Effect.succeed(`seen ${n}`))
})

const pay = Agent.tool("pay", {
  description: "Pays",
  parameters,
  run: ({ n }) => worked(5 * n, Effect.succeed(`paid ${n}`))
})

const wantingApproval = Object.assign(
  Agent.tool("drop", { description: "Drops", parameters, run: ({ n }) => worked(5, Effect.succeed(`dropped ${n}`)) }),
  { needsApproval: true }
)

const flaky = ToolPolicy.set(
  Agent.tool("flaky", {
    description: "Fails",
    class: "idempotent",
    parameters,
    failure: ToolFailure.ToolFailure,
    run: ({ n }): Effect.Effect<string, ToolFailure.ToolFailure> =>
      worked(
        5,
        Effect.fail(
          n > 1
            ? ToolFailure.permanent({ reason: "NotFound", message: "none" })
            : ToolFailure.transient({ reason: "Unavailable", message: "down", executed: false })
        )
      )
  }),
  { retry: { times: 2 } }
)

const below = Agent.make("below", { instructions: "You are below", tools: [look] })

const Report = Schema.Struct({ city: Schema.String, degrees: Schema.Int })

const thinking = (signature: string) => ({ type: "thinking", thinking: "step by step", signature }) as const

type Call = { readonly name: string; readonly input?: Schema.Json }

/** A reply with thinking and calls. */
const asks = (signature: string, ...calls: ReadonlyArray<Call>): ModelScript.Reply =>
  ModelScript.reply({
    content: [
      thinking(signature),
      { type: "text", text: "Let me see." },
      ...calls.map((call) => ({
        type: "tool_use" as const,
        ...call
      }))
    ],
    chunkSize: 12
  })

const call = (name: string, n: number): Call => ({ name, input: { n } })

/** A run whose model, tools and world are scripted. */
export interface Scenario {
  readonly name: string
  readonly agent: Agent.Agent<unknown, unknown, never, unknown>
  readonly script: ReadonlyArray<ModelScript.Step>
  /** What the model of a sub-agent answers. */
  readonly below?: ReadonlyArray<ModelScript.Step>
  readonly followsOutput?: boolean
}

const answer = ModelScript.text("done")

export const scenarios: ReadonlyArray<Scenario> = [
  {
    name: "eager",
    agent: Agent.make("eager", { instructions: "Be brief", tools: [look, pay] }),
    script: [asks("YQ==", call("look", 3), call("look", 1), call("pay", 2)), asks("Yg==", call("look", 2)), answer]
  },
  {
    name: "approvals",
    agent: Agent.make("approvals", { tools: [look, wantingApproval] }),
    script: [asks("YQ==", call("look", 1), call("drop", 1), call("drop", 2)), asks("Yg==", call("drop", 3)), answer]
  },
  {
    name: "sub-agents",
    agent: Agent.make("above", {
      tools: [Agent.asTool(below, { description: "Asks below" }), pay]
    }) as Scenario["agent"],
    script: [
      asks("YQ==", { name: "below", input: { task: "one" } }, call("pay", 1)),
      asks("Yg==", { name: "below", input: { task: "two" } }),
      answer
    ],
    below: [asks("Yw==", call("look", 1), call("look", 2)), ModelScript.text("from below")]
  },
  {
    name: "structured output by a tool",
    agent: Agent.make("structured", { tools: [look], output: Report }) as Scenario["agent"],
    script: [
      asks("YQ==", call("look", 1)),
      ModelScript.toolUse([{ name: "final_answer", input: { city: "Oslo" } }]),
      ModelScript.toolUse([{ name: "final_answer", input: { city: "Oslo", degrees: 7 } }])
    ]
  },
  {
    name: "structured output as a format",
    agent: Agent.make("structured", { tools: [look], output: Report }) as Scenario["agent"],
    script: [
      asks("YQ==", call("look", 1)),
      ModelScript.text("{\"city\":\"Oslo\"}"),
      ModelScript.text("{\"city\":\"Oslo\",\"degrees\":7}")
    ],
    followsOutput: true
  },
  {
    name: "failures",
    agent: Agent.make("failures", { tools: [flaky, look], partialFailure: { noteIf: 0.5, text: "Half of it failed" } }),
    script: [
      asks("YQ==", call("flaky", 1), call("flaky", 2), call("missing", 1), { name: "look", input: { n: "x" } }),
      asks("Yg==", call("look", 1)),
      answer
    ]
  },
  {
    name: "withheld calls",
    agent: Agent.make("withheld", { tools: [look, pay], limits: { toolCallsPerTurn: 2, turns: 3 } }),
    script: [asks("YQ==", call("look", 1), call("pay", 1), call("pay", 2)), asks("Yg==", call("pay", 3)), answer]
  },
  {
    name: "a reply that breaks off",
    agent: Agent.make("broken", { tools: [look, pay] }),
    script: [
      ModelScript.cut(asks("YQ==", call("look", 1), call("pay", 1)), { insideBlock: 3 }),
      asks("Yg==", call("look", 1), call("pay", 1)),
      ModelScript.reply({ content: [] }),
      answer
    ]
  },
  {
    name: "prepared turns",
    agent: Agent.make("prepared", {
      tools: [look],
      prepareTurn: ({ turn }) => turn === 0 ? { effort: "low", toolChoice: "required" } : { maxTokens: 500 }
    }),
    script: [asks("YQ==", call("look", 1)), asks("Yg==", call("look", 2)), answer]
  }
]

export type Item = RunEvent.RunEvent | RunEvent.Delta

export const isEvent = (item: Item): item is RunEvent.RunEvent =>
  item._tag !== "TextDelta" && item._tag !== "ThinkingDelta" && item._tag !== "Progress"

const isBelow = ({ prompt }: LanguageModel.ProviderOptions): boolean =>
  JSON.stringify(prompt.content[0]).includes("You are below")

/** What a run of a scenario showed and asked, and the journals of the runs that it started. */
export interface Recording {
  readonly exit: Exit.Exit<Outcome.Outcome<unknown>, unknown>
  readonly events: ReadonlyArray<RunEvent.RunEvent>
  readonly children: ReadonlyArray<ReadonlyArray<RunEvent.RunEvent>>
  readonly requests: ReadonlyArray<LanguageModel.ProviderOptions>
  readonly replies: ReadonlyArray<ModelScript.Reply>
}

/** Everything is approved but the second. */
const approver: Approval.Approver = ({ index }) =>
  Effect.as(
    Effect.sleep(50),
    index === 2 ? { approved: false, reason: "too much" } : { approved: true, by: "the test" }
  )

/** Runs something with the model and the world of a scenario, in simulated time. */
export const inScenario = <A>(
  scenario: Pick<Scenario, "script" | "below" | "followsOutput">,
  use: (journal: Journal.Journal) => Effect.Effect<A, never, LanguageModel.LanguageModel>,
  seed: number = 1
): { readonly value: A; readonly requests: Recording["requests"]; readonly replies: Recording["replies"] } => {
  const replies: Array<ModelScript.Reply> = []
  const requests: Array<LanguageModel.ProviderOptions> = []
  let asked = 0
  let askedBelow = 0
  const steps = scenario.below ?? []
  const program = Effect.gen(function*() {
    const { model } = yield* ScriptedModel.make((request) => {
      requests.push(request)
      const step = isBelow(request) ? steps[askedBelow++ % Math.max(1, steps.length)] : scenario.script[asked++]
      if (step !== undefined && ModelScript.isReply(step)) replies.push(step)
      return step
    })
    if (scenario.followsOutput === true) ModelSettings.declareOutput(model, Effect.succeed(true))
    const journal = journalOf(seed)
    return yield* use(journal).pipe(
      Effect.provideService(LanguageModel.LanguageModel, model),
      Effect.provideService(Journal.current, journal),
      Effect.provide(Layer.succeed(Approval.current, approver)),
      Effect.provideService(References.MinimumLogLevel, "None")
    )
  })
  const { stop } = Simulation.simulate(program, { seed })
  if (stop._tag !== "Done") throw new Error(`the scenario never ends: ${stop._tag}`)
  if (Exit.isFailure(stop.exit)) throw new Error(String(stop.exit.cause))
  return { value: stop.exit.value, requests, replies }
}

/** Records a run, or what is left of it where it is cancelled once it has shown so many events. */
export const record = (
  scenario: Scenario,
  options: { readonly cancelAt?: number; readonly seed?: number; readonly history?: Prompt.Prompt } = {}
): Recording => {
  const { cancelAt, history, seed } = options
  const { requests, replies, value } = inScenario(
    scenario,
    (journal) =>
      Effect.gen(function*() {
        let count = 0
        let cancel = (): void => {}
        const run = Agent.run(scenario.agent, "Go", {
          runId: "recorded",
          ...(history === undefined ? {} : { history }),
          onEvent: (item) =>
            isEvent(item) && ++count === cancelAt
              ? Effect.andThen(Effect.sync(() => cancel()), Effect.yieldNow)
              : Effect.void
        })
        const fiber = yield* Effect.forkChild(Effect.andThen(Effect.yieldNow, run))
        cancel = () => fiber.interruptUnsafe()
        const exit = yield* Fiber.await(fiber)
        const events = yield* Effect.orDie(journal.read("recorded"))
        const started = events.flatMap((event) => event._tag === "SubRunEnded" ? [event.runId] : [])
        const children = yield* Effect.orDie(Effect.forEach(started, journal.read))
        return { exit, events, children }
      }),
    seed
  )
  return { ...value, requests, replies }
}
