/**
 * Names that a model may be given: at most 64 letters, digits, `_` and `-`. Pure and deterministic.
 *
 * **Details**
 *
 * A tool is named `server__tool`. A name that had to be changed ends in a hash of the original, so two that differ stay apart.
 * The name of a server has no `__` and neither begins nor ends with `_`, so the first `__` is where the tool's begins.
 *
 * @internal
 */
import { hash } from "./hash.ts"

const longest = 64
const longestServer = 24
const digits = 8

const fit = (name: string, wanted: string, maximum: number): string =>
  wanted === name && name.length <= maximum
    ? name
    : `${wanted.slice(0, maximum - digits - 1).replace(/_+$/, "")}_${hash(name).slice(0, digits)}`.replace(/^_+/, "")

/** The part that stands for a server in the names of its tools. @internal */
export const ofServer = (name: string): string =>
  fit(name, name.replace(/[^A-Za-z0-9-]+/g, "_").replace(/^_+|_+$/g, ""), longestServer)

/**
 * @param server - as `ofServer` gave it
 * @internal
 */
export const ofTool = (server: string, name: string): string =>
  `${server}__${fit(name, name.replace(/[^A-Za-z0-9_-]/g, "_"), longest - server.length - 2)}`

const runners: ReadonlySet<string> = new Set([
  "npx",
  "npm",
  "pnpm",
  "yarn",
  "bunx",
  "bun",
  "deno",
  "node",
  "uvx",
  "uv",
  "python",
  "python3",
  "docker",
  "podman",
  "env",
  "sh",
  "bash"
])

const verbs: ReadonlySet<string> = new Set(["exec", "dlx", "run", "x"])

const plain: ReadonlySet<string> = new Set(["dist", "build", "src", "lib", "bin", "index", "main"])

/** The last part of a path that says something, without a version or an ending. */
const baseOf = (word: string): string =>
  word.split("/").map((part) => part.replace(/(?<=.)@[^@]*$/, "").replace(/\.[A-Za-z]{1,4}$/, "")).findLast((part) =>
    part !== "" && !plain.has(part)
  ) ?? word

/** What a command is called where the user gives no name: what it runs, and a hash of all its words. @internal */
export const ofCommand = (words: ReadonlyArray<string>): string => {
  const named = words.find((word, i) =>
    !word.startsWith("-") && !word.includes("=") && !(i === 0 && runners.has(baseOf(word))) && !verbs.has(word)
  )
  const base = baseOf(named ?? words[0] ?? "").replace(/[^A-Za-z0-9]+/g, "-").replace(/^-+|-+$/g, "").slice(0, 18)
  return `${base}-${hash(JSON.stringify(words)).slice(0, 4)}`.replace(/^-/, "")
}

/** What an address is called where the user gives no name. @internal */
export const ofUrl = ({ host, pathname }: URL): string =>
  `${host}${pathname}`.replace(/[^A-Za-z0-9]+/g, "-").replace(/^-+|-+$/g, "")
