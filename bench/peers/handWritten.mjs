// A loop as one writes it: a list of messages that grows, sent whole each time; the floor that the others stand on.
import { Anthropic } from "@anthropic-ai/sdk"

export const packages = ["@anthropic-ai/sdk"]

export const make = ({ onText, tool, turns, url }) => {
  const client = new Anthropic({ apiKey: "none", baseURL: url })
  const tools = [{ name: tool.name, description: tool.description, input_schema: tool.schema }]
  const answer = async (block, signal) => {
    const result = { type: "tool_result", tool_use_id: block.id }
    try {
      return { ...result, content: await tool.run(JSON.parse(block.json || "{}"), signal) }
    } catch (error) {
      return { ...result, content: String(error), is_error: true }
    }
  }
  return async (input, { signal } = {}) => {
    const messages = [{ role: "user", content: input }]
    for (let turn = 0; turn < turns; turn++) {
      const body = { model: "claude-sonnet-5-5", max_tokens: 1000, tools, messages, stream: true }
      const blocks = []
      // oxlint-disable-next-line no-await-in-loop -- a turn follows the one before it
      for await (const event of await client.messages.create(body, { signal })) {
        if (event.type === "content_block_start") {
          blocks.push(
            event.content_block.type === "tool_use"
              ? { ...event.content_block, json: "" }
              : { ...event.content_block }
          )
        } else if (event.type === "content_block_delta") {
          const block = blocks[event.index]
          if (event.delta.type === "input_json_delta") block.json += event.delta.partial_json
          else if (event.delta.type === "text_delta") {
            block.text += event.delta.text
            onText?.(event.delta.text)
          }
        }
      }
      signal?.throwIfAborted()
      const calls = blocks.filter(({ type }) => type === "tool_use")
      if (calls.length === 0) return blocks.map(({ text }) => text).join("")
      // oxlint-disable-next-line no-await-in-loop
      const results = await Promise.all(calls.map((block) => answer(block, signal)))
      messages.push(
        {
          role: "assistant",
          content: blocks.map(({ json, ...block }) =>
            json === undefined ? block : { ...block, input: JSON.parse(json) }
          )
        },
        { role: "user", content: results }
      )
    }
    throw new Error("The turns are used up")
  }
}
