/**
 * What the types could not see of the tools of one agent: a policy that the tool's class does not allow, an order that
 * cannot be kept, a fallback that cannot stand in.
 *
 * @internal
 */
import type * as Tool from "effect/ai/Tool"
import * as ToolPolicy from "../../ToolPolicy.ts"
import { isBound } from "../boundTool.ts"
import { checkSchema } from "./jsonSchema.ts"

/** What a call of the class may do, least first. */
const classes: ReadonlyArray<ToolPolicy.EffectClass> = ["readonly", "idempotent", "effectful"]

const harmOf = (tool: Tool.Any): number => classes.indexOf(ToolPolicy.effectClass(tool))

const optionsOfClass = (tool: Tool.Any): ReadonlyArray<string> => {
  const { cache, hedge, reconcile } = ToolPolicy.get(tool)
  const effectClass = ToolPolicy.effectClass(tool)
  const only = (option: unknown, name: string, allowed: ToolPolicy.EffectClass): ReadonlyArray<string> =>
    option === undefined || effectClass === allowed
      ? []
      : [`"${name}" is for ${allowed} tools, this one is ${effectClass}`]
  return [
    ...only(cache, "cache", "readonly"),
    ...only(hedge, "hedge", "readonly"),
    ...only(reconcile, "reconcile", "effectful")
  ]
}

/** The tools from one back to itself, along what each names; `undefined` where there is no such way. */
const cycleFrom = (
  start: Tool.Any,
  next: (tool: Tool.Any) => ReadonlyArray<Tool.Any>
): ReadonlyArray<string> | undefined => {
  const seen = new Set<Tool.Any>()
  const search = (tool: Tool.Any, path: ReadonlyArray<string>): ReadonlyArray<string> | undefined => {
    for (const following of next(tool)) {
      if (following === start) return [...path, following.name]
      if (seen.has(following)) continue
      seen.add(following)
      const found = search(following, [...path, following.name])
      if (found !== undefined) return found
    }
    return undefined
  }
  return search(start, [start.name])
}

const fallbackOf = (tool: Tool.Any): ReadonlyArray<Tool.Any> => {
  const { fallback } = ToolPolicy.get(tool)
  return fallback === undefined ? [] : [fallback]
}

type Tools = ReadonlyMap<string, Tool.Any>

const orderOf = (tool: Tool.Any, tools: Tools): ReadonlyArray<string> => {
  const { after = [] } = ToolPolicy.get(tool)
  const missing = after.filter((name) => !tools.has(name))
  if (missing.length > 0) return missing.map((name) => `it comes after "${name}", which is not one of the tools`)
  const following = (one: Tool.Any) => (ToolPolicy.get(one).after ?? []).flatMap((name) => tools.get(name) ?? [])
  const cycle = cycleFrom(tool, following)
  return cycle === undefined ? [] : [`it comes after itself: ${cycle.join(" → ")}`]
}

const standIn = (tool: Tool.Any, tools: Tools): ReadonlyArray<string> =>
  fallbackOf(tool).flatMap((fallback) => {
    const found: Array<string> = []
    const cycle = cycleFrom(tool, fallbackOf)
    if (cycle !== undefined) found.push(`it falls back to itself: ${cycle.join(" → ")}`)
    if (harmOf(fallback) > harmOf(tool)) {
      found.push(
        `its fallback "${fallback.name}" is ${ToolPolicy.effectClass(fallback)}, the tool is ${
          ToolPolicy.effectClass(tool)
        }`
      )
    }
    if (!isBound(fallback) && tools.get(fallback.name) !== fallback) {
      found.push(`its fallback "${fallback.name}" has no handler: list it among the tools, or make it with Agent.tool`)
    }
    return found
  })

const schemaOf = (tool: Tool.Any): ReadonlyArray<string> => {
  const problem = checkSchema(tool)
  return problem === undefined ? [] : [problem]
}

/** What is wrong with each tool, by sentence; empty when all is well. @internal */
export const checkTools = (tools: Tools): ReadonlyArray<string> =>
  Array.from(tools.values()).flatMap((tool) =>
    [...optionsOfClass(tool), ...orderOf(tool, tools), ...standIn(tool, tools), ...schemaOf(tool)].map((problem) =>
      `tool "${tool.name}": ${problem}`
    )
  )
