// Where a process spent its time, from what `node --cpu-prof` writes, and what its heap held, from a sampling profile of it.
import * as fs from "node:fs"
import * as path from "node:path"

const shown = 12

/** A sample that took longer, in microseconds, was taken late: the processor was somebody else's. */
const longest = 5000

const bench = path.dirname(import.meta.dirname)

/** `…/node_modules/effect/dist/internal/effect.js` is `effect/internal/effect.js`, what is of Node has `node:` before it. */
const place = (url) => {
  const name = url.replace(/^file:\/\//u, "").replace(/^.*\/node_modules\//u, "").replace(
    /^.*\/packages\/(\w+)\//u,
    "@volley/$1/"
  ).replace(`${bench}/`, "bench/")
  return name.replace(/\/dist\//u, "/")
}

const room = (url) => {
  const at = place(url)
  if (at === "") return "V8 and native code"
  // the only WebAssembly here is what parses HTTP for Node
  if (/^(node|wasm):/u.test(at)) return "Node"
  if (at.startsWith("/")) return "other"
  const [first, second, third] = at.split("/")
  if (first === "@volley") return `@volley/${second}${third === "anthropic" ? "/anthropic" : ""}`
  return first.startsWith("@") ? `${first}/${second}` : first
}

const share = (part, of) => `${(part / of * 100).toFixed(1)} %`

const most = (sums) => [...sums].toSorted(([, left], [, right]) => right - left)

const sum = (amounts) => amounts.reduce((total, { amount }) => total + amount, 0)

const sums = (amounts, nameOf) => {
  const found = new Map()
  for (const { amount, frame } of amounts) found.set(nameOf(frame), (found.get(nameOf(frame)) ?? 0) + amount)
  return most(found)
}

const functionOf = ({ functionName, lineNumber, url }) =>
  `\`${functionName === "" ? "anonymous" : functionName}\`${url === "" ? "" : ` ${place(url)}:${lineNumber + 1}`}`

/** Lines of Markdown: what the functions themselves have of the whole, by package, then by function. */
const summed = (amounts) => {
  const total = sum(amounts)
  return [
    sums(amounts, ({ url }) => room(url)).filter(([, part]) => part * 1000 >= total)
      .map(([name, part]) => `${name} ${share(part, total)}`).join(" · "),
    "",
    ...sums(amounts, functionOf).slice(0, shown).map(([name, part]) => `- ${share(part, total)} ${name}`)
  ]
}

const read = (directory, extension) => {
  const file = fs.readdirSync(directory).find((name) => name.endsWith(extension))
  return JSON.parse(fs.readFileSync(path.join(directory, file), "utf8"))
}

const ofCpu = (directory) => {
  const { nodes, samples, timeDeltas } = read(directory, ".cpuprofile")
  const frames = new Map(nodes.map(({ callFrame, id }) => [id, callFrame]))
  const amounts = samples.map((id, index) => ({ frame: frames.get(id), amount: Math.min(timeDeltas[index], longest) }))
    .filter(({ frame }) => frame.functionName !== "(idle)" && frame.functionName !== "(program)")
  return ["Where Volley's CPU goes:", "", ...summed(amounts)]
}

const allocations = ({ callFrame, children, selfSize }) => [
  { frame: callFrame, amount: selfSize },
  ...children.flatMap(allocations)
]

const ofHeap = (directory) => {
  const { allocated, held, runs, used } = read(directory, ".heapprofile")
  const ofRun = (bytes) => `${Math.round(bytes / 1024 / runs)} KB`
  const [inUse, all] = [allocations(held.head), allocations(allocated.head)]
  return [
    `What a run of Volley holds on the heap when half of the calls have begun, by where it was made: ${
      ofRun(sum(inUse))
    } (besides ${ofRun(Math.max(used - sum(inUse), 0))} that wait for collection):`,
    "",
    ...summed(inUse),
    "",
    `What it allocates from there to its end: ${ofRun(sum(all))}:`,
    "",
    ...summed(all)
  ]
}

/** How a peer is profiled, and what is said of it. */
export const profilers = {
  cpu: {
    args: (directory) => ({ node: ["--cpu-prof", `--cpu-prof-dir=${directory}`], child: [] }),
    summarise: ofCpu
  },
  heap: { args: (directory) => ({ node: [], child: [directory] }), summarise: ofHeap }
}
