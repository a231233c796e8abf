import { createAnthropic } from "@ai-sdk/anthropic"
import { Agent } from "@mastra/core/agent"
import { createTool } from "@mastra/core/tools"
import { z } from "zod"

export const packages = ["@mastra/core", "@ai-sdk/anthropic", "zod"]
export const limited = "run"

export const make = ({ limit, onText, tool, turns, url }) => {
  const agent = new Agent({
    id: "bench",
    name: "bench",
    instructions: "",
    model: createAnthropic({ apiKey: "none", baseURL: `${url}/v1` })("claude-sonnet-5-5"),
    tools: {
      [tool.name]: createTool({
        id: tool.name,
        description: tool.description,
        inputSchema: z.object({ n: z.number().int() }),
        execute: (parameters, context) => tool.run(parameters, context?.abortSignal)
      })
    }
  })
  return async (input, { signal } = {}) => {
    const { error, textStream, ...output } = await agent.stream(input, {
      maxSteps: turns,
      ...(signal === undefined ? {} : { abortSignal: signal }),
      modelSettings: { maxOutputTokens: 1000, ...(limit === undefined ? {} : { timeout: { totalMs: limit } }) }
    })
    let text = ""
    for await (const part of textStream) {
      text += part
      onText?.(part)
    }
    if (error ?? output.error) throw error ?? output.error
    signal?.throwIfAborted()
    return text
  }
}
