// What a package brings: itself and everything it depends on, as it lies in node_modules.
import * as fs from "node:fs"
import * as path from "node:path"

const read = (directory) => JSON.parse(fs.readFileSync(path.join(directory, "package.json"), "utf8"))

/** As Node looks for it: in each `node_modules` upwards. */
export const locate = (name, from) => {
  for (let at = from;; at = path.dirname(at)) {
    const found = path.join(at, "node_modules", name)
    if (fs.existsSync(path.join(found, "package.json"))) return fs.realpathSync(found)
    if (at === path.dirname(at)) return undefined
  }
}

/** Without the packages inside it; of a workspace what it would publish. */
const size = (directory, files) =>
  fs.readdirSync(directory, { withFileTypes: true }).reduce((sum, entry) => {
    if (entry.name === "node_modules" || files?.includes(entry.name) === false) return sum
    const at = path.join(directory, entry.name)
    return sum + (entry.isDirectory() ? size(at) : entry.isFile() ? fs.statSync(at).size : 0)
  }, 0)

const isWorkspace = (directory) => !directory.includes("node_modules")

/** Optional ones count where they are there, since npm would install them. */
const needed = ({ dependencies, optionalDependencies, peerDependencies, peerDependenciesMeta }) => [
  ...Object.keys(dependencies ?? {}),
  ...Object.keys(optionalDependencies ?? {}),
  ...Object.keys(peerDependencies ?? {}).filter((name) => peerDependenciesMeta?.[name]?.optional !== true)
]

export const version = (name, from) => {
  const directory = locate(name, from)
  return directory === undefined ? undefined : read(directory).version
}

export const installed = (names, from) => {
  const seen = new Map()
  const visit = (name, from) => {
    const directory = locate(name, from)
    if (directory === undefined || seen.has(directory)) return
    const manifest = read(directory)
    seen.set(directory, size(directory, isWorkspace(directory) ? ["dist", "src", "package.json"] : undefined))
    for (const next of needed(manifest)) visit(next, directory)
  }
  for (const name of names) visit(name, from)
  const bytes = [...seen.values()].reduce((sum, one) => sum + one, 0)
  return { packages: seen.size, size: bytes / 1024 / 1024 }
}
