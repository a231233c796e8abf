// @effect-diagnostics missingEffectContext:off missingEffectError:off floatingEffect:off
import { Agent, Dispatcher, type Outcome, ToolFailure } from "@volley/core"
import { Context, Effect, Layer, Schema } from "effect"
import { type LanguageModel, Tool, Toolkit } from "effect/ai"
import { describe, expectTypeOf, it } from "vitest"

class Database extends Context.Service<Database, { readonly query: Effect.Effect<string> }>()("test/Database") {}
class CurrentUser extends Context.Service<CurrentUser, string>()("test/CurrentUser") {}
class Sealed extends Schema.TaggedError<Sealed>()("Sealed", { path: Schema.String }) {
  readonly [ToolFailure.kind] = "fatal" as const
}
class Missing extends Schema.TaggedError<Missing>()("Missing", {}) {}

const a = Tool.make("a", {
  parameters: Schema.Struct({ x: Schema.String }),
  success: Schema.String,
  failure: Schema.Union([ToolFailure.ToolFailure, Sealed, Missing])
})
const b = Tool.make("b", { success: Schema.String, dependencies: [CurrentUser] })
const c = Tool.make("c", { success: Schema.String })
const kit = Toolkit.make(a, b)
const bound = Agent.tool("bound", {
  description: "d",
  parameters: { city: Schema.String },
  run: ({ city }) => `${city}: 7 °C`
})

declare const model: Layer.Layer<LanguageModel.LanguageModel>

