/**
 * What a run is of, and the event that it begins with.
 *
 * @internal
 */
import type * as Prompt from "effect/ai/Prompt"
import type * as Tool from "effect/ai/Tool"
import type * as Toolkit from "effect/ai/Toolkit"
import * as Dispatcher from "../../Dispatcher.ts"
import type * as Limits from "../../Limits.ts"
import type * as PartialFailure from "../../PartialFailure.ts"
import type * as PrepareTurn from "../../PrepareTurn.ts"
import type * as RunEvent from "../../RunEvent.ts"
import * as ToolPolicy from "../../ToolPolicy.ts"
import type { Output } from "./output.ts"

/** @internal */
export interface Definition {
  readonly name: string
  readonly instructions: string | undefined
  readonly toolkit: Toolkit.WithHandler<Record<string, Tool.Any>>
  readonly limits: Limits.Resolved
  readonly output: Output | undefined
  readonly partialFailure: PartialFailure.PartialFailure
  readonly prepareTurn: PrepareTurn.PrepareTurn | undefined
}

/** A run that begins. @internal */
export interface Start {
  readonly runId: string
  readonly input: Prompt.Prompt
  readonly history: Prompt.Prompt
  readonly tenant: string | undefined
  readonly thread: string | undefined
  readonly metadata: Readonly<Record<string, string>> | undefined
  readonly forkedFrom: { readonly runId: string; readonly turn: number } | undefined
}

const toolsOf = (
  toolkit: Definition["toolkit"],
  dispatcher: Dispatcher.Dispatcher
): RunEvent.Of<"RunStarted">["tools"] =>
  Object.values(toolkit.tools).map((tool) => {
    const { after, concurrency } = ToolPolicy.get(tool)
    return {
      name: tool.name,
      class: ToolPolicy.effectClass(tool),
      ...(concurrency === undefined ? {} : { concurrency }),
      ...(Dispatcher.isGated(dispatcher, tool.name) ? { approval: true } : {}),
      ...(after === undefined || after.length === 0 ? {} : { after })
    }
  })

/**
 * What a run of a definition begins with.
 *
 * @internal
 */
export const started = (
  definition: Definition,
  dispatcher: Dispatcher.Dispatcher,
  start: Start,
  parent: RunEvent.Of<"RunStarted">["parent"],
  limits: Limits.Resolved,
  at: number
): RunEvent.Of<"RunStarted"> => {
  const { instructions, name, output, partialFailure, toolkit } = definition
  return {
    _tag: "RunStarted",
    version: 1,
    at,
    runId: start.runId,
    agent: name,
    history: start.history,
    input: start.input,
    tools: toolsOf(toolkit, dispatcher),
    limits,
    ...(instructions === undefined ? {} : { instructions }),
    ...(partialFailure === "continue" ? {} : { partialFailure }),
    ...(output === undefined ? {} : { output: output.name }),
    ...(parent === undefined ? {} : { parent }),
    ...(start.tenant === undefined ? {} : { tenant: start.tenant }),
    ...(start.thread === undefined ? {} : { thread: start.thread }),
    ...(start.metadata === undefined ? {} : { metadata: start.metadata }),
    ...(start.forkedFrom === undefined ? {} : { forkedFrom: start.forkedFrom })
  }
}
