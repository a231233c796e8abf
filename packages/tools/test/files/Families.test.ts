import { assert, describe, it } from "@effect/vitest"
import { Families, Files, Weather } from "../../src/index.ts"

describe("Families", () => {
  it("names - are the keys of the registry", () => {
    assert.deepStrictEqual(Families.names, [
      "files",
      "files-write",
      "http",
      "kubernetes",
      "prometheus",
      "search",
      "shell",
      "sql",
      "tickets",
      "weather",
      "ops"
    ])
    assert.strictEqual(Families.all.files.toolkit, Files.toolkit)
    assert.strictEqual(Families.all.weather.toolkit, Weather.toolkit)
  })

  it("isName - knows families and nothing that every object has", () => {
    assert.isTrue(Families.isName("files"))
    for (const other of ["", "file", "constructor", "__proto__", "toString"]) assert.isFalse(Families.isName(other))
  })
})
