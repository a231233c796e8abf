// Plants faults in a copy of the configuration and checks that each guard of `npm run check` bites there.
import { spawnSync } from "node:child_process"
import * as fs from "node:fs"
import * as os from "node:os"
import * as path from "node:path"

const exported = (statement, doc = "@category models\n * @since 0.1.0") =>
  `/**\n * Planted.\n *\n * ${doc}\n */\nexport ${statement}\n`
const effect = `import * as Effect from "effect/Effect"\n`
const core = "packages/core/src"
const clean = `${core}/Limits.ts`

// Planted file → what it contains and the lint findings it must cause.
const plants = {
  [clean]: { code: effect + exported("const clean = Effect.succeed(1)"), finds: [] },
  [`${core}/index.ts`]: { code: `export * as ToolCall from "./ToolCall.ts"\n`, finds: [] },
  [`${core}/Check.ts`]: {
    code: effect + exported("const impure = Effect.void"),
    finds: [["house(rooms)", "the fold is pure"]]
  },
  [`${core}/ToolFailure.ts`]: {
    code: `import { policy } from "./ToolPolicy.ts"\n${exported("const failure = (): number => policy()")}`,
    finds: [["import(no-cycle)", "cycle"]]
  },
  [`${core}/ToolPolicy.ts`]: {
    code: `import { failure } from "./ToolFailure.ts"\n${exported("const policy = (): number => failure()")}`,
    finds: [["import(no-cycle)", "cycle"]]
  },
  [`${core}/ToolCall.ts`]: {
    code: `import * as fs from "node:fs"\n${exported("const exists = fs.existsSync")}`,
    finds: [["house(rooms)", `"tool" may not import "node:fs"`]]
  },
  [`${core}/Dispatcher.ts`]: {
    code: `${effect}import { clean } from "./Limits.ts"\n${exported("const escaped = () => Effect.runPromise(clean)")}`,
    finds: [["house(context-kept)", "Effect.runPromise"]]
  },
  [`${core}/Journal.ts`]: {
    code: `import { toolbox } from "@volley/tools"\n${exported("const upward = toolbox")}`,
    finds: [["house(rooms)", `"stores" may not import "@volley/tools"`]]
  },
  [`${core}/internal/dispatch/retry.ts`]: {
    code: `import { escaped } from "../../Dispatcher.ts"\n${exported("const upward = escaped", "@internal")}`,
    finds: [["house(rooms)", `"stages" may not import from "dispatcher"`]]
  },
  [`${core}/offline/index.ts`]: {
    code: `import Sdk from "@anthropic-ai/sdk"\n${exported("const sdk = Sdk")}`,
    finds: [["house(rooms)", `"offline" may not import "@anthropic-ai/sdk"`]]
  },
  [`${core}/Redactor.ts`]: {
    code: "export const undocumented = process.argv\n",
    finds: [["house(documented)", "JSDoc"], ["eslint(no-restricted-globals)", "process"]]
  },
  [`${core}/Elsewhere.ts`]: {
    code: `import { clean } from "./Limits.ts"\n${exported("const roomless = clean")}`,
    finds: [["house(rooms)", "no room"]]
  },
  "packages/tools/src/index.ts": {
    code: `import { dead } from "./internal/dead.ts"\nimport { clean } from "../../core/src/Limits.ts"\n${
      exported("const toolbox = [dead, clean]")
    }`,
    finds: [["house(rooms)", "public name"]]
  },
  "packages/tools/src/internal/dead.ts": {
    code: effect + exported("const dead = Effect.sync(() => Date.now())", "@internal") +
      exported("const unused = 1", "@internal"),
    finds: []
  },
  "packages/tools/src/shell/index.ts": {
    code: `import { parse } from "yaml"\n${exported("const unlisted = parse")}`,
    finds: [["house(rooms)", `"tools" may not import "yaml"`]]
  },
  "examples/other.ts": { code: "console.log(\"one thing\")\n\n// prints:\n//   another\n", finds: [] },
  "README.md": {
    code: "```ts\nconst wrong: string = 1\n```\n\n## The command line\n\n```sh\nexit 3\n```\n\n[gone](gone.md)\n\n"
      + "| promise | shown by |\n| --- | --- |\n| G1 | [data](package.json) |\n",
    finds: []
  },
  "docs/resume-replay-fork.md": { code: "## From the command line\n\n```sh\ntrue\n```\n", finds: [] },
  "docs/prints.md": { code: "```ts\nconsole.log(1)\n```\n\n```text\n2\n```\n", finds: [] },
  "docs/throws.md": { code: "```ts\nthrow new Error(\"planted\")\n```\n", finds: [] },
  "docs/hangs.md": { code: "```ts\nsetTimeout(() => console.log(\"late\"), 100)\n```\n", finds: [] },
  "docs/tests.md": {
    code: "```ts\nimport { it } from \"vitest\"\nit(\"fails\", () => Promise.reject(1))\n```\n",
    finds: []
  },
  "docs/marked.md": { code: "```typescript\nconsole.log(1)\n```\n", finds: [] },
  "docs/service.md": { code: "```ts\nexport const url = \"redis://127.0.0.1:6379\"\n```\n", finds: [] }
}

