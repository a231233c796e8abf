// The real command, and clients of the server it starts: every test here needs the real clock.
import { assert, describe, it, vi } from "@effect/vitest"
import { Agent } from "@volley/core"
import { Anthropic } from "@volley/core/anthropic"
import type { Emulator, ModelScript } from "@volley/core/testing"
import { Effect, Layer, Schema } from "effect"
import * as fs from "node:fs"
import * as net from "node:net"
import * as path from "node:path"
import { line } from "../src/commands/emulate.ts"
import { type Ended, folder, linesOf, start, until, volley } from "./support/volley.ts"

vi.setConfig({ testTimeout: 60_000 })

const question = { model: "claude-sonnet-5-5", max_tokens: 100, messages: [{ role: "user", content: "Hi" }] }

/** A file with a script, or with any text. */
const scriptFile = (content: ModelScript.Script | string) =>
  Effect.map(folder, (dir) => {
    const file = path.join(dir, "script.json")
    fs.writeFileSync(file, typeof content === "string" ? content : JSON.stringify(content))
    return file
  })

/** The command until it says where it listens. */
const serving = Effect.fnUntraced(function*(...args: ReadonlyArray<string>) {
  const { child, ended } = yield* start(["emulate", ...args])
  let url = ""
  child.stdout?.on("data", (piece: string) => url += piece)
  yield* until(() => url.endsWith("\n") || child.exitCode !== null)
  const stop = Effect.suspend((): Effect.Effect<Ended> => {
    child.kill("SIGINT")
    return ended
  })
  return { url: url.trim(), stop }
})

const send = async (url: string, body: object) => {
  const response = await fetch(`${url}/v1/messages`, {
    method: "POST",
    headers: { "content-type": "application/json", "anthropic-version": "2026-10-21", "x-api-key": "sk-secret" },
    body: JSON.stringify(body)
  })
  return { status: response.status, body: await response.json() as any }
}

const post = (url: string, body: object) => Effect.promise(() => send(url, body))

const free = Effect.promise(() =>
  new Promise<number>((resolve) => {
    const server = net.createServer().listen(0, "127.0.0.1", () => {
      const { port } = server.address() as net.AddressInfo
      server.close(() => resolve(port))
    })
  })
)

