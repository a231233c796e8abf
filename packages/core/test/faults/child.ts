/** Begins a run, or goes on with it, and prints the tag of each event that its journal has acknowledged. */
import * as NodeFileSystem from "@effect/platform-node/NodeFileSystem"
import * as Agent from "@volley/core/Agent"
import * as Journal from "@volley/core/Journal"
import type * as RunEvent from "@volley/core/RunEvent"
import * as Effect from "effect/Effect"
import * as Layer from "effect/Layer"
import * as fs from "node:fs"
import * as Killed from "./killed.ts"

const [what = "", journal = "", ledger = ""] = process.argv.slice(2)

const stdout = 1

// written at once, so that the parent has it whatever becomes of this process
const onEvent = (item: RunEvent.RunEvent | RunEvent.Delta) =>
  Effect.sync(() => void fs.writeSync(stdout, `${item._tag}\n`))

const agent = Killed.agent(ledger)

const program = Effect.gen(function*() {
  const { layer } = yield* Killed.model
  const running = what === "run"
    ? Agent.run(agent, "Go", { runId: Killed.runId, onEvent })
    : Agent.resume(agent, Killed.runId, { onEvent })
  return yield* Effect.provide(running, layer)
}).pipe(Effect.provide(Layer.provide(Journal.layerFile(journal), NodeFileSystem.layer)))

await Effect.runPromise(program)
