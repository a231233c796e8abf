/**
 * The parts of a reply without a second reading, where this package has made them itself.
 *
 * `LanguageModel.streamText` decodes every part by its schemas, looks through the whole conversation for approvals and makes a
 * span. Of the models of this package that finds nothing, and costs more than to read the reply from the network.
 *
 * @internal
 */
import type * as AiError from "effect/ai/AiError"
import type * as LanguageModel from "effect/ai/LanguageModel"
import type * as Prompt from "effect/ai/Prompt"
import type * as Response from "effect/ai/Response"
import * as Telemetry from "effect/ai/Telemetry"
import * as Tool from "effect/ai/Tool"
import type * as Toolkit from "effect/ai/Toolkit"
import * as Context from "effect/Context"
import * as Effect from "effect/Effect"
import * as Option from "effect/Option"
import * as Stream from "effect/Stream"
import type * as Tracer from "effect/Tracer"
import { isTraced } from "./telemetry.ts"

/** A part of a reply whose tool calls are not decoded. @internal */
export type Part = Response.StreamPart<Record<string, Tool.Any>, "deferred">

/** A request whose tool calls the run resolves itself. @internal */
export interface Asked {
  readonly prompt: Prompt.Prompt
  readonly toolkit: Toolkit.WithHandler<Record<string, Tool.Any>>
  readonly toolChoice: LanguageModel.ProviderOptions["toolChoice"]
}

type StreamText = (options: LanguageModel.ProviderOptions) => Stream.Stream<Response.StreamPartEncoded, AiError.AiError>

const known = new WeakMap<LanguageModel.LanguageModel, StreamText>()

/**
 * The model, whose replies to runs come from `streamText`, unless somebody transforms its spans.
 *
 * @internal
 */
export const declare = (
  model: LanguageModel.LanguageModel,
  streamText: StreamText
): Effect.Effect<LanguageModel.LanguageModel> =>
  Effect.map(Effect.serviceOption(Telemetry.CurrentSpanTransformer), (transformer) => {
    if (Option.isNone(transformer)) known.set(model, streamText)
    return model
  })

const ignored = (): void => {}

/** The span of a request that nobody traces. */
const unseen: Tracer.Span = {
  _tag: "Span",
  name: "",
  spanId: "",
  traceId: "",
  parent: Option.none(),
  annotations: Context.empty(),
  status: { _tag: "Started", startTime: 0n },
  attributes: new Map(),
  links: [],
  sampled: false,
  kind: "client",
  end: ignored,
  attribute: ignored,
  event: ignored,
  addLinks: ignored
}

const noMetadata: Response.ProviderMetadata = {}

/** The form that a part has when it was decoded. @internal */
export const asDecoded = (part: Response.StreamPartEncoded): Part =>
  (part.metadata === undefined ? { ...part, metadata: noMetadata } : part) as Part

const directly = (streamText: StreamText, { prompt, toolChoice }: Asked, tools: ReadonlyArray<Tool.Any>) =>
  Stream.map(
    streamText({
      prompt,
      tools,
      toolChoice,
      toolCallValidation: "deferred",
      responseFormat: { type: "text" },
      span: unseen,
      previousResponseId: undefined,
      incrementalPrompt: undefined
    }),
    asDecoded
  )

/** @internal */
export const streamText = (model: LanguageModel.LanguageModel, asked: Asked): Stream.Stream<Part, AiError.AiError> =>
  Stream.unwrap(Effect.withFiber((fiber) => {
    const direct = known.get(model)
    const tools = Object.values(asked.toolkit.tools)
    const isPlain = direct !== undefined && !isTraced(fiber)
      && !fiber.context.mapUnsafe.has(Telemetry.CurrentSpanTransformer.key)
      // what the tools of a provider give is read by their schemas
      && !tools.some(Tool.isProviderDefined)
    return Effect.succeed(
      isPlain
        ? directly(direct, asked, tools)
        : model.streamText({
          ...asked,
          disableToolCallResolution: true,
          toolCallValidation: "deferred"
        }) as Stream.Stream<Part, AiError.AiError>
    )
  }))
