// @effect-diagnostics missingEffectContext:off floatingEffect:off
import { Agent, type Outcome, ToolFailure } from "@volley/core"
import { Context, Effect, Layer, Schema, type Stream } from "effect"
import { type LanguageModel, Tool, Toolkit } from "effect/ai"
import { describe, expectTypeOf, it } from "vitest"

class Database extends Context.Service<Database, { readonly query: Effect.Effect<string> }>()("test/Database") {}
class Sealed extends Schema.TaggedError<Sealed>()("Sealed", { path: Schema.String }) {
  readonly [ToolFailure.kind] = "fatal" as const
}

const bound = Agent.tool("bound", { description: "d", class: "readonly", run: () => 1 })
const needy = Agent.tool("needy", { description: "d", run: () => Effect.flatMap(Database, ({ query }) => query) })
const fatal = Agent.tool("fatal", {
  description: "d",
  failure: Sealed,
  run: () => Effect.fail(new Sealed({ path: "p" }))
})
const unhandled = Tool.make("unhandled", { success: Schema.String })
const Report = Schema.Struct({ at: Schema.DateFromString, pods: Schema.Array(Schema.String) })

declare const model: Layer.Layer<LanguageModel.LanguageModel>

type ErrorOf<A> = A extends Agent.Agent<infer _T, infer E, infer _R, infer _O> ? E : never

const errorsOf = <Tools, E, R, Output>(agent: Agent.Agent<Tools, E, R, Output>) => Agent.run(agent, "hi")

describe("outcome", () => {
  it("output is the decoded type of the schema; what reached a limit may have none", () => {
    const run = Agent.run(Agent.make("typed", { output: Report }), "hi")
    type Found = Effect.Success<typeof run>
    expectTypeOf<Found>().toEqualTypeOf<Outcome.Outcome<{ readonly at: Date; readonly pods: ReadonlyArray<string> }>>()
    expectTypeOf<Extract<Found, { readonly _tag: "Completed" }>["output"]>().toEqualTypeOf<
      { readonly at: Date; readonly pods: ReadonlyArray<string> }
    >()
    expectTypeOf<Extract<Found, { readonly _tag: "Limited" }>["output"]>().toEqualTypeOf<
      { readonly at: Date; readonly pods: ReadonlyArray<string> } | undefined
    >()
  })

  it("without output it is undefined", () => {
    const run = Agent.run(Agent.make("plain"), "hi")
    expectTypeOf<Effect.Success<typeof run>["output"]>().toEqualTypeOf<undefined>()
  })

  it("runPromise and resume give the same type, fork too", () => {
    const agent = Agent.make("typed", { output: Schema.Int })
    expectTypeOf(Agent.runPromise(agent, "hi", { model })).toEqualTypeOf<Promise<Outcome.Outcome<number>>>()
    expectTypeOf<Effect.Success<ReturnType<typeof Agent.resume<{}, never, never, number>>>>()
      .toEqualTypeOf<Outcome.Outcome<number>>()
    const forked = Agent.fork(agent, [], { turn: 1 })
    expectTypeOf<Effect.Success<typeof forked>>().toEqualTypeOf<Outcome.Outcome<number>>()
  })

  it("the limit is that of a Limited one alone", () => {
    expectTypeOf<Outcome.Limited>().toHaveProperty("limit")
    expectTypeOf<Outcome.Completed>().not.toHaveProperty("limit")
  })
})

