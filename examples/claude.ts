// Claude in a plain program of effect/ai: text, an object, and a stream with a tool that effect runs by itself.
// An emulator answers here. With Claude itself, provide `Anthropic.modelFromEnv("claude-sonnet-5-5")` alone.
import { Anthropic } from "@volley/core/anthropic"
import { Emulator, ModelScript } from "@volley/core/testing"
import { Console, Effect, Layer, Schema, Stream } from "effect"
import { LanguageModel, Prompt, type Response, Tool, Toolkit } from "effect/ai"

const Weather = Tool.make("get_weather", {
  description: "The weather of a city, now",
  parameters: Schema.Struct({ city: Schema.String }),
  success: Schema.Struct({ celsius: Schema.Finite })
})
const toolkit = Toolkit.make(Weather)
const handlers = toolkit.toLayer({ get_weather: ({ city }) => Effect.succeed({ celsius: city === "Bergen" ? 9 : 14 }) })

const Place = Schema.Struct({ city: Schema.String, country: Schema.String })

/** Prints the text as it comes; gives what the model is to be told next. */
const speak = Effect.fnUntraced(function*(prompt: Prompt.Prompt) {
  const parts: Array<Response.AnyPart> = []
  yield* LanguageModel.streamText({ prompt, toolkit }).pipe(
    Stream.runForEach((part) => {
      parts.push(part)
      if (part.type === "text-delta") return Console.log(part.delta)
      return part.type === "tool-result" ? Console.log(`${part.name}: ${JSON.stringify(part.result)}`) : Effect.void
    })
  )
  return Prompt.concat(prompt, Prompt.fromResponseParts(parts))
})

const program = Effect.gen(function*() {
  const { text } = yield* LanguageModel.generateText({ prompt: "Which city of Norway has the most rain?" })
  yield* Console.log(text)

  const { value } = yield* LanguageModel.generateObject({ prompt: `Where is it? ${text}`, schema: Place })
  yield* Console.log(`${value.city}, ${value.country}`)

  const asked = Prompt.make(`How warm is it in ${value.city}?`)
  yield* speak(yield* speak(asked))
})

const emulated = Layer.unwrap(Effect.gen(function*() {
  const emulator = yield* Emulator.make([
    ModelScript.text("Bergen"),
    ModelScript.text(JSON.stringify({ city: "Bergen", country: "Norway" })),
    ModelScript.toolUse([{ name: "get_weather", input: { city: "Bergen" } }]),
    ModelScript.text("It is 9 °C.")
  ])
  return Layer.provide(
    Anthropic.model("claude-sonnet-5-5", { maxTokens: 1000, retries: 4, cache: { ttl: "1 hour" } }),
    Anthropic.layer({ baseUrl: emulator.url })
  )
}))

await Effect.runPromise(program.pipe(Effect.provide([handlers, emulated]), Effect.scoped))

// prints:
//   Bergen
//   Bergen, Norway
//   get_weather: {"celsius":9}
//   It is 9 °C.
