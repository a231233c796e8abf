import { assert } from "@effect/vitest"
import { cells, reached } from "./coverage.ts"
import { violations } from "./oracle.ts"
import { plan } from "./plan.ts"
import { seedsOfTests } from "./seeds.ts"
import { simulate } from "./world.ts"

const all = process.env["VOLLEY_LONG"] === "1" ? 20_000 : seedsOfTests

/** The seeds of the tests in two halves, which two workers share. */
export const halves = {
  first: { from: 1, to: all / 2 },
  second: { from: all / 2 + 1, to: all }
}

/** All that is promised holds in the world of each seed, and together they reach every cell. */
export const holds = ({ from, to }: { readonly from: number; readonly to: number }): void => {
  const met = new Set<string>()
  for (let seed = from; seed <= to; seed++) {
    const seen = simulate(plan(seed))
    if (typeof seen === "string") assert.fail(`${seen}; replay: npm run sim -- --seed ${seed}`)
    assert.deepStrictEqual(violations(seen), [], `replay: npm run sim -- --seed ${seed}`)
    for (const cell of reached(seen)) met.add(cell)
  }
  assert.deepStrictEqual(cells.filter((cell) => !met.has(cell)), [])
}
