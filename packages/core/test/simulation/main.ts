// Runs simulated worlds: `npm run sim -- [--seeds N] [--seed S] [--mutant name] [--agents]`.
// With --agents the worlds are those of `Simulation`, of sample agents, and nothing else judges them.
// One seed alone is replayed and shown; exit 1 on a violation, 2 on bad options.
import * as path from "node:path"
import { parseArgs } from "node:util"
import { apply, mutants } from "./mutants.ts"
import { seedsOfMutant, seedsOfTests } from "./seeds.ts"

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
      options: {
        seeds: { type: "string" },
        seed: { type: "string" },
        mutant: { type: "string" },
        agents: { type: "boolean" }
      }
    })
    return values
  } catch (error) {
    return fail(error instanceof Error ? error.message : String(error))
  }
}

const given = options()
const seed = whole("seed", given.seed, 1)
const worlds = given.mutant === undefined ? seedsOfTests : seedsOfMutant
const seeds = whole("seeds", given.seeds, 1) ?? (seed === undefined ? worlds : 1)
const mutant = given.mutant === undefined
  ? undefined
  : mutants.find(({ name }) => name === given.mutant) ?? fail(`no mutant is named "${given.mutant}"`)

// the planted bug is in the source as it is loaded, so what is simulated comes after it
if (mutant !== undefined) apply(mutant, path.resolve(import.meta.dirname, "../../src"))

/** What a seed shows: its violations, and what happened. */
type World = (seed: number) => { readonly found: ReadonlyArray<string>; readonly shown: () => string }

const ownWorld = async (): Promise<World> => {
  const { plan } = await import("./plan.ts")
  const { simulate } = await import("./world.ts")
  const { violations } = await import("./oracle.ts")
  const { timeline } = await import("./timeline.ts")
  return (seed) => {
    const seen = simulate(plan(seed))
    return typeof seen === "string"
      ? { found: [`the simulation ended: ${seen}`], shown: () => seen }
      : { found: violations(seen), shown: () => timeline(seen) }
  }
}

/** The worlds of one agent after the other. */
const worldOfAgents = async (): Promise<World> => {
  const { Simulation } = await import("@volley/core/testing")
  const agents = Object.entries((await import("../testing/support/simAgents.ts")).agents)
  return (seed) => {
    const [name, agent] = agents[seed % agents.length]!
    const { ledger, runs, violations } = Simulation.run(agent, Simulation.draw(agent, seed))
    return {
      found: violations.map(({ event, guarantee, message }) => `${name}: ${guarantee} at ${event}: ${message}`),
      shown: () => [...runs.flatMap(({ events }) => events), ...ledger].map((line) => JSON.stringify(line)).join("\n")
    }
  }
}

const world = given.agents === true ? await worldOfAgents() : await ownWorld()
const first = seed ?? 1
const begun = performance.now()
let violated = 0
let run = 0
for (; run < seeds && violated === 0; run++) {
  const { found, shown } = world(first + run)
  if (seeds === 1) console.log(shown())
  if (found.length === 0) continue
  violated = found.length
  for (const message of found) console.log(`seed ${first + run}: ${message}`)
  const also = `${mutant === undefined ? "" : ` --mutant ${mutant.name}`}${given.agents === true ? " --agents" : ""}`
  console.log(`replay: npm run sim -- --seed ${first + run}${also}`)
}
const rate = Math.round((run / (performance.now() - begun)) * 1000)
console.log(`${run} ${run === 1 ? "seed" : "seeds"}, ${violated} violations, ${rate} seeds/s`)
process.exitCode = violated === 0 ? 0 : 1
