// The basic loop: the model asks for tools, Volley runs them and answers each call, until the model answers in text.
// With Claude: import { Anthropic } from "@volley/core/anthropic", and give `model: Anthropic.modelFromEnv("claude-sonnet-5-5")`.
import { Agent } from "@volley/core"
import { ModelScript, ScriptedModel } from "@volley/core/testing"
import { Effect, Schema } from "effect"

const pods = [
  { namespace: "production", name: "nginx-abc", status: "Running", restarts: 0 },
  { namespace: "production", name: "api-xyz", status: "CrashLoopBackOff", restarts: 5 }
]
const memoryUse = new Map([["nginx-abc", 0.31], ["api-xyz", 0.95]])

const podStatus = Agent.tool("get_pod_status", {
  description: "Status of the pods of a Kubernetes namespace",
  class: "readonly",
  parameters: { namespace: Schema.String },
  run: ({ namespace }) => {
    console.log(`get_pod_status(${namespace})`)
    return pods.filter((pod) => pod.namespace === namespace)
  }
})

const podMemory = Agent.tool("get_pod_memory", {
  description: "Share of its memory limit that a pod uses, from 0 to 1",
  class: "readonly",
  parameters: { pod: Schema.String },
  run: ({ pod }) => {
    console.log(`get_pod_memory(${pod})`)
    return { pod, share: memoryUse.get(pod) }
  }
})

const agent = Agent.make("operations", {
  instructions: "You find out what is wrong with a cluster.",
  tools: [podStatus, podMemory],
  limits: { turns: 5 }
})

// What a model would say: a call, another one because of its result, the answer.
const { layer: model } = Effect.runSync(ScriptedModel.make([
  ModelScript.toolUse([{ name: "get_pod_status", input: { namespace: "production" } }]),
  ModelScript.toolUse([{ name: "get_pod_memory", input: { pod: "api-xyz" } }]),
  ModelScript.text("api-xyz has restarted 5 times; it uses 95 % of its memory limit.")
]))

const outcome = await Agent.runPromise(agent, "Which pods in production have issues, and why?", { model })
console.log(outcome.text)
console.log(`${outcome._tag}: ${outcome.turns} turns, ${outcome.toolCalls} tool calls`)

// prints:
//   get_pod_status(production)
//   get_pod_memory(api-xyz)
//   api-xyz has restarted 5 times; it uses 95 % of its memory limit.
//   Completed: 3 turns, 2 tool calls
