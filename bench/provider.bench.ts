import { Anthropic as Sdk } from "@anthropic-ai/sdk"
import type { MessageParam, ToolResultBlockParam, ToolUseBlockParam } from "@anthropic-ai/sdk/resources/messages"
import { Anthropic } from "@volley/core/anthropic"
import { Effect, Layer, Schema, Stream } from "effect"
import { LanguageModel, Prompt, type Response as Ai, Tool, Toolkit } from "effect/ai"
import { fork } from "node:child_process"
import { createServer } from "node:http"
import type { AddressInfo } from "node:net"
import { setImmediate } from "node:timers/promises"

const deltas = 3000
const turns = 200
const calls = 4
const warmUp = 6
const rounds = 9

export const title =
  "The Claude provider beside the SDK alone, on the same bytes: CPU of 1,000 deltas, over a socket and in memory, and of "
  + `one turn in runs of ${turns} turns with ${calls} calls each, in memory (ms, ${rounds} interleaved rounds after ${warmUp})`

const baseURL = "http://127.0.0.1:1"

const line = (event: { readonly type: string }): string => `event: ${event.type}\ndata: ${JSON.stringify(event)}\n\n`

const usage = { input_tokens: 9, output_tokens: 1, cache_creation_input_tokens: null, cache_read_input_tokens: null }
const opening = (id: string) =>
  line({
    type: "message_start",
    message: {
      id,
      type: "message",
      role: "assistant",
      model: "claude-sonnet-5-5",
      content: [],
      stop_reason: null,
      usage
    }
  } as never)
const closing = (stop_reason: string) => [
  line({ type: "message_delta", delta: { stop_reason, stop_sequence: null }, usage: { output_tokens: 9 } } as never),
  line({ type: "message_stop" })
]
const start = (index: number, content_block: object) =>
  line({ type: "content_block_start", index, content_block } as never)
const delta = (index: number, delta: object) => line({ type: "content_block_delta", index, delta } as never)
const stop = (index: number) => line({ type: "content_block_stop", index } as never)

const utf8 = new TextEncoder()

/** The answer of a server, each string a piece of the network. */
const answer = (pieces: ReadonlyArray<Uint8Array>): Response =>
  new Response(ReadableStream.from(pieces) as ReadableStream<Uint8Array<ArrayBuffer>>, {
    headers: { "content-type": "text/event-stream" }
  })

const words = [
  opening("msg_1"),
  start(0, { type: "text", text: "" }),
  ...Array.from({ length: deltas }, (_, n) => delta(0, { type: "text_delta", text: ` word${n % 100} of` })),
  stop(0),
  ...closing("end_turn")
]

const joined = (lines: ReadonlyArray<string>, size: number): ReadonlyArray<Uint8Array> => {
  const bytes = utf8.encode(lines.join(""))
  return Array.from({ length: Math.ceil(bytes.length / size) }, (_, n) => bytes.subarray(n * size, (n + 1) * size))
}

const turn = (n: number): Uint8Array =>
  utf8.encode([
    opening(`msg_${n}`),
    ...Array.from({ length: calls }, (_, index) =>
      [
        start(index, { type: "tool_use", id: `toolu_${n}_${index}`, name: "look", input: {} }),
        delta(index, { type: "input_json_delta", partial_json: `{"n":${n * calls + index},` }),
        delta(index, { type: "input_json_delta", partial_json: "\"place\":\"the second shelf from the left\"}" }),
        stop(index)
      ].join("")),
    ...closing("tool_use")
  ].join(""))

const sentence = "what was found there, in some words. "
let sentences = 0

const found = (n: unknown): string => JSON.stringify({ n, found: sentence.repeat(sentences) })

let respond: () => Response = () => new Response()
let sent = 0

/** In place of the network; a text is made bytes, as a real `fetch` does. */
const network = async (_: unknown, init?: { readonly body?: unknown }): Promise<Response> => {
  const { body } = init ?? {}
  sent += typeof body === "string" ? utf8.encode(body).length : (body as Uint8Array).length
  return respond()
}

const sdkAt = (baseURL: string, options: ConstructorParameters<typeof Sdk>[0] = {}) =>
  new Sdk({ apiKey: "none", baseURL, maxRetries: 0, openTelemetry: false, ...options })

const sdk = sdkAt(baseURL, { fetch: network })

const Look = Tool.make("look", {
  description: "Looks something up",
  parameters: Schema.Struct({ n: Schema.Int, place: Schema.String })
})
const toolkit = Toolkit.make(Look)
const handlers = toolkit.toLayer({ look: () => Effect.void })
const settings = { maxTokens: 1000, cache: { ttl: "5 minutes" } } as const

