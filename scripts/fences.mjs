// Type-checks every ```ts fence of the Markdown files and of the public modules' JSDoc together. Runs those marked `ts run`,
// and compares what they print with the ```text fence that follows, if one does. A fence marked `ts <name>.ts` is a module that
// the other fences import as `./<name>.ts`. `npm run fences -- policies` takes only files whose path has that in it.
import { execFile, spawnSync } from "node:child_process"
import * as fs from "node:fs"
import * as os from "node:os"
import * as path from "node:path"
import { promisify } from "node:util"

const out = ".cache/fences"
fs.rmSync(out, { recursive: true, force: true })
fs.mkdirSync(out, { recursive: true })

const wanted = process.argv.slice(2)
const sources = fs.globSync(["*.md", "docs/**/*.md", "packages/*/*.md", "packages/*/src/**/*.ts"], {
  // the reference repeats the fences of the JSDoc, beside signatures that are no programs
  exclude: (file) => file.includes("internal") || file.startsWith("docs/api")
}).filter((file) => wanted.length === 0 || wanted.some((part) => file.includes(part)))
const fence = /^```ts(?: (?:(run)|(\w+\.ts)))?\n([\s\S]*?)^```\n(?:\n```text\n([\s\S]*?)^```$)?/gm
const fences = sources.toSorted().flatMap((file) => {
  const text = fs.readFileSync(file, "utf8")
  const plain = file.endsWith(".ts") ? text.replace(/^[ \t]*\* ?/gm, "") : text
  return [...plain.matchAll(fence)].map(({ 1: run, 2: module, 3: code, 4: prints, index }) => ({
    // The name says where the fence stands: README.md_L12.ts
    name: module === undefined
      ? path.join(out, `${file}_L${plain.slice(0, index).split("\n").length}.ts`)
      : path.join(out, path.dirname(file), module),
    code,
    prints,
    run: run !== undefined
  }))
})

for (const { code, name } of fences) {
  fs.mkdirSync(path.dirname(name), { recursive: true })
  // "wx": two modules of one name would be one
  fs.writeFileSync(name, `${code}export {}\n`, { flag: "wx" })
}
if (fences.length > 0) {
  fs.writeFileSync(
    `${out}/tsconfig.json`,
    JSON.stringify({
      extends: "../../tsconfig.test.json",
      include: ["."],
      compilerOptions: {
        rootDir: "../..",
        declaration: false,
        noUnusedLocals: false,
        noUnusedParameters: false,
        typeRoots: ["../../node_modules/@types"]
      }
    })
  )
  const { error, status } = spawnSync("tsc", ["-p", out], { stdio: ["ignore", "inherit", "inherit"], timeout: 120_000 })
  if (error) throw error
  if (status !== 0) process.exit(1)
}

const problemOf = async ({ name, prints }) => {
  try {
    const { stdout } = await promisify(execFile)(process.execPath, ["--conditions=@volley/source", name], {
      timeout: 60_000,
      env: { ...process.env, NODE_COMPILE_CACHE: ".cache/compile" }
    })
    if (prints === undefined || stdout.trimEnd() === prints.trimEnd()) return undefined
    return `it printed\n${stdout.trimEnd()}\n--- and not what stands below it\n${prints.trimEnd()}`
  } catch ({ message, stdout }) {
    return `${message}\n${stdout ?? ""}`
  }
}

const runs = fences.filter((one) => one.run)
const waiting = [...runs]
const worker = async () => {
  for (let next = waiting.shift(); next !== undefined; next = waiting.shift()) {
    // oxlint-disable-next-line no-await-in-loop -- one after the other, beside the other workers
    const problem = await problemOf(next)
    if (problem === undefined) continue
    process.stderr.write(`FAILED ${next.name}: ${problem}\n`)
    process.exitCode = 1
  }
}
await Promise.all(Array.from({ length: os.availableParallelism() }, worker))

const compared = runs.filter(({ prints }) => prints !== undefined).length
console.log(
  `${fences.length} fences type-check, ${runs.length} of them ran, ${compared} were compared with what they print`
)
