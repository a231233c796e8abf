import { assert, describe, it, vi } from "@effect/vitest"
import { RunEvent } from "@volley/core"
import { ModelScript } from "@volley/core/testing"
import { Effect, Schema } from "effect"
import * as fs from "node:fs"
import * as path from "node:path"
import { violationLine } from "../src/commands/check.ts"
import { eventsOf } from "./support/events.ts"
import { folder, linesOf, volley } from "./support/volley.ts"

vi.setConfig({ testTimeout: 60_000 })

describe("volley check", () => {
  it("violationLine - the event, its line, the guarantee", () => {
    const violation = { guarantee: "G1", event: 4, message: "call 0 is answered\u001b[2J twice" } as const
    assert.strictEqual(violationLine(violation, 9), "event 4 (line 5): G1: call 0 is answered twice")
    assert.strictEqual(violationLine(violation, 4), "end of the journal: G1: call 0 is answered twice")
  })

  it.effect("a violated guarantee - one line on stdout, exit 1", () =>
    Effect.gen(function*() {
      const dir = yield* folder
      const journal = path.join(dir, "run.ndjson")
      const events = yield* eventsOf([
        ModelScript.toolUse([{ name: "echo", input: { text: "x" } }]),
        ModelScript.text("Done")
      ])
      const answered = events.findIndex((event) => event._tag === "ToolCallAnswered")
      const twice = events.toSpliced(answered, 0, events[answered]!)
      const encoded = yield* Effect.forEach(twice, (event) => Schema.encodeUnknownEffect(RunEvent.Json)(event))
      fs.writeFileSync(journal, encoded.map((event) => `${JSON.stringify(event)}\n`).join(""))
      const { code, stderr, stdout } = yield* volley(["check", journal])
      assert.strictEqual(code, 1)
      assert.deepStrictEqual(linesOf(stdout), [
        `event ${answered + 1} (line ${answered + 2}): G1: call 0 (echo) is answered twice`
      ])
      assert.match(stderr, /^volley: 1 violation in \d+ events\n$/)
    }))

  it.effect("an empty journal has no violations", () =>
    Effect.gen(function*() {
      const journal = path.join(yield* folder, "empty.ndjson")
      fs.writeFileSync(journal, "")
      const { code, stdout } = yield* volley(["check", journal])
      assert.deepStrictEqual({ code, stdout }, { code: 0, stdout: "0 violations in 0 events\n" })
    }))
})
