import { assert, describe, it } from "@effect/vitest"
import { Agent, ToolPolicy } from "@volley/core"
import { ModelScript } from "@volley/core/testing"
import { Effect, Logger, Metric, References, Schema, Tracer } from "effect"
import { inTime, observe } from "./support/observe.ts"

const echo = Agent.tool("echo", {
  description: "Says it again",
  class: "readonly",
  parameters: { text: Schema.String },
  run: ({ text }) => text
})

const script = [
  ModelScript.toolUse([{ name: "echo", input: { text: "confidential" } }, { name: "missing" }]),
  ModelScript.text("done")
]

describe("telemetry", () => {
  it.effect("one span per model request and per tool call, with the names of OpenTelemetry, without contents", () =>
    Effect.gen(function*() {
      const spans: Array<Tracer.NativeSpan> = []
      const tracer = Tracer.make({
        span: (options) => {
          const span = new Tracer.NativeSpan(options)
          spans.push(span)
          return span
        }
      })
      yield* observe(Agent.make("traced", { tools: [echo] }), script, { runId: "r" }).pipe(
        Effect.provideService(Tracer.Tracer, tracer)
      )
      const ours = spans.filter(({ attributes }) =>
        attributes.has("gen_ai.operation.name") && !attributes.has("effect.ai.tool_choice")
      )
      assert.deepStrictEqual(ours.map(({ name }) => name), [
        "chat traced",
        "execute_tool echo",
        "execute_tool missing",
        "chat traced"
      ])
      assert.deepInclude(Object.fromEntries(ours[1]!.attributes), {
        "gen_ai.tool.name": "echo",
        "gen_ai.tool.call.id": "toolu_0_0",
        "volley.tool.attempts": 1
      })
      assert.strictEqual(ours[2]!.attributes.get("error.type"), "NotFound")
      assert.isTrue(spans.every(({ status }) => status._tag === "Ended"))
      assert.notInclude(JSON.stringify(spans.map(({ attributes }) => [...attributes])), "confidential")
    }))

  it.effect("one debug line per model request and per tool call", () =>
    Effect.gen(function*() {
      const lines: Array<string> = []
      const logger = Logger.make(({ logLevel, message }) => {
        lines.push(`${logLevel} ${String(message)}`)
      })
      yield* observe(Agent.make("logged", { tools: [echo] }), script).pipe(
        Effect.provide(Logger.layer([logger])),
        Effect.provideService(References.MinimumLogLevel, "Debug")
      )
      assert.deepStrictEqual(lines, [
        "Debug model request 1.1: ok",
        "Debug tool call echo: ok",
        "Debug tool call missing: NotFound",
        "Debug model request 2.1: ok"
      ])
      lines.length = 0
      yield* observe(Agent.make("logged"), [ModelScript.status(500)]).pipe(
        Effect.provide(Logger.layer([logger])),
        Effect.provideService(References.MinimumLogLevel, "Debug")
      )
      assert.deepStrictEqual(lines, ["Debug model request 1.1: InternalProviderError"])
    }))

  it.effect("a handler that is abandoned is counted, by tool", () =>
    Effect.gen(function*() {
      const deaf = ToolPolicy.set(
        Agent.tool("deaf", { description: "Does not listen", run: () => Effect.uninterruptible(Effect.sleep(1000)) }),
        { timeout: 100 }
      )
      yield* inTime(observe(Agent.make("counted", { tools: [deaf] }), [
        ModelScript.toolUse([{ name: "deaf" }, { name: "deaf" }]),
        ModelScript.text("done")
      ]))
      const counted = (yield* Metric.snapshot).filter(({ id }) => id === "volley_handlers_abandoned_total")
      assert.deepStrictEqual(counted.map(({ attributes, state }) => [attributes, state]), [
        [{ "gen_ai.tool.name": "deaf" }, { count: 2, incremental: true }]
      ])
    }).pipe(Effect.provideServiceEffect(Metric.MetricRegistry, Effect.sync(() => new Map()))))
})
