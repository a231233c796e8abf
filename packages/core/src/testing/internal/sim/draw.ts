/**
 * One seed, one plan.
 *
 * @internal
 */
import type * as Schema from "effect/Schema"
import type * as Limits from "../../../Limits.ts"
import type * as RunEvent from "../../../RunEvent.ts"
import type * as ModelScript from "../../ModelScript.ts"
import { randomNumbers } from "../simulate.ts"
import type * as Arguments from "./arguments.ts"
import type { Cast, Declared, Member } from "./cast.ts"
import { type Approval, type Call, type Fate, places, type Plan, type Run, type Strike, type Turn } from "./plan.ts"

/** Likelihood that a request of the model fails. */
const modelFaults = 0.05

/** Faults of the model, the likeliest as often as all others together. */
const faults: ReadonlyArray<Turn["faults"][number]> = [
  { status: 429 },
  { status: 429 },
  { status: 429, retryAfter: 1 },
  { status: 429, retryAfter: 5 },
  { status: 429, retryAfter: 60 },
  { status: 529 },
  { status: 500 },
  { type: "cut" },
  { type: "eof" },
  { type: "error" }
]

/** Likelihoods of what a handler does at an attempt, in a world of usual weather. */
const odds: ReadonlyArray<readonly [does: Fate["does"] | "slow", share: number]> = [
  ["slow", 0.08],
  ["fail", 0.3],
  ["die", 0.03],
  ["hang", 0.04],
  ["deaf", 0.04],
  ["flood", 0.04]
]

/** The parts of a timeout in which times are counted, so that several things happen at one time. */
const parts = 12

const makeDice = (seed: number) => {
  const random = randomNumbers(seed)
  // neighbouring seeds begin alike
  for (let i = 0; i < 4; i++) random()
  const upTo = (most: number): number => Math.floor(random() * (most + 1))
  return {
    random,
    upTo,
    chance: (share: number): boolean => random() < share,
    oneOf: <A>(items: ReadonlyArray<A>): A => items[upTo(items.length - 1)]!,
    /** As likely between 1 and 10 as between 10 and 100. */
    upToAny: (most: number): number => Math.floor(most ** random())
  }
}

type Dice = ReturnType<typeof makeDice>

/** What the plans of an agent are drawn from. @internal */
export interface Subject {
  readonly cast: Cast
  readonly limits: Limits.Resolved
}

/** Failures that a handler may well end with once it has acted. */
const afterwards = ({ executed, kind }: Declared): boolean => executed && (kind === "transient" || kind === "unknown")

const drawFate = ({ chance, oneOf, random, upTo }: Dice, storm: number, member: Member): Fate => {
  const { effectClass, failures, timeout } = member
  const part = Math.max(1, Math.round(timeout / parts))
  const work = upTo(3) * part
  let left = random() / storm
  const does = odds.find(([, share]) => (left -= share) < 0)?.[0] ?? "ok"
  switch (does) {
    case "slow":
      return { does: "ok", millis: work + 7 * part }
    case "fail": {
      if (failures.length === 0) return { does: "ok", millis: work }
      const acted = failures.filter(afterwards)
      return effectClass !== "readonly" && acted.length > 0 && chance(0.2)
        ? { does, millis: work, acts: true, failure: oneOf(acted).json }
        : { does, millis: work, failure: failureOf({ chance, oneOf }, failures) }
    }
    case "die":
    case "hang":
      return { does, millis: work, ...(effectClass !== "readonly" && chance(0.5) ? { acts: true } : {}) }
    case "deaf":
      // it acts at once, or when nobody expects it any more
      return { does, millis: part * (15 + upTo(20)), ...(chance(0.5) ? { acts: true } : {}) }
    case "flood":
      return { does, millis: work, bytes: oneOf([3000, 31_000, 40_000, 200_000]) }
    case "ok":
      return { does, millis: work }
  }
}

/** A failure that ends the run is rare, as is one that asks for a long wait. */
const failureOf = (
  { chance, oneOf }: Pick<Dice, "chance" | "oneOf">,
  failures: ReadonlyArray<Declared>
): Schema.Json => {
  const isRare = ({ kind, retryAfter = 0 }: Declared): boolean => kind === "fatal" || retryAfter > 30_000
  const [rare, usual] = [failures.filter(isRare), failures.filter((one) => !isRare(one))]
  const chosen = usual.length === 0 || (rare.length > 0 && chance(0.05)) ? rare : usual
  return oneOf(chosen).json
}

const drawApproval = ({ chance, oneOf, upTo, upToAny }: Dice, longest: number): Approval => ({
  decides: chance(0.7) ? "approve" : oneOf(["deny", "deny", "die"]),
  millis: chance(0.5) ? upTo(10) : upToAny(longest),
  ...(chance(0.1) ? { expires: upToAny(longest) } : {})
})

