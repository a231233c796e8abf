/**
 * Whether a call wants approval, and whether it has it.
 *
 * @internal
 */
import type * as Prompt from "effect/ai/Prompt"
import * as Tool from "effect/ai/Tool"
import * as Context from "effect/Context"
import * as Effect from "effect/Effect"
import type { Asked } from "./stage.ts"

/** @internal */
export type Gate = (
  call: Asked,
  decoded: unknown,
  messages: ReadonlyArray<Prompt.Message>
) => Effect.Effect<boolean>

/** The annotation's default is true and means nothing: only one that is set does. */
const isDestructive = ({ annotations }: Tool.Any): boolean =>
  annotations.mapUnsafe.has(Tool.Destructive.key) && Context.get(annotations, Tool.Destructive)

/**
 * Whether a call of the tool wants approval: where the tool says so, or is destructive by annotation. One that cannot say wants
 * it. `undefined` for a tool whose calls never do.
 *
 * @internal
 */
export const makeGate = (tool: Tool.Any, services: Context.Context<never>): Gate | undefined => {
  const { needsApproval } = tool
  if (isDestructive(tool) || needsApproval === true) return () => Effect.succeed(true)
  if (typeof needsApproval !== "function") return undefined
  return ({ id, name }, decoded, messages) =>
    Effect.suspend((): Effect.Effect<boolean> => {
      const wanted = needsApproval(decoded, { toolCallId: id, messages })
      return Effect.isEffect(wanted)
        ? Effect.provideContext(wanted, services)
        : Effect.succeed(wanted)
    }).pipe(
      Effect.catchCause((cause) =>
        Effect.as(Effect.logError(`Tool "${name}" could not say whether a call wants approval; it does`, cause), true)
      )
    )
}

/** Approvals that were given: each is for one call, by its key, and serves once. @internal */
export interface Grants {
  readonly add: (key: string, expires: number | undefined) => void
  /** Whether there is one that holds now; it is used up. */
  readonly take: (key: string, now: number) => boolean
}

/** @internal */
export const makeGrants = (): Grants => {
  const expiries = new Map<string, number>()
  return {
    add: (key, expires = Number.POSITIVE_INFINITY) => void expiries.set(key, expires),
    take: (key, now) => {
      const expires = expiries.get(key)
      expiries.delete(key)
      return expires !== undefined && now < expires
    }
  }
}
