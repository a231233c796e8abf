import { Agent } from "@volley/core"
import { Offline } from "@volley/core/offline"
import { Files } from "@volley/tools"
import * as NodeServices from "@effect/platform-node/NodeServices"
import { Effect, Layer } from "effect"

const agent = Agent.make("zz", { tools: [Files.toolkit] })
const questions = process.argv.slice(2)
const program = Effect.forEach(questions, (q) => Effect.map(Agent.run(agent, q), (o) => console.log(`\n##### ${q}\n${o.text}`)))
await Effect.runPromise(program.pipe(Effect.provide(Layer.mergeAll(Files.layer({ root: "." }), Offline.layer).pipe(Layer.provideMerge(NodeServices.layer)))) as any)
