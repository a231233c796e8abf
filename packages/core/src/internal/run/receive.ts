/**
 * From the parts of a model's reply to the events of a run.
 *
 * @internal
 */
import * as Prompt from "effect/ai/Prompt"
import type * as Response from "effect/ai/Response"
import * as Predicate from "effect/Predicate"
import * as Schema from "effect/Schema"
import * as RunEvent from "../../RunEvent.ts"
import { deepest, isTooDeep } from "../depth.ts"
import type { Part } from "../directReply.ts"

type Key = { readonly turn: number; readonly request: number }

interface OpenBlock {
  readonly type: "text" | "reasoning"
  text: string
  options: Prompt.ProviderOptions
}

/** What a part adds to a run. @internal */
export interface Received {
  readonly events: ReadonlyArray<(at: number) => RunEvent.RunEvent>
  readonly deltas: ReadonlyArray<RunEvent.Delta>
}

const nothing: Received = { events: [], deltas: [] }

const event = (make: (at: number) => RunEvent.RunEvent): Received => ({ events: [make], deltas: [] })

const merged = (left: Prompt.ProviderOptions, right: Prompt.ProviderOptions): Prompt.ProviderOptions => {
  const result = { ...left }
  for (const [namespace, values] of Object.entries(right)) {
    result[namespace] = { ...(result[namespace] as object | undefined), ...(values as object | undefined) } as never
  }
  return result
}

/** The provider's own stop reason and refusal, wherever its metadata keep them. */
const stopOf = (finish: Response.FinishPart) => {
  for (const values of Object.values(finish.metadata)) {
    if (!Predicate.hasProperty(values, "stopReason") || typeof values.stopReason !== "string") continue
    const details = Predicate.hasProperty(values, "stopDetails") ? values.stopDetails : undefined
    const detail = (key: string): string =>
      Predicate.hasProperty(details, key) && typeof details[key] === "string" ? details[key] : ""
    return { stopReason: values.stopReason, category: detail("category"), explanation: detail("explanation") }
  }
  return { stopReason: finish.reason, category: "", explanation: "" }
}

const usageOf = ({ inputTokens, outputTokens }: Response.Usage): RunEvent.Usage => {
  const cacheReadTokens = inputTokens.cacheRead ?? 0
  const cacheWriteTokens = inputTokens.cacheWrite ?? 0
  return {
    inputTokens: inputTokens.total ?? (inputTokens.uncached ?? 0) + cacheReadTokens + cacheWriteTokens,
    outputTokens: outputTokens.total ?? 0,
    cacheReadTokens,
    cacheWriteTokens
  }
}

/** What a provider said of the usage before the end of its reply. */
const usageSoFar = (metadata: Prompt.ProviderOptions): RunEvent.Usage | undefined => {
  for (const values of Object.values(metadata)) {
    if (Predicate.hasProperty(values, "usage") && isUsage(values.usage)) return values.usage
  }
  return undefined
}

const isUsage = Schema.is(RunEvent.Usage)

const cacheMissOf = (reason: unknown): RunEvent.Of<"ModelResponded">["cacheMiss"] => {
  if (!Predicate.hasProperty(reason, "type") || typeof reason.type !== "string") return undefined
  const tokens = Predicate.hasProperty(reason, "cache_missed_input_tokens")
    ? reason.cache_missed_input_tokens
    : undefined
  return { reason: reason.type, ...(Number.isSafeInteger(tokens) ? { tokens: tokens as number } : {}) }
}

/** What the metadata say of the cache and of the service tier, wherever they keep it. */
const detailsOf = ({ metadata }: Response.FinishPart) => {
  const named = (name: string): unknown =>
    Object.values(metadata).map((values) => Predicate.hasProperty(values, name) ? values[name] : undefined)
      .find((value) => value !== undefined)
  const [long, tier] = [named("cacheWriteLongTokens"), named("serviceTier")]
  const cacheMiss = cacheMissOf(named("cacheMissReason"))
  return {
    ...(typeof long === "number" && long > 0 ? { long } : {}),
    ...(typeof tier === "string" ? { tier } : {}),
    ...(cacheMiss === undefined ? {} : { cacheMiss })
  }
}

/** What a reply is charged by. @internal */
export interface Counted {
  readonly usage: RunEvent.Usage
  readonly model?: string
  readonly tier?: string
}

/** The ids of the calls of a conversation, and those given. @internal */
export const callIds = (transcript: Prompt.Prompt, more: ReadonlyArray<string> = []): Set<string> =>
  new Set([
    ...transcript.content.flatMap((message) =>
      message.role === "assistant" ? message.content.flatMap((part) => part.type === "tool-call" ? [part.id] : []) : []
    ),
    ...more
  ])

