/**
 * Tools as `volley tools` lists them.
 *
 * @internal
 */
import * as ToolPolicy from "@volley/core/ToolPolicy"
import { Mcp } from "@volley/tools/mcp"
import * as Tool from "effect/ai/Tool"
import * as Duration from "effect/Duration"
import * as Layout from "./layout.ts"
import * as SafeText from "./safeText.ts"
import type { Style } from "./style.ts"

/** A tool as data; `timeout` is in milliseconds, `concurrency` is `null` where unbounded. @internal */
export interface Listed {
  readonly name: string
  readonly description: string
  readonly class: ToolPolicy.EffectClass
  readonly policy: {
    readonly timeout: number
    readonly retry: number | "schedule"
    readonly concurrency: number | null
    readonly serial: boolean | "by key"
    readonly failures: { readonly [tag: string]: "transient" | "permanent" }
  }
  readonly parameters: unknown
  /** Of the definition of an MCP server's tool, for its pin. */
  readonly hash?: string
}

/** What is listed: the tools, and what their sources have and do not offer, or only with approval. @internal */
export interface List {
  readonly tools: ReadonlyArray<Listed>
  readonly withheld: ReadonlyArray<{ readonly source: string; readonly name: string; readonly reason: string }>
}

/** The defaults of `ToolPolicy.Options`. */
const defaultTimeout = 30_000
const defaultRetries = 2

/** @internal */
export const describe = (tool: Tool.Any): Listed => {
  const { concurrency, failures, retry, serial, timeout } = ToolPolicy.get(tool)
  const hash = Mcp.originOf(tool)?.hash
  return {
    name: tool.name,
    description: Tool.getDescription(tool) ?? "",
    class: ToolPolicy.effectClass(tool),
    policy: {
      timeout: timeout === undefined ? defaultTimeout : Duration.toMillis(Duration.fromInputUnsafe(timeout)),
      retry: retry === undefined ? defaultRetries : "times" in retry ? retry.times : "schedule",
      concurrency: concurrency ?? null,
      serial: typeof serial === "function" ? "by key" : serial ?? false,
      failures: { ...failures }
    },
    parameters: Tool.getJsonSchema(tool),
    ...(hash === undefined ? {} : { hash })
  }
}

const retryText = ({ class: effectClass, policy: { retry } }: Listed): string => {
  if (retry === 0) return "no retry"
  const times = retry === "schedule" ? "retry by a schedule" : `retry ${retry} more`
  return effectClass === "effectful" ? `${times}, only if nothing was executed` : times
}

const policyText = (tool: Listed): string => {
  const { concurrency, failures, serial, timeout } = tool.policy
  const means = Object.entries(failures).map(([tag, kind]) => `${tag} ${kind}`)
  return [
    `timeout ${Layout.duration(timeout)}`,
    retryText(tool),
    concurrency === null ? "concurrency unbounded" : `concurrency ${concurrency}`,
    ...(serial === false ? [] : [serial === true ? "serial" : "serial by key"]),
    ...(means.length === 0 ? [] : [`failures: ${means.join(", ")}`])
  ].join(" · ")
}

interface Page {
  readonly columns: number
  readonly style: Style
}

const toolText = ({ columns, style }: Page, tool: Listed): ReadonlyArray<string> => [
  `${style.bold(SafeText.line(tool.name))} · ${tool.class}`,
  ...(tool.description === "" ? [] : Layout.wrap(SafeText.block(tool.description), columns, "  ")),
  ...Layout.wrap(SafeText.line(policyText(tool)), columns, "  "),
  ...(tool.hash === undefined ? [] : [`  definition ${tool.hash}`]),
  ...Layout.wrap(SafeText.block(JSON.stringify(tool.parameters, undefined, 2)), columns, "  ").map(style.dim)
]

const withheldText = ({ columns, style }: Page, { name, reason, source }: List["withheld"][number]) => [
  `${style.bold(SafeText.line(name))} · withheld`,
  ...Layout.wrap(SafeText.line(`${source}: ${reason}`), columns, "  ")
]

/** @internal */
export const render = (page: Page, { tools, withheld }: List): ReadonlyArray<string> =>
  [...tools.map((tool) => toolText(page, tool)), ...withheld.map((one) => withheldText(page, one))].flatMap((
    lines,
    i
  ) => i === 0 ? lines : ["", ...lines])
