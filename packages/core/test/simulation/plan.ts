import type { Limits } from "@volley/core"
import { Simulation } from "@volley/core/testing"

/** What a handler does at one execution. */
export type Fate =
  | "ok"
  | "slow"
  | "transient"
  | "refused"
  | "throttled"
  | "distant"
  | "committed"
  | "permanent"
  | "unknown"
  | "die"
  | "hang"
  | "deaf"
  | "fatal"

export interface Step {
  readonly fate: Fate
  readonly millis: number
}

export interface Planned {
  readonly tool: string
  readonly item: number
  /** Makes a call other than any other; equal calls have the same. */
  readonly n: number
  /** What is wrong with its arguments. */
  readonly broken: "cut" | "mistyped" | undefined
  /** Whether its id is one that another call of the run may have. */
  readonly sameId: boolean
}

export interface PlannedRun {
  readonly tenant: string
  readonly turns: ReadonlyArray<ReadonlyArray<Planned>>
  readonly limits: Required<Pick<Limits.Limits, "concurrency" | "retries">> & {
    readonly deadline: number
    readonly toolTimeout: number
  }
  readonly startAt: number
  /** Milliseconds between the events of a reply. */
  readonly interval: number
  /** After so many events of the stream the first reply breaks off. */
  readonly cutAfter: number | undefined
  readonly cancelAt: number | undefined
}

/** One seed: everything that happens from outside, as data. */
export interface Plan {
  readonly seed: number
  readonly runs: ReadonlyArray<PlannedRun>
  /** Of a tenant's tool and arguments, at its nth execution (from 0): independent of the order of executions. */
  readonly step: (tenant: string, tool: string, item: number, n: number, nth: number) => Step
}

/** Policies of the tools, as the world declares them and the oracle knows them. Durations are milliseconds. */
export const policies = {
  timeout: 60,
  retries: 2,
  read: { concurrency: 2, timeToLive: 80, staleIfError: 400, failures: 60 },
  slow: { after: 20 },
  limited: { limit: 2, window: 50 },
  fragile: { failures: 2, openFor: 60, retries: 1 },
  big: { maxResultSize: 1024 }
}

/** What a failing handler asks to be waited, in milliseconds. */
export const retryAfter = { throttled: 45, distant: 31_000 }

const tools = ["read", "read", "put", "pay", "pay", "slow", "limited", "fragile", "later", "big", "huge", "vault"]

/** Likelihoods of the fates, in parts of 100; what is left is ok. */
const odds: ReadonlyArray<readonly [Fate, number]> = [
  ["slow", 8],
  ["transient", 10],
  ["refused", 6],
  ["throttled", 5],
  ["distant", 1],
  ["committed", 5],
  ["permanent", 6],
  ["unknown", 4],
  ["die", 3],
  ["hang", 4],
  ["deaf", 4]
]

const hash = (text: string): number => {
  let value = 2166136261
  for (let i = 0; i < text.length; i++) value = Math.imul(value ^ text.charCodeAt(i), 16777619)
  return value
}

const fateOf = (share: number): Fate => {
  let left = share * 100
  for (const [fate, parts] of odds) {
    if (left < parts) return fate
    left -= parts
  }
  return "ok"
}

export const plan = (seed: number): Plan => {
  const random = Simulation.randomNumbers(seed)
  const chance = (share: number): boolean => random() < share
  const upTo = (most: number): number => Math.floor(random() * (most + 1))
  const oneOf = <A>(...items: ReadonlyArray<A>): A => items[upTo(items.length - 1)]!
  const run = (tenant: string): PlannedRun => {
    let n = 1
    const call = (tool: string): Planned => ({
      tool,
      item: upTo(tool === "read" ? 2 : 1),
      n: tool === "read" || (tool === "pay" && chance(0.3)) ? 0 : n++,
      broken: chance(0.02) ? oneOf("cut", "mistyped") : undefined,
      sameId: chance(0.05)
    })
    // turns of one kind of tool are as likely as mixed ones: bounds are met where calls are alike
    const turn = (): ReadonlyArray<string> => {
      const only = chance(0.4) ? oneOf(...tools) : undefined
      const calls = chance(0.06) ? 10 : 1 + upTo(6)
      return Array.from({ length: calls }, () => chance(0.02) ? "missing" : only ?? oneOf(...tools))
    }
    // some models ask for the same once more
    const first = turn()
    const turns = chance(0.5) ? [first] : [first, chance(0.5) ? first : turn()]
    return {
      tenant,
      turns: turns.map((names) => names.map(call)),
      limits: {
        concurrency: 1 + upTo(3),
        retries: upTo(6),
        deadline: chance(0.3) ? 100 + upTo(300) : 5000,
        toolTimeout: chance(0.15) ? 50 + upTo(250) : 5000
      },
      startAt: upTo(2) * 20,
      interval: upTo(1),
      cutAfter: chance(0.2) ? 3 + upTo(20) : undefined,
      cancelAt: chance(0.15) ? upTo(200) : undefined
    }
  }
  // faults come in weather: some worlds are calm, some are all storm
  const storm = oneOf(0.3, 1, 1, 2)
  return {
    seed,
    runs: chance(0.5) ? [run("a"), run("b")] : [run("a")],
    step: (tenant, tool, item, n, nth) => {
      const numbers = Simulation.randomNumbers(hash(`${seed} ${tenant} ${tool} ${item} ${n} ${nth}`))
      numbers()
      const fate = tool === "vault" && numbers() < 0.05 ? "fatal" : fateOf(numbers() / storm)
      return { fate, millis: Math.floor(numbers() * 4) * 5 }
    }
  }
}
