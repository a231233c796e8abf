import { Agent, ToolPolicy } from "@volley/core"
import { Anthropic } from "@volley/core/anthropic"
import * as Effect from "effect/Effect"
import * as Layer from "effect/Layer"
import * as ManagedRuntime from "effect/ManagedRuntime"
import * as Schema from "effect/Schema"

export const packages = ["@volley/core", "effect"]
export const limited = "call"

export const make = ({ limit, onText, tool, turns, url }) => {
  const look = Agent.tool(tool.name, {
    description: tool.description,
    class: "readonly",
    parameters: { n: Schema.Int },
    run: (parameters, context) => tool.run(parameters, tool.signalled ? context.signal : undefined)
  })
  const agent = Agent.make("bench", {
    tools: [limit === undefined ? look : ToolPolicy.set(look, { timeout: limit, retry: { times: 0 } })],
    limits: { turns }
  })
  const runtime = ManagedRuntime.make(
    Anthropic.model("claude-sonnet-5-5", { maxTokens: 1000 }).pipe(Layer.provide(Anthropic.layer({ baseUrl: url })))
  )
  const options = onText === undefined ? {} : {
    onEvent: (item) => Effect.sync(() => item._tag === "TextDelta" && onText(item.text))
  }
  return async (input, { signal } = {}) => {
    const { text } = await runtime.runPromise(Agent.run(agent, input, options), { signal })
    return text
  }
}
