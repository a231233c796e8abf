import { Agent, type Outcome } from "@volley/core"
import type { Config, Effect, Scope } from "effect"
import type { LanguageModel, Tool } from "effect/ai"
import { describe, expectTypeOf, it } from "vitest"
import type { OpenApi } from "../../src/openapi/index.ts"

declare const api: OpenApi.Api

describe("OpenApi", () => {
  it("toolkit - needs a scope, and fails as it says", () => {
    expectTypeOf<ReturnType<typeof OpenApi.toolkit>>().toEqualTypeOf<
      Effect.Effect<
        OpenApi.Api,
        | OpenApi.DocumentUnusable
        | OpenApi.IncludeUnknown
        | OpenApi.IncludeUnusable
        | OpenApi.OptionUnusable
        | Config.ConfigError,
        Scope.Scope
      >
    >()
  })

  it("include - cannot be left out", () => {
    expectTypeOf<{ readonly include: ReadonlyArray<string> }>().toExtend<OpenApi.Options>()
    expectTypeOf<{ readonly server: string }>().not.toExtend<OpenApi.Options>()
  })

  it("policy - what any tool may have, but what its failures mean", () => {
    expectTypeOf<{ readonly timeout: "5 seconds"; readonly retry: { readonly times: 1 }; readonly concurrency: 2 }>()
      .toExtend<NonNullable<OpenApi.Options["policy"]>>()
    expectTypeOf<OpenApi.Options["policy"]>().not.toHaveProperty("failures")
  })

  it("tools - carry their handlers, and bring their fatal failure to the run", () => {
    const agent = Agent.make("api", { tools: [...api.tools] })
    expectTypeOf(agent).toExtend<Agent.Agent<any, OpenApi.BadCredentials>>()
    const run = Agent.run(agent, "What is new?")
    expectTypeOf<Effect.Services<typeof run>>().toEqualTypeOf<LanguageModel.LanguageModel>()
    expectTypeOf<Effect.Error<typeof run>>().toEqualTypeOf<Outcome.RunError | OpenApi.BadCredentials>()
  })

  it("tools - are tools of effect/ai", () => {
    expectTypeOf<OpenApi.ApiTool>().toExtend<Tool.Any>()
    expectTypeOf<Tool.Success<OpenApi.ApiTool>>().toHaveProperty("status")
  })
})
