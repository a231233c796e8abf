/**
 * From a reply and its answers to the messages of the transcript.
 *
 * @internal
 */
import * as Prompt from "effect/ai/Prompt"
import type * as RunEvent from "../../RunEvent.ts"

interface Answerable {
  readonly requested: RunEvent.Of<"ToolCallRequested">
  readonly answered: RunEvent.Of<"ToolCallAnswered"> | undefined
}

/** @internal */
export const callPart = ({ id, name, options, params }: RunEvent.Of<"ToolCallRequested">): Prompt.ToolCallPart =>
  Prompt.toolCallPart({
    id,
    name,
    params,
    providerExecuted: false,
    ...(options === undefined ? {} : { options })
  })

const resultPart = ({ answered, requested }: Answerable): ReadonlyArray<Prompt.ToolResultPart> =>
  answered === undefined ? [] : [
    Prompt.toolResultPart({
      id: requested.id,
      name: requested.name,
      isFailure: !answered.ok,
      result: answered.result,
      providerExecuted: false
    })
  ]

/** The reply and its answers as messages; an empty reply is not kept, since the API refuses empty messages. @internal */
export const messagesOf = (
  blocks: ReadonlyArray<Prompt.Part>,
  calls: ReadonlyArray<Answerable>
): ReadonlyArray<Prompt.Message> => {
  const content = blocks as ReadonlyArray<Prompt.AssistantMessagePart>
  if (content.length === 0) return []
  const assistant = Prompt.assistantMessage({ content })
  return calls.length === 0 ? [assistant] : [assistant, Prompt.toolMessage({ content: calls.flatMap(resultPart) })]
}

/** @internal */
export const extend = (transcript: Prompt.Prompt, messages: ReadonlyArray<Prompt.Message>): Prompt.Prompt =>
  messages.length === 0 ? transcript : Prompt.fromMessages([...transcript.content, ...messages])

/** @internal */
export const noteMessage = ({ role, text }: RunEvent.Note): Prompt.Message =>
  role === "system"
    ? Prompt.systemMessage({ content: text })
    : Prompt.userMessage({ content: [Prompt.textPart({ text })] })
