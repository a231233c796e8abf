/**
 * The secrets of the environment, which no output may show.
 *
 * @internal
 */
import * as Redactor from "@volley/core/Redactor"
import * as Effect from "effect/Effect"
import * as Redacted from "effect/Redacted"
import type { Redact } from "./render/preview.ts"

const secretName = /(?:KEY|TOKEN|SECRET|PASSWORD|CREDENTIALS)$/i

/** A shorter value is more likely a word than a secret, and would be masked wherever it occurs; Claude's never is. */
const shortest = (name: string): number => name.startsWith("ANTHROPIC_") ? 1 : 8

/** The values of variables whose names say that they are secret. @internal */
export const inEnvironment = (
  environment: Readonly<Record<string, string | undefined>>
): ReadonlyArray<Redacted.Redacted> =>
  Object.entries(environment).flatMap(([name, value = ""]) =>
    secretName.test(name) && value.trim().length >= shortest(name) ? [Redacted.make(value.trim())] : []
  )

/** The redactor of the process learns the secrets of its environment. @internal */
export const learn = (environment: Readonly<Record<string, string | undefined>>): Effect.Effect<void> =>
  Effect.map(Redactor.current, (redactor) => inEnvironment(environment).forEach(redactor.add))

/** Redacts the texts of a JSON value and leaves its structure: a number is never taken for a secret. @internal */
export const redactJson = (redact: Redact, value: unknown): unknown => {
  if (typeof value === "string") return redact(value)
  if (Array.isArray(value)) return value.map((item) => redactJson(redact, item))
  if (typeof value !== "object" || value === null) return value
  return Object.fromEntries(Object.entries(value).map(([key, item]) => [redact(key), redactJson(redact, item)]))
}
