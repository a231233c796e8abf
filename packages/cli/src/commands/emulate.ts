/**
 * `volley emulate`: the emulated Messages API as a server, for clients in any language.
 *
 * @internal
 */
import { Emulator, ModelScript } from "@volley/core/testing"
import * as LanguageModel from "effect/ai/LanguageModel"
import type * as Prompt from "effect/ai/Prompt"
import * as Tool from "effect/ai/Tool"
import * as Toolkit from "effect/ai/Toolkit"
import * as Effect from "effect/Effect"
import * as FileSystem from "effect/FileSystem"
import * as Predicate from "effect/Predicate"
import * as Schema from "effect/Schema"
import * as SchemaIssue from "effect/SchemaIssue"
import type * as Scope from "effect/Scope"
import { type Exit, failed, messageOf, usage } from "../exit.ts"
import * as SafeText from "../render/safeText.ts"
import { screen, writeLines } from "../stdio.ts"

/** What the command line says. @internal */
export interface Options {
  readonly host: string
  readonly port: number
  readonly script: string | undefined
}

const decode = Schema.decodeUnknownEffect(Schema.fromJsonString(ModelScript.Script))

const issuesOf = SchemaIssue.makeFormatterStandardSchemaV1()

/** The first thing that is wrong, and where. */
const problem = ({ issue }: Schema.SchemaError): string => {
  const [first] = issuesOf(issue).issues
  const path = first?.path?.map(String).join(".") ?? ""
  return path === "" ? `${first?.message}` : `${first?.message} at ${path}`
}

const readScript = Effect.fnUntraced(function*(
  file: string
): Effect.fn.Return<ModelScript.Script, Exit, FileSystem.FileSystem> {
  const fs = yield* FileSystem.FileSystem
  const text = yield* fs.readFileString(file).pipe(
    Effect.mapError(() => usage(`script "${file}" cannot be read`))
  )
  return yield* decode(text, { onExcessProperty: "error" }).pipe(
    Effect.mapError((error) => usage(SafeText.line(`"${file}" is no script: ${problem(error)}`)))
  )
})

type Fields = { readonly [key: string]: unknown }

const list = (value: unknown): ReadonlyArray<Fields> => Array.isArray(value) ? value.filter(Predicate.isObject) : []

const blocks = (content: unknown): ReadonlyArray<Fields> =>
  typeof content === "string" ? [{ type: "text", text: content }] : list(content)

const textOf = (content: unknown): string =>
  blocks(content).flatMap(({ text }) => typeof text === "string" ? [text] : []).join("\n")

const assistantParts = (content: unknown): Array<Prompt.AssistantMessagePartEncoded> =>
  blocks(content).flatMap(({ id, input, name, text, type }): Array<Prompt.AssistantMessagePartEncoded> => {
    if (type === "text") return [{ type, text: String(text) }]
    return type === "tool_use" ? [{ type: "tool-call", id: String(id), name: String(name), params: input }] : []
  })

/** A result that was JSON before it was sent is JSON again. */
const resultOf = (content: unknown): unknown => {
  const text = textOf(content)
  try {
    return JSON.parse(text)
  } catch {
    return text
  }
}

const results = (content: unknown): Array<Prompt.ToolResultPartEncoded> =>
  blocks(content).flatMap(({ content, is_error, tool_use_id, type }) =>
    type === "tool_result"
      ? [{
        type: "tool-result",
        id: String(tool_use_id),
        name: "",
        isFailure: is_error === true,
        result: resultOf(content)
      }]
      : []
  )

/** The conversation of a request that the emulator has accepted. */
const promptOf = (body: Fields): ReadonlyArray<Prompt.MessageEncoded> => [
  { role: "system", content: textOf(body["system"]) },
  ...list(body["messages"]).flatMap(({ content, role }): ReadonlyArray<Prompt.MessageEncoded> => {
    if (role === "system") return [{ role, content: textOf(content) }]
    if (role === "assistant") return [{ role, content: assistantParts(content) }]
    const [answers, said] = [results(content), textOf(content)]
    return [
      ...(answers.length > 0 ? [{ role: "tool" as const, content: answers }] : []),
      ...(said === "" ? [] : [{ role: "user" as const, content: said }])
    ]
  })
]

