import { assert, describe, it } from "@effect/vitest"
import { Schema } from "effect"
import { describe as textOf } from "../../src/weather/internal/weatherCode.ts"

describe("weatherCode", () => {
  it("describe - every WMO code has its text", () => {
    for (let code = 0; code < 100; code++) assert.match(textOf(code), /^[a-z][a-z, ]+$/, String(code))
    assert.deepStrictEqual([0, 45, 65, 77, 99].map(textOf), [
      "clear sky",
      "fog",
      "heavy rain",
      "snow grains",
      "thunderstorm with heavy hail"
    ])
  })

  it.prop("describe - any number has a text", [Schema.Finite], ([code]) => {
    assert.isNotEmpty(textOf(code))
  })

  it("describe - what is no WMO code is shown as it is", () => {
    assert.deepStrictEqual([100, -1, 1.5].map(textOf), ["weather code 100", "weather code -1", "weather code 1.5"])
  })
})
