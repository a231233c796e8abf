// Prints the events of a number of seeds of each sample agent, one line each.
import { Simulation } from "@volley/core/testing"
import { agents } from "./simAgents.ts"

const seeds = Number(process.argv[2] ?? "100")
const all = Object.values(agents)
for (let seed = 1; seed <= seeds; seed++) {
  const agent = all[seed % all.length]!
  const { ledger, now, runs, steps } = Simulation.run(agent, Simulation.draw(agent, seed))
  process.stdout.write(`${JSON.stringify({ seed, events: runs.map(({ events }) => events), ledger, now, steps })}\n`)
}
