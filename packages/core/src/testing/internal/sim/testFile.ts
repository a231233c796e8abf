/**
 * A violation as a test of the user's own.
 *
 * @internal
 */
import type { Violation } from "./oracle.ts"
import type { Plan } from "./plan.ts"

const identifier = /^[\p{ID_Start}$_][\p{ID_Continue}$]*$/u

const named = (name: string, what: string): string => {
  if (!identifier.test(name)) throw new Error(`The ${what} "${name}" is not the name of an export`)
  return name
}

/** @internal */
export const testFileOf = (
  { plan, violation }: { readonly plan: Plan; readonly violation: Violation },
  options: { readonly agent: string; readonly name?: string; readonly handlers?: string }
): string => {
  const name = named(options.name ?? "agent", "agent")
  const handlers = options.handlers === undefined ? undefined : named(options.handlers, "layer")
  const imported = handlers === undefined ? name : `${name}, ${handlers}`
  const title = `${violation.guarantee} - ${violation.message}`
  return `import { assert, it } from "@effect/vitest"
import { Simulation } from "@volley/core/testing"
import { ${imported} } from ${JSON.stringify(options.agent)}

const plan: Simulation.Plan = ${JSON.stringify(plan, undefined, 2)}

it(${JSON.stringify(title)}, () => {
  assert.deepStrictEqual(Simulation.run(${name}, plan${
    handlers === undefined ? "" : handlers === "handlers" ? ", { handlers }" : `, { handlers: ${handlers} }`
  }).violations, [])
})
`
}
