import { assert, it } from "@effect/vitest"
import * as fs from "node:fs"
import * as path from "node:path"

const page = path.join(import.meta.dirname, "../../docs/testing-agents.md")
const names = ["retries", "conversation", "requests", "recording", "simulation"]

it("docs/testing-agents.md - shows each of these examples, whole and as it is", () => {
  const shown = Array.from(fs.readFileSync(page, "utf8").matchAll(/^```ts\n([\s\S]*?)^```/gm), ([, code]) => code)
  const files = names.map((name) => fs.readFileSync(path.join(import.meta.dirname, `${name}.test.ts`), "utf8"))
  assert.deepStrictEqual(shown, files)
})
