import { Agent, ToolPolicy } from "@volley/core"
import type { ToolFailure } from "@volley/core"
import type { Effect, Scope } from "effect"
import type { LanguageModel, Tool } from "effect/ai"
import type { ChildProcessSpawner } from "effect/process"
import { describe, expectTypeOf, it } from "vitest"
import type { Mcp } from "../../src/mcp/index.ts"

declare const server: Mcp.Server
const weather = Agent.tool("get_weather", { description: "Weather", run: () => "7 °C" })

type Needs<T> = T extends Effect.Effect<infer _A, infer _E, infer R> ? R : never
type Fails<T> = T extends Effect.Effect<infer _A, infer E, infer _R> ? E : never

describe("Mcp", () => {
  it("stdio and http - are scoped and fail with McpError; only a program needs a spawner", () => {
    expectTypeOf<ReturnType<typeof Mcp.stdio>>().toEqualTypeOf<
      Effect.Effect<Mcp.Server, Mcp.McpError, ChildProcessSpawner.ChildProcessSpawner | Scope.Scope>
    >()
    expectTypeOf<ReturnType<typeof Mcp.http>>().toEqualTypeOf<Effect.Effect<Mcp.Server, Mcp.McpError, Scope.Scope>>()
  })

  it("tools - mix with others in an agent, which needs a model and nothing else", () => {
    const agent = Agent.make("both", { tools: [weather, ...server] })
    const run = Agent.run(agent, "Go")
    expectTypeOf<Needs<typeof run>>().toEqualTypeOf<LanguageModel.LanguageModel>()
    expectTypeOf<Fails<typeof run>>().not.toExtend<ToolFailure.ToolFailure>()
    Agent.make("alone", { tools: [...server.tools] })
  })

  it("tools - take a policy of the user's", () => {
    const [tool] = server.tools
    if (tool === undefined) return
    expectTypeOf(ToolPolicy.set(tool, { timeout: "1 minute", retry: { times: 1 } })).toEqualTypeOf<Mcp.McpTool>()
    expectTypeOf(ToolPolicy.readonly(tool, { cache: { timeToLive: "1 minute" } })).toEqualTypeOf<Mcp.McpTool>()
    expectTypeOf<Tool.Failure<Mcp.McpTool>>().toEqualTypeOf<ToolFailure.ToolFailure>()
    expectTypeOf<Tool.Success<Mcp.McpTool>>().toEqualTypeOf<string>()
  })

  it("options - trust is one of two words, timeouts are durations", () => {
    expectTypeOf<{ readonly trust: "hints"; readonly timeout: "1 minute" }>().toExtend<Mcp.HttpOptions>()
    expectTypeOf<{ readonly trust: "everything" }>().not.toExtend<Mcp.HttpOptions>()
    expectTypeOf<{ readonly environment: { readonly A: string } }>().toExtend<Mcp.StdioOptions>()
    expectTypeOf<{ readonly timeout: "soon" }>().not.toExtend<Mcp.StdioOptions>()
  })
})
