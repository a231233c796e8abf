/**
 * A tool of a server as a tool of an agent.
 *
 * @internal
 */
import * as Agent from "@volley/core/Agent"
import * as Dispatcher from "@volley/core/Dispatcher"
import * as ToolFailure from "@volley/core/ToolFailure"
import * as ToolPolicy from "@volley/core/ToolPolicy"
import * as Tool from "effect/ai/Tool"
import type * as Toolkit from "effect/ai/Toolkit"
import * as Context from "effect/Context"
import type * as Duration from "effect/Duration"
import * as Effect from "effect/Effect"
import * as Predicate from "effect/Predicate"
import * as Queue from "effect/Queue"
import * as Result from "effect/Result"
import * as Schema from "effect/Schema"
import type { Call, Progress } from "./call.ts"
import { resultText, textOf } from "./content.ts"
import type { Definition } from "./definition.ts"
import * as Output from "./output.ts"
import { harmless } from "./said.ts"

/** @internal */
export interface McpTool
  extends Agent.BoundTool<string, typeof Schema.Unknown, string, ToolFailure.ToolFailure, never>
{}

/** @internal */
export interface Origin {
  readonly server: string
  readonly tool: string
  readonly hash: string
}

/** @internal */
export const Origin: Context.Reference<Origin | undefined> = Context.Reference<Origin | undefined>(
  "@volley/tools/Mcp/Origin",
  { defaultValue: () => undefined }
)

/** What the user says of a server's tools. @internal */
export interface Terms {
  readonly server: string
  readonly trustsHints: boolean
  readonly timeout: Duration.Input | undefined
}

/** Of what a tool says about its failure, in characters. */
const longestFailure = 2000

/** Progress that is told before the newest takes the place of the oldest. */
const mostProgress = 16

const progressText = ({ message, progress, total }: Progress): string =>
  [`${progress}${total === undefined ? "" : `/${total}`}`, ...(message === undefined ? [] : [harmless(message, 200)])]
    .join(" ")

const refused = (content: ReadonlyArray<unknown>): ToolFailure.Unknown =>
  new ToolFailure.Unknown({
    message: (textOf(content) ?? "the tool failed and does not say why").slice(0, longestFailure).toWellFormed()
  })

const mismatch = (detail: string) =>
  new ToolFailure.Unknown({ message: `the result does not have the form that the server declares: ${detail}` })

const absent = mismatch("it has no structured content")

const described = ({ description, name }: Definition, as: string, server: string): string =>
  as.endsWith(`__${name}`) ? description : `${description}\n\n(Tool "${name}" of "${server}")`.trim()

/** A stranger's word, taken where the user says so; that it destroys something is believed of anybody. */
const classed = (tool: Tool.Any, { hints }: Definition, { timeout, trustsHints }: Terms): Tool.Any => {
  const policy = timeout === undefined ? {} : { timeout }
  if (trustsHints && hints.readOnlyHint === true) return ToolPolicy.readonly(tool, policy)
  const made = trustsHints && hints.idempotentHint === true
    ? ToolPolicy.idempotent(tool, policy)
    : ToolPolicy.effectful(tool, policy)
  return hints.destructiveHint === true ? made.annotate(Tool.Destructive, true) as Tool.Any : made
}

const handler = (
  call: Call,
  definition: Definition,
  check: Output.Check | undefined
) =>
(parameters: unknown, context: Toolkit.HandlerContext<Tool.Any>): Effect.Effect<string, ToolFailure.ToolFailure> =>
  Effect.gen(function*() {
    const updates = yield* Queue.sliding<Progress>(mostProgress)
    const tell = (progress: Progress) => context.preliminary(progressText(progress))
    const told = Effect.forever(Effect.flatMap(Queue.take(updates), tell))
    const asked = call(definition, { ...parameters as object }, (progress) => void Queue.offerUnsafe(updates, progress))
    const { content, isError, structured } = yield* Effect.raceFirst(asked, told)
    yield* Effect.flatMap(Queue.clear(updates), Effect.forEach(tell))
    if (isError) return yield* refused(content)
    if (check !== undefined) {
      if (structured === undefined) return yield* absent
      yield* Effect.mapError(check(structured), mismatch)
    }
    return resultText(content, structured)
  })

/**
 * The tool, or why it is withheld.
 *
 * @param name - what the model calls it
 * @param approval - whether each call wants approval
 * @internal
 */
export const make = Effect.fnUntraced(function*(
  definition: Definition,
  name: string,
  approval: boolean,
  call: Call,
  terms: Terms
): Effect.fn.Return<Result.Result<McpTool, string>> {
  const { hash, inputSchema, outputSchema } = definition
  const flaw = outputSchema === undefined ? undefined : Output.flawOf(outputSchema)
  if (flaw !== undefined) return Result.fail(flaw)
  const check = outputSchema === undefined ? undefined : yield* Output.make(outputSchema)
  const dynamic = Tool.dynamic(name, {
    description: described(definition, name, terms.server),
    parameters: inputSchema,
    success: Schema.String,
    failure: ToolFailure.ToolFailure,
    ...(approval ? { needsApproval: true } : {})
  }).annotate(Tool.Strict, false).annotate(Origin, { server: terms.server, tool: definition.name, hash })
  const tool = Agent.bind(classed(dynamic as Tool.Any, definition, terms), handler(call, definition, check))
  const [problem] = Dispatcher.check([tool])
  return problem === undefined
    ? Result.succeed(tool as McpTool)
    : Result.fail(problem.slice(problem.indexOf(": ") + 2))
})

/** @internal */
export const originOf = (tool: Tool.Any): Origin | undefined =>
  Predicate.hasProperty(tool, "annotations") ? Context.get(tool.annotations, Origin) : undefined
