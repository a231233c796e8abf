// Type-checks and runs every ```ts fence of the Markdown files and of the public modules' JSDoc, and compares what it prints with
// the ```text fence that follows; without one it is to print nothing. A fence that imports Vitest is a file of tests. A fence
// marked `ts <name>.ts` is a module that the other fences import as `./<name>.ts`; a ```js fence is a program whose types nobody
// checks. The programs of a page, or of the modules of a folder, run one after the other in one process, in this folder; what they ask is here as well, in scripts/standIns.mjs.
// `npm run fences -- policies` takes only files whose path has that in it.
import { execFile, spawn } from "node:child_process"
import * as fs from "node:fs"
import * as net from "node:net"
import * as os from "node:os"
import * as path from "node:path"
import * as readline from "node:readline"
import { promisify } from "node:util"

const out = ".cache/fences"
fs.rmSync(out, { recursive: true, force: true })
fs.mkdirSync(`${out}/tmp`, { recursive: true })
const problems = []

// ---- the fences

const wanted = process.argv.slice(2)
const sources = fs.globSync(["*.md", "docs/**/*.md", "packages/*/*.md", "packages/*/src/**/*.ts"], {
  // the reference repeats the fences of the JSDoc, beside signatures that are no programs
  exclude: (file) => file.startsWith("docs/api")
}).filter((file) => wanted.length === 0 || wanted.some((part) => file.includes(part)))

const fence = /^```(ts|js|tsx|typescript|javascript)(?: (.+))?\n([\s\S]*?)^```\n(?:\n```text\n([\s\S]*?)^```$)?/gm
const fences = sources.toSorted().flatMap((file) => {
  const text = fs.readFileSync(file, "utf8")
  const plain = file.endsWith(".ts") ? text.replace(/^[ \t]*\* ?/gm, "") : text
  const page = file.endsWith(".ts") ? path.dirname(file) : file
  return [...plain.matchAll(fence)].flatMap(({ 1: language, 2: info, 3: code, 4: prints = "", index }) => {
    const place = `${file}_L${plain.slice(0, index).split("\n").length}`
    if (!/^(ts( \w+\.ts)?|js)$/.test(info === undefined ? language : `${language} ${info}`)) {
      problems.push(`${place}: a program is marked "ts", "ts <name>.ts" or "js", and always runs`)
      return []
    }
    const isTest = /from "(@effect\/)?vitest"/.test(code)
    const ending = language === "js" ? "mjs" : isTest ? "test.ts" : "ts"
    const name = info === undefined ? `${place}.${ending}` : path.join(path.dirname(file), info)
    return [{ name: path.join(out, name), page, code, prints, isTest }]
  })
})

for (const { code, name } of fences) {
  fs.mkdirSync(path.dirname(name), { recursive: true })
  // "wx": two modules of one name would be one
  fs.writeFileSync(name, `${code}export {}\n`, { flag: "wx" })
}

// ---- what they need