/**
 * Takes the parts of one reply in order. `complete` is its last event, without its time, once the reply is whole, else
 * `undefined`; then its calls join `known`, the ids of the conversation.
 *
 * @internal
 */
export const make = (key: Key, known: Set<string>) => {
  const open = new Map<string, OpenBlock>()
  const ids = new Set<string>()
  let index = 0
  let model: string | undefined
  let responseId: string | undefined
  let finish: Response.FinishPart | undefined
  let soFar: RunEvent.Usage | undefined

  const begin = (id: string, type: OpenBlock["type"], options: Prompt.ProviderOptions): Received => {
    open.set(id, { type, text: "", options })
    return nothing
  }

  const grow = (id: string, delta: string, options: Prompt.ProviderOptions): Received => {
    const block = open.get(id)
    if (block === undefined) return nothing
    block.text += delta
    block.options = merged(block.options, options)
    const _tag = block.type === "text" ? "TextDelta" : "ThinkingDelta"
    return delta === "" ? nothing : { events: [], deltas: [{ _tag, ...key, text: delta }] }
  }

  const end = (id: string, options: Prompt.ProviderOptions): Received => {
    const block = open.get(id)
    open.delete(id)
    if (block === undefined || (block.type === "text" && block.text === "")) return nothing
    const part = Prompt.makePart(block.type, { text: block.text, options: merged(block.options, options) })
    return event(() => ({ _tag: "BlockReceived", ...key, part }))
  }

  /** A provider may repeat an id; the API refuses that, so the repeated one is made distinct. */
  const distinct = (id: string): string => {
    let candidate = id === "" ? `call_${key.turn}_${index}` : id
    while (known.has(candidate) || ids.has(candidate)) candidate = `${candidate}_${index}`
    ids.add(candidate)
    return candidate
  }

  const toolCall = (part: Extract<Part, { readonly type: "tool-call" }>): Received => {
    const { metadata: options, name, params } = part
    if (part.providerExecuted) {
      const kept = Prompt.toolCallPart({ id: part.id, name, params, providerExecuted: true, options })
      return event(() => ({ _tag: "BlockReceived", ...key, part: kept }))
    }
    const requested = {
      _tag: "ToolCallRequested",
      ...key,
      index,
      id: distinct(part.id),
      name,
      // what is nested too deeply cannot be kept; a text is never run
      params: isTooDeep(params) ? `(arguments nested deeper than ${deepest} levels)` : params,
      options
    } as const
    index++
    return event((at) => ({ ...requested, at }))
  }

  const take = (part: Part): Received => {
    switch (part.type) {
      case "response-metadata":
        model = part.modelId
        responseId = part.id
        soFar = usageSoFar(part.metadata)
        return nothing
      case "text-start":
        return begin(part.id, "text", part.metadata)
      case "reasoning-start":
        return begin(part.id, "reasoning", part.metadata)
      case "text-delta":
      case "reasoning-delta":
        return grow(part.id, part.delta, part.metadata)
      case "text-end":
      case "reasoning-end":
        return end(part.id, part.metadata)
      case "tool-call":
        return toolCall(part)
      case "finish":
        finish = part
        return nothing
      case "tool-params-start":
      case "tool-params-delta":
      case "tool-params-end":
        return nothing
      default:
        return Prompt.fromResponseParts([part as Response.AnyPart]).content
          .flatMap((message) => message.role === "assistant" ? message.content : [])
          .map((kept) => event(() => ({ _tag: "BlockReceived", ...key, part: kept })))
          .at(0) ?? nothing
    }
  }

  const complete = (): Omit<RunEvent.Of<"ModelResponded">, "at"> | undefined => {
    if (finish === undefined) return undefined
    for (const id of ids) known.add(id)
    const { category, explanation, stopReason } = stopOf(finish)
    const { cacheMiss, long, tier } = detailsOf(finish)
    return {
      _tag: "ModelResponded",
      ...key,
      finishReason: finish.reason,
      stopReason,
      usage: { ...usageOf(finish.usage), ...(long === undefined ? {} : { cacheWriteLongTokens: long }) },
      ...(tier === undefined ? {} : { tier }),
      ...(finish.reason === "content-filter" ? { refusal: { category, explanation } } : {}),
      ...(model === undefined ? {} : { model }),
      ...(responseId === undefined ? {} : { responseId }),
      ...(cacheMiss === undefined ? {} : { cacheMiss })
    }
  }

  /** What a reply that breaks off here has used, where its provider said so. */
  const usage = (): RunEvent.Usage | undefined => finish === undefined ? soFar : usageOf(finish.usage)

  return { take, complete, usage }
}
