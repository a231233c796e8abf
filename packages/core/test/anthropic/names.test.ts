import { assert, describe, it } from "@effect/vitest"
import { Effect, Layer, Schema, Stream } from "effect"
import { LanguageModel, Prompt, type Response, Tool, Toolkit } from "effect/ai"
import { Anthropic } from "../../src/anthropic/index.ts"
import * as Accumulate from "../../src/anthropic/internal/accumulate.ts"
import * as Names from "../../src/anthropic/internal/names.ts"
import { utf16 } from "../support/arbitraries.ts"
import * as Fixtures from "./fixtures.ts"
import * as Events from "./support/events.ts"
import * as FakeClient from "./support/fakeClient.ts"

const Found = Schema.Array(Schema.Struct({ title: Schema.String, url: Schema.String }))
const Refused = Schema.Struct({ error_code: Schema.String })

const searchOf = <S extends Schema.Constraint, F extends Schema.Constraint>(success: S, failure: F) =>
  Tool.providerDefined({
    id: "anthropic.web_search_20260318",
    customName: "WebSearch",
    providerName: "web_search",
    args: Schema.Struct({ max_uses: Schema.optionalKey(Schema.Int) }),
    parameters: Schema.Struct({ query: Schema.String }),
    success,
    failure
  })({})

const WebSearch = searchOf(Found, Refused)

const [call] = Fixtures.fixtures.server_tool_use
const [found, refused] = Fixtures.fixtures.web_search_tool_result
const [text] = Fixtures.fixtures.text

const fold = (tools: ReadonlyArray<Tool.Any>, events: ReadonlyArray<object>) => {
  let state = Accumulate.of(Names.make(tools))
  return events.flatMap((event) => {
    const [after, parts] = Accumulate.step(state, Events.event({ ...event }))
    state = after
    return parts
  })
}

const second = { id: "srvtoolu_9" }
const call2: Fixtures.Fixture = {
  ...call!,
  block: { ...call!.block, ...second },
  start: { ...call!.start, ...second }
}
const refused2: Fixtures.Fixture = { block: { ...refused!.block, tool_use_id: second.id } }

const typesOf = (parts: ReadonlyArray<{ readonly type: string }>) => parts.map(({ type }) => type)

const modelOver = (client: Anthropic.Client) =>
  Layer.provide(Anthropic.model("claude-test"), Anthropic.layerClient(client))

const scripted = (stop_reason: string, ...blocks: ReadonlyArray<Fixtures.Fixture>): FakeClient.Script => ({
  events: Fixtures.reply(blocks, { stop_reason }).map((event) => Events.event({ ...event }))
})

const toJson = Schema.encodeSync(Schema.fromJsonString(Prompt.Prompt))
const fromJson = Schema.decodeSync(Schema.fromJsonString(Prompt.Prompt))

describe("tools of the server", () => {
  it("a call and its result are parts under the name of the tool, executed by the provider", () => {
    const parts = fold([WebSearch], Fixtures.reply([call!, found!]))
    assert.deepStrictEqual<unknown>(parts.slice(1, -1), [
      { type: "tool-params-start", id: "srvtoolu_1", name: "WebSearch", providerExecuted: true },
      { type: "tool-params-delta", id: "srvtoolu_1", delta: "{\"query\"" },
      { type: "tool-params-delta", id: "srvtoolu_1", delta: ":\"fjord\"}" },
      { type: "tool-params-end", id: "srvtoolu_1" },
      {
        type: "tool-call",
        id: "srvtoolu_1",
        name: "WebSearch",
        params: { query: "fjord" },
        providerExecuted: true,
        metadata: { anthropic: { info: { type: "block", block: call!.block } } }
      },
      {
        type: "tool-result",
        id: "srvtoolu_1",
        name: "WebSearch",
        result: found!.block.content,
        isFailure: false,
        providerExecuted: true,
        metadata: { anthropic: { info: { type: "block", block: found!.block } } }
      }
    ])
  })

  it("a result that is an error is a failure", () => {
    const result = fold([WebSearch], Fixtures.reply([call!, refused!])).find((part) => part.type === "tool-result")
    assert.isTrue(result?.isFailure)
    assert.strictEqual(result?.result, refused!.block.content)
  })

  it("what the schemas of a tool say nothing of is carried without a part of its own", () => {
    const bare = Tool.providerDefined({
      id: "anthropic.web_search_20260318",
      customName: "Bare",
      providerName: "web_search"
    })(undefined)
    const carriers = ["reasoning-start", "reasoning-end"]
    const shown = (tool: Tool.Any, ...blocks: ReadonlyArray<Fixtures.Fixture>) =>
      typesOf(fold([tool], Fixtures.reply(blocks))).slice(1, -1).filter((type) => !type.startsWith("tool-params"))
    assert.deepStrictEqual(shown(bare, call!, found!), [...carriers, ...carriers])
    const unfailing = searchOf(Found, Schema.Never)
    assert.deepStrictEqual(shown(unfailing, call!, refused!), ["tool-call", ...carriers])
    assert.deepStrictEqual(shown(unfailing, call!, found!), ["tool-call", "tool-result"])
    assert.deepStrictEqual(shown(WebSearch, Fixtures.fixtures.web_fetch_tool_result[0]!), carriers)
  })

  it("a call whose arguments were cut is no call", () => {
    const cut = { ...call!, deltas: [{ type: "input_json_delta", partial_json: "{\"q" }] }
    const parts = fold([WebSearch], Fixtures.reply([cut], { stop_reason: "max_tokens" }))
    assert.notInclude(typesOf(parts), "tool-call")
    assert.include(typesOf(parts), "reasoning-end")
  })

  it.effect("effect/ai gives the results decoded, and the next request has their blocks as they came", () =>
    Effect.gen(function*() {
      const blocks = [call!, found!, call2, refused2, text!]
      const client = FakeClient.make(scripted("end_turn", ...blocks))
      yield* Effect.gen(function*() {
        const asked = { prompt: "Go", toolkit: Toolkit.make(WebSearch) }
        const { content, toolResults } = yield* LanguageModel.generateText(asked)
        assert.deepStrictEqual<unknown>(toolResults.map(({ isFailure, result }) => [isFailure, result]), [
          [false, [{ title: "Fjord", url: "https://example.com" }]],
          [true, { error_code: "max_uses_exceeded" }]
        ])
        const streamed = yield* Stream.runCollect(LanguageModel.streamText(asked))
        for (const parts of [content, streamed] as ReadonlyArray<ReadonlyArray<Response.AnyPart>>) {
          const history = fromJson(toJson(Prompt.fromResponseParts(parts)))
          yield* LanguageModel.generateText({ prompt: Prompt.concat(Prompt.make("Go"), history) })
          assert.deepStrictEqual<unknown>(client.bodies.at(-1)?.messages[1]?.content, blocks.map(Fixtures.sent))
        }
      }).pipe(Effect.provide(modelOver(client)))
    }))
})

