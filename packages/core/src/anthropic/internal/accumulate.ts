/**
 * Folds the raw events of a Messages API stream into response parts.
 *
 * @internal
 */
import type * as Api from "@anthropic-ai/sdk/resources/messages"
import type * as Response from "effect/ai/Response"
import * as Predicate from "effect/Predicate"
import * as Blocks from "./blocks.ts"
import * as Failure from "./failure.ts"
import * as Names from "./names.ts"
import * as Usage from "./usage.ts"

type Part = Response.StreamPartEncoded

type Json = Readonly<Record<string, unknown>>

type Step = readonly [State, ReadonlyArray<Part>]

/**
 * What is known of a reply so far; `done` once its `message_stop` was seen.
 *
 * - `names`: what the tools of the request are called; `calls`: the names of the server's calls by their ids.
 * - `blocks`: how many blocks have begun; `open`: the one that has not ended.
 * - `held`: a call whose block has ended and whose text does not prove it whole, until something else proves that it was not cut.
 * - `stop`: the stop reason and what was said with it, for the metadata of the `finish`.
 * - `events`: events of unknown types, as they came.
 *
 * @internal
 */
export interface State {
  readonly names: Names.Names
  readonly calls: ReadonlyMap<unknown, unknown>
  readonly begun: boolean
  readonly blocks: number
  readonly open: Blocks.Block | undefined
  readonly held: Blocks.ToolUse | undefined
  readonly usage: Usage.Said
  readonly stop: Json
  readonly container: unknown
  readonly events: ReadonlyArray<unknown>
  readonly done: boolean
}

/** @internal */
export const initial: State = {
  names: Names.none,
  calls: new Map(),
  begun: false,
  blocks: 0,
  open: undefined,
  held: undefined,
  usage: {},
  stop: {},
  container: undefined,
  events: [],
  done: false
}

/** The state before a reply to a request whose tools have these names. @internal */
export const of = (names: Names.Names): State => ({ ...initial, names })

const nothing: ReadonlyArray<never> = []

const finishReasons: ReadonlyMap<unknown, Response.FinishReason> = new Map([
  ["end_turn", "stop"],
  ["stop_sequence", "stop"],
  ["max_tokens", "length"],
  ["model_context_window_exceeded", "length"],
  ["tool_use", "tool-calls"],
  ["pause_turn", "pause"],
  ["compaction", "pause"],
  ["refusal", "content-filter"]
])

/** A reply that ends for one of these was not cut in its last block. */
const uncut: ReadonlySet<unknown> = new Set(["tool_use", "end_turn", "pause_turn"])

/** An `error` event that a client gave instead of throwing it, in the form in which the SDK throws it. */
class ErrorEvent extends Error {
  readonly error: unknown

  constructor(error: unknown) {
    super("The reply ended with an error event")
    this.error = error
  }
}

/**
 * Why the request failed whose reply `step` threw for.
 *
 * @internal
 */
export const toFailure = (cause: unknown): Failure.Failure =>
  cause instanceof ErrorEvent ? Failure.fromUnknown(cause, "stream", 0) : Failure.malformed(cause)

const objectOf = (value: unknown, name: string): Json =>
  Predicate.isObject(value) ? value : Blocks.malformed(`${name} is missing`)

const present = (fields: Json): Json =>
  Object.fromEntries(Object.entries(fields).filter(([, value]) => value !== null && value !== undefined))

const begin = (state: State, event: Json): Step => {
  if (state.begun) return Blocks.malformed("a second message_start came")
  const { container, context_management, diagnostics, id, input_transformations, model, usage: said } = objectOf(
    event["message"],
    "the message of a message_start"
  )
  const usage = Usage.merge(state.usage, said)
  const soFar = Usage.soFar(usage)
  const stop = present({
    cacheMissReason: Predicate.isObject(diagnostics) ? diagnostics["cache_miss_reason"] : undefined,
    contextManagement: context_management,
    inputTransformations: input_transformations
  })
  return [
    { ...state, begun: true, usage, stop, container: container ?? undefined },
    [{
      type: "response-metadata",
      ...(typeof id === "string" && { id }),
      ...(typeof model === "string" && { modelId: model }),
      ...(soFar && { metadata: { anthropic: { usage: soFar } } })
    }]
  ]
}

/** The next block begins only after the one before it was whole; before a `fallback`, a refusal may have cut it. */
const release = ({ held }: State, next: unknown): ReadonlyArray<Part> =>
  held === undefined || next === "fallback" ? nothing : [Blocks.toolCall(held, true)]

