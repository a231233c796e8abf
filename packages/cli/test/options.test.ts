import { assert, describe, it } from "@effect/vitest"
import { Agent, Redactor } from "@volley/core"
import { Duration, Effect, Layer, Redacted, Schema } from "effect"
import { Toolkit } from "effect/ai"
import * as Arbitrary from "effect/Arbitrary"
import { parseDuration } from "../src/cli.ts"
import { questionOf } from "../src/commands/run.ts"
import * as Model from "../src/model.ts"
import * as Secrets from "../src/secrets.ts"
import { isDrawn } from "../src/stdio.ts"
import { fromExports } from "../src/toolkitModule.ts"

describe("parseDuration", () => {
  it("short forms and effect's own", () => {
    const millis = ["30s", "2m", "2min", "500ms", "1.5s", "1h", "30 seconds", "2 minutes", " 5s "].map((text) => {
      const duration = parseDuration(text)
      return duration === undefined ? undefined : Duration.toMillis(duration)
    })
    assert.deepStrictEqual(millis, [30_000, 120_000, 120_000, 500, 1500, 3_600_000, 30_000, 120_000, 5000])
  })

  it("everything else is refused", () => {
    const refused = ["", "30", "-5s", "-5 seconds", "0s", "0 seconds", "soon", "5 parsecs", "s", "1e3s", "5s5s"]
    for (const text of refused) assert.isUndefined(parseDuration(text), text)
  })

  it.prop("text of any kind does not throw", [Schema.String], ([text]) => {
    const duration = parseDuration(text)
    assert.isTrue(duration === undefined || Duration.toMillis(duration) > 0)
  })
})

describe("questionOf", () => {
  it("a question, its context, or the context alone", () => {
    assert.strictEqual(questionOf(" Why? ", ""), "Why?")
    assert.strictEqual(questionOf("Why?", "log"), "Why?\n\nlog")
    assert.strictEqual(questionOf(undefined, "log"), "log")
    assert.strictEqual(questionOf("  ", ""), undefined)
  })
})

describe("Model.choose", () => {
  it("what was asked for, else what can be reached", () => {
    assert.deepStrictEqual(Model.choose("claude-x", true), { id: "claude-x", note: undefined })
    assert.deepStrictEqual(Model.choose("offline", true), { id: "offline", note: undefined })
    assert.deepInclude(Model.choose(undefined, true), { id: "claude-sonnet-5-5" })
    assert.deepInclude(Model.choose(undefined, false), { id: "offline" })
    assert.deepInclude(Model.choose("claude-x", false), { _tag: "Exit", code: 2 })
    assert.deepInclude(Model.choose(" ", true), { _tag: "Exit", code: 2 })
  })
})

describe("Secrets", () => {
  it("inEnvironment - by the end of the name, from 8 characters", () => {
    const found = Secrets.inEnvironment({
      GITHUB_TOKEN: "12345678",
      DB_PASSWORD: " hunter2-hunter2 ",
      AWS_CREDENTIALS: "abcdefgh",
      npm_config_secret: "abcdefgh",
      SHORT_KEY: "1234567",
      ANTHROPIC_API_KEY: "short",
      KEYBOARD: "not-a-secret",
      EMPTY_KEY: undefined
    })
    assert.deepStrictEqual(found.map(Redacted.value), ["12345678", "hunter2-hunter2", "abcdefgh", "abcdefgh", "short"])
  })

  it("redactJson - texts and keys at any depth, never the structure", () => {
    const { redact } = Redactor.make([Redacted.make("12345678")])
    const value = { at: 12345678, "12345678": ["a 12345678 b", { deep: "12345678" }, null, true] }
    assert.deepStrictEqual(Secrets.redactJson(redact, value), {
      at: 12345678,
      "[redacted]": ["a [redacted] b", { deep: "[redacted]" }, null, true]
    })
  })

  it.prop("redactJson - the secret is in no text, the JSON stays JSON", [
    Arbitrary.schema(Schema.Record(Schema.String, Schema.Array(Schema.String))),
    Schema.Literals(["s3cr\"et\\key", "plain-secret", "schlüssel-1"])
  ], ([value, secret]) => {
    const { redact } = Redactor.make([Redacted.make(secret)])
    const planted = { ...value, planted: [`x${secret}y`, encodeURIComponent(secret)] }
    const json = JSON.stringify(Secrets.redactJson(redact, planted))
    assert.notInclude(json, secret)
    assert.notInclude(json, JSON.stringify(secret).slice(1, -1))
    assert.strictEqual((JSON.parse(json) as { planted: ReadonlyArray<string> }).planted[0], "x[redacted]y")
  })
})

describe("isDrawn", () => {
  it("on a terminal only, not with NO_COLOR, not on a dumb one", () => {
    assert.isTrue(isDrawn({ isTTY: true }, {}))
    assert.isTrue(isDrawn({ isTTY: true }, { NO_COLOR: "", TERM: "xterm" }))
    assert.isFalse(isDrawn({ isTTY: true }, { NO_COLOR: "1" }))
    assert.isFalse(isDrawn({ isTTY: true }, { TERM: "dumb" }))
    assert.isFalse(isDrawn({}, {}))
  })
})

describe("fromExports", () => {
  const echo = Agent.tool("echo", { description: "Says it again", run: () => "" })
  const names = (exports: Readonly<Record<string, unknown>>): unknown => {
    const found = fromExports("Toolkit \"x\"", exports)
    return "_tag" in found ? found.message : found.tools.map(({ name }) => name)
  }

  it("toolkits and tools, also of another copy of effect", () => {
    const toolkit = Toolkit.make(echo)
    const foreign = { name: "foreign", parametersSchema: {}, annotations: {} }
    assert.deepStrictEqual(names({ toolkit, layer: Layer.empty }), ["echo"])
    assert.deepStrictEqual(names({ tools: [echo, toolkit, foreign] }), ["echo", "echo", "foreign"])
    assert.deepStrictEqual(names({ toolkit: { tools: { foreign } }, layer: Layer.effectDiscard(Effect.void) }), [
      "foreign"
    ])
  })

  it("what is missing or wrong is said", () => {
    assert.deepStrictEqual(
      [
        {},
        { default: { tools: [echo] } },
        { toolkit: Toolkit.make(echo) },
        { toolkit: Toolkit.make(echo), layer: {} },
        { toolkit: echo, layer: Layer.empty },
        { toolkit: 1, layer: Layer.empty },
        { tools: echo },
        { tools: [echo, "echo"] },
        { tools: [] }
      ].map(names),
      [
        "Toolkit \"x\" must export \"toolkit\" and \"layer\", or \"tools\"",
        "Toolkit \"x\" must export \"toolkit\" and \"layer\", or \"tools\"",
        "Toolkit \"x\" exports \"toolkit\" but no \"layer\" with its handlers",
        "Toolkit \"x\" exports a \"layer\" that is not an effect Layer",
        "Toolkit \"x\" exports a \"toolkit\" that is not a Toolkit of effect/ai",
        "Toolkit \"x\" exports a \"toolkit\" that is not a Toolkit of effect/ai",
        "Toolkit \"x\" exports \"tools\" that are not an array of tools and toolkits",
        "Toolkit \"x\" exports \"tools\" that are not an array of tools and toolkits",
        "Toolkit \"x\" exports no tools"
      ]
    )
  })
})
