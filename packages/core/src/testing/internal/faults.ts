/**
 * Faults that change what is answered: a status in place of the reply, or a reply that says something else.
 *
 * @internal
 */
import * as Predicate from "effect/Predicate"
import type * as Schema from "effect/Schema"
import * as ModelScript from "../ModelScript.ts"
import * as apiError from "./apiError.ts"
import * as wire from "./wire.ts"
import { argumentText } from "./wireBlock.ts"

/**
 * A step as it is answered: what is left of its fault strikes on the wire.
 *
 * @param now - milliseconds since the epoch
 * @internal
 */
export const apply = (step: ModelScript.Step, now: number): ModelScript.Step => {
  if (!ModelScript.isReply(step)) return step
  const { fault } = step
  switch (fault?.type) {
    case "rateLimit":
    case "spendLimit":
    case "serverError":
    case "overloaded":
      return apiError.ofFault(fault, now)
    case "empty":
    case "truncated":
    case "swapped":
    case "corrupted":
      return withContent(step, (fault.of === "text" ? ofText : ofArguments)[fault.type](step.content))
    case "missingCall":
      return withContent(step, withoutLastCall(step.content))
    case "repeatedCall":
      return withContent(step, withLastCallTwice(step.content))
    default:
      return step
  }
}

type Content = ModelScript.Reply["content"]

type Change = (content: Content) => Content

// The stop reason tells what the model meant to do.
const withContent = (reply: ModelScript.Reply, content: Content): ModelScript.Reply => ({
  ...reply,
  content,
  stopReason: wire.stopReason(reply)
})

type OfType<T extends ModelScript.Block["type"]> = Extract<ModelScript.Block, { readonly type: T }>

/** Each block of a type changed; `next` is the one after it, the first for the last. */
const each = <T extends ModelScript.Block["type"]>(
  type: T,
  change: (block: OfType<T>, next: OfType<T>) => ModelScript.Block
): Change =>
(content) => {
  const places = content.flatMap((block, place) => block.type === type ? [place] : [])
  const at = (nth: number) => content[places[nth % places.length]!] as OfType<T>
  return content.map((block, place) => {
    const nth = places.indexOf(place)
    return nth < 0 ? block : change(at(nth), at(nth + 1))
  })
}

const withoutArguments = (call: OfType<"tool_use">): OfType<"tool_use"> => {
  const { input: _, partialJson: __, ...rest } = call
  return rest
}

type Name = "empty" | "truncated" | "swapped" | "corrupted"

const ofText: { readonly [_ in Name]: Change } = {
  empty: each("text", (block) => ({ ...block, text: "" })),
  truncated: each("text", (block) => ({ ...block, text: half(block.text) })),
  swapped: each("text", (block, next) => ({ ...block, text: next.text })),
  corrupted: each("text", (block) => ({ ...block, text: block.text.replace(/(.)./gsu, "$1\ufffd") }))
}

const ofArguments: { readonly [_ in Name]: Change } = {
  empty: each("tool_use", withoutArguments),
  truncated: each("tool_use", (call) => ({ ...withoutArguments(call), partialJson: half(argumentText(call) || "{}") })),
  swapped: each("tool_use", (call, next) => {
    if (next === call) return isFields(call.input) ? { ...call, input: rotated(call.input) } : call
    const { input, partialJson } = next
    return {
      ...withoutArguments(call),
      ...(input !== undefined && { input }),
      ...(partialJson !== undefined && { partialJson })
    }
  }),
  corrupted: each("tool_use", (call) => isFields(call.input) ? { ...call, input: retyped(call.input) } : call)
}

const half = (text: string): string => text.slice(0, Math.floor(text.length / 2))

type Fields = { readonly [key: string]: Schema.Json }

const isFields = (value: unknown): value is Fields => Predicate.isObject(value)

/** Each key with the value of the next one. */
const rotated = (fields: Fields): Fields => {
  const keys = Object.keys(fields)
  return Object.fromEntries(keys.map((key, index) => [key, fields[keys[(index + 1) % keys.length]!]!]))
}

/** Each value as one of another type: a text instead of none, no text instead of one. */
const retyped = (fields: Fields): Fields =>
  Object.fromEntries(
    Object.entries(fields).map(([key, value]) => [key, Predicate.isString(value) ? null : JSON.stringify(value)])
  )

const lastCall = (content: Content): number => content.findLastIndex((block) => block.type === "tool_use")

const withoutLastCall = (content: Content): Content => {
  const last = lastCall(content)
  return content.filter((_, index) => index !== last)
}

const withLastCallTwice = (content: Content): Content => {
  const last = lastCall(content)
  const call = content[last]
  if (call?.type !== "tool_use") return content
  const { id, ...again } = call
  return content.toSpliced(last + 1, 0, id === undefined ? again : { ...again, id: `${id}_again` })
}