const definition = {
  name: "look",
  description: "Looks something up",
  input_schema: {
    type: "object" as const,
    properties: { n: { type: "integer" }, place: { type: "string" } },
    required: ["n", "place"]
  }
}

const rawDeltas = (sdk: Sdk) =>
  Effect.promise(async () => {
    const body = { model: "claude-sonnet-5-5", max_tokens: 1000, messages: [{ role: "user" as const, content: "Go" }] }
    let seen = 0
    for await (const event of await sdk.messages.create({ ...body, stream: true })) {
      if (event.type === "content_block_delta" && event.delta.type === "text_delta") {
        seen += event.delta.text.length > 0 ? 1 : 0
      }
    }
    return seen
  })

const ourDeltas = LanguageModel.streamText({ prompt: "Go" }).pipe(
  Stream.runFold(() => 0, (seen, part) => seen + (part.type === "text-delta" ? 1 : 0))
)

/** A loop as one writes it: a list of messages that grows, sent whole each time. */
const byHand = Effect.promise(async () => {
  const messages: Array<MessageParam> = [{ role: "user", content: "Look everything up" }]
  for (let n = 0; n < turns; n++) {
    const content: Array<{ block: ToolUseBlockParam; json: string }> = []
    const body = { model: "claude-sonnet-5-5", max_tokens: 1000, tools: [definition], messages, stream: true as const }
    // oxlint-disable-next-line no-await-in-loop -- a turn follows the one before it
    for await (const event of await sdk.messages.create({ ...body, cache_control: { type: "ephemeral" } })) {
      const block = "index" in event ? content[event.index] : undefined
      if (event.type === "content_block_start" && event.content_block.type === "tool_use") {
        const { id, name } = event.content_block
        content.push({ block: { type: "tool_use", id, name, input: {} }, json: "" })
      } else if (event.type === "content_block_delta" && event.delta.type === "input_json_delta" && block) {
        block.json += event.delta.partial_json
      } else if (event.type === "content_block_stop" && block) {
        block.block.input = JSON.parse(block.json)
      }
    }
    messages.push({ role: "assistant", content: content.map(({ block }) => block) }, {
      role: "user",
      content: content.map(({ block: { id, input } }): ToolResultBlockParam => ({
        type: "tool_result",
        tool_use_id: id,
        content: found((input as { readonly n: number }).n)
      }))
    })
  }
  return messages.length
})

const answerOf = (part: Ai.StreamPart<typeof toolkit.tools>) =>
  part.type === "tool-call"
    ? [
      Prompt.toolResultPart({
        id: part.id,
        name: part.name,
        isFailure: false,
        providerExecuted: false,
        result: found(part.params.n)
      })
    ]
    : []

const ours = Effect.gen(function*() {
  let prompt = Prompt.make("Look everything up")
  for (let n = 0; n < turns; n++) {
    const parts = yield* LanguageModel.streamText({ prompt, toolkit, disableToolCallResolution: true }).pipe(
      Stream.runCollect
    )
    prompt = Prompt.concat(
      Prompt.concat(prompt, Prompt.fromResponseParts(parts)),
      Prompt.fromMessages([Prompt.toolMessage({ content: parts.flatMap(answerOf) })])
    )
  }
  return prompt.content.length
})

interface Case {
  readonly what: string
  readonly by: "SDK" | "Volley"
  readonly per: number
  readonly expected: number
  readonly prepare: () => void
  readonly run: Effect.Effect<number, unknown, LanguageModel.LanguageModel | Tool.HandlersFor<typeof toolkit.tools>>
}

const always = (pieces: ReadonlyArray<Uint8Array>) => () => {
  respond = () => answer(pieces)
}
const replies = Array.from({ length: turns }, (_, n) => turn(n))
const inTurns = (kilobytes: number) => () => {
  let n = 0
  sentences = Math.round(kilobytes * 1024 / sentence.length)
  respond = () => answer([replies[n++]!])
}

const thousand = (what: string, pieces: ReadonlyArray<Uint8Array>) => ({
  what: `1,000 deltas, ${what}`,
  per: deltas / 1000,
  expected: deltas,
  prepare: always(pieces)
})
const events = words.map((text) => utf8.encode(text))
const loop = (kilobytes: number) => ({
  what: `one turn, results of ${kilobytes} KB`,
  per: turns,
  expected: 2 * turns + 1,
  prepare: inTurns(kilobytes)
})

