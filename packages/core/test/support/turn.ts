import { Dispatcher, type RunEvent } from "@volley/core"
import { Clock, Effect } from "effect"
import type { Tool } from "effect/ai"

export interface Asked {
  readonly name: string
  readonly params?: unknown
  readonly id?: string
}

export interface TurnOptions {
  readonly runId?: string
  readonly tenant?: string
  readonly thread?: string
  readonly concurrency?: number
  readonly retries?: number
  /** From the start of the turn, in milliseconds. */
  readonly deadline?: number
  readonly withheld?: ReadonlyArray<string>
  readonly turn?: number
  /** Told of every event before the dispatcher goes on. */
  readonly onEvent?: (event: RunEvent.RunEvent) => Effect.Effect<void>
}

export interface Answered extends Dispatcher.Answer {
  /** When the answer was there, in milliseconds since the epoch. */
  readonly at: number
}

/** Dispatches the calls of one turn, as a run does, and gives their answers in call order with the events on the way. */
export const dispatchTurn = Effect.fnUntraced(function*(
  tools: ReadonlyArray<Tool.Any>,
  calls: ReadonlyArray<Asked>,
  options: TurnOptions = {}
) {
  const events: Array<RunEvent.RunEvent> = []
  const { concurrency = 5, deadline = 60_000, retries = 10, runId = "run", turn = 1, withheld = [] } = options
  const dispatch = Dispatcher.open(yield* Dispatcher.make(tools), {
    runId,
    tenant: options.tenant,
    thread: options.thread,
    concurrency,
    retries: { allowed: retries, left: retries },
    emit: (event) =>
      Effect.clockWith((clock) => {
        const happened = event(clock.currentTimeMillisUnsafe())
        events.push(happened)
        return options.onEvent === undefined ? Effect.void : options.onEvent(happened)
      }),
    publish: () => Effect.void
  })
  const until = (yield* Clock.currentTimeMillis) + deadline
  const submitted = yield* Effect.forEach(calls, ({ id, name, params = {} }, index) => {
    const asked = { turn, request: 1, index, id: id ?? `${index}`, name, params }
    return dispatch.submit({ ...asked, key: Dispatcher.idempotencyKey(runId, asked) }, until)
  })
  dispatch.close(withheld.map((name, i) => ({ name, index: calls.length + i, ok: false })))
  const timed = submitted.map((call) =>
    Effect.flatMap(call, (answer) => Effect.map(Clock.currentTimeMillis, (at): Answered => ({ ...answer, at })))
  )
  return { answers: yield* Effect.all(timed, { concurrency: "unbounded" }), events }
})
