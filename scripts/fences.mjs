// Type-checks every ```ts fence of the Markdown files and of the public modules' JSDoc together; runs those marked `ts run`.
import { spawnSync } from "node:child_process"
import * as fs from "node:fs"
import * as path from "node:path"

const out = ".cache/fences"
fs.rmSync(out, { recursive: true, force: true })
fs.mkdirSync(out, { recursive: true })

const sources = fs.globSync(["*.md", "docs/**/*.md", "packages/*/*.md", "packages/*/src/**/*.ts"], {
  exclude: (file) => file.includes("internal")
})
const fences = sources.toSorted().flatMap((file) => {
  const text = fs.readFileSync(file, "utf8")
  const plain = file.endsWith(".ts") ? text.replace(/^[ \t]*\* ?/gm, "") : text
  return [...plain.matchAll(/^```ts( run)?\n([\s\S]*?)^```/gm)].map(({ 1: run, 2: code, index }) => ({
    // The name says where the fence stands: README.md_L12.ts
    name: path.join(out, `${file.replaceAll("/", "_")}_L${plain.slice(0, index).split("\n").length}.ts`),
    code,
    run: run !== undefined
  }))
})

const execute = (command, args) => {
  const { error, status } = spawnSync(command, args, { stdio: ["ignore", "inherit", "inherit"], timeout: 60_000 })
  if (error) throw error
  if (status !== 0) process.exit(1)
}

for (const { code, name } of fences) fs.writeFileSync(name, `${code}export {}\n`)
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
  execute("tsc", ["-p", out])
}
const runs = fences.filter((fence) => fence.run)
for (const { name } of runs) execute(process.execPath, ["--conditions=@volley/source", name])
console.log(`${fences.length} fences type-check, ${runs.length} of them ran`)
