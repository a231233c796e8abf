import * as NodeServices from "@effect/platform-node/NodeServices"
import { Dispatcher } from "@volley/core"
import { Effect, FileSystem } from "effect"
import * as fs from "node:fs"
import { fileURLToPath } from "node:url"
import { Mcp } from "../../../src/mcp/index.ts"

const program = fileURLToPath(new URL("server.ts", import.meta.url))

/** The command of the test server. */
export const command = (mode = "normal", ledger?: string): ReadonlyArray<string> => [
  process.execPath,
  program,
  JSON.stringify({ mode, ...(ledger === undefined ? {} : { ledger }) })
]

export const open = (mode = "normal", options: Mcp.StdioOptions & { readonly ledger?: string } = {}) =>
  Mcp.stdio(command(mode, options.ledger), { name: "test", ...options })

/** Runs what needs processes of the system. */
export const provided = Effect.provide(NodeServices.layer)

/** One call, as the dispatcher answers it. */
export const call = (
  server: Mcp.Tools,
  name: string,
  parameters: object = {},
  options: Parameters<typeof Dispatcher.call>[2] = {}
) => {
  const tool = server.tools.find((one) => Mcp.originOf(one)?.tool === name)
  if (tool === undefined) throw new Error(`no tool ${name}`)
  return Dispatcher.call(tool, parameters, options)
}

/** A file of a temporary folder, and what stands in it. */
export const ledger = Effect.map(
  Effect.flatMap(FileSystem.FileSystem, (files) => files.makeTempDirectoryScoped()),
  (folder) => {
    const file = `${folder}/ledger`
    return { file, lines: () => fs.existsSync(file) ? fs.readFileSync(file, "utf8").trim().split("\n") : [] }
  }
)

/** Processes, zombies left out, that have a text in their environment. */
export const marked = (text: string): ReadonlyArray<number> =>
  fs.readdirSync("/proc").filter((name) => /^\d+$/.test(name)).map(Number).filter((pid) => {
    try {
      return fs.readFileSync(`/proc/${pid}/environ`, "latin1").includes(text)
    } catch {
      return false
    }
  })

export const until = (condition: () => boolean) =>
  Effect.sync(condition).pipe(
    Effect.delay("10 millis"),
    Effect.repeat({ until: (met) => met }),
    Effect.timeoutOrElse({ duration: "20 seconds", orElse: () => Effect.die("waited too long") })
  )
