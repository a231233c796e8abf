/**
 * Search by regular expression, in a thread of its own: see `regexWorker.ts`.
 *
 * @internal
 */
import * as Effect from "effect/Effect"
import type * as Scope from "effect/Scope"
import { Worker } from "node:worker_threads"
import { PatternInvalid } from "../FilesError.ts"
import type { Match } from "./scan.ts"

/** @internal */
export interface Query {
  readonly pattern: string
  readonly ignoreCase: boolean
}

/** @internal */
export interface Request {
  readonly first: boolean
  readonly piece: string
  readonly last: boolean
}

/** @internal */
export type Reply =
  | { readonly kind: "ready" }
  | { readonly kind: "invalid"; readonly detail: string }
  | { readonly kind: "found"; readonly matches: ReadonlyArray<Match> }

const script = new URL(import.meta.url.endsWith(".ts") ? "./regexWorker.ts" : "./regexWorker.js", import.meta.url)

const start = (query: Query) =>
  new Worker(script, {
    workerData: query,
    env: {},
    execArgv: ["--disable-warning=ExperimentalWarning"],
    resourceLimits: { maxOldGenerationSizeMb: 128 }
  })

/** What the thread says next. It ends by itself only where it runs out of memory. */
const reply = (worker: Worker, request?: Request): Effect.Effect<Reply> =>
  Effect.callback((resume) => {
    const stop = () => void worker.off("message", onMessage).off("error", onEnd).off("exit", onEnd)
    const done = (said: Reply) => {
      stop()
      resume(Effect.succeed(said))
    }
    const onMessage = (said: Reply) => done(said)
    const onEnd = () => done({ kind: "invalid", detail: "it takes too much memory" })
    worker.on("message", onMessage).on("error", onEnd).on("exit", onEnd)
    if (request !== undefined) worker.postMessage(request, [])
    return Effect.sync(stop)
  })

/**
 * Begins searches through texts, one after another. Fails where the expression cannot be used.
 *
 * @internal
 */
export const searcher = Effect.fnUntraced(function*(
  query: Query
): Effect.fn.Return<
  () => (piece: string, last: boolean) => Effect.Effect<ReadonlyArray<Match>, PatternInvalid>,
  PatternInvalid,
  Scope.Scope
> {
  const worker = yield* Effect.acquireRelease(
    Effect.sync(() => start(query)),
    (worker) => Effect.promise(() => worker.terminate())
  )
  // A failure between two replies shows at the next one.
  worker.on("error", () => {})
  const first = yield* reply(worker)
  if (first.kind === "invalid") return yield* new PatternInvalid({ detail: first.detail.toWellFormed() })
  return () => {
    let first = true
    return Effect.fnUntraced(function*(piece: string, last: boolean) {
      const said = yield* reply(worker, { first, piece, last })
      first = false
      return said.kind === "found"
        ? said.matches
        : yield* new PatternInvalid({ detail: said.kind === "invalid" ? said.detail.toWellFormed() : "it failed" })
    })
  }
})
