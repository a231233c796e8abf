// The emulated model: the Messages API over HTTP, streamed and not, in a process of its own so that its CPU is nobody's.
//
// A reply depends on the path and on what is asked alone: /<scenario>/<run>/v1/messages. Only the faults count requests.
import { createServer } from "node:http"
import { setImmediate as nextTick, setTimeout as sleep } from "node:timers/promises"
import { faults, final, models } from "./models.mjs"

const line = (event) => `event: ${event.type}\ndata: ${JSON.stringify(event)}\n\n`

const usage = {
  input_tokens: 9,
  output_tokens: 1,
  cache_creation_input_tokens: 0,
  cache_read_input_tokens: 0,
  cache_creation: null,
  output_tokens_details: null,
  server_tool_use: null,
  service_tier: "standard",
  speed: null,
  inference_geo: null
}

const message = (id, content, stop_reason) => ({
  id,
  type: "message",
  role: "assistant",
  model: "claude-sonnet-5-5",
  content,
  stop_reason,
  stop_sequence: null,
  stop_details: null,
  container: null,
  usage
})

const toolUse = (turn, index, input) => ({
  type: "tool_use",
  id: `toolu_${turn}_${index}`,
  name: "look",
  input,
  caller: { type: "direct" }
})

const opening = (turn) => line({ type: "message_start", message: message(`msg_${turn}`, [], null) })

const closing = (stop_reason) =>
  line({
    type: "message_delta",
    delta: { stop_reason, stop_sequence: null, stop_details: null, container: null },
    usage: { ...usage, output_tokens: 9 }
  }) + line({ type: "message_stop" })

const block = (index, content_block, deltas) =>
  line({ type: "content_block_start", index, content_block })
  + deltas.map((delta) => line({ type: "content_block_delta", index, delta })).join("")
  + line({ type: "content_block_stop", index })

const callBlock = (turn, index, input) => {
  const json = JSON.stringify(input)
  const half = json.length >> 1
  return block(index, toolUse(turn, index, {}), [
    { type: "input_json_delta", partial_json: json.slice(0, half) },
    { type: "input_json_delta", partial_json: json.slice(half) }
  ])
}

const textBlock = (index, text) => block(index, { type: "text", text: "" }, [{ type: "text_delta", text }])

const pieces = (turn, reply) => {
  if (reply.calls === undefined) return [opening(turn) + textBlock(0, final) + closing("end_turn")]
  return [
    opening(turn) + reply.calls.map((input, index) => callBlock(turn, index, input)).join("") + closing("tool_use")
  ]
}

const encoded = new Map()
const bytes = (key, turn, reply) => {
  const name = `${key}/${turn}`
  const known = encoded.get(name)
  if (known !== undefined) return known
  const made = Buffer.from(pieces(turn, reply).join(""))
  encoded.set(name, made)
  return made
}

const occurrences = (body, text) => {
  let count = 0
  for (let at = body.indexOf(text); at !== -1; at = body.indexOf(text, at + text.length)) count++
  return count
}

/** How many turns the conversation has had: one held by the server names its last message, any other has all of them. */
const turnsSoFar = (body, perTurn) => {
  const at = body.lastIndexOf("\"previous_message_id\":\"msg_")
  if (at !== -1) return Number.parseInt(body.toString("latin1", at + 27, at + 40)) + 1
  return Math.floor(occurrences(body, "\"tool_use_id\"") / Math.max(perTurn, 1))
}

const json = (response, status, value) => {
  response.writeHead(status, { "content-type": "application/json" }).end(JSON.stringify(value))
}

const answerWhole = (response, turn, reply) => {
  const content = reply.calls === undefined
    ? [{ type: "text", text: final, citations: null }]
    : reply.calls.map((input, index) => toolUse(turn, index, input))
  json(response, 200, message(`msg_${turn}`, content, reply.calls === undefined ? "end_turn" : "tool_use"))
}

const begin = (response) => response.writeHead(200, { "content-type": "text/event-stream; charset=utf-8" })

/** Each event by itself, and long enough after the one before that the other side reads it by itself. */
const streamText = async (response, deltas, gap) => {
  response.write(
    opening(0) + line({ type: "content_block_start", index: 0, content_block: { type: "text", text: "" } })
  )
  for (let n = 0; n < deltas && !response.destroyed; n++) {
    const delta = { type: "text_delta", text: ` word${n % 100} of` }
    response.write(line({ type: "content_block_delta", index: 0, delta }))
    const written = performance.now()
    // oxlint-disable-next-line no-await-in-loop -- the events come one after another
    if (gap >= 1) await sleep(gap)
    // oxlint-disable-next-line no-await-in-loop
    else while (performance.now() < written + gap) await nextTick()
  }
  response.end(line({ type: "content_block_stop", index: 0 }) + closing("end_turn"))
}