const startBlock = (state: State, { content_block, index }: Json): Step => {
  if (state.open !== undefined) return Blocks.malformed("a block began inside another one")
  if (index !== state.blocks) {
    return Blocks.malformed(`block ${String(index)} began where block ${state.blocks} was expected`)
  }
  const content = objectOf(content_block, "a content_block") as Parameters<typeof Blocks.start>[1]
  const [open, parts] = Blocks.start(String(index), content, Names.ofBlock(state.names, state.calls, content))
  const released = release(state, content["type"])
  const calls = content["type"] === "server_tool_use"
    ? new Map(state.calls).set(content["id"], content["name"])
    : state.calls
  return [
    { ...state, calls, blocks: state.blocks + 1, open, held: undefined },
    released.length === 0 ? parts : [...released, ...parts]
  ]
}

const openAt = ({ blocks, open }: State, { index, type }: Json): Blocks.Block =>
  open === undefined || index !== blocks - 1
    ? Blocks.malformed(`a ${String(type)} came for block ${String(index)}, which is not open`)
    : open

const extendBlock = (state: State, event: Json): Step => {
  const open = openAt(state, event)
  const delta = objectOf(event["delta"], "a delta") as Parameters<typeof Blocks.extend>[2]
  const [block, parts] = Blocks.extend(String(event["index"]), open, delta)
  return [block === open ? state : { ...state, open: block }, parts]
}

const endBlock = (state: State, event: Json): Step => {
  const block = openAt(state, event)
  const parts = Blocks.end(String(event["index"]), block)
  const call = block.type === "tool_use" ? Blocks.wholeCall(block) : undefined
  const held = block.type === "tool_use" && call === undefined ? block : undefined
  return [{ ...state, open: undefined, held }, call === undefined ? parts : [...parts, call]]
}

const detailsOf = (details: unknown): Json | undefined => {
  if (!Predicate.isObject(details)) return undefined
  const { type: _, ...said } = details
  return said
}

const amend = (state: State, event: Json): Step => {
  const { container, stop_details, stop_reason, stop_sequence } = objectOf(
    event["delta"],
    "the delta of a message_delta"
  )
  const said = present({
    stopReason: stop_reason,
    stopDetails: detailsOf(stop_details),
    stopSequence: stop_sequence,
    contextManagement: event["context_management"],
    inputTransformations: event["input_transformations"]
  })
  return [{
    ...state,
    usage: Usage.merge(state.usage, event["usage"]),
    stop: { ...state.stop, ...said },
    container: container ?? state.container
  }, nothing]
}

const finish = ({ events, stop, usage }: State): Part => ({
  type: "finish",
  reason: finishReasons.get(stop["stopReason"]) ?? "other",
  usage: Usage.toUsage(usage),
  metadata: {
    anthropic: { ...stop, ...Usage.toDetails(usage), ...(events.length > 0 && { events }) } as never
  }
})

const stop = (state: State): Step => {
  if (state.open !== undefined) return Blocks.malformed("the message ended inside a block")
  const { container, held, stop } = state
  return [
    { ...state, held: undefined, done: true },
    [
      ...(held === undefined ? nothing : [Blocks.toolCall(held, uncut.has(stop["stopReason"]))]),
      ...Blocks.container(container),
      finish(state)
    ]
  ]
}

/**
 * The next state and the parts that one event adds. Blocks, deltas and events of unknown types travel in metadata, as they
 * came. Throws for an event that the API does not send at its place; see `toFailure`.
 *
 * @internal
 */
export const step = (state: State, received: Api.RawMessageStreamEvent): Step => {
  if (state.done) return [state, nothing]
  const event = received as unknown as Json
  const type = event["type"]
  if (type === "ping") return [state, nothing]
  if (type === "error") throw new ErrorEvent(event)
  if (type === "message_start") return begin(state, event)
  if (!state.begun) return Blocks.malformed(`a ${String(type)} came before the message_start`)
  switch (type) {
    case "content_block_start":
      return startBlock(state, event)
    case "content_block_delta":
      return extendBlock(state, event)
    case "content_block_stop":
      return endBlock(state, event)
    case "message_delta":
      return amend(state, event)
    case "message_stop":
      return stop(state)
    default:
      return [{ ...state, events: [...state.events, event] }, nothing]
  }
}
