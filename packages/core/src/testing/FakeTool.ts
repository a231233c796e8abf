/**
 * A tool that does what a programme says, execution by execution, and keeps what it was asked.
 *
 * @since 0.1.0
 */
import type * as Tool from "effect/ai/Tool"
import * as Duration from "effect/Duration"
import * as Effect from "effect/Effect"
import * as Ref from "effect/Ref"
import * as Schema from "effect/Schema"
import * as Agent from "../Agent.ts"
import * as ToolCall from "../ToolCall.ts"
import * as ToolFailure from "../ToolFailure.ts"
import type * as ToolPolicy from "../ToolPolicy.ts"
import * as Ledger from "./Ledger.ts"

/**
 * What one execution does.
 *
 * - `"ok"`: gives the result `"ok"`; `{ ok }` gives another, which is JSON.
 * - `"transient"` (`Unavailable`), `"permanent"` (`NotFound`), `"unknown"`: fails so; a failure of `ToolFailure` fails as it is.
 * - `"die"`: has a bug.
 * - `"hang"`: never ends by itself; `"deaf"` is one that an interruption does not end either, for a minute.
 * - `{ after, result }`: does so later; a number is milliseconds.
 *
 * @category models
 * @since 0.1.0
 */
export type Step =
  | "ok"
  | "transient"
  | "permanent"
  | "unknown"
  | "die"
  | "hang"
  | "deaf"
  | { readonly ok: Schema.Json }
  | ToolFailure.ToolFailure
  | { readonly after: Duration.Input; readonly result: Step }

/**
 * An execution as the ledger notes it, under the name of the tool: its arguments, what it did, and the call that it was for.
 *
 * @category models
 * @since 0.1.0
 */
export interface Execution {
  readonly params: unknown
  readonly step: Step | undefined
  readonly call: ToolCall.ToolCall | undefined
}

/**
 * A fake tool with what became of its programme.
 *
 * - `tool`: for an agent or `Dispatcher.call`; give it policy with `ToolPolicy.set`.
 * - `ledger`: its executions; details are `Execution`.
 * - `unconsumed`: the steps that were not executed.
 * - `unexpected`: how many executions had no step; each of them died.
 *
 * @category models
 * @since 0.1.0
 */
export interface FakeTool<Name extends string, Fields extends Schema.Struct.Fields> {
  readonly tool: Agent.BoundTool<Name, Schema.Struct<Fields>, Schema.Json, ToolFailure.ToolFailure, never>
  readonly ledger: Ledger.Ledger
  readonly unconsumed: Effect.Effect<ReadonlyArray<Step>>
  readonly unexpected: Effect.Effect<number>
}

/**
 * The same step so many times, to be spread into a programme.
 *
 * @category constructors
 * @since 0.1.0
 */
export const times = (count: number, step: Step): ReadonlyArray<Step> => Array.from({ length: count }, () => step)

/** How long the deaf do not hear. */
const deafness = Duration.minutes(1)

const isFailure = Schema.is(ToolFailure.ToolFailure)

const perform = (step: Step): Effect.Effect<Schema.Json, ToolFailure.ToolFailure> => {
  switch (step) {
    case "ok":
      return Effect.succeed("ok")
    case "transient":
      return Effect.fail(ToolFailure.transient({ reason: "Unavailable", message: "unavailable for now" }))
    case "permanent":
      return Effect.fail(ToolFailure.permanent({ reason: "NotFound", message: "there is none" }))
    case "unknown":
      return Effect.fail(new ToolFailure.Unknown({ message: "something went wrong" }))
    case "die":
      return Effect.die(new Error("a fake tool that dies"))
    case "hang":
      return Effect.never
    case "deaf":
      return Effect.as(Effect.uninterruptible(Effect.sleep(deafness)), "ok")
  }
  if (isFailure(step)) return Effect.fail(step)
  return "ok" in step ? Effect.succeed(step.ok) : Effect.delay(Effect.suspend(() => perform(step.result)), step.after)
}

/**
 * Makes a tool whose n-th execution does the n-th step. An execution that the programme has no step for dies, and is counted.
 *
 * **Example** (Two failures, then a result)
 *
 * ```ts
 * import { Dispatcher, ToolPolicy } from "@volley/core"
 * import { FakeTool } from "@volley/core/testing"
 * import { Effect } from "effect"
 *
 * const program = Effect.gen(function*() {
 *   const fake = yield* FakeTool.make("lookup", [...FakeTool.times(2, "transient"), "ok"], { class: "readonly" })
 *   const report = yield* Dispatcher.call(ToolPolicy.set(fake.tool, { retry: { times: 2 } }), {})
 *   return [report.attempts, yield* fake.ledger.count("lookup")]
 * })
 * console.log(await Effect.runPromise(program))
 * ```
 *
 * ```text
 * [ 3, 3 ]
 * ```
 *
 * @param name - 1 to 64 letters, digits, `_` or `-`
 * @param programme - the steps, in order of the executions
 * @param options.class - the effect class, default `"effectful"`
 * @param options.parameters - default none
 * @param options.ledger - where executions are noted, default one of its own
 * @category constructors
 * @since 0.1.0
 */
export const make = Effect.fnUntraced(function*<
  const Name extends string,
  const Fields extends Schema.Struct.Fields = {}
>(
  name: Name,
  programme: ReadonlyArray<Step>,
  options: {
    readonly class?: ToolPolicy.EffectClass
    readonly parameters?: Fields
    readonly ledger?: Ledger.Ledger
  } = {}
) {
  const ledger = options.ledger ?? (yield* Ledger.make)
  const begun = yield* Ref.make(0)

  const execute = Effect.fnUntraced(function*(params: unknown) {
    const nth = yield* Ref.getAndUpdate(begun, (n) => n + 1)
    const step = programme[nth]
    const detail: Execution = { params, step, call: yield* ToolCall.current }
    const done = step === undefined
      ? Effect.die(new Error(`Fake tool "${name}" has no step for execution ${nth + 1}`))
      : perform(step)
    return yield* ledger.track(name, done, detail)
  })

  const tool: Tool.Any = Agent.tool(name, {
    description: `A fake of ${name}`,
    class: options.class ?? "effectful",
    parameters: options.parameters ?? {},
    success: Schema.Json,
    failure: ToolFailure.ToolFailure,
    run: execute
  })
  const fake: FakeTool<Name, Fields> = {
    tool: tool as FakeTool<Name, Fields>["tool"],
    ledger,
    unconsumed: Effect.map(Ref.get(begun), (n) => programme.slice(n)),
    unexpected: Effect.map(Ref.get(begun), (n) => Math.max(0, n - programme.length))
  }
  return fake
})