const streamCalls = async (response, turn, { apart, calls, tail }) => {
  response.write(opening(turn))
  for (const [index, input] of calls.entries()) {
    // oxlint-disable-next-line no-await-in-loop -- the blocks come one after another
    await sleep(apart)
    response.write(callBlock(turn, index, input))
  }
  await sleep(tail)
  response.end(closing("tool_use"))
}

const apiError = (type) => ({ type: "error", error: { type, message: `emulated ${type}` }, request_id: "req_1" })

const cut = (turn) =>
  opening(turn) + line({ type: "content_block_start", index: 0, content_block: toolUse(turn, 0, {}) })
  + line({ type: "content_block_delta", index: 0, delta: { type: "input_json_delta", partial_json: "{\"n\"" } })

const refuse = (status, type) => (response) => json(response, status, apiError(type))

const break_ = {
  "429": (response) => {
    response.setHeader("retry-after", "1")
    refuse(429, "rate_limit_error")(response)
  },
  "529": refuse(529, "overloaded_error"),
  "500": refuse(500, "api_error"),
  "reset": (response) => response.socket.resetAndDestroy(),
  "bad JSON": (response, turn) => {
    const broken = block(0, toolUse(turn, 0, {}), [{ type: "input_json_delta", partial_json: "{\"n\": two}" }])
    begin(response).end(opening(turn) + broken + closing("tool_use"))
  },
  "cut stream": (response, turn) => {
    begin(response).write(cut(turn), () => response.socket.destroySoon())
  },
  "SSE error": (response, turn) => {
    begin(response).end(cut(turn) + line(apiError("overloaded_error")))
  },
  "bad SSE": (response, turn) => {
    begin(response).end(`${cut(turn)}event: content_block_delta\ndata: {"type": "content_blo\n\n`)
  }
}

/** A run with a fault: a call, the fault, another call, the answer; whoever asks again after the fault goes on from there. */
const requests = new Map()
const faulty = (response, run, fault, streamed) => {
  const key = `${fault}/${run}`
  const asked = (requests.get(key) ?? 0) + 1
  requests.set(key, asked)
  if (asked === 2) return break_[fault](response, 1)
  const turn = asked === 1 ? 0 : asked - 2
  const reply = turn < 2 ? { calls: [{ n: turn + 1 }] } : {}
  if (!streamed) return answerWhole(response, turn, reply)
  begin(response).end(bytes("fault", turn, reply))
}

const respond = async (request, response, body) => {
  const [, scenario, run] = request.url.split("/").map(decodeURIComponent)
  const streamed = body.includes("\"stream\":true")
  if (faults.includes(scenario)) return faulty(response, run, scenario, streamed)
  const model = models[scenario]
  if (model === undefined) return json(response, 404, apiError("not_found_error"))
  const turn = turnsSoFar(body, model.calls ?? 0)
  const calls = turn < (model.turns ?? 0)
    ? Array.from({ length: model.calls }, (_, index) => ({ n: turn * model.calls + index }))
    : undefined
  if (model.wait !== undefined) await sleep(model.wait)
  if (calls === undefined && model.deltas !== undefined && streamed) {
    begin(response)
    return streamText(response, model.deltas, model.gap)
  }
  if (calls !== undefined && model.apart !== undefined && streamed) {
    begin(response)
    return streamCalls(response, turn, { ...model, calls })
  }
  if (!streamed) return answerWhole(response, turn, { calls })
  begin(response).end(bytes(scenario, turn, { calls }))
}

const server = createServer((request, response) => {
  const parts = []
  request.on("data", (part) => parts.push(part))
  request.on("end", () => {
    respond(request, response, parts.length === 1 ? parts[0] : Buffer.concat(parts)).catch((error) =>
      response.destroy(error)
    )
  })
  response.on("error", () => {})
})
// A measured process may be silent for longer than a server waits for the next request.
server.keepAliveTimeout = 0
server.requestTimeout = 0
server.listen({ port: 0, host: "127.0.0.1", backlog: 4096 }, () => process.send(server.address().port))
process.on("disconnect", () => process.exit(0))
