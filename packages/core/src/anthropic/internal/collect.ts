/**
 * Joins the parts of a stream into the parts of a whole response.
 *
 * @internal
 */
import type * as Response from "effect/ai/Response"

interface Joined {
  readonly type: "text" | "reasoning"
  readonly text: string
  readonly metadata?: Response.ProviderMetadata | undefined
}

const extend = (
  joined: Joined,
  part: { readonly delta?: string | undefined; readonly metadata?: Response.ProviderMetadata | undefined }
): Joined => ({
  ...joined,
  text: joined.text + (part.delta ?? ""),
  ...(part.metadata && { metadata: { ...joined.metadata, ...part.metadata } })
})

/**
 * Text and reasoning blocks become one part each, in the order in which they started; `tool-params-*` are left out.
 *
 * @internal
 */
export const collect = (parts: ReadonlyArray<Response.StreamPartEncoded>): Array<Response.PartEncoded> => {
  const blocks = new Map<string | number, Response.PartEncoded | Joined>()
  parts.forEach((part, position) => {
    switch (part.type) {
      case "text-start":
      case "reasoning-start": {
        const type = part.type === "text-start" ? "text" : "reasoning"
        blocks.set(part.id, extend({ type, text: "" }, { metadata: part.metadata }))
        break
      }
      case "text-delta":
      case "text-end":
      case "reasoning-delta":
      case "reasoning-end": {
        const block = blocks.get(part.id)
        if (block?.type === "text" || block?.type === "reasoning") blocks.set(part.id, extend(block, part))
        break
      }
      case "tool-params-start":
      case "tool-params-delta":
      case "tool-params-end":
      case "error":
        break
      default:
        blocks.set(position, part)
    }
  })
  return [...blocks.values()]
}
