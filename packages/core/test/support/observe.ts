import { assert } from "@effect/vitest"
import { Agent, Check, type Outcome, type RunEvent } from "@volley/core"
import { type ModelScript, ScriptedModel } from "@volley/core/testing"
import { Effect, type Exit, Fiber } from "effect"
import type { LanguageModel, Prompt } from "effect/ai"
import { TestClock } from "effect/testing"

export interface Observed<E> {
  readonly exit: Exit.Exit<Outcome.Outcome, Outcome.RunError | E>
  readonly events: ReadonlyArray<RunEvent.RunEvent>
  readonly deltas: ReadonlyArray<RunEvent.Delta>
  readonly prompts: ReadonlyArray<Prompt.Prompt>
  readonly toolChoices: ReadonlyArray<unknown>
}

/** Takes an event with the time at which it happened. */
export const recordIn =
  (events: Array<RunEvent.RunEvent>) => (event: (at: number) => RunEvent.RunEvent): Effect.Effect<void> =>
    Effect.clockWith((clock) => Effect.sync(() => void events.push(event(clock.currentTimeMillisUnsafe()))))

const isDelta = (item: RunEvent.RunEvent | RunEvent.Delta): item is RunEvent.Delta =>
  item._tag === "TextDelta" || item._tag === "ThinkingDelta" || item._tag === "Progress"

/** Runs an agent on a script, records everything, and checks the journal's guarantees. */
export const observe = Effect.fnUntraced(function*<Tools, E, R>(
  agent: Agent.Agent<Tools, E, R>,
  script: ModelScript.Source<LanguageModel.ProviderOptions>,
  options: Agent.RunOptions & {
    readonly input?: string
    readonly use?: <A, F, S>(run: Effect.Effect<A, F, S>) => Effect.Effect<A, F, S>
  } = {}
): Effect.fn.Return<Observed<E>, never, Exclude<R, LanguageModel.LanguageModel>> {
  const items: Array<RunEvent.RunEvent | RunEvent.Delta> = []
  const model = yield* ScriptedModel.make(script)
  const running = Agent.run(agent, options.input ?? "Go", {
    ...options,
    onEvent: (item) =>
      Effect.andThen(
        Effect.sync(() => items.push(item)),
        options.onEvent === undefined ? Effect.void : options.onEvent(item)
      )
  }).pipe(Effect.provide(model.layer))
  const exit = yield* Effect.exit(options.use === undefined ? running : options.use(running))
  const events = items.filter((item) => !isDelta(item))
  assert.deepStrictEqual(Check.all(events), [])
  const requests = yield* model.requests
  return {
    exit,
    events,
    deltas: items.filter(isDelta),
    prompts: requests.map((request) => request.prompt),
    toolChoices: requests.map((request) => request.toolChoice)
  }
})

export const ofTag = <Tag extends RunEvent.RunEvent["_tag"]>(
  events: ReadonlyArray<RunEvent.RunEvent>,
  tag: Tag
): ReadonlyArray<RunEvent.Of<Tag>> => events.filter((event): event is RunEvent.Of<Tag> => event._tag === tag)

/** The answers of the tool calls, in call order. */
export const answers = (events: ReadonlyArray<RunEvent.RunEvent>): ReadonlyArray<RunEvent.Of<"ToolCallAnswered">> =>
  ofTag(events, "ToolCallAnswered").toSorted((left, right) =>
    left.turn - right.turn || left.request - right.request || left.index - right.index
  )

const settle = Effect.repeat(Effect.yieldNow, { times: 100 })

/** Lets the test's clock run, step by step, until the effect ends: every fiber is at rest before time moves. */
export const inTime = Effect.fnUntraced(function*<A, E, R>(
  effect: Effect.Effect<A, E, R>,
  step: number = 10
): Effect.fn.Return<A, E, R> {
  const fiber = yield* Effect.forkChild(effect)
  while (true) {
    yield* settle
    if (fiber.pollUnsafe() !== undefined) return yield* Fiber.join(fiber)
    yield* TestClock.adjust(step)
  }
})
