/**
 * Laws that tools and their policies keep, as properties: one seed is one case.
 *
 * **Details**
 *
 * A law runs an agent with the tools against `ModelFuzz`, in simulated time (`Simulation`), while handlers succeed, are slow,
 * fail in every way, hang, or fail after they took effect; then it judges what the handlers saw and what the journals show. By
 * default the handlers are stand-ins that give values of the tool's success schema, so that only the policies are tested.
 * With `layer` the tools' own handlers run behind the same faults; these must be effects on services, since a promise or a
 * timer of its own is outside of the simulation.
 *
 * A case that breaks the law fails with `LawBroken`, whose message has the facts, the timeline and the seed. The seed alone
 * replays it: run the law with that seed.
 *
 * **Example** (In Vitest)
 *
 * ```ts
 * import { it } from "@effect/vitest"
 * import { Agent, ToolPolicy } from "@volley/core"
 * import { Laws } from "@volley/core/testing"
 * import { Schema } from "effect"
 *
 * const pay = ToolPolicy.effectful(
 *   Agent.tool("pay", { description: "Pays", parameters: { cents: Schema.Int }, success: Schema.String, run: () => "paid" })
 * )
 *
 * it.effect("pay - keeps all laws", () => Laws.forAll(Laws.toolkit([pay]), { seeds: 10 }))
 *
 * it.effect.prop("pay - takes effect once", [Schema.Int], ([seed]) => Laws.effectfulOnce([pay])(seed))
 * ```
 *
 * @since 0.1.0
 */
import type * as Tool from "effect/ai/Tool"
import type * as Toolkit from "effect/ai/Toolkit"
import * as Arbitrary from "effect/Arbitrary"
import * as Effect from "effect/Effect"
import type * as Layer from "effect/Layer"
import * as Schema from "effect/Schema"
import * as Dispatcher from "../Dispatcher.ts"
import { canonicalJson } from "../internal/canonicalJson.ts"
import * as ToolPolicy from "../ToolPolicy.ts"
import * as Fates from "./internal/laws/fates.ts"
import * as Oracles from "./internal/laws/oracles.ts"
import { toolsOf } from "./internal/laws/subject.ts"
import * as World from "./internal/laws/world.ts"
import * as Arguments from "./internal/sim/arguments.ts"
import * as Timeline from "./Timeline.ts"

/**
 * A law is broken: which, by which seed, and how.
 *
 * @category errors
 * @since 0.1.0
 */
export class LawBroken extends Schema.TaggedError<LawBroken>("@volley/core/LawBroken")("LawBroken", {
  law: Schema.String,
  seed: Schema.Int,
  facts: Schema.Array(Schema.String),
  timeline: Schema.String
}) {
  override get message(): string {
    const facts = this.facts.map((fact) => `\n  ${fact}`).join("")
    return `Law "${this.law}" is broken by seed ${this.seed}:${facts}${
      this.timeline === "" ? "" : `\n\n${this.timeline}`
    }`
  }
}

/**
 * A law: the case of a seed holds, or fails with how it does not.
 *
 * @category models
 * @since 0.1.0
 */
export type Law = (seed: number) => Effect.Effect<void, LawBroken>

type ToolIn<M> = M extends Toolkit.Toolkit<infer Tools> ? Tools[keyof Tools] : M

type Needs<M> = ToolIn<M> extends infer T ? T extends unknown ? Dispatcher.Requirements<T> : never : never

/**
 * Tools and toolkits, mixed.
 *
 * @category models
 * @since 0.1.0
 */
export type Tools = ReadonlyArray<Tool.Any | Toolkit.Any>

/**
 * `layer`: the handlers of the tools and what they need; default stand-ins.
 *
 * @category models
 * @since 0.1.0
 */
export interface Options<T extends Tools> {
  readonly layer?: Layer.Layer<Needs<T[number]>>
}

const calm: World.Shape = { weather: Fates.changeable, tenants: 1, cancelled: false, hurried: false }

interface Definition {
  readonly name: string
  readonly shape: World.Shape
  readonly oracles: ReadonlyArray<Oracles.Oracle>
}

const broken = (law: string, seed: number, facts: ReadonlyArray<string>, timeline: string): LawBroken =>
  new LawBroken({ law, seed, facts, timeline })

