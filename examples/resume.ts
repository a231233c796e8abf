// Resume: a process is killed in the middle of a run, another goes on from the journal. What was done is not done again.
// With Claude: import { Anthropic } from "@volley/core/anthropic", and provide `Anthropic.modelFromEnv("claude-sonnet-5-5")`.
import * as NodeFileSystem from "@effect/platform-node/NodeFileSystem"
import { Agent, Journal } from "@volley/core"
import { ModelScript, ScriptedModel } from "@volley/core/testing"
import { Effect, Layer, Schema } from "effect"
import { spawnSync } from "node:child_process"
import * as fs from "node:fs"
import * as os from "node:os"
import * as path from "node:path"

// The program starts itself once more, with the directory of the journal, as the process that is killed.
const [, program = "", given] = process.argv
const directory = given ?? fs.mkdtempSync(path.join(os.tmpdir(), "volley-resume-"))

const book = Agent.tool("book_room", {
  description: "Books a room",
  class: "effectful",
  parameters: { room: Schema.String },
  run: ({ room }) => {
    console.log(`book_room(${room})`)
    return "booked"
  }
})

const route = Agent.tool("find_route", {
  description: "Finds the way to a room",
  class: "readonly",
  parameters: { room: Schema.String },
  run: ({ room }) => {
    console.log(`find_route(${room})`)
    if (given !== undefined) process.kill(process.pid, "SIGKILL")
    return "second floor, left"
  }
})

const agent = Agent.make("rooms", { tools: [book, route] })

const replies = [
  ModelScript.toolUse([{ name: "book_room", input: { room: "Lovelace" } }]),
  ModelScript.toolUse([{ name: "find_route", input: { room: "Lovelace" } }]),
  ModelScript.text("Lovelace is booked: second floor, left.")
]
// The model that goes on sees how far the conversation is.
const Model = Layer.unwrap(Effect.map(
  ScriptedModel.make(({ prompt }) => replies[prompt.content.filter(({ role }) => role === "tool").length]),
  ({ layer }) => layer
))
const Live = Layer.merge(Model, Layer.provide(Journal.layerDirectory(directory), NodeFileSystem.layer))

if (given !== undefined) {
  await Effect.runPromise(Effect.provide(Agent.run(agent, "Book a room", { runId: "monday" }), Live))
}
const { signal, stdout } = spawnSync(process.execPath, [...process.execArgv, program, directory], { encoding: "utf8" })
console.log(`${stdout}the process is gone: ${signal}`)
const outcome = await Effect.runPromise(Effect.provide(Agent.resume(agent, "monday"), Live))
console.log(`${outcome.text} (${outcome.turns} turns, ${outcome.toolCalls} tool calls)`)
fs.rmSync(directory, { recursive: true })

// prints:
//   book_room(Lovelace)
//   find_route(Lovelace)
//   the process is gone: SIGKILL
//   find_route(Lovelace)
//   Lovelace is booked: second floor, left. (3 turns, 2 tool calls)