const drawTurn = (
  dice: Dice,
  { cast, limits }: Subject,
  storm: number,
  arguments_: ReadonlyMap<Member, ReadonlyArray<Arguments.Arguments>>
) => {
  const { chance, oneOf, upTo } = dice
  const { members } = cast
  const longest = Math.max(...members.map(({ timeout }) => timeout), 1000)

  const drawFates = (member: Member, flood: boolean): ReadonlyArray<Fate> => {
    const fates: Array<Fate> = []
    while (fates.length < 6 && fates.at(-1)?.does !== "ok") fates.push(drawFate(dice, storm, member))
    return flood ? [{ does: "flood", millis: fates[0]!.millis, bytes: oneOf([20_000, 31_000, 40_000]) }] : fates
  }

  const call = (member: Member, flood: boolean): Call => {
    const { broken, gated, name, policy, results, valid } = member
    const chosen = chance(0.02) && broken.length > 0
      ? oneOf(broken)
      : chance(0.6)
      ? oneOf(arguments_.get(member) ?? [{}])
      : oneOf(valid.length > 0 ? valid : [{}])
    return {
      tool: chance(0.02) ? `${name}_` : name,
      ...(chance(0.05) ? { id: "toolu_same" } : {}),
      ...chosen,
      ...(results.length === 0 ? {} : { result: oneOf(results) }),
      fates: drawFates(member, flood),
      ...(gated ? { approval: drawApproval(dice, longest) } : {}),
      ...(policy.reconcile !== undefined && chance(0.3) ? { reconcile: "fails" } : {})
    }
  }

  const requestFaults = (): Turn["faults"] => {
    const found: Array<Turn["faults"][number]> = []
    while (chance(modelFaults * storm)) {
      const fault = oneOf(faults)
      found.push("status" in fault ? fault : { ...fault, afterEvents: 1 + upTo(24) } as ModelScript.Fault)
    }
    return found
  }

  /** The same calls once more, which meet something else. */
  const again = ({ calls, ...turn }: Turn): Turn => ({
    ...turn,
    faults: requestFaults(),
    calls: calls.map((call) => {
      const member = cast.all.get(call.tool)
      return member === undefined ? call : { ...call, fates: drawFates(member, false) }
    })
  })

  const turn = (): Turn => {
    // turns of one kind of tool are as likely as mixed ones: bounds are met where calls are alike
    const only = chance(0.4) ? oneOf(members) : undefined
    const most = limits.toolCallsPerTurn
    const count = members.length === 0
      ? 0
      : chance(0.04)
      ? most + 1 + upTo(chance(0.1) ? 64 - Math.min(64, most) : 4)
      : chance(0.03)
      ? 0
      : 1 + upTo(Math.min(most, 8) - 1)
    const flood = chance(0.05)
    const text = chance(0.1) ? oneOf(["", "Let me see."]) : undefined
    return {
      faults: requestFaults(),
      ...(text === undefined ? {} : { text }),
      calls: Array.from({ length: count }, () => call(only ?? oneOf(members), flood))
    }
  }

  return { turn, again }
}

/** Events of which each run has some, or whose loss is worth a thought. */
const written: ReadonlyArray<RunEvent.RunEvent["_tag"]> = [
  "RunStarted",
  "ModelRequested",
  "ToolCallRequested",
  "ModelResponded",
  "ModelFailed",
  "DispatchIntended",
  "AttemptStarted",
  "AttemptEnded",
  "RetryScheduled",
  "ToolCallAnswered",
  "TurnClosed",
  "RunEnded"
]

/** Places that most runs come to once at the most. */
const rare: ReadonlySet<Strike["at"]> = new Set(["open", "reconcile", "cache", "store"])

const drawStrikes = ({ chance, oneOf, upTo, upToAny }: Dice, { members }: Cast): ReadonlyArray<Strike> => {
  const has = (holds: (member: Member) => boolean) => members.some(holds)
  const possible = places.filter((place) =>
    place === "cache"
      ? has(({ policy }) => policy.cache !== undefined)
      : place === "reconcile"
      ? has(({ policy }) => policy.reconcile !== undefined)
      : place === "approver"
      ? has(({ gated }) => gated)
      : true
  )
  const strike = (): Strike => {
    const at = chance(0.5) ? "append" : oneOf(possible)
    const event = at === "append" && chance(0.7) ? oneOf(written) : undefined
    return {
      at,
      ...(event === undefined ? {} : { event }),
      side: oneOf(["before", "after"]),
      nth: at === "append" ? (event === undefined ? 1 + upTo(60) : upToAny(4)) : rare.has(at) ? 1 : upToAny(4),
      does: chance(0.6) ? "crash" : "fail"
    }
  }
  return chance(0.35) ? Array.from({ length: 1 + (chance(0.3) ? 1 + upTo(1) : 0) }, strike) : []
}

/** @internal */
export const draw = (subject: Subject, seed: number): Plan => {
  const dice = makeDice(seed)
  const { chance, oneOf, random, upTo, upToAny } = dice
  const { cast, limits } = subject
  // faults come in weather: some worlds are calm, some are all storm
  const storm = oneOf([0.2, 1, 1, 2])
  const longest = Math.max(...cast.members.map(({ timeout }) => timeout), 1000)
  const scale = Math.min(longest, 60_000)
  const run = (n: number): Run => {
    // models ask for the same again
    const favourites = new Map(
      cast.members.map((member) => [
        member,
        Array.from({ length: Math.min(3, member.valid.length) }, () => oneOf(member.valid))
      ])
    )
    const { again, turn } = drawTurn(dice, subject, storm, favourites)
    const first = turn()
    const most = Math.max(0, Math.min(3, limits.turns - 1) - 1)
    const rest = Array.from({ length: upTo(most) }, () => chance(0.4) ? again(first) : turn())
    return {
      tenant: n === 0 ? "a" : "b",
      startAt: n === 0 ? 0 : upToAny(scale),
      interval: oneOf([0, 1, 1, Math.ceil(scale / parts / 10)]),
      ...(chance(0.12) ? { cancelAt: chance(0.3) ? upTo(40) : upToAny(4 * longest) } : {}),
      turns: [first, ...rest]
    }
  }
  const runs = chance(0.3) ? [run(0), run(1)] : [run(0)]
  return { seed, slowJournal: random() < 0.25, runs, strikes: drawStrikes(dice, cast) }
}