const define =
  (...definitions: ReadonlyArray<Definition>) => <const T extends Tools>(tools: T, options: Options<T> = {}): Law => {
    const all = toolsOf(tools)
    const layer = options.layer
    return (seed) =>
      Effect.suspend(() => {
        for (const { name, oracles, shape } of definitions) {
          const seen = World.simulate(all, layer, seed, shape)
          if (typeof seen === "string") return Effect.fail(broken(name, seed, [seen], ""))
          for (const run of seen.runs) {
            const facts = [Oracles.neverDies, ...oracles].flatMap((oracle) => oracle(run, seen))
            if (facts.length > 0) return Effect.fail(broken(name, seed, facts, Timeline.text(run.events)))
          }
        }
        return Effect.void
      })
  }

const definitions = {
  permanentNotRetried: {
    name: "what failed for good is not retried",
    shape: { ...calm, weather: { ...Fates.changeable, permanent: 25, own: 15 } },
    oracles: [Oracles.permanentNotRetried, Oracles.guarantees("G3")]
  },
  attemptsBounded: {
    name: "attempts stay within their bounds",
    shape: { ...calm, weather: { transient: 50, refused: 20, unknown: 10 } },
    oracles: [Oracles.attemptsBounded, Oracles.guarantees("G5")]
  },
  waitsBounded: {
    name: "waits stay within their bounds and are as long as asked",
    shape: { ...calm, weather: { transient: 20, refused: 20, throttled: 40 } },
    oracles: [Oracles.waitsBounded, Oracles.guarantees("G7")]
  },
  effectfulOnce: {
    name: "what is effectful takes effect once",
    shape: { ...calm, weather: { ...Fates.changeable, committed: 25, transient: 20, refused: 15 } },
    oracles: [Oracles.effectfulOnce, Oracles.oneKeyPerCall, Oracles.guarantees("G4")]
  },
  answeredOnceInOrder: {
    name: "each call is answered once, in order",
    shape: calm,
    oracles: [Oracles.answeredOnceInOrder, Oracles.guarantees("G1", "G2", "G11", "order")]
  },
  deadlineKept: {
    name: "the deadline is kept",
    shape: { ...calm, weather: { ...Fates.changeable, slow: 20, late: 15, hang: 10 }, hurried: true },
    oracles: [Oracles.deadlineKept, Oracles.guarantees("G8")]
  },
  cancelLeavesTranscript: {
    name: "a cancelled run leaves a transcript that the API accepts",
    shape: { ...calm, weather: { ...Fates.changeable, slow: 30, hang: 10 }, cancelled: true },
    oracles: [Oracles.cancelLeavesTranscript, Oracles.guarantees("G1", "G11", "G12")]
  },
  cacheKeepsTenants: {
    name: "no tenant reads what another has cached",
    shape: { ...calm, weather: { slow: 10 }, tenants: 2 },
    oracles: [Oracles.cacheKeepsTenants]
  }
} as const satisfies { readonly [law: string]: Definition }

/**
 * A call that failed for good is not executed again, whatever its retries.
 *
 * @category laws
 * @since 0.1.0
 */
export const permanentNotRetried = define(definitions.permanentNotRetried)

/**
 * A call is executed no more often than its policy allows, the calls of a run are retried no more often than its limits do.
 *
 * @category laws
 * @since 0.1.0
 */
export const attemptsBounded = define(definitions.attemptsBounded)

/**
 * A retry waits at least as long as the failure asked for, where that is 30 seconds at most, and no longer than the default
 * schedule does where that is in use.
 *
 * @category laws
 * @since 0.1.0
 */
export const waitsBounded = define(definitions.waitsBounded)

/**
 * An effectful call that may have taken effect is not executed again, and all executions of a call have the same idempotency
 * key, which no other call has. Whether tools that `reconcile` are executed again is not judged.
 *
 * @category laws
 * @since 0.1.0
 */
export const effectfulOnce = define(definitions.effectfulOnce)

/**
 * Every call of a kept reply has exactly one answer, and the transcript has them in call order.
 *
 * @category laws
 * @since 0.1.0
 */
export const answeredOnceInOrder = define(definitions.answeredOnceInOrder)

/**
 * A run is over at its deadline (and 50 ms of grace for handlers that do not end), begins nothing after it, and no handler has
 * more time than its timeout and the run leave. Runs that wait for approvals have more time.
 *
 * @category laws
 * @since 0.1.0
 */
export const deadlineKept = define(definitions.deadlineKept)

