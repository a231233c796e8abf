/**
 * A call of a tool, as the tool asks for it and the connection makes it. It names no type of the official client, which a program that
 * reads these declarations need not have installed.
 *
 * @internal
 */
import type * as ToolFailure from "@volley/core/ToolFailure"
import type * as Effect from "effect/Effect"
import type { Definition } from "./definition.ts"

/** What a call of a tool came to, as the server said it. @internal */
export interface Answer {
  readonly content: ReadonlyArray<unknown>
  readonly structured: unknown
  readonly isError: boolean
}

/** @internal */
export interface Progress {
  readonly progress: number
  readonly total?: number | undefined
  readonly message?: string | undefined
}

/** @internal */
export type Call = (
  definition: Definition,
  parameters: { readonly [key: string]: unknown },
  progressed: (progress: Progress) => void
) => Effect.Effect<Answer, ToolFailure.ToolFailure>
