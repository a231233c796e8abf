import { assert, describe, it } from "@effect/vitest"
import { Simulation } from "@volley/core/testing"
import { Effect } from "effect"
import * as fs from "node:fs"
import * as path from "node:path"
import { halves, holds } from "./simulation/holds.ts"
import { mutants, mutate } from "./simulation/mutants.ts"
import { violations } from "./simulation/oracle.ts"
import { type Fate, type Plan, plan, type PlannedRun } from "./simulation/plan.ts"
import { simulate } from "./simulation/world.ts"

const { from, to } = halves.first

describe("simulated runs", () => {
  it(
    `G1-G9, G11 - hold in the worlds ${from} to ${to} of faults, interleavings and cancellations, and every fault is met`,
    { timeout: 600_000 },
    () => holds(halves.first)
  )

  it("the same seed gives the same world, another order of fibers another", () => {
    const trace = (seed: number): string => JSON.stringify(simulate({ ...plan(11), seed }))
    const traces = new Set<string>()
    for (let seed = 1; seed <= 50; seed++) {
      const seen = trace(seed)
      assert.strictEqual(trace(seed), seen)
      traces.add(seen)
    }
    assert.isAbove(traces.size, 25)
  })

  it("the text of every mutant stands in the source, once", () => {
    const source = path.resolve(import.meta.dirname, "../src")
    for (const mutant of mutants) {
      const text = fs.readFileSync(path.join(source, mutant.file), "utf8")
      assert.notStrictEqual(mutate(text, mutant), text)
    }
    assert.strictEqual(new Set(mutants.map(({ name }) => name)).size, mutants.length)
    assert.isAtLeast(mutants.length, 20)
  })

  /** A world of one run, whose handlers do what their calls are planned for. */
  const worldOf = (
    seed: number,
    run: Partial<PlannedRun>,
    fates: ReadonlyArray<readonly [tool: string, fate: Fate]>
  ): Plan => ({
    seed,
    runs: [{
      tenant: "a",
      turns: [fates.map(([tool], n) => ({ tool, item: 0, n, broken: undefined, sameId: false }))],
      limits: { concurrency: 4, retries: 0, deadline: 5000, toolTimeout: 5000 },
      startAt: 0,
      interval: 1,
      cutAfter: undefined,
      cancelAt: undefined,
      ...run
    }],
    step: (_tenant, _tool, _item, n) => ({ fate: fates[n]?.[1] ?? "ok", millis: 5 })
  })

  it("G1, G11 - a run that is cancelled while it fails, at any millisecond, answers its calls and ends", () => {
    const fates = [["vault", "fatal"], ["pay", "deaf"], ["read", "ok"]] as const
    for (let cancelAt = 0; cancelAt < 100; cancelAt++) {
      for (let seed = 1; seed <= 5; seed++) {
        const seen = simulate(worldOf(seed, { cancelAt }, fates))
        if (typeof seen === "string") assert.fail(seen)
        assert.deepStrictEqual(violations(seen), [], `cancelled after ${cancelAt} ms, seed ${seed}`)
      }
    }
  })

  it("G19 - a call of a later turn begins, however a call in its place ended before", () => {
    const call = (tool: string, n: number) => ({ tool, item: 0, n, broken: undefined, sameId: false })
    const turns = [[call("missing", 0), call("missing", 1)], [call("pay", 2), call("read", 3)]]
    for (let seed = 1; seed <= 500; seed++) {
      const seen = simulate(worldOf(seed, { turns }, []))
      if (typeof seen === "string") assert.fail(seen)
      assert.deepStrictEqual(violations(seen), [])
      assert.strictEqual(seen.executions.length, 2, `seed ${seed}`)
    }
  })
})

describe("Simulation.simulate", () => {
  it("reports a deadlock and a step limit instead of hanging", () => {
    assert.strictEqual(Simulation.simulate(Effect.never, { seed: 1 }).stop._tag, "Deadlock")
    const endless = Effect.forever(Effect.yieldNow)
    assert.strictEqual(Simulation.simulate(endless, { seed: 1, maxSteps: 100 }).stop._tag, "StepLimit")
  })

  it("time moves only when nothing is ready", () => {
    const { now, stop } = Simulation.simulate(
      Effect.all([Effect.sleep(30), Effect.sleep(10), Effect.sleep(20)], { concurrency: "unbounded" }),
      { seed: 3, yieldProbability: 0.8 }
    )
    assert.strictEqual(stop._tag, "Done")
    assert.strictEqual(now, 30)
  })
})
