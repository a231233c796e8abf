/**
 * Faults on the way of a reply: what of it is sent, and how it ends.
 *
 * @internal
 */
import type * as ModelScript from "../ModelScript.ts"
import * as apiError from "./apiError.ts"
import type * as schemas from "./schemas.ts"
import * as wire from "./wire.ts"

/** An event that is not JSON. @internal */
export interface Malformed {
  readonly type: "malformed"
  readonly name: string
  readonly data: string
}

/** @internal */
export type Piece = wire.Event | Malformed

/**
 * What goes over the wire.
 *
 * - `pause`: before the first piece.
 * - `pieces`: those that arrive whole; `rest`: bytes of one that does not.
 * - `end`: `whole` in good order after all of it, `eof` in good order before that.
 *
 * @internal
 */
export interface Transmission {
  readonly pause: ModelScript.Pause | undefined
  readonly pieces: ReadonlyArray<Piece>
  readonly rest: Uint8Array
  readonly end: "whole" | "eof" | "cut" | "stall"
}

const nothing = new Uint8Array()

/** A reply as a stream. @internal */
export const streamed = (reply: ModelScript.Reply, context: wire.Context): Transmission => {
  const { fault } = reply
  const all = wire.events(reply, context)
  const sent = { pause: undefined, pieces: all, rest: nothing, end: "whole" } as const
  switch (fault?.type) {
    case "slowStart":
      return { ...sent, pause: pauseOf(fault) }
    case "cut":
    case "eof":
    case "stall":
      return { ...sent, ...before(all, fault), end: fault.type }
    case "error": {
      const { pieces } = before(all, fault)
      return { ...sent, pieces: [...pieces, errorOf(fault, context.requestId)], end: "eof" }
    }
    case "malformed": {
      const at = position(all, fault)
      return { ...sent, pieces: all.map((event, index) => index === at ? malformed(event) : event) }
    }
    case "unknownEvent":
      return { ...sent, pieces: all.toSpliced(position(all, fault), 0, wire.unknownEvent) }
    case "unknownDelta":
      return {
        ...sent,
        pieces: all.flatMap((event) => endsBlock(event, fault) ? [unknownDelta(event), event] : [event])
      }
    case "wrongIndex":
      return { ...sent, pieces: all.map((event) => isOf(event, fault) ? { ...event, index: event.index + 1 } : event) }
    default:
      return sent
  }
}

/** @internal */
export const pauseOf = (fault: { readonly pause?: ModelScript.Pause }): ModelScript.Pause => fault.pause ?? "1 minute"

type Fault = typeof schemas.WireFault.Type

/** The `error` event that ends a reply. @internal */
export const errorOf = (
  fault: Extract<Fault, { readonly type: "error" }>,
  requestId: string | undefined
): apiError.ErrorBody => {
  const type = fault.errorType ?? "overloaded_error"
  return apiError.body(requestId, { type, message: fault.message ?? `Scripted ${type}` })
}

/** Each event with its size on the wire, up to a fault that strikes. */
const before = (
  all: ReadonlyArray<wire.Event>,
  fault: ModelScript.Position
): Pick<Transmission, "pieces" | "rest"> => {
  if (fault.afterBytes === undefined) return { pieces: all.slice(0, position(all, fault)), rest: nothing }
  let left = fault.afterBytes
  for (const [index, event] of all.slice(0, -1).entries()) {
    const bytes = encode(event)
    if (left < bytes.length) return { pieces: all.slice(0, index), rest: bytes.subarray(0, left) }
    left -= bytes.length
  }
  return { pieces: all.slice(0, -1), rest: nothing }
}

/** How many events come before a fault, at most all but `message_stop`. */
const position = (all: ReadonlyArray<wire.Event>, at: ModelScript.Position): number =>
  Math.min(at.afterEvents ?? insideBlock(all, at.insideBlock), all.length - 1)

const insideBlock = (all: ReadonlyArray<wire.Event>, block: number | undefined): number => {
  const start = all.findIndex((event) => event.type === "content_block_start" && event.index === block)
  if (start < 0) return all.length
  const pieces = all.filter((event) => event.type === "content_block_delta" && event.index === block)
  return start + 1 + Math.ceil(pieces.length / 2)
}

type OfBlock = Extract<wire.Event, { readonly index: number }>

interface AtBlock {
  readonly insideBlock?: number
}

const isOf = (event: wire.Event, { insideBlock = 0 }: AtBlock): event is OfBlock =>
  "index" in event && event.index === insideBlock

const endsBlock = (event: wire.Event, at: AtBlock): event is OfBlock =>
  event.type === "content_block_stop" && isOf(event, at)

const unknownDelta = ({ index }: OfBlock): wire.Event => ({
  type: "content_block_delta",
  index,
  delta: wire.unknownDelta
})

const malformed = (event: wire.Event): Malformed => {
  const data = JSON.stringify(event)
  return { type: "malformed", name: event.type, data: data.slice(0, data.length / 2) }
}

const encoder = new TextEncoder()

/** The bytes of a piece. @internal */
export const encode = (piece: Piece): Uint8Array =>
  encoder.encode(
    piece.type === "malformed"
      ? `event: ${piece.name}\ndata: ${piece.data}\n\n`
      : `event: ${piece.type}\ndata: ${JSON.stringify(piece)}\n\n`
  )
