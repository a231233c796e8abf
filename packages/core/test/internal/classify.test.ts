import { assert, describe, it } from "@effect/vitest"
import { Agent, Dispatcher } from "@volley/core"
import { Duration, Effect } from "effect"
import { TestClock } from "effect/testing"
import { lookUp, retryAfterOf } from "../../src/internal/classify.ts"
import { inTime, ofTag } from "../support/observe.ts"

const now = Date.UTC(2026, 9, 21, 7, 28)
const soon = "Wed, 21 Oct 2026 07:28:09 GMT"
const answered = "Wed, 21 Oct 2026 07:27:59 GMT"

const headers = (fields: Record<string, string>) => ({ status: 503, headers: fields })

describe("retryAfterOf", () => {
  const cases: ReadonlyArray<[name: string, error: object, millis: number | undefined]> = [
    ["a duration", { retryAfter: Duration.seconds(7) }, 7000],
    ["milliseconds", { retryAfter: 800 }, 800],
    ["a field goes before headers", { ...headers({ "retry-after": "9" }), retryAfter: 800 }, 800],
    ["seconds", headers({ "retry-after": "3" }), 3000],
    ["part of a second", headers({ "Retry-After": " 1.5 " }), 1500],
    ["milliseconds in a header", headers({ "retry-after-ms": "120", "retry-after": "3" }), 120],
    ["milliseconds that are none", headers({ "retry-after-ms": "soon", "retry-after": "3" }), 3000],
    ["a date", headers({ "retry-after": soon }), 9000],
    ["a date of RFC 850", headers({ "retry-after": "Wednesday, 21-Oct-26 07:28:09 GMT" }), 9000],
    ["a date of asctime", headers({ "retry-after": "Wed Oct 21 07:28:09 2026" }), 9000],
    ["a date in headers of fetch", { response: { headers: new Headers({ "Retry-After": soon }) } }, 9000],
    ["a date, from that of the response", headers({ "retry-after": soon, Date: answered }), 10_000],
    ["both dates of RFC 850", {
      headers: { "retry-after": "Wednesday, 21-Oct-26 07:28:09 GMT", date: "Wednesday, 21-Oct-26 07:28:00 GMT" }
    }, 9000],
    ["a response's date that is none", headers({ "retry-after": soon, date: "today" }), 9000],
    ["now", headers({ "retry-after": "Wed, 21 Oct 2026 07:28:00 GMT" }), 0],
    ["the past", headers({ "retry-after": "Sun, 06 Nov 1994 08:49:37 GMT" }), 0],
    ["the past, with two digits", headers({ "retry-after": "Sunday, 06-Nov-94 08:49:37 GMT" }), 0],
    ["before the response", headers({ "retry-after": answered, date: soon }), 0],
    ["no date", headers({ "retry-after": "Wed, 32 Oct 2026 07:28:00 GMT" }), undefined],
    ["words", headers({ "retry-after": "soon" }), undefined],
    ["a negative number", headers({ "retry-after": "-3" }), undefined],
    ["a hexadecimal number", headers({ "retry-after": "0x10" }), undefined],
    ["an exponent", headers({ "retry-after": "1e3" }), undefined],
    ["nothing", headers({ "retry-after": " " }), undefined],
    ["no header", headers({}), undefined]
  ]
  it.each(cases)("G7 - %s", (_, error, millis) => {
    assert.strictEqual(retryAfterOf(error, now), millis)
  })

  it("G7 - without a clock, a date counts only from that of the response", () => {
    assert.isUndefined(retryAfterOf(headers({ "retry-after": soon })))
    assert.strictEqual(retryAfterOf(headers({ "retry-after": soon, date: answered })), 10_000)
  })

  it("lookUp - a permanent failure asks for no wait", () => {
    assert.notProperty(lookUp({ ...headers({ "retry-after": "3" }), status: 404 }), "retryAfter")
    assert.strictEqual(lookUp(headers({ "retry-after": "3" }))?.retryAfter, 3000)
  })

  it.effect("G7 - the dispatcher waits until a date, by its own clock", () =>
    Effect.gen(function*() {
      yield* TestClock.setTime(now)
      let calls = 0
      const busy = Agent.tool("busy", {
        description: "Is busy until a date",
        class: "readonly",
        run: () => ++calls === 1 ? Effect.fail(headers({ "retry-after": soon })) : Effect.succeed("done")
      })
      const report = yield* inTime(Dispatcher.call(busy, {}))
      assert.isTrue(report.ok)
      assert.deepStrictEqual(ofTag(report.events, "RetryScheduled").map(({ wait }) => wait), [9000])
    }))
})