const toolkitOf = (body: Fields) => {
  const tools = list(body["tools"]).flatMap(({ description, input_schema, name }) =>
    typeof name === "string" && Predicate.isObject(input_schema)
      ? [Tool.dynamic(name, { parameters: input_schema, ...(typeof description === "string" && { description }) })]
      : []
  )
  return { tools: Toolkit.make(...tools).tools, handle: () => Effect.die("not handled here") }
}

const choiceOf = ({ tool_choice }: Fields): LanguageModel.ToolChoice<string> => {
  if (!Predicate.isObject(tool_choice)) return "auto"
  const { name, type } = tool_choice
  if (type === "tool" && typeof name === "string") return { tool: name }
  return type === "any" ? "required" : type === "none" ? "none" : "auto"
}

const wantsFormat = ({ output_config }: Fields): boolean =>
  Predicate.isObject(output_config) && Predicate.isObject(output_config["format"])

/** What the offline planner answers to a request. */
const answer = Effect.fnUntraced(function*({ body }: Emulator.RecordedRequest) {
  const request = Predicate.isObject(body) ? body : {}
  const { content, usage } = yield* LanguageModel.generateText({
    prompt: promptOf(request),
    toolkit: toolkitOf(request),
    toolChoice: choiceOf(request),
    disableToolCallResolution: true,
    toolCallValidation: "deferred"
  })
  if (wantsFormat(request) && content.every(({ type }) => type !== "tool-call")) {
    return ModelScript.status(400, { message: "The offline planner writes text, not structured output" })
  }
  return ModelScript.reply({
    content: content.flatMap((part): ReadonlyArray<ModelScript.Block> => {
      if (part.type === "text") return [{ type: "text", text: part.text }]
      return part.type === "tool-call"
        ? [{ type: "tool_use", id: part.id, name: part.name, input: part.params as Schema.Json }]
        : []
    }),
    usage: { inputTokens: usage.inputTokens.total ?? 0, outputTokens: usage.outputTokens.total ?? 0 }
  })
}, Effect.catch((error) => Effect.succeed(ModelScript.status(400, { message: messageOf(error) }))))

const planner = Effect.map(
  Effect.promise(() => import("@volley/core/offline")),
  ({ Offline }): ModelScript.Source<Emulator.RecordedRequest> => (request) =>
    Effect.provide(answer(request), Offline.layer)
)

/** A request as one line: how it ended, or why it was refused. @internal */
export const line = ({ ending, method, path, prefix, violations }: Emulator.RecordedRequest): string => {
  const [violation] = violations
  const what = violation === undefined
    ? prefix.bytes === 0 ? ending : `${ending}, ${prefix.bytes} bytes, ${prefix.shared} as before`
    : `refused: ${violation.status} ${violation.type}: ${violation.message}`
  return SafeText.line(`${method} ${path} ${what}`)
}

/** @internal */
export const emulate = Effect.fnUntraced(function*(
  { host, port, script }: Options
): Effect.fn.Return<void, Exit, FileSystem.FileSystem | Scope.Scope> {
  const source = script === undefined ? yield* planner : yield* readScript(script)
  const onEnd = (request: Emulator.RecordedRequest) => Effect.sync(() => screen.print(line(request)))
  const { url } = yield* Emulator.make(source, { host, port, onEnd }).pipe(
    Effect.catchDefect((defect) => Effect.fail(failed(`cannot listen on ${host}: ${messageOf(defect)}`)))
  )
  yield* writeLines([url])
  return yield* Effect.never
}, Effect.scoped)
