// Runs Volley and its peers side by side and writes RESULTS.md, or RESULTS.partial.md where an option makes it less than
// the whole; installs the peers when they are not there.
//
// npm run bench -- [--quick] [--only overhead,growth] [--peers volley,aiSdk] [--rounds 5] [--no-profile]
import { execFile, fork, spawnSync } from "node:child_process"
import * as fs from "node:fs"
import * as os from "node:os"
import * as path from "node:path"
import { parseArgs } from "node:util"
import { installed, locate, version } from "./compare/installed.mjs"
import { profilers } from "./compare/profile.mjs"
import { ahead, judged, ofColumn, report } from "./compare/report.mjs"
import { absent, peers, scenarios } from "./compare/tables.mjs"

const here = import.meta.dirname

const { values: options } = parseArgs({
  options: {
    "quick": { type: "boolean", default: false },
    "only": { type: "string" },
    "peers": { type: "string" },
    "rounds": { type: "string" },
    "no-profile": { type: "boolean", default: false }
  }
})

const chosen = (what, all, wanted) => {
  const names = wanted?.split(",") ?? all
  const unknown = names.filter((name) => !all.includes(name))
  if (unknown.length > 0) throw new Error(`No ${what} ${unknown.join(", ")}; there are ${all.join(", ")}`)
  return all.filter((name) => names.includes(name))
}

const wanted = chosen("scenario", Object.keys(scenarios), options.only)
const compared = chosen("peer", Object.keys(peers), options.peers && `handWritten,volley,${options.peers}`)
const roundsOf = (name) => {
  const { rounds = 3 } = scenarios[name]
  return options.rounds === undefined
    ? options.quick ? 1 : rounds
    : Math.min(Number(options.rounds), rounds === 1 ? 1 : Infinity)
}
/** Seconds that each peer runs before it is measured. */
const warmUp = options.quick ? 1 : 6

const npm = (args) => spawnSync("npm", args, { cwd: here, encoding: "utf8", stdio: ["ignore", "pipe", "inherit"] })

const changed = (file) => fs.statSync(path.join(here, file), { throwIfNoEntry: false })?.mtimeMs ?? 0

if (changed("node_modules/.package-lock.json") < changed("package-lock.json")) {
  console.log("Installing the peers …")
  const { status } = npm(["ci", "--ignore-scripts", "--no-audit", "--no-fund"])
  if (status !== 0) console.error("They could not be installed: those that are not there are left out")
}

const adapters = Object.fromEntries(
  await Promise.all(compared.map(async (peer) => {
    const text = await fs.promises.readFile(path.join(here, "peers", `${peer}.mjs`), "utf8")
    return [peer, JSON.parse(/^export const packages = (.*)$/mu.exec(text)[1])]
  }))
)
const missing = (peer) => adapters[peer].filter((name) => locate(name, here) === undefined)
const running = compared.filter((peer) => missing(peer).length === 0)
const notRun = {
  ...Object.fromEntries(
    compared.filter((peer) => missing(peer).length > 0).map((
      peer
    ) => [peers[peer], `${missing(peer).join(", ")} did not install`])
  ),
  ...Object.fromEntries(
    Object.entries(absent).map(([name, why]) => {
      const { status, stdout } = npm(["view", name, "version", "--json", "--loglevel=silent"])
      const isUnknown = stdout.includes("\"E404\"")
      return [
        name,
        status === 0 ? `${JSON.parse(stdout)} ${why}` : isUnknown ? "is not on the registry" : "could not be looked up"
      ]
    })
  )
}

const model = fork(path.join(here, "compare/server.mjs"), { execArgv: [] })
const port = await new Promise((resolve) => model.once("message", resolve))
const url = `http://127.0.0.1:${port}`

/** A peer that takes longer has failed. */
const longest = 180_000

/** `profile`: Node's own arguments, and those of the child. */
const measure = (peer, names, profile = { node: [], child: [] }) =>
  new Promise((resolve) => {
    const settings = [peer, names.join(), url, `${warmUp}`, ...profile.child]
    const child = [...profile.node, "--expose-gc", path.join(here, "compare/child.mjs"), ...settings]
    execFile(process.execPath, child, { cwd: here, timeout: longest, maxBuffer: 1e9 }, (error, stdout, stderr) => {
      const found = stdout.split("\n").filter((line) => line.startsWith("{\"scenario\"")).map((line) =>
        JSON.parse(line)
      )
      const why = error?.killed === true ? `took longer than ${longest / 1000} s` : stderr.trim().split("\n")[0]
      resolve(
        names.map((name) => found.find(({ scenario }) => scenario === name)?.result ?? { error: `failed: ${why}` })
      )
    })
  })

