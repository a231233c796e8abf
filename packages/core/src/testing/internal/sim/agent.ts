/**
 * An agent whose tools are others.
 *
 * @internal
 */
import type * as Tool from "effect/ai/Tool"
import * as Layer from "effect/Layer"
import type * as Agent from "../../../Agent.ts"
import { internals } from "../../../internal/run/internals.ts"

/** @internal */
export type Any = Agent.Agent<unknown, unknown, unknown, unknown>

/**
 * The same agent with tools that stand in for its own, by name.
 *
 * @param isOwn - whether the handlers of its own layer are needed
 * @internal
 */
export const withTools = (agent: Any, tools: ReadonlyMap<string, Tool.Any>, isOwn: boolean): Any => {
  const { definition, layer } = internals.get(agent)!
  const own = Object.fromEntries(Object.keys(agent.tools as object).map((name) => [name, tools.get(name)!]))
  const made: Any = { ...agent, tools: own }
  internals.set(made, {
    definition: { ...definition, toolkit: { ...definition.toolkit, tools: own } },
    layer: isOwn ? layer : Layer.empty
  })
  return made
}
