import { assert, describe, it } from "@effect/vitest"
import { Journal } from "@volley/core"
import { Effect, type Layer } from "effect"
import * as Arbitrary from "effect/Arbitrary"
import { event, goodRun } from "../support/events.ts"

/** What every journal does. `layer` gives a new, empty journal each time it is built. */
export const suite = (name: string, layer: Layer.Layer<never>): void => {
  const withJournal = <A, E, R>(use: (journal: Journal.Journal) => Effect.Effect<A, E, R>) =>
    Effect.flatMap(Journal.current, use).pipe(Effect.provide(layer), Effect.scoped)

  describe(name, () => {
    it.effect("read - gives the events in the order in which they were appended", () =>
      withJournal((journal) =>
        Effect.gen(function*() {
          const { append } = yield* journal.open("run")
          yield* Effect.forEach(goodRun, append)
          assert.deepStrictEqual(yield* journal.read("run"), goodRun)
        })
      ))

    it.effect("read - gives what is there so far, while the run goes on", () =>
      withJournal((journal) =>
        Effect.gen(function*() {
          const { append } = yield* journal.open("run")
          assert.deepStrictEqual(yield* journal.read("run"), [])
          for (const [i, found] of goodRun.entries()) {
            yield* append(found)
            assert.deepStrictEqual(yield* journal.read("run"), goodRun.slice(0, i + 1))
          }
        })
      ))

    it.effect("read - what it gave stays as it was", () =>
      withJournal((journal) =>
        Effect.gen(function*() {
          const { append } = yield* journal.open("run")
          yield* append(goodRun[0]!)
          const before = yield* journal.read("run")
          yield* append(goodRun[1]!)
          assert.deepStrictEqual(before, goodRun.slice(0, 1))
        })
      ))

    it.effect("open - refuses a run that is in the journal already, and leaves that one alone", () =>
      withJournal((journal) =>
        Effect.gen(function*() {
          const { append } = yield* journal.open("run")
          yield* append(goodRun[0]!)
          const error = yield* Effect.flip(Effect.scoped(journal.open("run")))
          assert.instanceOf(error, Journal.JournalFailure)
          assert.strictEqual(error.operation, "open")
          assert.strictEqual(error.runId, "run")
          assert.match(error.message, /already/)
          yield* append(goodRun[1]!)
          assert.deepStrictEqual(yield* journal.read("run"), goodRun.slice(0, 2))
        })
      ))

    it.effect.prop(
      "G10 - any events come back as they were",
      [Arbitrary.array(event, { maxLength: 8 })],
      ([events]) =>
        withJournal((journal) =>
          Effect.gen(function*() {
            const { append } = yield* journal.open("run")
            yield* Effect.forEach(events, append)
            assert.deepStrictEqual(yield* journal.read("run"), events)
          })
        ),
      { arbitrary: { runs: 60 } }
    )
  })
}