describe("Agent types", () => {
  it("tool - a handler that reads its parameters may declare its success", () => {
    const declared = Agent.tool("declared", {
      description: "Declares its success",
      parameters: { name: Schema.String },
      success: Schema.String,
      run: ({ name }) => Effect.succeed(name)
    })
    expectTypeOf<Tool.Success<typeof declared>>().toEqualTypeOf<string>()
    Agent.tool("wrong", {
      description: "Declares another success",
      parameters: { name: Schema.String },
      // @ts-expect-error the handler returns a string
      success: Schema.Number,
      run: ({ name }) => name
    })
  })

  it("run - E is AiError, Refused, JournalFailure and exactly the fatal failures of the agent's tools", () => {
    const run = Agent.run(Agent.make("k", { tools: [kit, c, bound] }), "hi")
    expectTypeOf<Effect.Error<typeof run>>().toEqualTypeOf<Outcome.RunError | Sealed>()
    expectTypeOf<Effect.Success<typeof run>>().toEqualTypeOf<Outcome.Outcome>()
    const none = Agent.run(Agent.make("n", { tools: [c, bound] }), "hi")
    expectTypeOf<Effect.Error<typeof none>>().toEqualTypeOf<Outcome.RunError>()
  })

  it("run - R is the model, the handlers and what the tools need", () => {
    const run = Agent.run(Agent.make("k", { tools: [kit, c, bound] }), "hi")
    expectTypeOf<Effect.Services<typeof run>>().toEqualTypeOf<
      LanguageModel.LanguageModel | Tool.Handler<"a"> | Tool.Handler<"b"> | Tool.Handler<"c"> | CurrentUser
    >()
    const hello = Agent.run(Agent.make("h", { tools: [bound] }), "hi")
    expectTypeOf<Effect.Services<typeof hello>>().toEqualTypeOf<LanguageModel.LanguageModel>()
  })

  it("make - the agent's own layer takes its handlers out of R and adds what it needs", () => {
    const layer = Layer.effectDiscard(Database).pipe(Layer.provideMerge(
      c.name === "c"
        ? Toolkit.make(c).toLayer({ c: () => Effect.succeed("c") })
        : Toolkit.make(c).toLayer({ c: () => Effect.succeed("c") })
    ))
    const run = Agent.run(Agent.make("l", { tools: [c, bound], layer }), "hi")
    expectTypeOf<Effect.Services<typeof run>>().toEqualTypeOf<LanguageModel.LanguageModel | Database>()
  })

  it("make - a tool without handler is a compile error that names it", () => {
    // @ts-expect-error Handler<"c"> is missing
    void Effect.runPromise(Agent.run(Agent.make("x", { tools: [c] }), "hi").pipe(Effect.provide(model)))
  })

  it("tool - services and errors of the handler are inferred", () => {
    const db = Agent.tool("db", {
      description: "d",
      parameters: { sql: Schema.String },
      failure: Schema.Union([Sealed, Missing]),
      run: ({ sql }) =>
        Effect.gen(function*() {
          if (sql === "") return yield* new Sealed({ path: sql })
          if (sql === "?") return yield* new Missing()
          return yield* (yield* Database).query
        })
    })
    const run = Agent.run(Agent.make("db", { tools: [db] }), "hi")
    expectTypeOf<Effect.Error<typeof run>>().toEqualTypeOf<Outcome.RunError | Sealed>()
    expectTypeOf<Effect.Services<typeof run>>().toEqualTypeOf<LanguageModel.LanguageModel | Database>()
    const call = Dispatcher.call(db, { sql: "select 1" })
    expectTypeOf<Effect.Error<typeof call>>().toEqualTypeOf<Sealed>()
    expectTypeOf<Effect.Services<typeof call>>().toEqualTypeOf<Database>()
    // @ts-expect-error the arguments are those of the tool
    Dispatcher.call(db, { query: "select 1" })
  })

  it("tool - a fatal failure must come with its schema", () => {
    // @ts-expect-error Sealed has to be in `failure`, or a journal could not keep it
    Agent.tool("f", { description: "d", run: () => Effect.fail(new Sealed({ path: "x" })) })
  })

  it("tool - is an ordinary effect/ai tool too", () => {
    expectTypeOf(Toolkit.make(bound).tools.bound.name).toEqualTypeOf<"bound">()
    expectTypeOf<Tool.Parameters<typeof bound>>().toEqualTypeOf<{ readonly city: string }>()
    expectTypeOf<Tool.Success<typeof bound>>().toEqualTypeOf<string>()
  })

  it("tool - the result of a promise is awaited", () => {
    const later = Agent.tool("later", { description: "d", run: () => Promise.resolve(7) })
    expectTypeOf<Tool.Success<typeof later>>().toEqualTypeOf<number>()
  })

  it("bind - gives a tool its handler, typed by its schemas, and needs what the handler needs", () => {
    const one = Tool.make("one", { parameters: Schema.Struct({ n: Schema.Int }), success: Schema.Int })
    const handled = Agent.bind(one, ({ n }) => Effect.map(Effect.serviceOption(Database), () => n))
    expectTypeOf<Effect.Services<ReturnType<typeof runHandled>>>().toEqualTypeOf<LanguageModel.LanguageModel>()
    const runHandled = () => Agent.run(Agent.make("h", { tools: [handled] }), "hi")
    const needy = Agent.bind(one, ({ n }) => Effect.as(Database, n))
    const runNeedy = () => Agent.run(Agent.make("h", { tools: [needy] }), "hi")
    expectTypeOf<Effect.Services<ReturnType<typeof runNeedy>>>().toEqualTypeOf<LanguageModel.LanguageModel | Database>()
    expectTypeOf(needy).toEqualTypeOf<typeof one & Agent.Bound<Database>>()
    // @ts-expect-error the success is a number
    Agent.bind(one, () => Effect.succeed("one"))
    // @ts-expect-error the tool has no failure
    Agent.bind(one, () => Effect.fail("no"))
  })

  it("asTool - a toolkit knows it by the name that it is given, beside others", () => {
    const scout = Agent.make("scout")
    const found = Toolkit.make(Agent.asTool(scout, { name: "find", description: "d" }), bound).tools
    expectTypeOf<keyof typeof found>().toEqualTypeOf<"find" | "bound">()
    expectTypeOf(Agent.asTool(scout, { description: "d" }).name).toEqualTypeOf<string>()
  })

  it("runPromise - wants a layer only when the tools need something", () => {
    void Agent.runPromise(Agent.make("h", { tools: [bound] }), "hi", { model })
    const needy = Agent.make("k", { tools: [c] })
    void Agent.runPromise(needy, "hi", { model, layer: Toolkit.make(c).toLayer({ c: () => Effect.succeed("c") }) })
    // @ts-expect-error Handler<"c"> is missing
    void Agent.runPromise(needy, "hi", { model })
  })
})
