// The agents of OpenAI over the Claude provider of the AI SDK, by their own bridge.
import { createAnthropic } from "@ai-sdk/anthropic"
import { Agent, Runner, setTracingDisabled, tool as toolOf } from "@openai/agents"
import { aisdk } from "@openai/agents-extensions/ai-sdk"

export const packages = ["@openai/agents", "@openai/agents-extensions", "ai", "@ai-sdk/anthropic"]
export const limited = "call"

setTracingDisabled(true)

export const make = ({ limit, onText, tool, turns, url }) => {
  const agent = new Agent({
    name: "bench",
    model: aisdk(createAnthropic({ apiKey: "none", baseURL: `${url}/v1` })("claude-sonnet-5-5")),
    modelSettings: { maxTokens: 1000 },
    tools: [toolOf({
      name: tool.name,
      description: tool.description,
      parameters: tool.schema,
      strict: true,
      execute: (parameters, _, details) => tool.run(parameters, details?.signal),
      ...(limit === undefined ? {} : { timeoutMs: limit })
    })]
  })
  const runner = new Runner({ tracingDisabled: true })
  return async (input, { signal } = {}) => {
    const result = await runner.run(agent, input, { stream: true, maxTurns: turns, ...(signal && { signal }) })
    for await (const part of result.toTextStream()) onText?.(part)
    await result.completed
    if (result.error) throw result.error
    signal?.throwIfAborted()
    return result.finalOutput
  }
}
