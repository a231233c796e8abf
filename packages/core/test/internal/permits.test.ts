import { assert, describe, it } from "@effect/vitest"
import { Clock, Deferred, Effect, Fiber } from "effect"
import * as Arbitrary from "effect/Arbitrary"
import { TestClock } from "effect/testing"
import * as Permits from "../../src/internal/permits.ts"
import { integer } from "../support/arbitraries.ts"

const forever = Number.POSITIVE_INFINITY

/** Holds a place while `effect` runs, as the stages do; `undefined` when the place did not come in time. */
const hold = <A>(
  permits: Permits.Permits,
  millis: number,
  effect: Effect.Effect<A>
): Effect.Effect<A | undefined> =>
  Effect.uninterruptibleMask((restore) =>
    Effect.suspend(() => {
      const place = permits.ask()
      return place.wait(millis, restore).pipe(
        Effect.flatMap((granted): Effect.Effect<A | undefined> =>
          granted ? restore(effect) : Effect.succeed(undefined)
        ),
        Effect.ensuring(Effect.sync(() => place.leave()))
      )
    })
  )

/** How many places are free: asks for more than there can be. */
const free = Effect.fnUntraced(function*(permits: Permits.Permits) {
  const places = Array.from({ length: 50 }, () => permits.ask())
  const granted = yield* Effect.forEach(places, (place) => place.wait(0, (effect) => effect))
  for (const place of places) place.leave()
  return granted.filter(Boolean).length
})

const settle = Effect.repeat(Effect.yieldNow, { times: 50 })

