// Parallel calls: what the model asks for in one message runs at the same time; the answers go back together, in its order.
// With Claude: import { Anthropic } from "@volley/core/anthropic", and give `model: Anthropic.modelFromEnv("claude-sonnet-5-5")`.
import { Agent } from "@volley/core"
import { ModelScript, ScriptedModel } from "@volley/core/testing"
import { Console, Effect, Schema } from "effect"

const services = ["auth", "billing", "search", "mail", "web"]
let running = 0
let most = 0

const health = Agent.tool("check_health", {
  description: "Health of one service",
  class: "readonly",
  parameters: { service: Schema.Literals(services) },
  run: ({ service }) =>
    Effect.gen(function*() {
      most = Math.max(most, ++running)
      // the later in the list, the sooner it is done
      yield* Effect.sleep(100 * (services.length - services.indexOf(service)))
      running--
      yield* Console.log(`${service} is done`)
      return { service, healthy: service !== "mail" }
    })
})

// At most five calls run at the same time unless `limits.concurrency` says otherwise.
const agent = Agent.make("status", { tools: [health], limits: { concurrency: 5 } })

const { layer: model } = Effect.runSync(ScriptedModel.make([
  ModelScript.toolUse(services.map((service) => ({ name: "check_health", input: { service } }))),
  ModelScript.text("All services are healthy, except mail.")
]))

const outcome = await Agent.runPromise(agent, "Check the status of all 5 services", { model })
const answered = outcome.transcript.content.flatMap((message) =>
  message.role === "tool"
    ? message.content.flatMap((part) => part.type === "tool-result" ? [JSON.stringify(part.result)] : [])
    : []
)
console.log(`most at the same time: ${most}`)
console.log(`answers: ${answered.join(" ")}`)
console.log(outcome.text)

// prints:
//   web is done
//   mail is done
//   search is done
//   billing is done
//   auth is done
//   most at the same time: 5
//   answers: {"service":"auth","healthy":true} {"service":"billing","healthy":true} {"service":"search","healthy":true} {"service":"mail","healthy":false} {"service":"web","healthy":true}
//   All services are healthy, except mail.