describe("errors", () => {
  it("a plain agent has RunError alone", () => {
    const run = errorsOf(Agent.make("plain", { tools: [bound], limits: { turns: 3, cost: { usd: 1 } } }))
    expectTypeOf<Effect.Error<typeof run>>().toEqualTypeOf<Outcome.RunError>()
  })

  it("LimitReached only with onLimit fail", () => {
    const fails = errorsOf(Agent.make("strict", { onLimit: "fail" }))
    expectTypeOf<Effect.Error<typeof fails>>().toEqualTypeOf<Outcome.RunError | Outcome.LimitReached>()
    const answers = errorsOf(Agent.make("lax", { onLimit: "answer" }))
    expectTypeOf<Effect.Error<typeof answers>>().toEqualTypeOf<Outcome.RunError>()
  })

  it("OutputInvalid only with output", () => {
    const run = errorsOf(Agent.make("typed", { output: Report }))
    expectTypeOf<Effect.Error<typeof run>>().toEqualTypeOf<Outcome.RunError | Outcome.OutputInvalid>()
  })

  it("TooManyFailed only with failIf and quorum", () => {
    const share = errorsOf(Agent.make("share", { partialFailure: { failIf: 0.5 } }))
    expectTypeOf<Effect.Error<typeof share>>().toEqualTypeOf<Outcome.RunError | Outcome.TooManyFailed>()
    const quorum = errorsOf(Agent.make("quorum", { partialFailure: { quorum: 2 } }))
    expectTypeOf<Effect.Error<typeof quorum>>().toEqualTypeOf<Outcome.RunError | Outcome.TooManyFailed>()
    const note = errorsOf(Agent.make("note", { partialFailure: { noteIf: 0.5, text: "Some failed." } }))
    expectTypeOf<Effect.Error<typeof note>>().toEqualTypeOf<Outcome.RunError>()
    const goOn = errorsOf(Agent.make("continue", { partialFailure: "continue" }))
    expectTypeOf<Effect.Error<typeof goOn>>().toEqualTypeOf<Outcome.RunError>()
  })

  it("all together, with the fatal failures of the tools", () => {
    const agent = Agent.make("all", {
      tools: [bound, fatal],
      onLimit: "fail",
      output: Report,
      partialFailure: { failIf: 1 }
    })
    expectTypeOf<ErrorOf<typeof agent>>().toEqualTypeOf<
      Sealed | Outcome.LimitReached | Outcome.OutputInvalid | Outcome.TooManyFailed
    >()
    const stream = Agent.stream(agent, "hi")
    expectTypeOf<Stream.Error<typeof stream>>().toEqualTypeOf<
      Outcome.RunError | Sealed | Outcome.LimitReached | Outcome.OutputInvalid | Outcome.TooManyFailed
    >()
  })

  it("a sub-agent's fatal failures are its parent's", () => {
    const tool = Agent.asTool(Agent.make("child", { tools: [fatal] }), { description: "d" })
    const run = Agent.run(Agent.make("parent", { tools: [tool] }), "hi")
    expectTypeOf<Extract<Effect.Error<typeof run>, Sealed>>().toEqualTypeOf<Sealed>()
  })
})

describe("requirements", () => {
  it("are the model and what the tools need, whatever the other options are", () => {
    const run = Agent.run(
      Agent.make("needy", { tools: [bound, needy], output: Report, onLimit: "fail", prepareTurn: () => ({}) }),
      "hi"
    )
    expectTypeOf<Effect.Services<typeof run>>().toEqualTypeOf<LanguageModel.LanguageModel | Database>()
  })

  it("a sub-agent's are its parent's", () => {
    const tool = Agent.asTool(Agent.make("child", { tools: [needy] }), { description: "d" })
    const run = Agent.run(Agent.make("parent", { tools: [tool] }), "hi")
    expectTypeOf<Effect.Services<typeof run>>().toEqualTypeOf<LanguageModel.LanguageModel | Database>()
  })
})

describe("a tool without handler", () => {
  const agent = Agent.make("unhandled", { tools: [bound, unhandled] })

  it("is named by what the run requires", () => {
    const run = Agent.run(agent, "hi")
    expectTypeOf<Effect.Services<typeof run>>().toEqualTypeOf<
      LanguageModel.LanguageModel | Tool.Handler<"unhandled">
    >()
  })

  it("is a compile error with Effect.runPromise", () => {
    // @ts-expect-error Handler<"unhandled"> is missing
    void Effect.runPromise(Effect.provide(Agent.run(agent, "hi"), model))
    const layer = Toolkit.make(unhandled).toLayer({ unhandled: () => Effect.succeed("ok") })
    void Effect.runPromise(Effect.provide(Agent.run(agent, "hi"), Layer.merge(model, layer)))
  })

  it("is a compile error with Agent.runPromise, until its layer is there", () => {
    // @ts-expect-error the layer of Handler<"unhandled"> is missing
    void Agent.runPromise(agent, "hi", { model })
    // @ts-expect-error a layer of something else does not do
    void Agent.runPromise(agent, "hi", { model, layer: model })
    const layer = Toolkit.make(unhandled).toLayer({ unhandled: () => Effect.succeed("ok") })
    void Agent.runPromise(agent, "hi", { model, layer })
  })

  it("is a compile error in a sub-agent too", () => {
    const parent = Agent.make("parent", { tools: [Agent.asTool(agent, { description: "d" })] })
    // @ts-expect-error Handler<"unhandled"> is missing
    void Effect.runPromise(Effect.provide(Agent.run(parent, "hi"), model))
  })
})

describe("options", () => {
  it("wrong ones are refused", () => {
    // @ts-expect-error there is no such word
    Agent.make("wrong", { onLimit: "stop" })
    // @ts-expect-error a number is no cost
    Agent.make("wrong", { limits: { cost: 1 } })
    // @ts-expect-error there is no such setting
    Agent.make("wrong", { prepareTurn: () => ({ temperature: 1 }) })
    // @ts-expect-error how the output is asked for is not the agent's to say
    Agent.make("wrong", { prepareTurn: () => ({ output: "tool" }) })
    // @ts-expect-error a note has a text
    Agent.make("wrong", { partialFailure: { noteIf: 0.5 } })
  })
})