const root = path.resolve(import.meta.dirname, "..")
const copy = fs.realpathSync(fs.mkdtempSync(path.join(os.tmpdir(), "volley-guards-")))

// The copy has its own node_modules of links, so that @volley/* means the planted packages.
const plant = () => {
  const configuration = ["*.json", ".oxlintrc.json", "lint/*", "scripts/*", "packages/*/*.json"]
  for (const file of fs.globSync(configuration, { cwd: root })) fs.cpSync(path.join(root, file), path.join(copy, file))
  const modules = path.join(root, "node_modules")
  fs.mkdirSync(path.join(copy, "node_modules/@volley"), { recursive: true })
  for (const name of fs.readdirSync(modules).filter((entry) => entry !== "@volley")) {
    fs.symlinkSync(path.join(modules, name), path.join(copy, "node_modules", name))
  }
  for (const name of fs.readdirSync(path.join(copy, "packages"))) {
    fs.symlinkSync(path.join(copy, "packages", name), path.join(copy, "node_modules/@volley", name))
  }
  for (const [file, { code }] of Object.entries(plants)) {
    fs.mkdirSync(path.dirname(path.join(copy, file)), { recursive: true })
    fs.writeFileSync(path.join(copy, file), code)
  }
}

const run = (command, ...args) => {
  const { error, status, stderr, stdout } = spawnSync(command, args, { cwd: copy, encoding: "utf8" })
  if (error) throw error
  return { failed: status !== 0, stdout, output: stdout + stderr }
}

const lintFindings = () => {
  const { diagnostics } = JSON.parse(run("oxlint", "--type-aware", "--format", "json").stdout)
  const found = (file, code, text) =>
    diagnostics.some((one) => one.filename === file && one.code === code && one.message.includes(text))
  return [
    ["lint leaves clean code alone", !diagnostics.some((one) => one.filename === clean)],
    ...Object.entries(plants).flatMap(([file, { finds }]) =>
      finds.map(([code, text]) => [`${code} in ${file}`, found(file, code, text)])
    )
  ]
}

const knipFindings = () => {
  const { issues } = JSON.parse(run("knip", "--reporter", "json").stdout)
  const found = (file, kind, name) =>
    issues.some((one) => one.file === file && one[kind].some((item) => item.name === name))
  return [
    ["knip: unused export", found("packages/tools/src/internal/dead.ts", "exports", "unused")],
    ["knip: unlisted dependency", found("packages/tools/src/shell/index.ts", "unlisted", "yaml")],
    ["knip leaves used exports alone", !found("packages/tools/src/internal/dead.ts", "exports", "dead")]
  ]
}

const bites = (name, text, command, ...args) => {
  const { failed, output } = run(command, ...args)
  return [name, failed && output.includes(text)]
}

const fenceFindings = () => {
  const script = fs.readFileSync(path.join(copy, "scripts/fences.mjs"), "utf8")
  // where no Redis can be
  fs.writeFileSync(path.join(copy, "scripts/fences.mjs"), script.replace("port: 6379", "port: 1"))
  const { failed, output } = run("env", "CI=true", process.execPath, "scripts/fences.mjs")
  const found = (name, text) => [`fences that ${name}`, failed && output.includes(text)]
  return [
    found("do not compile", "README.md_L1.ts(1,7)"),
    found("print something else", "docs/prints.md_L1.ts printed"),
    found("throw", "docs/throws.md_L1.ts, and what follows it did not run"),
    found("go on after their end", "docs/hangs.md_L1.ts or one before it went on"),
    found("are tests and fail", "docs/tests.md_L1.test.ts"),
    found("are marked as something else", "docs/marked.md_L1: a program"),
    found("lack their service", "FAILED no Redis")
  ]
}

const scriptFindings = () => {
  const node = process.execPath
  const diagnosed = bites("Effect diagnostics", "globalDateInEffect", node, "scripts/diagnostics.mjs")
  fs.writeFileSync(path.join(copy, "bare.json"), `{ "include": ["packages/core/src/Limits.ts"] }`)
  return [
    diagnosed,
    bites("Effect diagnostics that checked nothing", "checked no file", node, "scripts/diagnostics.mjs", "bare.json"),
    ...fenceFindings(),
    bites("dead links", "there is no gone.md", node, "scripts/links.mjs"),
    bites("promises without a test", "package.json is no test", node, "scripts/links.mjs"),
    bites("commands", "it ended with 3", node, "scripts/commands.mjs"),
    bites("examples", "and not what it says", node, "scripts/examples.mjs"),
    bites("loads", "loads node:fs", node, "--conditions=@volley/source", "scripts/loads.mjs")
  ]
}

try {
  plant()
  const results = [...lintFindings(), ...knipFindings(), ...scriptFindings()]
  const idle = results.filter(([, bit]) => !bit).map(([name]) => name)
  for (const name of idle) console.error(`guard does not bite: ${name}`)
  console.log(`${results.length - idle.length} of ${results.length} guards bite`)
  if (idle.length > 0) process.exitCode = 1
} finally {
  fs.rmSync(copy, { recursive: true, force: true })
}
