/**
 * What a message of a request has to say because of the one before or after it.
 *
 * @internal
 */
import type * as Api from "@anthropic-ai/sdk/resources/messages"

/** @internal */
export type Block = Api.ContentBlockParam

/** A message of a request in the making; `container` is where the tools of the server ran, as the reply says. @internal */
export interface Turn {
  readonly role: "user" | "assistant" | "system"
  readonly content: ReadonlyArray<Block>
  readonly container?: string | undefined
}

const stringOf = (block: Block, key: string): string | undefined => {
  const value = (block as unknown as Record<string, unknown>)[key]
  return typeof value === "string" ? value : undefined
}

const answeredIds = (content: ReadonlyArray<Block>): ReadonlySet<string | undefined> =>
  new Set(content.map((block) => stringOf(block, "tool_use_id")))

/** What was still asked when a model refused and another one took over is never answered, and must not be sent. */
const dropUnanswered = (turn: Turn, next: Turn | undefined): Turn => {
  const { content } = turn
  const boundary = content.findLastIndex((block) => (block.type as string) === "fallback")
  if (boundary === -1) return turn
  const answered = answeredIds([...content, ...(next?.role === "user" ? next.content : [])])
  return {
    ...turn,
    content: content.filter((block, index) =>
      index > boundary || !block.type.endsWith("tool_use") || answered.has(stringOf(block, "id"))
    )
  }
}

const toolsetOf = (block: Block): string | undefined =>
  block.type === "tool_use" ? stringOf(block, "toolset_name") : undefined

/** The result of a tool of a toolset names the toolset, as the call did. */
const nameToolset = (turn: Turn, before: Turn | undefined): Turn => {
  const calls = before?.content.filter((block) => toolsetOf(block) !== undefined) ?? []
  if (calls.length === 0) return turn
  const toolsets = new Map(calls.map((call) => [stringOf(call, "id"), toolsetOf(call)] as const))
  return {
    ...turn,
    content: turn.content.map((block) => {
      const toolset = block.type === "tool_result" ? toolsets.get(block.tool_use_id) : undefined
      return toolset === undefined ? block : { ...block, toolset_name: toolset } as Block
    })
  }
}

/**
 * The turn beside its neighbours: what has no answer, or answers, by what they say. The same object where it says nothing.
 *
 * @internal
 */
export const pair = (turn: Turn, index: number, turns: ReadonlyArray<Turn>): Turn => {
  switch (turn.role) {
    case "assistant":
      return dropUnanswered(turn, turns[index + 1])
    case "user":
      return nameToolset(turn, turns[index - 1])
    case "system":
      return turn
  }
}
