import { assert, describe, it } from "@effect/vitest"
import { Effect } from "effect"
import * as Arbitrary from "effect/Arbitrary"
import * as ByteStore from "../../src/internal/store/byteStore.ts"
import { integer, oneOf, utf16 } from "../support/arbitraries.ts"

const forever = Number.POSITIVE_INFINITY

interface Kept {
  readonly key: string
  readonly text: string
  readonly expiresAt: number
}

const size = ({ key, text }: Kept): number => 2 * (key.length + text.length)

/** The same, as plainly as it can be said: a list, the least recently used first. */
const makeModel = (maximumBytes: number) => {
  let kept: ReadonlyArray<Kept> = []
  const without = (key: string) => kept.filter((one) => one.key !== key)
  return {
    get: (key: string, now: number) => {
      const found = kept.find((one) => one.key === key && one.expiresAt > now)
      kept = found === undefined ? without(key) : [...without(key), found]
      return found?.text
    },
    set: (key: string, text: string, expiresAt: number) => {
      const one = { key, text, expiresAt }
      kept = size(one) > maximumBytes ? without(key) : [...without(key), one]
      while (kept.reduce((sum, one) => sum + size(one), 0) > maximumBytes) kept = kept.slice(1)
    }
  }
}

type Operation =
  | { readonly do: "get"; readonly key: string }
  | { readonly do: "set"; readonly key: string; readonly text: string; readonly timeToLive: number }
  | { readonly do: "wait"; readonly millis: number }

const key = oneOf(["a", "b", "c", "long key", "", "__proto__", "😀"])

const operation: Arbitrary.Arbitrary<Operation> = Arbitrary.flatMap(
  integer(0, 4),
  (kind): Arbitrary.Arbitrary<Operation> => {
    switch (kind) {
      case 0:
        return Arbitrary.map(integer(0, 30), (millis) => ({ do: "wait", millis }))
      case 1:
      case 2:
        return Arbitrary.map(key, (key) => ({ do: "get", key }))
      default:
        return Arbitrary.map(
          Arbitrary.all([key, utf16(30), oneOf([1, 10, 50, forever])]),
          ([key, text, timeToLive]) => ({ do: "set", key, text, timeToLive })
        )
    }
  }
)

describe("byteStore", () => {
  it("keeps a text until it expires, not at the moment it does", () => {
    const store = ByteStore.make(100)
    store.set("a", "text", 1000)
    assert.strictEqual(store.get("a", 999), "text")
    assert.isUndefined(store.get("a", 1000))
    assert.isUndefined(store.get("a", 999))
  })

  it("keeps exactly as many bytes as it may: two a UTF-16 unit of key and text", () => {
    const store = ByteStore.make(16)
    store.set("ab", "😀cdef", forever)
    assert.strictEqual(store.get("ab", 0), "😀cdef")
    store.set("ab", "😀cdefg", forever)
    assert.isUndefined(store.get("ab", 0))
  })

  it("the least recently used goes first; what was read is used", () => {
    const store = ByteStore.make(12)
    for (const key of ["a", "b", "c"]) store.set(key, key, forever)
    store.get("a", 0)
    store.set("d", "d", forever)
    assert.deepStrictEqual(["a", "b", "c", "d"].map((key) => store.get(key, 0)), ["a", undefined, "c", "d"])
  })

  it("a text that is larger than the bound pushes nothing out but the text that it replaces", () => {
    const store = ByteStore.make(12)
    for (const key of ["a", "b", "c"]) store.set(key, key, forever)
    store.set("b", "much too large", forever)
    assert.deepStrictEqual(["a", "b", "c"].map((key) => store.get(key, 0)), ["a", undefined, "c"])
  })

  it.effect.prop("behaves as its model does, whatever is asked of it", [
    integer(0, 120),
    Arbitrary.array(operation, { minLength: 30, maxLength: 120 })
  ], ([maximumBytes, operations]) =>
    Effect.sync(() => {
      const store = ByteStore.make(maximumBytes)
      const model = makeModel(maximumBytes)
      let now = 0
      for (const one of operations) {
        switch (one.do) {
          case "wait":
            now += one.millis
            break
          case "get":
            assert.strictEqual(store.get(one.key, now), model.get(one.key, now))
            break
          case "set":
            store.set(one.key, one.text, now + one.timeToLive)
            model.set(one.key, one.text, now + one.timeToLive)
        }
      }
      for (const key of ["a", "b", "c", "long key", "", "__proto__", "😀"]) {
        assert.strictEqual(store.get(key, now), model.get(key, now))
      }
    }), { arbitrary: { runs: 300 } })
})
