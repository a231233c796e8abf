import { createAnthropic } from "@ai-sdk/anthropic"
import { isStepCount, jsonSchema, streamText, tool as toolOf } from "ai"

export const packages = ["ai", "@ai-sdk/anthropic"]
export const limited = "call"

export const make = ({ limit, onText, tool, turns, url }) => {
  const model = createAnthropic({ apiKey: "none", baseURL: `${url}/v1` })("claude-sonnet-5-5")
  const tools = {
    [tool.name]: toolOf({
      description: tool.description,
      inputSchema: jsonSchema(tool.schema),
      execute: (parameters, { abortSignal }) => tool.run(parameters, abortSignal)
    })
  }
  return async (input, { signal } = {}) => {
    let failure
    const { fullStream } = streamText({
      model,
      tools,
      prompt: input,
      maxOutputTokens: 1000,
      stopWhen: isStepCount(turns),
      ...(signal === undefined ? {} : { abortSignal: signal }),
      ...(limit === undefined ? {} : { timeout: { toolMs: limit } }),
      onError: ({ error }) => {
        failure = error
      }
    })
    let text = ""
    for await (const part of fullStream) {
      if (part.type === "text-delta") {
        text += part.text
        onText?.(part.text)
      } else if (part.type === "abort") failure = signal?.reason
    }
    if (failure !== undefined) throw failure
    return text
  }
}
