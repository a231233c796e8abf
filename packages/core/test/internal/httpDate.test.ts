import { assert, describe, it } from "@effect/vitest"
import { Effect } from "effect"
import { parse } from "../../src/internal/httpDate.ts"
import { integer, textOf, utf16 } from "../support/arbitraries.ts"

const now = Date.UTC(2026, 9, 21)
const example = Date.UTC(1994, 10, 6, 8, 49, 37)

const written = (second: number): string => new Date(second * 1000).toUTCString()

describe("httpDate", () => {
  const cases: ReadonlyArray<[string, number | undefined]> = [
    ["Sun, 06 Nov 1994 08:49:37 GMT", example],
    ["Sunday, 06-Nov-94 08:49:37 GMT", example],
    ["Sun Nov  6 08:49:37 1994", example],
    ["Sat Nov 12 08:49:37 1994", Date.UTC(1994, 10, 12, 8, 49, 37)],
    ["Thu, 29 Feb 2024 00:00:00 GMT", Date.UTC(2024, 1, 29)],
    ["Fri, 30 Jun 2028 23:59:60 GMT", Date.UTC(2028, 6, 1)],
    ["Wednesday, 21-Oct-26 07:28:00 GMT", Date.UTC(2026, 9, 21, 7, 28)],
    ["Monday, 01-Jan-76 00:00:00 GMT", Date.UTC(2076, 0, 1)],
    ["Saturday, 01-Jan-77 00:00:00 GMT", Date.UTC(1977, 0, 1)],
    ["Thu, 29 Feb 2023 00:00:00 GMT", undefined],
    ["Sun, 31 Apr 2026 00:00:00 GMT", undefined],
    ["Sun, 00 Nov 1994 08:49:37 GMT", undefined],
    ["Sun, 06 Nov 1994 24:00:00 GMT", undefined],
    ["Sun, 06 Nov 1994 08:60:00 GMT", undefined],
    ["Sun, 06 Nov 1994 08:49:61 GMT", undefined],
    ["Sun, 06 Nov 1994 08:49:37", undefined],
    ["Sun, 06 Nov 1994 08:49:37 PST", undefined],
    ["Sun, 06 Nov 1994 08:49:37 +0000", undefined],
    ["sun, 06 nov 1994 08:49:37 gmt", undefined],
    ["Sun, 6 Nov 1994 08:49:37 GMT", undefined],
    ["1994-11-06T08:49:37Z", undefined],
    ["Mon, 13 Foo 1994 08:49:37 GMT", undefined],
    ["tomorrow", undefined],
    ["", undefined]
  ]
  it.each(cases)("parse - %s", (text, instant) => {
    assert.strictEqual(parse(text, now), instant)
  })

  it.effect.prop("parse - reads what toUTCString writes", [integer(0, 4_102_444_799)], ([second]) =>
    Effect.sync(() => {
      assert.strictEqual(parse(written(second), now), second * 1000)
    }))

  it.effect.prop("parse - throws for no text", [
    utf16(),
    textOf(["Sun", ", ", "06", " ", "Nov", "-", "94", ":", "GMT", "day"])
  ], ([noise, near]) =>
    Effect.sync(() => {
      parse(noise, now)
      parse(near, Number.NaN)
    }))
})
