import type { MessageCreateParamsStreaming, RawMessageStreamEvent } from "@anthropic-ai/sdk/resources/messages"
import type { Anthropic } from "@volley/core/anthropic"

/** What one request meets: `refused` throws before the reply, `ending` says how the events end. */
export type Script =
  | { readonly refused: unknown }
  | { readonly pending: true }
  | {
    readonly events: ReadonlyArray<RawMessageStreamEvent>
    readonly ending?: "eof" | "stall" | { readonly thrown: unknown }
  }

export interface FakeClient extends Anthropic.Client {
  readonly bodies: Array<MessageCreateParamsStreaming>
  readonly options: Array<
    { readonly signal: AbortSignal; readonly maxRetries: 0; readonly headers: Record<string, string> }
  >
}

const never = <A>(): Promise<A> => new Promise<A>(() => {})

async function* play(script: Extract<Script, { readonly events: unknown }>): AsyncGenerator<RawMessageStreamEvent> {
  yield* script.events
  if (script.ending === "stall") await never()
  if (typeof script.ending === "object") throw script.ending.thrown
}

/** Answers the nth request with the nth script; the last one repeats. */
export const make = (...scripts: ReadonlyArray<Script>): FakeClient => {
  const bodies: FakeClient["bodies"] = []
  const options: FakeClient["options"] = []
  return {
    bodies,
    options,
    messages: {
      create: (body, requestOptions) => {
        const script = scripts[Math.min(bodies.length, scripts.length - 1)]
        bodies.push(body)
        options.push(requestOptions)
        if (script === undefined) return Promise.reject(new Error("No script"))
        if ("refused" in script) return Promise.reject(script.refused)
        return "pending" in script ? never() : Promise.resolve(play(script))
      }
    }
  }
}
