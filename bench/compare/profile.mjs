// Where a process spent its time, from what `node --cpu-prof` writes.
import * as fs from "node:fs"
import * as path from "node:path"

const shown = 12

/** A sample that took longer, in microseconds, was taken late: the processor was somebody else's. */
const longest = 5000

/** `…/node_modules/effect/dist/internal/effect.js` is `effect/internal/effect.js`, what is of Node has `node:` before it. */
const place = (url) => {
  const name = url.replace(/^file:\/\//u, "").replace(/^.*\/node_modules\//u, "").replace(
    /^.*\/packages\/(\w+)\//u,
    "@volley/$1/"
  )
  return name.replace(/\/dist\//u, "/")
}

const room = (url) => {
  const at = place(url)
  if (at === "") return "V8 (native code, collection)"
  if (at.startsWith("node:")) return "Node"
  const [first, second, third] = at.split("/")
  if (first === "@volley") return `@volley/${second}${third === "anthropic" ? "/anthropic" : ""}`
  return first.startsWith("@") ? `${first}/${second}` : first
}

const share = (part, of) => `${(part / of * 100).toFixed(1)} %`

const most = (sums) => [...sums].toSorted(([, left], [, right]) => right - left)

/** Lines of Markdown: self time by package, then by function. */
export const summarise = (directory) => {
  const file = fs.readdirSync(directory).find((name) => name.endsWith(".cpuprofile"))
  const { nodes, samples, timeDeltas } = JSON.parse(fs.readFileSync(path.join(directory, file), "utf8"))
  const frames = new Map(nodes.map(({ callFrame, id }) => [id, callFrame]))
  const rooms = new Map()
  const functions = new Map()
  let total = 0
  for (const [index, id] of samples.entries()) {
    const { functionName, lineNumber, url } = frames.get(id)
    if (functionName === "(idle)" || functionName === "(program)") continue
    const time = Math.min(timeDeltas[index], longest)
    total += time
    const name = `\`${functionName === "" ? "anonymous" : functionName}\` ${
      url === "" ? "" : `${place(url)}:${lineNumber + 1}`
    }`
    rooms.set(room(url), (rooms.get(room(url)) ?? 0) + time)
    functions.set(name, (functions.get(name) ?? 0) + time)
  }
  return [
    most(rooms).slice(0, 8).map(([name, time]) => `${name} ${share(time, total)}`).join(" · "),
    "",
    ...most(functions).slice(0, shown).map(([name, time]) => `- ${share(time, total)} ${name.trim()}`)
  ]
}
