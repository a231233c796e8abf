import { assert, describe, it } from "@effect/vitest"
import { Simulation } from "@volley/core/testing"
import { calm, type Plan, plan, troubled } from "./plan.ts"
import { duplicates, verdict } from "./verdict.ts"
import { type Fault, live, make, recover, type Strike, type World } from "./world.ts"

const long = process.env["VOLLEY_LONG"] === "1"

const faults: ReadonlyArray<Fault> = ["fail", "hang", "cancel", "crash"]

/** A run whose first processes are struck, one strike each, and that goes on until it has ended. */
const struck = (plan: Plan, strikes: ReadonlyArray<Strike>): World => {
  const world = make(plan)
  for (const strike of strikes) {
    live(world, strike)
    const last = world.journal.at(-1)
    if (last === undefined || last._tag === "RunEnded") break
  }
  recover(world)
  return world
}

const replayOf = (plan: Plan, strikes: ReadonlyArray<Strike>): string =>
  `plan ${plan.seed}, strikes ${JSON.stringify(strikes)}`

const answered = (world: World, text: string): number =>
  world.journal.filter((event) => event._tag === "ToolCallAnswered" && String(event.result).includes(text)).length

interface Tally {
  runs: number
  crashes: number
  resumes: number
  duplicates: number
  unknown: number
  reconciled: number
  readonly struck: Set<string>
}

const tally = (): Tally => ({
  runs: 0,
  crashes: 0,
  resumes: 0,
  duplicates: 0,
  unknown: 0,
  reconciled: 0,
  struck: new Set()
})

const count = (found: Tally, world: World): void => {
  found.runs++
  found.resumes += world.processes.length - 1
  found.crashes += world.processes.filter(({ end }) => end === "killed").length
  found.duplicates += duplicates(world).length
  found.unknown += answered(world, "Outcome unknown")
  found.reconciled += world.journal.filter(({ _tag }) => _tag === "CallReconciled").length
  for (const { points, strike } of world.processes) {
    const point = strike === undefined ? undefined : points[strike.at - 1]
    if (point !== undefined) found.struck.add(`${point} ${strike?.fault}`)
  }
}

const kinds = ["open", "append", "model", "handler", "reconcile", "approver", "cache", "store"]
const cells = kinds.flatMap((kind) =>
  ["before", "after"].flatMap((side) => faults.map((fault) => `${kind} ${side} ${fault}`))
)

/** Where nothing goes wrong otherwise, all; the rest is for the long run. */
const faultsOf = (plan: Plan, point: string | undefined): ReadonlyArray<Fault> =>
  long || plan === calm || point?.startsWith("reconcile") === true ? faults : ["crash"]

const print = (what: string, { struck, ...numbers }: Tally): void => {
  // oxlint-disable-next-line no-console -- the numbers of the test
  console.log(`${what}: ${JSON.stringify({ ...numbers, cells: struck.size })}`)
}

describe("a fault at a point", () => {
  it(
    "G1, G4, G10, G11 - hold for each fault at each point, and whoever resumes the run ends it",
    { timeout: 120_000 },
    () => {
      const found = tally()
      for (const plan of [calm, troubled]) {
        const { points } = live(make(plan))
        assert.isAtLeast(points.length, 100)
        for (let at = 1; at <= points.length; at++) {
          for (const fault of faultsOf(plan, points[at - 1])) {
            const world = struck(plan, [{ at, fault }])
            const strike = world.processes[0]!
            assert.isAtLeast(strike.points.length, at, `point ${at} was not reached`)
            assert.deepStrictEqual(verdict(world), [], `${fault} at point ${at}, ${strike.points[at - 1]}`)
            count(found, world)
          }
        }
      }
      print("a fault at each point", found)
      assert.deepStrictEqual(cells.filter((cell) => !found.struck.has(cell)), [])
      assert.strictEqual(found.duplicates, 0)
      assert.isAbove(found.unknown, 0)
      assert.isAbove(found.reconciled, 0)
    }
  )

  const wanted = long ? 10_000 : 300

  it(`G1, G4, G10, G11 - hold over ${wanted} crashes, other faults and crashes of those that resume among them`, {
    timeout: 900_000
  }, () => {
    const found = tally()
    for (let seed = 1; found.crashes < wanted; seed++) {
      const drawn = plan(seed)
      const points = live(make(drawn)).points.length
      const random = Simulation.randomNumbers(seed * 13)
      const upTo = (most: number): number => 1 + Math.floor(random() * most)
      for (let i = 0; i < 10; i++) {
        const fault = (): Fault => random() < 0.6 ? "crash" : faults[upTo(faults.length) - 1]!
        const strikes = Array.from({ length: upTo(3) }, (_, nth) => ({
          at: upTo(nth === 0 ? points : Math.ceil(points / 2)),
          fault: fault()
        }))
        const world = struck(drawn, strikes)
        assert.deepStrictEqual(verdict(world), [], replayOf(drawn, strikes))
        count(found, world)
      }
    }
    print("crashes of drawn runs", found)
    assert.strictEqual(found.duplicates, 0)
  })

  it("the same plan and strikes give the same journal", () => {
    const strikes: ReadonlyArray<Strike> = [{ at: 40, fault: "crash" }, { at: 20, fault: "crash" }]
    for (let seed = 1; seed <= 10; seed++) {
      assert.deepStrictEqual(struck(plan(seed), strikes).lines, struck(plan(seed), strikes).lines)
    }
  })
})

describe("a crash around the effect of a call", () => {
  /** The first point of a kind, from a point on. */
  const pointOf = (plan: Plan, name: string, nth: number): number => {
    const { points } = live(make(plan))
    const places = points.flatMap((point, i) => point === name ? [i + 1] : [])
    return places[nth] ?? assert.fail(`no point ${nth} of ${name}`)
  }
  const only = (tool: Plan["turns"][number][number]["tool"]): Plan => ({ ...calm, turns: [[{ tool, n: 1 }]] })
  const cases = [
    ["look", "before", 2, 0, "result 1"],
    ["look", "after", 2, 0, "result 1"],
    ["put", "before", 2, 1, "result 1"],
    ["put", "after", 2, 1, "result 1"],
    ["pay", "before", 1, 0, "Outcome unknown"],
    ["pay", "after", 1, 1, "Outcome unknown"],
    ["book", "before", 2, 1, "result 1"],
    ["book", "after", 1, 1, "result 1"]
  ] as const
  for (const [tool, side, executions, effects, text] of cases) {
    it(`${tool}, ${side} - ${executions} executions, ${effects} effects, answered "${text}"`, () => {
      const plan = only(tool)
      const world = struck(plan, [{ at: pointOf(plan, `handler ${side}`, 0), fault: "crash" }])
      assert.deepStrictEqual(verdict(world), [])
      assert.strictEqual(world.executions.get(1), executions)
      assert.strictEqual(world.effects.get(1) ?? 0, effects)
      assert.strictEqual(answered(world, text), 1)
    })
  }
})
