// The runner of the SDK: the server holds the conversation, tools start while the model is still talking.
import { Anthropic } from "@anthropic-ai/sdk"
import { betaTool } from "@anthropic-ai/sdk/helpers/beta/json-schema"

export const packages = ["@anthropic-ai/sdk"]

export const make = ({ onText, tool, turns, url }) => {
  const client = new Anthropic({ apiKey: "none", baseURL: url })
  const tools = [betaTool({
    name: tool.name,
    description: tool.description,
    inputSchema: tool.schema,
    run: (parameters, context) => tool.run(parameters, context?.signal)
  })]
  return async (input, { signal } = {}) => {
    const runner = client.beta.messages.toolRunner({
      model: "claude-sonnet-5-5",
      max_tokens: 1000,
      tools,
      messages: [{ role: "user", content: input }],
      stream: true,
      runToolsEagerly: true,
      max_iterations: turns
    }, { signal })
    if (onText !== undefined) {
      for await (const stream of runner) stream.on("text", onText)
    }
    const { content } = await (onText === undefined ? runner.runUntilDone() : runner.done())
    return content.map((block) => block.type === "text" ? block.text : "").join("")
  }
}