/**
 * A run that is cancelled at any moment closes its journal, answers its open calls and leaves no handler behind.
 *
 * @category laws
 * @since 0.1.0
 */
export const cancelLeavesTranscript = define(definitions.cancelLeavesTranscript)

/**
 * A result from the cache is one that the same tenant asked for before.
 *
 * @category laws
 * @since 0.1.0
 */
export const cacheKeepsTenants = define(definitions.cacheKeepsTenants)

/**
 * All laws above on the same tools, and every guarantee of `Check`.
 *
 * @category laws
 * @since 0.1.0
 */
export const toolkit: <const T extends Tools>(tools: T, options?: Options<T>) => Law = define(
  ...Object.values(definitions).map((definition): Definition => ({
    ...definition,
    oracles: [...definition.oracles, Oracles.guarantees()]
  }))
)

/** A result that is given again would hide what the handler does. */
const uncached = (tool: Tool.Any): Tool.Any => {
  const { cache: _, ...policy } = ToolPolicy.get(tool)
  return tool.annotate(ToolPolicy.Annotation, policy) as Tool.Any
}

const once = Effect.fnUntraced(function*(tool: Tool.Any, args: unknown, calls: number, apart: boolean) {
  const call = Dispatcher.call(tool as never, args as never, { runId: "once" }) as Effect.Effect<
    Dispatcher.CallReport,
    unknown
  >
  const reports = yield* Effect.all(Array.from({ length: calls }, () => call), { concurrency: apart ? 1 : calls })
  return reports.map(({ ok, result }) => canonicalJson({ ok, result }))
})

/**
 * Two executions of a handler with the same idempotency key, one after the other or at the same time, change what one alone
 * changes, and answer alike.
 *
 * @param tool - of any class; what it has of a cache is left out
 * @param options.layer - its handler and what that needs
 * @param options.observe - what there is to be seen of its effects, such as the rows it wrote
 * @category laws
 * @since 0.1.0
 */
export const sameKeySameEffect = <T extends Tool.Any, Provided>(
  tool: T,
  options: {
    readonly layer: Layer.Layer<Dispatcher.Requirements<T> | Provided>
    readonly observe: Effect.Effect<unknown, never, Provided>
  }
): Law => {
  const name = "the same key has the same effect"
  const layer = options.layer as Layer.Layer<never>
  const observe = options.observe as Effect.Effect<unknown>
  const seen = (seed: number, calls: number, apart: boolean) =>
    World.simulated(
      Effect.gen(function*() {
        const [{ input } = {}] = yield* Arbitrary.sampleEffect(Arguments.valid(tool), { count: 1, size: 4, seed })
        const answers = yield* once(uncached(tool), input, calls, apart)
        return { input, answers, state: yield* observe }
      }).pipe(Effect.provide(layer)),
      seed
    )
  return (seed) =>
    Effect.suspend(() => {
      const apart = Fates.numbersOf(`apart ${seed}`)() < 0.5
      const [alone, twice] = [seen(seed, 1, true), seen(seed, 2, apart)]
      if (typeof alone === "string") return Effect.fail(broken(name, seed, [alone], ""))
      if (typeof twice === "string") return Effect.fail(broken(name, seed, [twice], ""))
      const [one, two] = [canonicalJson(alone.state), canonicalJson(twice.state)]
      const how = apart ? "one after the other" : "at the same time"
      const facts = [
        ...(one === two
          ? []
          : [
            `after one execution of ${tool.name} ${canonicalJson(alone.input)} there is ${one}, after two ${how} ${two}`
          ]),
        ...twice.answers.flatMap((answer) =>
          answer === alone.answers[0] ? [] : [`one execution answers ${alone.answers[0]}, one of two ${how} ${answer}`]
        )
      ]
      return facts.length === 0 ? Effect.void : Effect.fail(broken(name, seed, facts, ""))
    })
}

/**
 * A law holds for many seeds; it fails with the first that breaks it.
 *
 * @param options.seeds - how many, default 100
 * @param options.from - the first, default 0
 * @category combinators
 * @since 0.1.0
 */
export const forAll = (
  law: Law,
  options: { readonly seeds?: number; readonly from?: number } = {}
): Effect.Effect<void, LawBroken> => {
  const { from = 0, seeds = 100 } = options
  return Effect.forEach(Array.from({ length: seeds }, (_, i) => from + i), law, { discard: true })
}
