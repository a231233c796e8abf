// Effect's own diagnostics over a project (default: tsconfig.test.json). Without its plugin entry in the tsconfig the tool
// checks nothing and exits 0, so a run that checked no file is a failure here.
import { spawnSync } from "node:child_process"

const project = process.argv[2] ?? "tsconfig.test.json"
const { error, status, stderr, stdout } = spawnSync(
  "effect-tsgo",
  ["diagnostics", "--project", project, "--format", "text", "--strict"],
  { encoding: "utf8" }
)
if (error) throw error
process.stdout.write(stdout)
process.stderr.write(stderr)
if (!/Checked [1-9]\d* files? out of/.test(stdout)) {
  console.error(`Effect diagnostics checked no file of ${project}`)
  process.exitCode = 1
} else {
  process.exitCode = status ?? 1
}
