/**
 * An agent whose tools are others.
 *
 * @internal
 */
import type * as Tool from "effect/ai/Tool"
import * as Agent from "../../../Agent.ts"

/** @internal */
export type Any = Agent.Agent<unknown, unknown, unknown, unknown>

/** The same agent with tools that stand in for its own, by name. @internal */
export const withTools = (agent: Any, tools: ReadonlyMap<string, Tool.Any>): Any => {
  const { instructions, limits, name } = agent
  const { onLimit, ...bounds } = limits
  return Agent.make(name, {
    ...(instructions === undefined ? {} : { instructions }),
    tools: Object.keys(agent.tools as object).map((key) => tools.get(key)!),
    limits: Object.fromEntries(
      Object.entries({ ...bounds, tokens: undefined, cost: bounds.cost === null ? undefined : { usd: bounds.cost } })
        .filter(([, value]) => value !== null && value !== undefined)
    ),
    onLimit
  }) as Any
}
