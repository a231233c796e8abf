/**
 * The agent that `volley run` has, and how it is made again for a journal of it.
 *
 * @internal
 */
import * as Agent from "@volley/core/Agent"
import type * as Limits from "@volley/core/Limits"
import type * as Tool from "effect/ai/Tool"
import * as Duration from "effect/Duration"
import * as Effect from "effect/Effect"
import { type Exit, messageOf, usage } from "./exit.ts"
import type { Recorded } from "./journal.ts"
import * as Toolbox from "./toolbox.ts"

/** Its name, by which a journal of it is known. @internal */
export const name = "volley"

/** @internal */
export type Volley = Agent.Agent<unknown, unknown, unknown>

const attempt = (make: () => Volley): Effect.Effect<Volley, Exit> =>
  Effect.try({ try: make, catch: (error) => usage(messageOf(error)) })

/** @internal */
export const define = (tools: ReadonlyArray<Tool.Any>, limits: Limits.Limits): Effect.Effect<Volley, Exit> =>
  attempt(() => Agent.make(name, { tools, limits }))

const optional = <Key extends string, A>(key: Key, value: A | null): { readonly [K in Key]?: A } =>
  (value === null ? {} : { [key]: value }) as { readonly [K in Key]?: A }

/** The limits that resolve to those of a journal. */
const limitsOf = ({ cost, deadline, tokens, toolCalls, toolTimeout, ...counts }: Limits.Resolved) =>
  ({
    ...counts,
    ...optional("toolCalls", toolCalls),
    ...optional("toolTimeout", toolTimeout),
    ...optional("cost", cost === null ? null : { usd: cost }),
    deadline: deadline ?? Duration.infinity,
    tokens: {
      ...optional("input", tokens.input),
      ...optional("output", tokens.output),
      ...optional("total", tokens.total),
      ...optional("context", tokens.context)
    }
  }) satisfies Limits.Limits

/** The tools of a journal that are not given, and what would bring the first of them. @internal */
export const missing = (
  { file, started }: Recorded,
  tools: ReadonlyArray<Tool.Any>
): string | undefined => {
  const lacking = started.tools.filter(({ name }) => !tools.some((tool) => tool.name === name)).map(({ name }) => name)
  const [first] = lacking
  if (first === undefined) return undefined
  const family = Toolbox.familyOf(first)
  const flag = family === undefined ? "the --toolkit that has it" : `--tools ${family}`
  return `Journal "${file}" has the ${lacking.length === 1 ? "tool" : "tools"} ${lacking.join(", ")}; add ${flag}`
}

/** The agent of a journal, with its limits and with exactly its tools, in its order. @internal */
export const recorded = Effect.fnUntraced(function*(
  run: Recorded,
  tools: ReadonlyArray<Tool.Any>
): Effect.fn.Return<Volley, Exit> {
  const lacking = missing(run, tools)
  if (lacking !== undefined) return yield* usage(lacking)
  const { limits, tools: had } = run.started
  const own = had.flatMap(({ name }) => tools.filter((tool) => tool.name === name))
  return yield* attempt(() => Agent.make(name, { tools: own, limits: limitsOf(limits), onLimit: limits.onLimit }))
})