const results = Object.fromEntries(wanted.map((name) => [name, []]))
const began = performance.now()
const log = (text) => console.log(`${((performance.now() - began) / 1000).toFixed(0).padStart(4)} s  ${text}`)

const versions = [...new Set(running.flatMap((peer) => adapters[peer]))]
  .map((name) => `${name} ${version(name, here)}`)
const [{ model: processor }] = os.cpus()
const profiles = {}

const given = process.argv.slice(2)
const partial = path.join(here, "RESULTS.partial.md")

const roundsSaid = () =>
  Object.entries(Object.groupBy(wanted, roundsOf)).toSorted(([, left], [, right]) => right.length - left.length)
    .map(([rounds, names], index) => index === 0 ? rounds : `${rounds} of ${names.join(", ")}`).join("; ")

const write = (file) => {
  const facts = [
    ["date", new Date().toISOString().slice(0, 10)],
    [
      "machine",
      `${os.cpus().length} × ${processor.trim()}, ${Math.round(os.totalmem() / 2 ** 30)} GB, ${os.type()} ${
        os.release().split(".", 2).join(".")
      }; `
      + `load of the last 15 minutes ${os.loadavg()[2].toFixed(1)}`
    ],
    ["Node", process.versions.node],
    ["versions", versions.join(", ")],
    ...(given.length === 0 ? [] : [["not the whole", given.join(" ")]]),
    ["rounds", roundsSaid()],
    ["warm-up", `${warmUp} s of the scenario before CPU is measured`],
    ["took", `${Math.round((performance.now() - began) / 60_000)} minutes`]
  ]
  const measured = Object.fromEntries(Object.entries(results).filter(([, samples]) => samples.length > 0))
  fs.writeFileSync(file, report({ absent: notRun, facts, profiles, results: measured }))
}

/** Each peer goes first in some round. */
const inTurn = (round, { own }) =>
  own === true ? ["volley"] : running.map((_, index) => running[(index + round) % running.length])

const groups = Object.values(Object.groupBy(
  wanted.filter((name) => name !== "install"),
  (name) => scenarios[name].group ?? name
))
for (const names of groups) {
  for (let round = 0; round < roundsOf(names[0]); round++) {
    const samples = names.map(() => ({}))
    for (const peer of inTurn(round, scenarios[names[0]])) {
      // oxlint-disable-next-line no-await-in-loop -- measurements must not disturb each other
      const measured = await measure(peer, names)
      for (const [index, name] of names.entries()) {
        samples[index][peer] = measured[index]
        log(`${name} ${round + 1}/${roundsOf(name)} ${peers[peer]}: ${JSON.stringify(measured[index])}`)
      }
    }
    for (const [index, name] of names.entries()) results[name].push(samples[index])
    // a comparison that is broken off has not been for nothing
    write(partial)
  }
}

if (wanted.includes("install")) {
  results.install.push(Object.fromEntries(running.map((peer) => [peer, installed(adapters[peer], here)])))
}

/** Of a scenario, the profiles that say why Volley misses what is wanted or somebody is ahead of it. */
const toProfile = (name) =>
  Object.keys(profilers).filter((kind) =>
    scenarios[name].columns.some((column) =>
      column.profile === kind
      && (judged(column, ofColumn(results[name], "volley", column))?.met === false
        || ahead(results[name], column).length > 0)
    )
  )

const profiled = async (name, kind) => {
  const { args, summarise } = profilers[kind]
  const directory = fs.mkdtempSync(path.join(os.tmpdir(), "volley-bench-"))
  const [{ error }] = await measure("volley", [name], args(directory))
  log(`${name}: ${kind} profiled`)
  const lines = error === undefined ? summarise(directory) : [`The ${kind} could not be profiled: ${error}.`]
  fs.rmSync(directory, { recursive: true })
  return lines
}

if (!options["no-profile"]) {
  for (const name of wanted) {
    profiles[name] = []
    // oxlint-disable-next-line no-await-in-loop -- measurements must not disturb each other
    for (const kind of toProfile(name)) profiles[name].push(await profiled(name, kind))
  }
}
model.kill()
const file = given.length === 0 ? path.join(here, "RESULTS.md") : partial
fs.rmSync(partial, { force: true })
write(file)
console.log(`Written: ${file}`)
