/**
 * The names of tools as the API knows them, and back.
 *
 * @internal
 */
import * as Tool from "effect/ai/Tool"
import * as Predicate from "effect/Predicate"
import type * as Schema from "effect/Schema"
import * as SchemaAST from "effect/SchemaAST"
import { sha256 } from "../../internal/sha256.ts"

const accepted = /^[a-zA-Z0-9_-]{1,128}$/
const longest = 128

/**
 * The name of a tool for the API. One that the API refuses, as those of MCP servers may be, becomes one that it takes, always
 * the same.
 *
 * @internal
 */
export const toApi = (name: string): string => {
  if (accepted.test(name)) return name
  const end = `_${sha256(name).slice(0, 8)}`
  return name.replaceAll(/[^a-zA-Z0-9_-]/g, "_").slice(0, longest - end.length) + end
}

/** @internal */
export const ofTool = (tool: Tool.Any): string => Tool.isProviderDefined(tool) ? tool.providerName : toApi(tool.name)

/** A tool that runs on the server; what its schemas say nothing of is no part of a response. */
interface ServerTool {
  readonly name: string
  readonly shows: { readonly call: boolean; readonly success: boolean; readonly failure: boolean }
}

/**
 * The tools of a request by their names for the API; `own` are those with a handler that have another name there.
 *
 * @internal
 */
export interface Names {
  readonly own: ReadonlyMap<unknown, string>
  readonly server: ReadonlyMap<unknown, ServerTool>
}

/** @internal */
export const none: Names = { own: new Map(), server: new Map() }

const isDeclared = ({ ast }: Schema.Constraint): boolean => !SchemaAST.isVoid(ast) && !SchemaAST.isNever(ast)

/** @internal */
export const make = (tools: ReadonlyArray<Tool.Any>): Names => {
  const [own, server] = [new Map<string, string>(), new Map<string, ServerTool>()]
  for (const tool of tools) {
    const name = ofTool(tool)
    if (Tool.isProviderDefined(tool) && !tool.requiresHandler) {
      const call = isDeclared(tool.parametersSchema)
      const [success, failure] = [isDeclared(tool.successSchema), isDeclared(tool.failureSchema)]
      server.set(name, { name: tool.name, shows: { call, success, failure } })
    } else if (name !== tool.name) own.set(name, tool.name)
  }
  return { own, server }
}

type Fields = Readonly<Record<string, unknown>>

/** Whether a tool of the server says that it failed, as content of a type like `web_search_tool_result_error`. @internal */
export const isError = (content: unknown): boolean =>
  Predicate.hasProperty(content, "type") && String(content.type).endsWith("_error")

/**
 * The name of the tool that a block is to be shown as a call or a result of, where that is another than its own; `calls` are
 * the names of the server's calls by their ids.
 *
 * @internal
 */
export const ofBlock = (
  { own, server }: Names,
  calls: ReadonlyMap<unknown, unknown>,
  { content, name, tool_use_id, type }: Fields
): string | undefined => {
  if (type === "tool_use") return own.get(name)
  const tool = server.get(type === "server_tool_use" ? name : calls.get(tool_use_id))
  if (tool === undefined) return undefined
  const { call, failure, success } = tool.shows
  const shown = type === "server_tool_use" ? call : isError(content) ? failure : success
  return shown ? tool.name : undefined
}
