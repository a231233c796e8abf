// The Chat of effect/ai in a loop, over the Claude provider of Volley: there is no other for this version of effect.
import { Anthropic } from "@volley/core/anthropic"
import * as Chat from "effect/ai/Chat"
import * as Tool from "effect/ai/Tool"
import * as Toolkit from "effect/ai/Toolkit"
import * as Effect from "effect/Effect"
import * as Layer from "effect/Layer"
import * as ManagedRuntime from "effect/ManagedRuntime"
import * as Schema from "effect/Schema"
import * as Stream from "effect/Stream"

export const packages = ["effect", "@volley/core"]
export const limited = "call"

export const make = ({ limit, onText, tool, turns, url }) => {
  const Look = Tool.make(tool.name, {
    description: tool.description,
    parameters: Schema.Struct({ n: Schema.Int }),
    success: Schema.String,
    failure: Schema.String,
    failureMode: "return"
  })
  const toolkit = Toolkit.make(Look)
  const call = (parameters) =>
    Effect.tryPromise({ try: async (signal) => tool.run(parameters, signal), catch: (error) => String(error) })
  const handlers = toolkit.toLayer({
    [tool.name]: (parameters) =>
      limit === undefined
        ? call(parameters)
        : Effect.timeoutOrElse(call(parameters), { duration: limit, orElse: () => Effect.fail("timeout") })
  })
  const runtime = ManagedRuntime.make(Layer.merge(
    handlers,
    Anthropic.model("claude-sonnet-5-5", { maxTokens: 1000 }).pipe(Layer.provide(Anthropic.layer({ baseUrl: url })))
  ))
  const turn = (chat, prompt) => {
    const seen = { calls: 0, text: "" }
    return chat.streamText({ prompt, toolkit, concurrency: "unbounded" }).pipe(
      Stream.runForEach((part) =>
        Effect.sync(() => {
          if (part.type === "tool-call") seen.calls++
          else if (part.type === "text-delta") {
            seen.text += part.delta
            onText?.(part.delta)
          }
        })
      ),
      Effect.as(seen)
    )
  }
  const program = (input) =>
    Effect.gen(function*() {
      const chat = yield* Chat.empty
      let prompt = input
      for (let n = 0; n < turns; n++) {
        const { calls, text } = yield* turn(chat, prompt)
        if (calls === 0) return text
        prompt = []
      }
      return yield* Effect.die(new Error("The turns are used up"))
    })
  return (input, { signal } = {}) => runtime.runPromise(program(input), { signal })
}
