// Runs every bench/*.bench.ts (or those whose name contains an argument) and prints one table each.
import * as fs from "node:fs"
import * as path from "node:path"

const wanted = process.argv.slice(2)
const files = fs.globSync("*.bench.ts", { cwd: import.meta.dirname }).toSorted()
for (const file of files.filter((name) => wanted.length === 0 || wanted.some((part) => name.includes(part)))) {
  // oxlint-disable-next-line no-await-in-loop -- benches must not disturb each other
  const { run, title } = await import(path.join(import.meta.dirname, file))
  console.log(`\n${title}`)
  // oxlint-disable-next-line no-await-in-loop
  console.table(await run())
}