/** Both on the same terms, by what connects them to the bytes. */
const beside = (one: Pick<Case, "what" | "per" | "expected" | "prepare">, sdks: Case["run"], ours: Case["run"]) =>
  [{ ...one, by: "SDK", run: sdks }, { ...one, by: "Volley", run: ours }] as const

const inMemory: ReadonlyArray<Case> = [
  ...beside(thousand("4 KB a piece, in memory", joined(words, 4096)), rawDeltas(sdk), ourDeltas),
  // Of the provider's side of this, effect/ai's own reading of the parts is about the half.
  ...beside(thousand("an event a piece, in memory", events), rawDeltas(sdk), ourDeltas),
  ...[0.5, 2].flatMap((kilobytes) => beside(loop(kilobytes), byHand, ours))
]

const measure = Effect.fnUntraced(function*({ expected, per, prepare, run }: Case) {
  prepare()
  const before = process.cpuUsage()
  const seen = yield* run
  const { system, user } = process.cpuUsage(before)
  if (seen !== expected) throw new Error(`${seen} instead of ${expected}`)
  return (user + system) / 1000 / per
})

const at = (values: ReadonlyArray<number>, share: number): number =>
  values.toSorted((left, right) => left - right)[Math.round(share * (values.length - 1))] ?? NaN

const compare = Effect.fnUntraced(function*(cases: ReadonlyArray<Case>) {
  const times = cases.map(() => Array.of<number>())
  for (let round = -warmUp; round < rounds; round++) {
    for (const [index, one] of cases.entries()) {
      const time = yield* measure(one)
      if (round >= 0) times[index]?.push(time)
    }
  }
  return cases.map(({ by, what }, index) => {
    const own = times[index] ?? []
    const sdks = by === "Volley" ? times[index - 1] : undefined
    return {
      what,
      by,
      median: at(own, 0.5).toFixed(3),
      least: at(own, 0).toFixed(3),
      most: at(own, 1).toFixed(3),
      ...(sdks &&
        {
          "of the SDK's": at(own.map((time, round) => time / (sdks[round] ?? NaN)), 0.5).toFixed(2),
          target: what.startsWith("one turn") ? "≤ 1" : "≤ 1.5"
        })
    }
  })
})

/** The client of the provider takes the `fetch` that is there when it is made. */
const withNetwork = <A, E, R>(effect: Effect.Effect<A, E, R>) =>
  Effect.acquireUseRelease(
    Effect.sync(() => {
      const { fetch } = globalThis
      globalThis.fetch = network
      return fetch
    }),
    () => effect,
    (fetch) => Effect.sync(() => void (globalThis.fetch = fetch))
  )

const modelAt = (baseUrl: string) =>
  Layer.provide(Anthropic.model("claude-sonnet-5-5", settings), Anthropic.layer({ baseUrl }))

/** Writes each event by itself, and long enough after the one before that the other side reads it by itself. */
const serve = () => {
  const server = createServer((request, response) => {
    request.resume().on("end", async () => {
      response.writeHead(200, { "content-type": "text/event-stream" })
      for (const piece of events) {
        response.write(piece)
        const written = performance.now()
        // oxlint-disable-next-line no-await-in-loop -- the events come one after another
        while (performance.now() < written + 0.06) await setImmediate()
      }
      response.end()
    })
  })
  // The other cases of a round take longer than a server waits for the next request.
  server.keepAliveTimeout = 0
  server.listen(0, "127.0.0.1", () => process.send?.((server.address() as AddressInfo).port))
}

const serving = "serve"

/** The address of a server in a process of its own, whose CPU does not count here. */
const served = Effect.map(
  Effect.acquireRelease(
    Effect.callback<{ readonly port: number; readonly stop: () => void }>((resume) => {
      const child = fork(import.meta.filename, [serving])
      child.once("message", (port) => resume(Effect.succeed({ port: Number(port), stop: () => child.kill() })))
    }),
    ({ stop }) => Effect.sync(stop)
  ),
  ({ port }) => `http://127.0.0.1:${port}`
)

const program = Effect.gen(function*() {
  const url = yield* served
  const model = yield* Layer.build(modelAt(url))
  const overSocket = beside(
    thousand("an event a piece, over a socket", []),
    rawDeltas(sdkAt(url)),
    Effect.provide(ourDeltas, model)
  )
  const rows = yield* withNetwork(
    Effect.provide(compare([...overSocket, ...inMemory]), Layer.merge(modelAt(baseURL), handlers))
  )
  if (sent === 0) throw new Error("no body was sent")
  return rows
})

export const run = () => Effect.runPromise(Effect.scoped(program))

if (process.argv[2] === serving) serve()
