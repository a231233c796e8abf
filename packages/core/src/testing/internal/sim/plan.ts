/**
 * Everything that happens to the runs of an agent from outside, as data.
 *
 * @internal
 */
import * as Schema from "effect/Schema"
import * as ModelScript from "../../ModelScript.ts"

const Count = Schema.Int.check(Schema.isGreaterThanOrEqualTo(0))

/** @internal */
export const Fate = Schema.Struct({
  does: Schema.Literals(["ok", "fail", "die", "hang", "deaf", "flood"]),
  millis: Count,
  acts: Schema.optionalKey(Schema.Boolean),
  failure: Schema.optionalKey(Schema.Json),
  bytes: Schema.optionalKey(Count)
})

/** @internal */
export const Approval = Schema.Struct({
  decides: Schema.Literals(["approve", "deny", "die"]),
  millis: Count,
  expires: Schema.optionalKey(Count)
})

/** @internal */
export const Call = Schema.Struct({
  tool: Schema.String,
  id: Schema.optionalKey(Schema.String),
  input: Schema.optionalKey(Schema.Json),
  partialJson: Schema.optionalKey(Schema.String),
  result: Schema.optionalKey(Schema.Json),
  fates: Schema.Array(Fate),
  approval: Schema.optionalKey(Approval),
  reconcile: Schema.optionalKey(Schema.Literal("fails"))
})

/** @internal */
export const Turn = Schema.Struct({
  faults: Schema.Array(Schema.Union([ModelScript.Status, ModelScript.Fault])),
  text: Schema.optionalKey(Schema.String),
  calls: Schema.Array(Call)
})

/** @internal */
export const Run = Schema.Struct({
  tenant: Schema.String,
  startAt: Count,
  interval: Count,
  cancelAt: Schema.optionalKey(Count),
  turns: Schema.Array(Turn)
})

/** @internal */
export const places = ["open", "append", "model", "effect", "reconcile", "approver", "cache", "store"] as const

/** @internal */
export const Strike = Schema.Struct({
  at: Schema.Literals(places),
  event: Schema.optionalKey(Schema.String),
  side: Schema.Literals(["before", "after"]),
  nth: Schema.Int.check(Schema.isGreaterThanOrEqualTo(1)),
  does: Schema.Literals(["fail", "crash"])
})

/** @internal */
export const Plan = Schema.Struct({
  seed: Schema.Int,
  slowJournal: Schema.Boolean,
  runs: Schema.Array(Run),
  strikes: Schema.Array(Strike)
})

/** @internal */
export type Fate = typeof Fate.Type

/** @internal */
export type Approval = typeof Approval.Type

/** @internal */
export type Call = typeof Call.Type

/** @internal */
export type Turn = typeof Turn.Type

/** @internal */
export type Run = typeof Run.Type

/** @internal */
export type Strike = typeof Strike.Type

/** @internal */
export type Plan = typeof Plan.Type
