// Runs simulated worlds: `npm run sim -- [--seeds N] [--seed S] [--mutant name]`.
// One seed alone is replayed and shown; exit 1 on a violation, 2 on bad options.
import * as path from "node:path"
import { parseArgs } from "node:util"
import { apply, mutants } from "./mutants.ts"

const fail = (message: string): never => {
  console.error(message)
  process.exit(2)
}

const whole = (name: string, text: string | undefined, least: number): number | undefined => {
  if (text === undefined) return undefined
  const value = Number(text)
  return Number.isSafeInteger(value) && value >= least
    ? value
    : fail(`--${name} must be a whole number of at least ${least}`)
}

const options = () => {
  try {
    const { values } = parseArgs({
      options: { seeds: { type: "string" }, seed: { type: "string" }, mutant: { type: "string" } }
    })
    return values
  } catch (error) {
    return fail(error instanceof Error ? error.message : String(error))
  }
}

const given = options()
const seed = whole("seed", given.seed, 1)
const seeds = whole("seeds", given.seeds, 1) ?? (seed === undefined ? 2000 : 1)
const mutant = given.mutant === undefined
  ? undefined
  : mutants.find(({ name }) => name === given.mutant) ?? fail(`no mutant is named "${given.mutant}"`)

// the planted bug is in the source as it is loaded, so what is simulated comes after it
if (mutant !== undefined) apply(mutant, path.resolve(import.meta.dirname, "../../src"))
const { plan } = await import("./plan.ts")
const { simulate } = await import("./world.ts")
const { show, violations } = await import("./oracle.ts")

const first = seed ?? 1
const begun = performance.now()
let violated = 0
let run = 0
for (; run < seeds && violated === 0; run++) {
  const seen = simulate(plan(first + run))
  const found = typeof seen === "string" ? [`the simulation ended: ${seen}`] : violations(seen)
  if (seeds === 1 && typeof seen !== "string") console.log(show(seen))
  if (found.length === 0) continue
  violated = found.length
  for (const message of found) console.log(`seed ${first + run}: ${message}`)
  console.log(`replay: npm run sim -- --seed ${first + run}${mutant === undefined ? "" : ` --mutant ${mutant.name}`}`)
}
const rate = Math.round((run / (performance.now() - begun)) * 1000)
console.log(`${run} ${run === 1 ? "seed" : "seeds"}, ${violated} violations, ${rate} seeds/s`)
process.exitCode = violated === 0 ? 0 : 1
