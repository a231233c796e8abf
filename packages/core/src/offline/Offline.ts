/**
 * A deterministic stand-in for a language model: it needs no key and no network, and works for any toolkit.
 *
 * **Details**
 *
 * It sees what any provider sees, the messages and the offered tools, and nothing else. For each clause of the question
 * it calls the tools whose names, descriptions and parameters fit it best, fills their parameters from that clause, from
 * earlier results and from what the schemas declare, and answers with a summary of what came back. Equal requests get
 * equal replies.
 *
 * - The question is the last user message. At most two turns of calls are made for it, at most 8 calls in each, and
 *   never the same call twice. Then it answers.
 * - An optional parameter is filled only where the question names it or a value's form leaves no doubt.
 * - A tool whose required parameters it cannot fill is not called; the answer says so.
 * - A tool whose name or description says that it changes something is called only if the question asks for that change
 *   in so many words, and never with guessed arguments.
 * - `toolChoice` is obeyed as far as arguments can be found; with `none` it answers at once.
 * - Tokens are estimated as a quarter of the characters and cost nothing.
 *
 * It does not understand language, and it does not write structured output: `LanguageModel.generateObject` fails with
 * `UnsupportedSchemaError`. It reads English best.
 *
 * @since 0.1.0
 */
import * as AiError from "effect/ai/AiError"
import * as LanguageModel from "effect/ai/LanguageModel"
import * as Model from "effect/ai/Model"
import * as Telemetry from "effect/ai/Telemetry"
import * as Effect from "effect/Effect"
import * as Layer from "effect/Layer"
import * as Stream from "effect/Stream"
import { modelName } from "./internal/answer.ts"
import { present } from "./internal/conversation.ts"
import { plan, type Situation } from "./internal/plan.ts"
import { estimateInput, estimateOutput, parts, type Reply, streamParts } from "./internal/reply.ts"
import { fromTools } from "./internal/tool.ts"

const choiceOf = ({ toolChoice }: LanguageModel.ProviderOptions): Situation["choice"] => {
  if (typeof toolChoice === "string") return toolChoice
  return "tool" in toolChoice ? { tool: toolChoice.tool } : toolChoice.mode ?? "auto"
}

const replyTo = (options: LanguageModel.ProviderOptions): Reply => {
  const tools = fromTools(options.tools)
  const choice = choiceOf(options)
  const isQuestion = (question: string): boolean =>
    plan({ question, tools, history: [], choice: "auto" })._tag === "Calls"
  const { history, question, turn } = present(options.prompt, isQuestion, choice !== "none")
  return {
    decision: plan({ question, tools, history, choice }),
    turn,
    inputTokens: estimateInput(options.prompt, tools)
  }
}

const annotate = (options: LanguageModel.ProviderOptions, reply: Reply): void =>
  Telemetry.addGenAIAnnotations(options.span, {
    provider: { name: "offline" },
    operation: { name: "chat" },
    request: { model: modelName },
    response: { model: modelName, finishReasons: [reply.decision._tag === "Calls" ? "tool-calls" : "stop"] },
    usage: { inputTokens: reply.inputTokens, outputTokens: estimateOutput(reply).total }
  })

const respond = Effect.fnUntraced(function*(options: LanguageModel.ProviderOptions) {
  const reply = replyTo(options)
  if (options.responseFormat.type === "json" && reply.decision._tag === "Answer") {
    return yield* AiError.make({
      module: "Offline",
      method: "generateObject",
      reason: new AiError.UnsupportedSchemaError({ description: `The ${modelName} writes text, not structured output` })
    })
  }
  annotate(options, reply)
  return reply
})

const languageModel = Layer.effect(
  LanguageModel.LanguageModel,
  LanguageModel.make({
    generateText: (options) => Effect.map(respond(options), parts),
    streamText: (options) =>
      Stream.unwrap(Effect.map(respond(options), (reply) => Stream.fromIterable(streamParts(reply))))
  })
)

/**
 * Layer that provides the planner as the `LanguageModel`, and its name, by which its price is known: nothing. It needs nothing and
 * never fails to build.
 *
 * @category layers
 * @since 0.1.0
 */
export const layer: Layer.Layer<LanguageModel.LanguageModel | Model.ModelName> = Layer.merge(
  languageModel,
  Layer.succeed(Model.ModelName, modelName)
)

/**
 * The planner as a `Model`, with the provider name "offline" and the model name
 * "offline planner (not a language model)".
 *
 * @category constructors
 * @since 0.1.0
 */
export const model: Model.Model<"offline", LanguageModel.LanguageModel, never> = Model.make(
  "offline",
  modelName,
  languageModel
)
