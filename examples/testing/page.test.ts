import { assert, it } from "@effect/vitest"
import * as fs from "node:fs"
import * as path from "node:path"

it.each([
  ["testing-agents.md", ["retries", "conversation", "requests", "recording"]],
  ["simulated-worlds.md", ["simulation"]]
])("docs/%s - shows each of these examples, whole and as it is: %j", (name, names) => {
  const page = fs.readFileSync(path.join(import.meta.dirname, "../../docs", name), "utf8")
  const shown = Array.from(page.matchAll(/^```ts\n([\s\S]*?)^```/gm), ([, code]) => code)
  const files = names.map((example) => fs.readFileSync(path.join(import.meta.dirname, `${example}.test.ts`), "utf8"))
  assert.deepStrictEqual(shown, files)
})
