// Runs the commands of the `sh` fences below the headings named here, one after the other, and expects that each ends with 0.
// Journals are written to a temporary folder; no key of this shell is seen, so the offline planner answers.
import { spawnSync } from "node:child_process"
import * as fs from "node:fs"
import * as os from "node:os"
import * as path from "node:path"

const pages = [["README.md", "The command line"], ["docs/resume-replay-fork.md", "From the command line"]]

const commandsOf = ([file, heading]) => {
  const section = fs.readFileSync(file, "utf8").split(/^## /m).find((part) => part.startsWith(`${heading}\n`)) ?? ""
  const commands = [...section.matchAll(/^```sh\n([\s\S]*?)^```/gm)].flatMap(([, code]) => code.trim().split("\n"))
  if (commands.length === 0) throw new Error(`${file} has no sh fence below "${heading}"`)
  return commands
}

const env = Object.fromEntries(Object.entries(process.env).filter(([name]) => !name.startsWith("ANTHROPIC_")))
for (const page of pages) {
  const folder = fs.mkdtempSync(path.join(os.tmpdir(), "commands-"))
  for (const command of commandsOf(page)) {
    const moved = command.replaceAll(/\b\w+\.ndjson\b/g, (journal) => path.join(folder, journal))
    const { signal, status, stderr, stdout } = spawnSync("bash", ["-c", moved], {
      encoding: "utf8",
      env,
      timeout: 60_000
    })
    console.log(`${status === 0 ? "ran " : "FAILED "}${page[0]}: ${command}`)
    if (status === 0) continue
    process.stderr.write(`it ended with ${signal ?? status}\n${stdout}${stderr}`)
    process.exitCode = 1
  }
  fs.rmSync(folder, { recursive: true })
}