const services = [
  { service: "Redis", port: 6379, used: /redis:\/\// },
  { service: "PostgreSQL", port: 5432, used: /postgres:\/\// }
]

const listens = (port) =>
  new Promise((resolve) => {
    const socket = net.connect(port, "127.0.0.1", () => (socket.destroy(), resolve(true)))
    socket.once("error", () => resolve(false))
  })

const idle = new Set()
for (const { port, service, used } of services) {
  const users = fences.filter(({ code }) => used.test(code))
  // oxlint-disable-next-line no-await-in-loop -- two of them
  if (users.length === 0 || await listens(port)) continue
  const missing = `no ${service} at 127.0.0.1:${port}: ${users.map(({ name }) => name).join(", ")} did not run`
  if (process.env["CI"] === "true") problems.push(missing)
  else console.error(missing)
  for (const user of users) idle.add(user)
}
const runnable = fences.filter((one) => !idle.has(one))

const source = "--conditions=@volley/source"

/** Starts them for as long as this process lives; gives the variables that lead to them. */
const startStandIns = async () => {
  const { stdout } = spawn(process.execPath, [source, "scripts/standIns.mjs"], { stdio: ["pipe", "pipe", "inherit"] })
  for await (const line of readline.createInterface({ input: stdout })) return JSON.parse(line)
  throw new Error("scripts/standIns.mjs did not start")
}

const environment = {
  ...Object.fromEntries(Object.entries(process.env).filter(([name]) => !name.startsWith("ANTHROPIC_"))),
  NODE_COMPILE_CACHE: ".cache/compile",
  TMPDIR: path.resolve(out, "tmp"),
  ...(runnable.some(({ code }) => /anthropic|FromEnv|Config/i.test(code)) ? await startStandIns() : {})
}

// ---- what is done with them

const execute = promisify(execFile)

const typeCheck = async () => {
  const compilerOptions = {
    rootDir: "../..",
    declaration: false,
    noUnusedLocals: false,
    noUnusedParameters: false,
    typeRoots: ["../../node_modules/@types"]
  }
  const config = { extends: "../../tsconfig.test.json", include: ["."], compilerOptions }
  fs.writeFileSync(`${out}/tsconfig.json`, JSON.stringify(config))
  await execute("tsc", ["-p", out], { timeout: 120_000 })
}

const test = async () => {
  const conditions = ["@volley/source", "node", "import", "module", "default"]
  const tests = { include: ["**/*.test.ts"], exclude: [], isolate: false, maxWorkers: 1, testTimeout: 60_000 }
  const config = { resolve: { conditions }, ssr: { resolve: { conditions } }, test: tests }
  fs.writeFileSync(`${out}/vitest.config.mjs`, `export default ${JSON.stringify(config)}\n`)
  await execute("vitest", ["run", "--root", out], { env: environment, timeout: 120_000 })
}

const end = "--- a fence ends here"

const run = async (page) => {
  const program = page.map(({ name }) => `await import("./${name}")\nconsole.log("${end}")`).join("\n")
  const { error, stderr, stdout } = await execute(
    process.execPath,
    [source, "--input-type=module", "--eval", program],
    {
      env: environment,
      timeout: 60_000
    }
  ).catch((error) => ({ error, stderr: error.stderr, stdout: error.stdout }))
  const printed = stdout.split(`${end}\n`)
  const late = printed.pop()
  for (const [i, { name, prints }] of page.slice(0, printed.length).entries()) {
    if (printed[i].trimEnd() === prints.trimEnd()) continue
    problems.push(`${name} printed\n${printed[i].trimEnd()}\n--- and not what stands below it\n${prints.trimEnd()}`)
  }
  const next = page[printed.length]
  if (next !== undefined) problems.push(`${next.name}, and what follows it did not run: ${late}${stderr}`)
  else if (error !== undefined || late !== "") {
    problems.push(`${page.at(-1).name} or one before it went on: ${late}${stderr}`)
  }
}

const programs = runnable.filter(({ isTest }) => !isTest)
const pages = Map.groupBy(programs, ({ page }) => page)
const waiting = [
  ...(programs.length < runnable.length ? [test] : []),
  ...(fences.length > 0 ? [typeCheck] : []),
  ...[...pages.values()].map((page) => () => run(page))
]
const worker = async () => {
  for (let next = waiting.shift(); next !== undefined; next = waiting.shift()) {
    // oxlint-disable-next-line no-await-in-loop -- one after the other, beside the other workers
    await next().catch(({ message, stdout = "" }) => problems.push(`${message}\n${stdout}`))
  }
}
await Promise.all(Array.from({ length: os.availableParallelism() }, worker))

for (const problem of problems) console.error(`FAILED ${problem}`)
const printing = programs.filter(({ prints }) => prints !== "").length
const silent = programs.length - printing
const tests = runnable.length - programs.length
if (problems.length === 0) {
  console.log(
    `${fences.length} fences type-check; of these ran ${tests} tests, ${printing} programs that print what stands below them and ${silent} that print nothing`
  )
}
process.exit(problems.length > 0 ? 1 : 0)