describe.concurrent("volley emulate", () => {
  it.live("a script - is played step by step; one line a request, Ctrl-C ends it without a word", () =>
    Effect.gen(function*() {
      const file = yield* scriptFile([
        { content: [], fault: { type: "overloaded" } },
        { content: [{ type: "text", text: "Hello" }] }
      ])
      const port = yield* free
      const { stop, url } = yield* serving("--port", String(port), "--script", file)
      assert.strictEqual(url, `http://127.0.0.1:${port}`)
      assert.strictEqual((yield* post(url, question)).status, 529)
      const { body } = yield* post(url, question)
      assert.strictEqual(body.content[0].text, "Hello")
      assert.strictEqual((yield* post(url, { ...question, temperature: 1 })).status, 400)
      assert.strictEqual((yield* post(url, question)).status, 500)
      const { code, stderr, stdout } = yield* stop
      assert.deepStrictEqual({ code, stdout }, { code: 130, stdout: `${url}\n` })
      const bytes = Buffer.byteLength("# user\n{\"type\":\"text\",\"text\":\"Hi\"}\n")
      assert.deepStrictEqual(linesOf(stderr), [
        `POST /v1/messages answered, ${bytes} bytes, 0 as before`,
        `POST /v1/messages answered, ${bytes} bytes, ${bytes} as before`,
        "POST /v1/messages refused: 400 invalid_request_error: temperature: Extra inputs are not permitted",
        `POST /v1/messages answered, ${bytes} bytes, ${bytes} as before`
      ])
    }))

  it.live("no script - the offline planner answers, tools and all", () =>
    Effect.gen(function*() {
      const { stop, url } = yield* serving()
      const weather = Agent.tool("get_weather", {
        description: "Current weather of a city",
        class: "readonly",
        parameters: { city: Schema.String },
        run: ({ city }) => ({ city, celsius: 7 })
      })
      const outcome = yield* Agent.run(Agent.make("emulated", { tools: [weather] }), "Weather in Oslo?").pipe(
        Effect.provide(Anthropic.model("claude-sonnet-5-5").pipe(Layer.provide(Anthropic.layer({ baseUrl: url }))))
      )
      assert.strictEqual(outcome.turns, 2)
      assert.match(outcome.text, /offline planner[^]*get_weather[^]*Oslo[^]*7/)
      const { stderr } = yield* stop
      const [first, second] = linesOf(stderr).map((text) => /answered, (\d+) bytes, (\d+) as before/.exec(text)!)
      assert.strictEqual(second![2], first![1])
    }))

  it.live("no script - the choice of tools is obeyed", () =>
    Effect.gen(function*() {
      const { stop, url } = yield* serving()
      const tools = [{ name: "list_pods", description: "Lists pods", input_schema: { type: "object" } }]
      const ask = (content: string, tool_choice: object) =>
        Effect.map(
          post(url, {
            ...question,
            model: "claude-opus-4-8",
            messages: [{ role: "user", content }],
            tools,
            tool_choice
          }),
          ({ body }) => body.content.at(-1)
        )
      const call = {
        type: "tool_use",
        id: "offline_1_0",
        name: "list_pods",
        input: {},
        caller: { type: "direct" }
      }
      assert.deepStrictEqual(yield* ask("List the pods", { type: "auto" }), call)
      assert.strictEqual((yield* ask("List the pods", { type: "none" })).type, "text")
      assert.strictEqual((yield* ask("Hi", { type: "auto" })).type, "text")
      assert.deepStrictEqual(yield* ask("Hi", { type: "any" }), call)
      assert.deepStrictEqual(yield* ask("Hi", { type: "tool", name: "list_pods" }), call)
      yield* stop
    }))

  it.live("no script - a failed result is told as one, structured output is refused", () =>
    Effect.gen(function*() {
      const { stop, url } = yield* serving()
      const tools = [{ name: "list_pods", description: "Lists pods", input_schema: { type: "object" } }]
      const answered = (is_error: boolean) =>
        post(url, {
          ...question,
          tools,
          messages: [
            { role: "user", content: "List the pods" },
            { role: "assistant", content: [{ type: "tool_use", id: "offline_1_0", name: "list_pods", input: {} }] },
            { role: "user", content: [{ type: "tool_result", tool_use_id: "offline_1_0", is_error, content: "web-1" }] }
          ]
        })
      const told = (yield* answered(false)).body.content[0].text
      assert.match(told, /list_pods\(\)\n {2}web-1/)
      const failed = (yield* answered(true)).body.content[0].text
      assert.match(failed, /list_pods\(\) failed:\n {2}web-1/)
      const format = { type: "json_schema", schema: { type: "object", properties: {}, additionalProperties: false } }
      const refused = yield* post(url, { ...question, output_config: { format } })
      assert.deepStrictEqual([refused.status, refused.body.error], [400, {
        type: "invalid_request_error",
        message: "The offline planner writes text, not structured output",
        details: null
      }])
      yield* stop
    }))

  it.live.each<readonly [string, string, RegExp]>([
    ["text that is not JSON", "[{", /is no script: Expected a valid JSON string$/],
    [
      "an unknown field",
      "[{\"content\":[],\"stop_reason\":\"x\"}]",
      /is no script: Expected no excess property at 0\.stop_reason$/
    ],
    ["a misspelt block", "[{\"content\":[{\"type\":\"txt\"}]}]", /Expected a block of a known type at 0\.content\.0$/],
    [
      "an unknown fault",
      "[{\"content\":[],\"fault\":{\"type\":\"fire\"}}]",
      /is no script: Expected a fault of a known type at 0\.fault$/
    ]
  ])("a script with %s - one line on stderr, exit 2", ([, text, expected]) =>
    Effect.gen(function*() {
      const { code, stderr, stdout } = yield* volley(["emulate", "--script", yield* scriptFile(text)])
      assert.deepStrictEqual({ code, stdout }, { code: 2, stdout: "" })
      const [only, ...more] = linesOf(stderr)
      assert.match(only!, expected)
      assert.isEmpty(more)
    }))

  it.live("a script that is not there, a port that is none - one line on stderr, exit 2", () =>
    Effect.gen(function*() {
      const missing = yield* volley(["emulate", "--script", "/nowhere/script.json"])
      assert.deepStrictEqual(missing, {
        code: 2,
        signal: null,
        stdout: "",
        stderr: "volley: script \"/nowhere/script.json\" cannot be read\n"
      })
      const { code, stderr } = yield* volley(["emulate", "--port", "65536"])
      assert.deepStrictEqual({ code, stderr }, {
        code: 2,
        stderr: "volley: --port is \"65536\", expected a port from 0 to 65535 (see volley emulate --help)\n"
      })
    }))

  it.live("a port that is taken - one line on stderr, exit 1", () =>
    Effect.gen(function*() {
      const { stop, url } = yield* serving()
      const { port } = new URL(url)
      const { code, stderr } = yield* volley(["emulate", "--port", port])
      assert.strictEqual(code, 1)
      assert.match(stderr, new RegExp(`^volley: cannot listen on 127.0.0.1: .*EADDRINUSE.*:${port}\n$`))
      yield* stop
    }))

  it("line - has no control characters and no second line", () => {
    const request = {
      method: "GET",
      path: "/v1/\u001b[2J",
      violations: [{ status: 404, type: "not_found_error", message: "Not found:\nx" }],
      prefix: { bytes: 0, shared: 0 },
      ending: "answered"
    } as unknown as Emulator.RecordedRequest
    assert.strictEqual(line(request), "GET /v1/ refused: 404 not_found_error: Not found: x")
  })
})
