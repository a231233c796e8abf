// Measures one peer: node child.mjs <peer> <scenario,scenario> <url of the model> <seconds of warm-up> [directory for a
// profile of the heap]
const [peer, scenarios, url, seconds, heap] = process.argv.slice(2)

const [adapter, { measures }] = await Promise.all([import(`../peers/${peer}.mjs`), import("./scenarios.mjs")])

// What a peer leaves behind of a run that was aborted is its own affair.
process.on("unhandledRejection", () => {})

for (const scenario of scenarios.split(",")) {
  // oxlint-disable-next-line no-await-in-loop -- scenarios must not disturb each other
  const result = await measures[scenario](adapter, url, { seconds: Number(seconds), heap }).catch((error) => ({
    error: String(error?.message ?? error)
  }))
  process.stdout.write(`\n${JSON.stringify({ scenario, result })}\n`)
}
// What a peer leaves running is not waited for.
process.stdout.write("", () => process.exit(0))
