import { assert, describe, it } from "@effect/vitest"
import { Schema } from "effect"
import type { Series } from "../../src/prometheus/internal/api.ts"
import * as statistics from "../../src/prometheus/internal/statistics.ts"
import { isPart, named, summarise } from "../../src/prometheus/internal/summary.ts"

const series = (values: ReadonlyArray<string>, metric: Series["metric"] = {}): Series => ({
  metric,
  values: values.map((value, i) => [i, value] as const),
  histograms: []
})

const of = (...values: ReadonlyArray<string>) => summarise({ series: [series(values)], warnings: [] }, true).series[0]

describe("statistics", () => {
  const Numbers = { numbers: Schema.Array(Schema.Int.check(Schema.isBetween({ minimum: -1000, maximum: 1000 }))) }

  it.prop(
    "percentiles - lie in order between least and greatest, whatever the order of samples",
    Numbers,
    ({ numbers }) => {
      const found = statistics.statisticsOf(numbers)
      assert.deepStrictEqual(statistics.statisticsOf(numbers.toReversed()), found)
      if (numbers.length === 0) return assert.isTrue(Object.values(found).every(Number.isNaN))
      assert.strictEqual(found.min, Math.min(...numbers))
      assert.strictEqual(found.max, Math.max(...numbers))
      assert.isTrue(
        found.min <= found.p50 && found.p50 <= found.p90 && found.p90 <= found.p99 && found.p99 <= found.max
      )
      assert.approximately(found.mean, numbers.reduce((sum, it) => sum + it, 0) / numbers.length, 1e-6)
    }
  )

  it("percentiles - as quantile_over_time gives them", () => {
    const numbers = Array.from({ length: 11 }, (_, i) => i * 10)
    const { mean, p50, p90, p99 } = statistics.statisticsOf(numbers)
    assert.deepStrictEqual([mean, p50, p90], [50, 50, 90])
    assert.approximately(p99, 99, 1e-9)
    assert.strictEqual(statistics.statisticsOf([1, 2]).p50, 1.5)
  })

  it("NaN - is left out; infinite numbers do not make others NaN", () => {
    const some = of("1", "NaN", "-Inf")
    assert.deepStrictEqual([some?.first, some?.min, some?.max, some?.last, some?.count], [1, "-Inf", 1, "-Inf", 3])
    const none = of("NaN")
    assert.deepStrictEqual([none?.min, none?.max, none?.mean, none?.p50, none?.values], ["NaN", "NaN", "NaN", "NaN", [
      "NaN"
    ]])
    const infinite = of("-Inf", "+Inf", "+Inf")
    assert.deepStrictEqual([infinite?.p50, infinite?.p90, infinite?.max], ["+Inf", "+Inf", "+Inf"])
    assert.strictEqual(of("1e308", "1.7e308")?.mean, 1.35e308)
  })

  it("histogram - count, sum and mean as they are, percentiles from its buckets", () => {
    const buckets: ReadonlyArray<readonly [number, string, string, string]> = [
      [1, "-2", "-1", "10"],
      [3, "-0.5", "0.5", "0"],
      [0, "1", "2", "80"],
      [0, "2", "4", "10"]
    ]
    const { count, mean, p50, p90, p99, sum } = statistics.ofHistogram({ count: "100", sum: "150", buckets })
    assert.deepStrictEqual([count, sum, mean, p50, p90], [100, 150, 1.5, 1.5, 2])
    assert.approximately(p99, 3.8, 1e-9)
    const empty = statistics.ofHistogram({ count: "0", sum: "0" })
    assert.deepStrictEqual([empty.count, empty.mean, empty.p50], [0, Number.NaN, Number.NaN])
  })
})

describe("summary", () => {
  it("values - are given up to 12, then the summary is but a part", () => {
    const few = { series: [series(Array(12).fill("1"))], warnings: [] }
    const many = { series: [series(Array(13).fill("1"))], warnings: [] }
    assert.lengthOf(summarise(few, true).series[0]?.values ?? [], 12)
    assert.isUndefined(summarise(many, true).series[0]?.values)
    assert.deepStrictEqual([few, many].map((it) => isPart(it, summarise(it, true))), [false, true])
  })

  it("series - are at most 20 and fit into 24 KiB, however long their labels", () => {
    const long = Array.from(
      { length: 100 },
      (_, i) => series(["1"], { __name__: "é".repeat(3000), i: `${i}${"é".repeat(3000)}` })
    )
    const summary = summarise({ series: long, warnings: [] }, true)
    assert.isAtMost(Buffer.byteLength(JSON.stringify(summary)), 25 * 1024)
    assert.strictEqual(summary.series.length + (summary.not_listed ?? 0), 100)
  })

  it("labels - what all share is told once, what tells them apart with each", () => {
    const { nameOf, shared } = named([{ __name__: "up", a: "1", b: "1" }, { __name__: "up", a: "1", b: "2" }, {
      a: "1"
    }])
    assert.strictEqual(shared, "a=\"1\"")
    assert.deepStrictEqual(nameOf({ __name__: "up", a: "1", b: "2" }), { name: "up", labels: "b=\"2\"" })
    assert.deepStrictEqual(nameOf({ a: "1" }), {})
    assert.isUndefined(named([]).shared)
  })
})
