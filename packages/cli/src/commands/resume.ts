/**
 * `volley resume`: goes on with a run whose process is gone, in the same journal.
 *
 * @internal
 */
import * as Agent from "@volley/core/Agent"
import * as Effect from "effect/Effect"
import * as VolleyAgent from "../agent.ts"
import * as Execution from "../execution.ts"
import * as Ended from "../exit.ts"
import { readRun } from "../journal.ts"
import * as Session from "../session.ts"
import type { Platform } from "../source.ts"

/** What the command line says. @internal */
export interface Options extends Session.Options, Pick<Execution.Options, "output"> {
  readonly journal: string
}

/** @internal */
export const resume = Effect.fnUntraced(function*(
  options: Options
): Effect.fn.Return<void, Ended.Exit, Platform> {
  const run = yield* readRun(options.journal, VolleyAgent.name)
  const ended = run.events.findLast((event) => event._tag === "RunEnded")
  if (ended?.outcome === "cancelled" || ended?.outcome === "failed") {
    return yield* Ended.usage(
      `the run of journal "${run.file}" has ended (${ended.outcome}) and cannot go on; volley fork begins a new one from it`
    )
  }
  if (ended !== undefined) {
    Session.note(options, `the run had ended (${ended.outcome}); nothing was left to do`)
    return yield* Execution.again(run.events, options)
  }
  const { approver, model, services, tools } = yield* Session.open(options)
  const agent = yield* VolleyAgent.recorded(run, tools)
  const start = (onEvent: Execution.OnEvent) => Agent.resume(agent, run.started.runId, { onEvent })
  yield* Execution.execute({ start, before: run.events, approver, model: yield* model, services }, options)
}, Effect.scoped)
