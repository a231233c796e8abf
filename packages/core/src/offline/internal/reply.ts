import type * as Prompt from "effect/ai/Prompt"
import type * as Response from "effect/ai/Response"
import { modelName } from "./answer.ts"
import type { Decision } from "./plan.ts"
import type { ToolSpec } from "./tool.ts"

/**
 * What the planner sends back for one request.
 *
 * @internal
 */
export interface Reply {
  readonly decision: Decision
  readonly turn: number
  readonly inputTokens: number
}

const charactersPerToken = 4

const tokensOf = (...texts: ReadonlyArray<string>): number =>
  Math.ceil(texts.reduce((sum, text) => sum + text.length, 0) / charactersPerToken)

const contentText = (message: Prompt.Message): string =>
  typeof message.content === "string" ? message.content : message.content.map((part) => {
    switch (part.type) {
      case "text":
      case "reasoning":
        return part.text
      case "tool-call":
        return JSON.stringify([part.name, part.params])
      case "tool-result":
        return JSON.stringify([part.name, part.modelOutput ?? part.result])
      default:
        return ""
    }
  }).join("")

/**
 * The tokens of a request, estimated as a quarter of its characters.
 *
 * @internal
 */
export const estimateInput = (prompt: Prompt.Prompt, tools: ReadonlyArray<ToolSpec>): number =>
  tokensOf(
    ...prompt.content.map(contentText),
    ...tools.map(({ description, name, schema }) => JSON.stringify([name, description, schema]))
  )

const textOf = (decision: Decision): string => decision._tag === "Answer" ? decision.text : decision.notes

const toolCalls = ({ decision, turn }: Reply): ReadonlyArray<Response.ToolCallPartEncoded> =>
  decision._tag === "Answer" ? [] : decision.calls.map(({ name, params }, i) => ({
    type: "tool-call",
    id: `offline_${turn}_${i}`,
    name,
    params
  }))

const metadata = ({ turn }: Reply): Response.ResponseMetadataPartEncoded => ({
  type: "response-metadata",
  id: `offline_${turn}`,
  modelId: modelName
})

/**
 * The tokens of a reply, estimated as a quarter of its characters.
 *
 * @internal
 */
export const estimateOutput = (reply: Reply): { readonly text: number; readonly total: number } => {
  const text = textOf(reply.decision)
  const calls = toolCalls(reply).map(({ name, params }) => JSON.stringify([name, params]))
  return { text: tokensOf(text), total: tokensOf(text, ...calls) }
}

const finish = (reply: Reply): Response.FinishPartEncoded => {
  const { text, total } = estimateOutput(reply)
  const isCalling = reply.decision._tag === "Calls"
  return {
    type: "finish",
    reason: isCalling ? "tool-calls" : "stop",
    usage: {
      inputTokens: { uncached: reply.inputTokens, total: reply.inputTokens, cacheRead: 0, cacheWrite: 0 },
      outputTokens: { total, text, reasoning: 0 }
    },
    metadata: { offline: { stopReason: isCalling ? "tool_use" : "end_turn", price: 0 } }
  }
}

/**
 * A reply as the parts of a finished response.
 *
 * @internal
 */
export const parts = (reply: Reply): Array<Response.PartEncoded> => [
  metadata(reply),
  { type: "text", text: textOf(reply.decision) },
  ...toolCalls(reply),
  finish(reply)
]

/**
 * A reply as the parts of a stream; the text comes line by line.
 *
 * @internal
 */
export const streamParts = (reply: Reply): Array<Response.StreamPartEncoded> => {
  const id = `offline_${reply.turn}_text`
  const lines = textOf(reply.decision).match(/[^\n]*\n|[^\n]+$/g) ?? []
  return [
    metadata(reply),
    { type: "text-start", id },
    ...lines.map((delta): Response.TextDeltaPartEncoded => ({ type: "text-delta", id, delta })),
    { type: "text-end", id },
    ...toolCalls(reply),
    finish(reply)
  ]
}
