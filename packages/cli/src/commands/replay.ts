/**
 * `volley replay`: decides a run again from its journal, without calling a model or a tool.
 *
 * @internal
 */
import * as Agent from "@volley/core/Agent"
import * as Redactor from "@volley/core/Redactor"
import * as Effect from "effect/Effect"
import * as VolleyAgent from "../agent.ts"
import { codes, Exit } from "../exit.ts"
import { readRun } from "../journal.ts"
import * as Layout from "../render/layout.ts"
import * as SafeText from "../render/safeText.ts"
import { redactJson } from "../secrets.ts"
import type { Platform } from "../source.ts"
import { write, writeLines } from "../stdio.ts"
import * as Toolbox from "../toolbox.ts"

/** What the command line says. @internal */
export interface Options extends Toolbox.Sources {
  readonly journal: string
  readonly output: "text" | "json"
}

/** @internal */
export const replay = Effect.fnUntraced(function*(
  options: Options
): Effect.fn.Return<void, Exit, Platform> {
  const run = yield* readRun(options.journal, VolleyAgent.name)
  const { services, tools } = yield* Toolbox.open(options)
  const agent = yield* VolleyAgent.recorded(run, tools)
  const { redact } = yield* Redactor.current
  const replaying = Agent.replay(agent, run.events) as Effect.Effect<Agent.Replayed>
  const { divergence } = yield* Effect.provideContext(replaying, services)
  const events = run.events.length
  const found = divergence && { ...divergence, line: divergence.event + 1, tag: run.events[divergence.event]!._tag }
  if (options.output === "json") {
    yield* write(`${SafeText.json(redactJson(redact, { events, divergence: found ?? null }))}\n`)
  } else {
    yield* writeLines([
      found === undefined
        ? `${Layout.count(events, "event")}, no divergence`
        : SafeText.line(redact(`event ${found.event} (line ${found.line}): ${found.message}`))
    ])
  }
  if (found === undefined) return
  return yield* new Exit({
    code: codes.failed,
    message: `the present tools and code diverge from the journal at event ${found.event} of ${events}`
  })
}, Effect.scoped)
