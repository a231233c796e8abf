import { assert, describe, it } from "@effect/vitest"
import { Deferred, Effect, Exit, Fiber } from "effect"
import { TestClock } from "effect/testing"
import * as Failure from "../../src/anthropic/internal/failure.ts"
import * as Watchdog from "../../src/anthropic/internal/watchdog.ts"

const never = () => new Promise<never>(() => {})

const onError = (cause: unknown): Failure.Failure => Failure.fromUnknown(cause, "stream", 0)

const pull = (watchdog: Watchdog.Watchdog) => watchdog.next(never, onError)

const life = (watchdog: Watchdog.Watchdog) => watchdog.next(() => Promise.resolve("event"), onError)

const silence = (description: string) => Exit.fail(Failure.connection(description))

/** The exit of an effect at the moment, `undefined` while it waits. */
const settled = Effect.fnUntraced(function*<A, E>(fiber: Fiber.Fiber<A, E>) {
  yield* Effect.yieldNow
  return fiber.pollUnsafe()
})

describe("watchdog", () => {
  it.effect("next - a reply that is silent for 60 seconds after its first event fails, not earlier", () =>
    Effect.gen(function*() {
      const watchdog = yield* Watchdog.make()
      yield* life(watchdog)
      const fiber = yield* Effect.forkChild(pull(watchdog))
      yield* TestClock.adjust("59999 millis")
      assert.isUndefined(yield* settled(fiber))
      yield* TestClock.adjust("1 millis")
      assert.deepStrictEqual(yield* settled(fiber), silence("The reply was silent for 1m"))
    }))

  it.effect("next - each sign of life gives a whole wait again", () =>
    Effect.gen(function*() {
      const watchdog = yield* Watchdog.make({ idle: "10 seconds" })
      for (let event = 0; event < 20; event++) {
        const begun = yield* Deferred.make<string>()
        const arrival = Effect.runPromiseWith(yield* Effect.context())
        const fiber = yield* Effect.forkChild(watchdog.next(() => arrival(Deferred.await(begun)), onError))
        yield* TestClock.adjust("9 seconds")
        assert.isUndefined(yield* settled(fiber))
        yield* Deferred.succeed(begun, "ping")
        assert.strictEqual(yield* Fiber.join(fiber), "ping")
      }
      const fiber = yield* Effect.forkChild(pull(watchdog))
      yield* TestClock.adjust("10 seconds")
      assert.deepStrictEqual(yield* settled(fiber), silence("The reply was silent for 10s"))
    }))

  it.effect("next - the time between two waits does not count", () =>
    Effect.gen(function*() {
      const watchdog = yield* Watchdog.make({ idle: "10 seconds" })
      yield* life(watchdog)
      yield* TestClock.adjust("1 hour")
      const fiber = yield* Effect.forkChild(pull(watchdog))
      yield* TestClock.adjust("9999 millis")
      assert.isUndefined(yield* settled(fiber))
      yield* TestClock.adjust("1 millis")
      assert.isDefined(yield* settled(fiber))
    }))

  it.effect("request, next - share the time to the first event, from the request on", () =>
    Effect.gen(function*() {
      const watchdog = yield* Watchdog.make({ first: "5 minutes", idle: "10 seconds" })
      yield* TestClock.adjust("1 minute")
      assert.strictEqual(yield* watchdog.request(() => Promise.resolve("headers"), onError), "headers")
      const fiber = yield* Effect.forkChild(pull(watchdog))
      yield* TestClock.adjust("239999 millis")
      assert.isUndefined(yield* settled(fiber))
      yield* TestClock.adjust("1 millis")
      assert.deepStrictEqual(yield* settled(fiber), silence("No reply began within 5m"))
    }))

  it.effect("request - headers that do not come fail after 10 minutes", () =>
    Effect.gen(function*() {
      const watchdog = yield* Watchdog.make()
      const fiber = yield* Effect.forkChild(watchdog.request(never, onError))
      yield* TestClock.adjust("599999 millis")
      assert.isUndefined(yield* settled(fiber))
      yield* TestClock.adjust("1 millis")
      assert.deepStrictEqual(yield* settled(fiber), silence("No reply began within 10m"))
    }))

  it.effect("next - limits may be shorter for the first event, and may be infinite", () =>
    Effect.gen(function*() {
      yield* Effect.scoped(Effect.gen(function*() {
        const short = yield* Watchdog.make({ first: "1 second", idle: "1 hour" })
        const first = yield* Effect.forkChild(pull(short))
        yield* TestClock.adjust("1 second")
        assert.deepStrictEqual(yield* settled(first), silence("No reply began within 1s"))
      }))
      const patient = yield* Watchdog.make({ first: "Infinity", idle: "Infinity" })
      const waiting = yield* Effect.forkChild(pull(patient))
      yield* TestClock.adjust("365 days")
      assert.isUndefined(yield* settled(waiting))
    }))

  it.effect("next - what the promise is rejected with, or evaluate throws, is read by the caller", () =>
    Effect.gen(function*() {
      const watchdog = yield* Watchdog.make()
      const cause = new TypeError("terminated")
      const rejected = yield* Effect.flip(watchdog.next(() => Promise.reject(cause), onError))
      const thrown = yield* Effect.flip(watchdog.next(() => {
        throw cause
      }, onError))
      assert.deepStrictEqual([rejected, thrown], [onError(cause), onError(cause)])
    }))

  it.effect("next - a wait that was interrupted is forgotten", () =>
    Effect.gen(function*() {
      const watchdog = yield* Watchdog.make({ idle: "10 seconds" })
      yield* life(watchdog)
      const fiber = yield* Effect.forkChild(pull(watchdog))
      yield* Effect.yieldNow
      yield* Fiber.interrupt(fiber)
      yield* TestClock.adjust("1 hour")
      assert.strictEqual(yield* life(watchdog), "event")
    }))
})