describe("permits", () => {
  it.effect("ask - grants as many places as there are, at once", () =>
    Effect.gen(function*() {
      const permits = Permits.make(3)
      assert.strictEqual(yield* free(permits), 3)
      assert.strictEqual(yield* free(permits), 3)
    }))

  it.effect("leave - ten thousand who wait, and are done at once, come one after the other", () =>
    Effect.gen(function*() {
      const permits = Permits.make(1)
      const first = permits.ask()
      const order: Array<number> = []
      const waiting = yield* Effect.forEach(
        Array.from({ length: 10_000 }, (_, i) => i),
        (i) => Effect.forkChild(hold(permits, forever, Effect.sync(() => order.push(i))))
      )
      yield* settle
      first.leave()
      yield* Fiber.joinAll(waiting)
      assert.deepStrictEqual(order, Array.from({ length: 10_000 }, (_, i) => i))
      assert.strictEqual(yield* free(permits), 1)
    }))

  it.effect("ask - nobody who asks while places are given passes those who wait", () =>
    Effect.gen(function*() {
      const permits = Permits.make(1)
      const first = permits.ask()
      const order: Array<string> = []
      const asking = hold(permits, forever, Effect.sync(() => order.push("later")))
      const waiting = (name: string, then: Effect.Effect<unknown>) =>
        Effect.forkChild(Effect.andThen(hold(permits, forever, Effect.sync(() => order.push(name))), then))
      const fibers = [yield* waiting("a", asking), yield* waiting("b", Effect.void)]
      yield* settle
      first.leave()
      yield* Fiber.joinAll(fibers)
      assert.deepStrictEqual(order, ["a", "b", "later"])
    }))

  it.effect("ask - grants in the order of asking, whatever the order of waiting", () =>
    Effect.gen(function*() {
      const permits = Permits.make(1)
      const first = permits.ask()
      const order: Array<number> = []
      const places = Array.from({ length: 5 }, () => permits.ask())
      for (const [i, place] of Array.from(places.entries()).toReversed()) {
        yield* Effect.forkChild(Effect.andThen(
          place.wait(forever, (effect) => effect),
          Effect.sync(() => {
            order.push(i)
            place.leave()
          })
        ))
      }
      yield* settle
      assert.deepStrictEqual(order, [])
      first.leave()
      yield* settle
      assert.deepStrictEqual(order, [0, 1, 2, 3, 4])
    }))

  it.effect("leave - frees the place once, however often it is called", () =>
    Effect.gen(function*() {
      const permits = Permits.make(2)
      const place = permits.ask()
      place.leave()
      place.leave()
      place.leave()
      assert.strictEqual(yield* free(permits), 2)
    }))

  it.effect("leave - gives up the wish for a place", () =>
    Effect.gen(function*() {
      const permits = Permits.make(1)
      const first = permits.ask()
      const second = permits.ask()
      const third = permits.ask()
      second.leave()
      first.leave()
      assert.isTrue(yield* third.wait(0, (effect) => effect))
      assert.isFalse(yield* second.wait(0, (effect) => effect))
      third.leave()
      assert.strictEqual(yield* free(permits), 1)
    }))

  it.effect("G8 - a wait ends at its deadline, to the millisecond, and loses its turn", () =>
    Effect.gen(function*() {
      const permits = Permits.make(1)
      const first = permits.ask()
      const late = yield* Effect.forkChild(
        Effect.andThen(hold(permits, 250, Effect.succeed("held")), Clock.currentTimeMillis)
      )
      const patient = yield* Effect.forkChild(hold(permits, 1000, Effect.succeed("held")))
      yield* settle
      yield* TestClock.adjust(249)
      yield* settle
      assert.isUndefined(late.pollUnsafe())
      yield* TestClock.adjust(1)
      yield* settle
      assert.strictEqual(yield* Fiber.join(late), 250)
      first.leave()
      assert.strictEqual(yield* Fiber.join(patient), "held")
      assert.strictEqual(yield* free(permits), 1)
    }))

  it.effect("wait - a place that is granted is not taken back at the deadline", () =>
    Effect.gen(function*() {
      const permits = Permits.make(1)
      const first = permits.ask()
      const gate = yield* Deferred.make<void>()
      const holder = yield* Effect.forkChild(hold(permits, 100, Effect.as(Deferred.await(gate), "held")))
      yield* settle
      yield* TestClock.adjust(99)
      first.leave()
      yield* settle
      yield* TestClock.adjust(1000)
      yield* settle
      assert.isUndefined(holder.pollUnsafe())
      assert.strictEqual(yield* free(permits), 0)
      yield* Deferred.succeed(gate, undefined)
      assert.strictEqual(yield* Fiber.join(holder), "held")
      assert.strictEqual(yield* free(permits), 1)
    }))

  it.effect("wait - once it was too late it stays too late", () =>
    Effect.gen(function*() {
      const permits = Permits.make(1)
      const first = permits.ask()
      const late = permits.ask()
      const waiting = yield* Effect.forkChild(late.wait(10, (effect) => effect))
      yield* settle
      yield* TestClock.adjust(10)
      assert.isFalse(yield* Fiber.join(waiting))
      first.leave()
      assert.isFalse(yield* late.wait(forever, (effect) => effect))
      late.leave()
      assert.strictEqual(yield* free(permits), 1)
    }))

  it.effect("G9 - a wait that ends leaves no timer behind, whether granted, late or interrupted", () =>
    Effect.gen(function*() {
      const clock = yield* Clock.Clock
      let timers = 0
      const counting: Clock.Clock = {
        currentTimeMillisUnsafe: () => clock.currentTimeMillisUnsafe(),
        currentTimeMillis: clock.currentTimeMillis,
        currentTimeNanosUnsafe: () => clock.currentTimeNanosUnsafe(),
        currentTimeNanos: clock.currentTimeNanos,
        monotonicTimeNanosUnsafe: () => clock.monotonicTimeNanosUnsafe(),
        monotonicTimeNanos: clock.monotonicTimeNanos,
        sleep: (duration) =>
          Effect.suspend(() => {
            timers++
            return Effect.ensuring(clock.sleep(duration), Effect.sync(() => timers--))
          })
      }
      const permits = Permits.make(1)
      const first = permits.ask()
      const wait = (millis: number) =>
        Effect.forkChild(Effect.provideService(hold(permits, millis, Effect.void), Clock.Clock, counting))
      const granted = yield* wait(1000)
      const late = yield* wait(10)
      const interrupted = yield* wait(1000)
      yield* settle
      assert.strictEqual(timers, 3)
      yield* TestClock.adjust(10)
      yield* Fiber.join(late)
      yield* Fiber.interrupt(interrupted)
      first.leave()
      yield* Fiber.join(granted)
      yield* settle
      assert.strictEqual(timers, 0)
    }))

  const waiter = Arbitrary.all({
    asksAt: integer(0, 20),
    waits: integer(0, 30),
    works: integer(0, 20),
    interruptedAt: integer(0, 60)
  })

  it.effect.prop(
    "G6 - any interleaving of waits, deadlines and interruptions keeps the bound and frees every place",
    [integer(1, 3), Arbitrary.array(waiter, { minLength: 1, maxLength: 14 })],
    ([size, waiters]) =>
      Effect.gen(function*() {
        const permits = Permits.make(size)
        let running = 0
        let most = 0
        const work = (millis: number) =>
          Effect.acquireUseRelease(
            Effect.sync(() => {
              running++
              most = Math.max(most, running)
            }),
            () => Effect.sleep(millis),
            () => Effect.sync(() => running--)
          )
        const fibers = yield* Effect.forEach(waiters, ({ asksAt, interruptedAt, waits, works }) =>
          Effect.gen(function*() {
            const holder = yield* Effect.forkChild(
              Effect.andThen(Effect.sleep(asksAt), hold(permits, waits, work(works)))
            )
            yield* Effect.sleep(interruptedAt)
            yield* Fiber.interrupt(holder)
          }).pipe(Effect.forkChild))
        for (let now = 0; now <= 120; now++) {
          yield* settle
          assert.isAtMost(running, size)
          yield* TestClock.adjust(1)
        }
        yield* settle
        for (const fiber of fibers) {
          assert.isDefined(fiber.pollUnsafe())
        }
        assert.isAtMost(most, size)
        assert.strictEqual(running, 0)
        assert.strictEqual(yield* free(permits), size)
      }),
    { arbitrary: { runs: 60 } }
  )
})
