/**
 * Reads the body of a streamed reply: a batch of events for each piece that the network brings.
 *
 * @internal
 */
import type { RawMessageStreamEvent } from "@anthropic-ai/sdk/resources/messages"

/** @internal */
export interface Message {
  readonly event: string
  readonly data: string
}

/**
 * Takes the pieces of a body and gives the messages that each completes. Messages without an `event` line, and one that the
 * end of the body cuts, are left out.
 *
 * @internal
 */
export interface Decoder {
  readonly push: (piece: Uint8Array) => ReadonlyArray<Message>
  readonly end: () => ReadonlyArray<Message>
}

/** The value of a line that begins with `field` and a colon; one space after it does not count. */
const valueOf = (line: string, field: string): string | undefined => {
  if (!line.startsWith(field)) return undefined
  if (line.length === field.length) return ""
  if (line[field.length] !== ":") return undefined
  return line.slice(field.length + (line[field.length + 1] === " " ? 2 : 1))
}

const decoder = (): Decoder => {
  const utf8 = new TextDecoder("utf-8")
  let rest = ""
  let event: string | undefined
  let data: string | undefined

  const take = (line: string, messages: Array<Message>): void => {
    if (line === "") {
      if (event !== undefined) messages.push({ event, data: data ?? "" })
      event = undefined
      data = undefined
      return
    }
    const more = valueOf(line, "data")
    if (more !== undefined) data = data === undefined ? more : `${data}\n${more}`
    else event = valueOf(line, "event") ?? event
  }

  const read = (text: string): ReadonlyArray<Message> => {
    if (!/[\n\r]/.test(text) && !rest.endsWith("\r")) {
      rest += text
      return []
    }
    const whole = rest + text
    // The other half of a CRLF may be in the next piece.
    const held = whole.endsWith("\r") ? "\r" : ""
    // Nearly all servers end lines with LF, and a text is split much faster at a text.
    const lines = (held === "" ? whole : whole.slice(0, -1)).split(whole.includes("\r") ? /\r\n|\r|\n/ : "\n")
    rest = (lines.pop() ?? "") + held
    const messages: Array<Message> = []
    for (const line of lines) take(line, messages)
    return messages
  }

  return {
    push: (piece) => read(utf8.decode(piece, { stream: true })),
    end: () => {
      const last = utf8.decode()
      return rest + last === "" ? [] : read(`${last}\n`)
    }
  }
}

/** What the SDK throws for an `error` event, by its fields. */
const failed = ({ data }: Message, headers: unknown): Error => {
  let error: unknown = data
  try {
    error = JSON.parse(data)
  } catch {
    // the text says more than that it is no JSON
  }
  return Object.assign(new Error("The reply ended with an error event"), { error, headers })
}

interface Batch {
  readonly events: ReadonlyArray<RawMessageStreamEvent>
  readonly failure?: unknown
}

/** The events of messages up to the first that is none. */
const toBatch = (messages: ReadonlyArray<Message>, headers: unknown): Batch => {
  const events: Array<RawMessageStreamEvent> = []
  try {
    for (const message of messages) {
      if (message.event === "error") return { events, failure: failed(message, headers) }
      if (message.event !== "ping" && message.data !== "") events.push(JSON.parse(message.data))
    }
  } catch (failure) {
    return { events, failure }
  }
  return { events }
}

/**
 * The events of a response, in a batch for each piece of its body; a batch without events says that the connection lives. An
 * `error` event and one that is no JSON are thrown after the events before them. Leaving it early ends the connection.
 *
 * @internal
 */
export async function* batches(
  response: { readonly body: ReadableStream<Uint8Array> | null; readonly headers: unknown }
): AsyncGenerator<ReadonlyArray<RawMessageStreamEvent>, void, undefined> {
  if (response.body === null) return
  const reader = response.body.getReader()
  const { end, push } = decoder()
  let ended = false
  try {
    while (!ended) {
      // oxlint-disable-next-line no-await-in-loop -- the pieces of a body come one after another
      const { done, value } = await reader.read()
      ended = done
      const { events, failure } = toBatch(value === undefined ? end() : push(value), response.headers)
      yield events
      if (failure !== undefined) throw failure
    }
  } finally {
    if (!ended) await reader.cancel().catch(() => undefined)
  }
}
