/**
 * `volley fork`: a new run from what an earlier one knew before one of its turns.
 *
 * @internal
 */
import * as Agent from "@volley/core/Agent"
import type * as Limits from "@volley/core/Limits"
import * as Effect from "effect/Effect"
import * as VolleyAgent from "../agent.ts"
import * as Execution from "../execution.ts"
import * as Ended from "../exit.ts"
import { readRun } from "../journal.ts"
import * as SafeText from "../render/safeText.ts"
import * as Session from "../session.ts"
import type { Platform } from "../source.ts"

/** What the command line says; `from` is the earlier journal, `journal` that of the new run. @internal */
export interface Options extends Session.Options, Pick<Execution.Options, "output" | "journal"> {
  readonly from: string
  readonly turn: number
  readonly input: string | undefined
  readonly limits: Limits.Limits
}

/** @internal */
export const fork = Effect.fnUntraced(function*(
  options: Options
): Effect.fn.Return<void, Ended.Exit, Platform> {
  const { from, limits, turn } = options
  const run = yield* readRun(from, VolleyAgent.name)
  const turns = Math.max(0, ...run.events.map((event) => event._tag === "ModelRequested" ? event.turn : 0))
  if (turn > turns) {
    return yield* Ended.usage(
      `the run of journal "${from}" has no turn ${turn}${turns === 0 ? "" : `; its last is turn ${turns}`}`
    )
  }
  const { approver, model, services, tools } = yield* Session.open(options)
  const agent = yield* VolleyAgent.define(tools, limits)
  const lacking = VolleyAgent.missing(run, tools)
  if (lacking !== undefined) Session.note(options, SafeText.line(`without some tools: ${lacking}`))
  const input = options.input?.trim() ?? ""
  const start = (onEvent: Execution.OnEvent) =>
    Agent.fork(agent, run.events, { turn, onEvent, ...(input === "" ? {} : { input }) })
  yield* Execution.execute({ start, approver, model: yield* model, services }, options)
}, Effect.scoped)
