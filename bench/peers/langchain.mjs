import { ChatAnthropic } from "@langchain/anthropic"
import { createAgent, tool as toolOf } from "langchain"

export const packages = ["langchain", "@langchain/core", "@langchain/anthropic"]
export const limited = "run"

export const make = ({ limit, onText, tool, turns, url }) => {
  const model = new ChatAnthropic({
    model: "claude-sonnet-5-5",
    apiKey: "none",
    anthropicApiUrl: url,
    maxTokens: 1000,
    streaming: true
  })
  const look = toolOf((parameters, config) => tool.run(parameters, config?.signal), {
    name: tool.name,
    description: tool.description,
    schema: tool.schema
  })
  const agent = createAgent({ model, tools: [look] })
  return async (input, { signal } = {}) => {
    const settings = {
      recursionLimit: 2 * turns + 2,
      ...(signal === undefined ? {} : { signal }),
      ...(limit === undefined ? {} : { timeout: limit })
    }
    const messages = { messages: [{ role: "user", content: input }] }
    let text = ""
    for await (const [chunk] of await agent.stream(messages, { ...settings, streamMode: "messages" })) {
      if (chunk.getType() !== "ai" || chunk.text === "") continue
      text += chunk.text
      onText?.(chunk.text)
    }
    return text
  }
}
