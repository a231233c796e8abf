/**
 * The tools of a server as an agent gets them: named, approved or not, and what is withheld.
 *
 * @internal
 */
import * as Effect from "effect/Effect"
import * as Result from "effect/Result"
import type { Call } from "./call.ts"
import type { Definition, Listing, Withheld } from "./definition.ts"
import * as names from "./names.ts"
import * as McpTool from "./tool.ts"

/** @internal */
export interface Offer {
  readonly tools: ReadonlyArray<McpTool.McpTool>
  readonly withheld: ReadonlyArray<Withheld>
  readonly unapproved: ReadonlyArray<Withheld>
  readonly pins: { readonly [tool: string]: string }
}

/** Hashes of definitions by the names of the tools. @internal */
export type Pins = ReadonlyMap<string, string>

/** Why each call of a tool wants approval; `undefined` where none does. */
const unapproved = ({ hash, name }: Definition, pins: Pins | undefined): string | undefined => {
  const pinned = pins?.get(name)
  if (pins === undefined || pinned === hash) return undefined
  return pinned === undefined ? "its definition is not pinned" : "its definition differs from the pinned one"
}

/** @internal */
export const pinsOf = ({ definitions }: Listing): { readonly [tool: string]: string } =>
  Object.fromEntries(definitions.map(({ hash, name }) => [name, hash]))

/** @internal */
export const offer = Effect.fnUntraced(function*(
  listing: Listing,
  pins: Pins | undefined,
  call: Call,
  terms: McpTool.Terms
): Effect.fn.Return<Offer> {
  const tools = new Map<string, McpTool.McpTool>()
  const withheld: Array<Withheld> = [...listing.withheld]
  const wanting: Array<Withheld> = []
  for (const definition of listing.definitions) {
    const { name } = definition
    const called = names.ofTool(terms.server, name)
    const reason = unapproved(definition, pins)
    const made = yield* McpTool.make(definition, called, reason !== undefined, call, terms)
    if (Result.isFailure(made)) withheld.push({ name, reason: made.failure })
    else if (tools.has(called)) withheld.push({ name, reason: `another tool is called "${called}"` })
    else {
      tools.set(called, made.success)
      if (reason !== undefined) wanting.push({ name, reason })
    }
  }
  return { tools: Array.from(tools.values()), withheld, unapproved: wanting, pins: pinsOf(listing) }
})
