import * as Prompt from "effect/ai/Prompt"
import type { MadeCall, Situation } from "./plan.ts"

/**
 * The part of a conversation that the planner works on.
 *
 * @internal
 */
export interface Present {
  readonly question: string
  readonly history: Situation["history"]
  /** The number of the turn that is being answered: one more than that of any planner's call in the conversation. */
  readonly turn: number
}

type Messages = ReadonlyArray<Prompt.Message>

const callsIn = (message: Prompt.Message): ReadonlyArray<Prompt.ToolCallPart> =>
  message.role === "assistant"
    ? message.content.filter((part) => part.type === "tool-call").filter((part) => !part.providerExecuted)
    : []

const isAnswer = (message: Prompt.Message): boolean =>
  message.role === "assistant" && callsIn(message).length === 0 && message.content.some((part) => part.type === "text")

const textOf = (message: Prompt.Message): string =>
  message.role === "user"
    ? message.content.flatMap((part) => part.type === "text" ? [part.text] : []).join("\n")
    : ""

const resultsIn = (messages: Messages): ReadonlyMap<string, MadeCall["outcome"]> =>
  new Map(messages.flatMap((message) =>
    message.role === "tool" || message.role === "assistant"
      ? message.content.filter((part) => part.type === "tool-result").map((part) =>
        [part.id, {
          isFailure: part.isFailure,
          result: part.modelOutput === undefined ? part.result : Prompt.toolModelOutputToText(part.modelOutput)
        }] as const
      )
      : []
  ))

const historyOf = (messages: Messages): Situation["history"] => {
  const results = resultsIn(messages)
  return messages.map(callsIn).filter((calls) => calls.length > 0).map((calls) =>
    calls.map(({ id, name, params }) => ({ name, params, outcome: results.get(id) }))
  )
}

const turnOf = (messages: Messages): number =>
  1 + Math.max(
    0,
    ...messages.flatMap(callsIn).map(({ id }) => Number(/^offline_(\d+)_\d+$/.exec(id)?.[1] ?? 0))
  )

/**
 * Finds the present question and the calls made for it. The question is the last user message, except that a message
 * after tool results which calls for no tool itself ("now answer") belongs to the question before it.
 *
 * @internal
 */
export const present = (
  prompt: Prompt.Prompt,
  isQuestion: (text: string) => boolean,
  mayCall: boolean
): Present => {
  const messages = prompt.content
  const turn = turnOf(messages)
  const isUser = (i: number): boolean => messages[i]!.role === "user" && textOf(messages[i]!).trim() !== ""
  const indices = messages.map((_, i) => i)
  const lastUser = indices.findLast(isUser)
  if (lastUser === undefined) return { question: "", history: historyOf(messages), turn }
  const answered = messages.slice(0, lastUser).findLastIndex(isAnswer)
  const open = indices.filter((i) => i > answered && isUser(i))
  const lastCall = messages.findLastIndex((message, i) => i > answered && callsIn(message).length > 0)
  const asked = open.filter((i) => i < lastCall)
  const eligible = !mayCall && asked.length > 0 ? asked : open
  const start = eligible.findLast((i) => isQuestion(textOf(messages[i]!))) ?? asked.at(-1) ?? lastUser
  return { question: textOf(messages[start]!), history: historyOf(messages.slice(start)), turn }
}