describe("names that the API refuses", () => {
  it.effect.prop(
    "toApi - gives a name that the API takes, always the same, and leaves alone what it takes",
    [utf16()],
    ([name]) =>
      Effect.sync(() => {
        const sent = Names.toApi(name)
        assert.match(sent, /^[a-zA-Z0-9_-]{1,128}$/)
        assert.strictEqual(Names.toApi(name), sent)
        assert.strictEqual(Names.toApi(sent), sent)
      })
  )

  it("toApi - names that differ stay different", () => {
    const names = ["a.b", "a:b", "a_b", "a b", "x".repeat(129), "x".repeat(130)]
    assert.strictEqual(new Set(names.map(Names.toApi)).size, names.length)
  })

  const Read = Tool.make("files.read", {
    parameters: Schema.Struct({ path: Schema.String }),
    success: Schema.String
  })
  const Shell = Tool.providerDefined({
    id: "anthropic.bash_20250124",
    customName: "Shell",
    providerName: "bash",
    requiresHandler: true,
    parameters: Schema.Struct({ command: Schema.String }),
    success: Schema.String
  })(undefined as never)
  const toolkit = Toolkit.make(Read, Shell)
  const handlers = toolkit.toLayer({
    "files.read": ({ path }) => Effect.succeed(`read ${path}`),
    Shell: ({ command }) => Effect.succeed(`ran ${command}`)
  })
  const called = (id: string, name: string, input: unknown): Fixtures.Fixture => ({
    block: { type: "tool_use", id, name, input } as never
  })
  const blocks = [
    called("a", Names.toApi(Read.name), { path: "x" }),
    called("b", "bash", { command: "ls" }),
    called("c", "unknown", {})
  ]

  it("a call is one of the tool, and one of a tool that was not offered keeps its name", () => {
    const parts = fold([Read, Shell], Fixtures.reply(blocks, { stop_reason: "tool_use" }))
    const named = parts.flatMap((part) =>
      part.type === "tool-call" || part.type === "tool-params-start" ? [[part.type, part.name]] : []
    )
    assert.deepStrictEqual(named, [
      ["tool-params-start", "files.read"],
      ["tool-call", "files.read"],
      ["tool-params-start", "Shell"],
      ["tool-call", "Shell"],
      ["tool-params-start", "unknown"],
      ["tool-call", "unknown"]
    ])
  })

  it.effect("effect/ai runs the tool of a call, and the next request says the name as the API knows it", () =>
    Effect.gen(function*() {
      const client = FakeClient.make(scripted("tool_use", ...blocks.slice(0, 2)), scripted("end_turn", text!))
      yield* Effect.gen(function*() {
        const { content, toolResults } = yield* LanguageModel.generateText({ prompt: "Go", toolkit })
        assert.deepStrictEqual(toolResults.map(({ name, result }) => [name, result]), [
          ["files.read", "read x"],
          ["Shell", "ran ls"]
        ])
        const history = fromJson(toJson(Prompt.fromResponseParts(content)))
        yield* LanguageModel.generateText({ prompt: Prompt.concat(Prompt.make("Go"), history) })
        const [, asked, answered] = client.bodies[1]?.messages ?? []
        assert.deepStrictEqual<unknown>(asked?.content, blocks.slice(0, 2).map(Fixtures.sent))
        const results = answered?.content ?? []
        assert.deepStrictEqual(
          typeof results === "string" ?
            [] :
            results.map((block) => block.type === "tool_result" ? [block.tool_use_id, block.content] : []),
          [["a", "read x"], ["b", "ran ls"]]
        )
      }).pipe(Effect.provide([modelOver(client), handlers]))
    }))
})
