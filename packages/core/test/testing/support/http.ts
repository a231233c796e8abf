import Anthropic from "@anthropic-ai/sdk"
import { Effect } from "effect"

export const client = (baseURL: string): Anthropic =>
  new Anthropic({ apiKey: "sk-secret", baseURL, maxRetries: 0, openTelemetry: false, logLevel: "off" })

export const question = {
  model: "claude-sonnet-5-5",
  max_tokens: 1000,
  messages: [{ role: "user" as const, content: "Hi" }]
}

const headers = { "content-type": "application/json", "x-api-key": "sk-secret", "anthropic-version": "2026-10-21" }

/** A request to a path, as soon as its headers have come. */
export const request = (url: string, body: unknown, init: RequestInit = {}): Promise<Response> =>
  fetch(url, {
    method: "POST",
    headers,
    ...(init.method !== "GET" && { body: typeof body === "string" ? body : JSON.stringify(body) }),
    ...init
  })

const send = async (url: string, body: unknown, init: RequestInit) => {
  const response = await request(`${url}/v1/messages`, body, init)
  const chunks: Array<Uint8Array> = []
  let torn = false
  try {
    for await (const chunk of response.body!) chunks.push(chunk)
  } catch {
    torn = true
  }
  const raw = Buffer.concat(chunks)
  return { status: response.status, headers: response.headers, text: raw.toString(), raw, torn }
}

/** What a client without any library gets to see: the answer as text and bytes, and whether it was torn off. */
export const post = (url: string, body: unknown, init: RequestInit = {}) =>
  Effect.promise((signal) => send(url, body, { signal, ...init }))

/** The events of a stream's text, with their names checked. */
export const events = (text: string): ReadonlyArray<any> =>
  text.split("\n\n").slice(0, -1).map((block) => {
    const event = JSON.parse(block.replace(/^event: .*\ndata: /, ""))
    if (!block.startsWith(`event: ${event.type}\ndata: `)) throw new Error(`event name and type differ: ${block}`)
    return event
  })

/** Lets the event loop turn until the condition holds; the test's own timeout ends what never does. */
export const until = (condition: Effect.Effect<boolean>): Effect.Effect<void> =>
  Effect.promise(() => new Promise<void>((resolve) => setImmediate(resolve))).pipe(
    Effect.andThen(condition),
    Effect.repeat({ until: (holds) => holds }),
    Effect.asVoid
  )
