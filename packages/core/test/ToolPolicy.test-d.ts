import * as Tool from "effect/ai/Tool"
import * as Context from "effect/Context"
import * as Effect from "effect/Effect"
import * as Option from "effect/Option"
import * as CircuitBreaker from "effect/persistence/CircuitBreaker"
import * as Schema from "effect/Schema"
import { describe, expectTypeOf, it } from "vitest"
import * as Agent from "../src/Agent.ts"
import * as Dispatcher from "../src/Dispatcher.ts"
import * as ToolFailure from "../src/ToolFailure.ts"
import * as ToolPolicy from "../src/ToolPolicy.ts"

class Busy extends Schema.TaggedError<Busy>()("Busy", {}) {}
class Gone extends Schema.TaggedError<Gone>()("Gone", {}) {}
class Sealed extends Schema.TaggedError<Sealed>()("Sealed", {}) {
  readonly [ToolFailure.kind] = "fatal" as const
}

class Store extends Context.Service<Store, { readonly last: string }>()("Store") {}

const parameters = Schema.Struct({ name: Schema.String })
const domain = Tool.make("domain", { parameters, success: Schema.String, failure: Schema.Union([Busy, Gone, Sealed]) })
const standard = Tool.make("standard", { parameters, success: Schema.String, failure: ToolFailure.ToolFailure })
const permanent = Tool.make("permanent", { parameters, success: Schema.String, failure: ToolFailure.Permanent })
const none = Tool.make("none", { parameters, success: Schema.String })

describe("ToolPolicy", () => {
  it("readonly - leaves the tool's type unchanged", () => {
    const tool = ToolPolicy.readonly(domain, {
      failures: { Busy: "transient", Gone: "permanent" },
      retry: { times: 2 },
      timeout: "1 second"
    })
    expectTypeOf(tool).toEqualTypeOf<typeof domain>()
    expectTypeOf(ToolPolicy.readonly(standard)).toEqualTypeOf<typeof standard>()
  })

  it("failures - a missing tag does not compile", () => {
    // @ts-expect-error Gone is not classified
    ToolPolicy.readonly(domain, { failures: { Busy: "transient" } })
    // @ts-expect-error failures are not classified at all
    ToolPolicy.readonly(domain, {})
    // @ts-expect-error failures are not classified at all
    ToolPolicy.readonly(domain)
  })

  it("failures - a foreign tag does not compile", () => {
    // @ts-expect-error Other is not a failure of the tool
    ToolPolicy.readonly(domain, { failures: { Busy: "transient", Gone: "permanent", Other: "permanent" } })
    // @ts-expect-error the tool has no failures of its own
    ToolPolicy.readonly(none, { failures: { Busy: "transient" } })
  })

  it("failures - fatal is said by the error class, never by the policy", () => {
    // @ts-expect-error fatal is not a classification
    ToolPolicy.readonly(domain, { failures: { Busy: "fatal", Gone: "permanent" } })
    // @ts-expect-error Sealed states its kind itself
    ToolPolicy.readonly(domain, { failures: { Busy: "transient", Gone: "permanent", Sealed: "permanent" } })
  })

  it("retry - offered only where a failure is transient", () => {
    ToolPolicy.idempotent(standard, { retry: { times: 1 } })
    ToolPolicy.set(domain, { failures: { Busy: "transient", Gone: "permanent" }, retry: { times: 1 } })
    // @ts-expect-error nothing is transient
    ToolPolicy.set(domain, { failures: { Busy: "permanent", Gone: "permanent" }, retry: { times: 1 } })
    // @ts-expect-error nothing is transient
    ToolPolicy.readonly(permanent, { retry: { times: 1 } })
    // @ts-expect-error nothing can fail
    ToolPolicy.readonly(none, { retry: { times: 1 } })
  })

  it("serial - sees the decoded parameters", () => {
    ToolPolicy.effectful(none, { serial: ({ name }) => name })
    // @ts-expect-error there is no such parameter
    ToolPolicy.effectful(none, { serial: ({ other }) => other })
  })

  it("dynamic tools - have no failures to classify; the schema of the parameters is kept", () => {
    const raw = Tool.dynamic("raw", { parameters: { type: "object" } })
    expectTypeOf(ToolPolicy.readonly(raw)).toEqualTypeOf<typeof raw>()
    expectTypeOf(ToolPolicy.effectful(raw, { concurrency: 1, timeout: 100 })).toEqualTypeOf<typeof raw>()
    // @ts-expect-error the tool has no failures of its own
    ToolPolicy.readonly(raw, { failures: { Busy: "transient" } })
    const typed = Tool.dynamic("typed", { parameters, success: Schema.String, failure: Busy })
    expectTypeOf(ToolPolicy.readonly(typed, { failures: { Busy: "transient" }, retry: { times: 1 } }))
      .toEqualTypeOf<typeof typed>()
    // @ts-expect-error Busy is not classified
    ToolPolicy.readonly(typed)
    ToolPolicy.effectful(typed, { failures: { Busy: "permanent" }, serial: ({ name }) => name })
  })

  it("a failure schema without tags - has nothing to classify", () => {
    const untagged = Tool.make("untagged", { failure: Schema.String })
    expectTypeOf(ToolPolicy.readonly(untagged)).toEqualTypeOf<typeof untagged>()
    expectTypeOf<ToolPolicy.FailureTag<typeof untagged>>().toEqualTypeOf<never>()
    // @ts-expect-error there are no tags
    ToolPolicy.readonly(untagged, { failures: { Busy: "transient" } })
  })

  it("a failure schema with some tags - those are classified", () => {
    const mixed = Tool.make("mixed", { failure: Schema.Union([Busy, Schema.String, ToolFailure.Permanent]) })
    expectTypeOf<ToolPolicy.FailureTag<typeof mixed>>().toEqualTypeOf<"Busy">()
    ToolPolicy.readonly(mixed, { failures: { Busy: "transient" }, retry: { times: 1 } })
    // @ts-expect-error Busy is not classified
    ToolPolicy.readonly(mixed, {})
    // @ts-expect-error Permanent states its kind itself
    ToolPolicy.readonly(mixed, { failures: { Busy: "transient", Permanent: "permanent" } })
  })

  it("an unknown failure - may be transient", () => {
    const unknown = Tool.make("unknown", { failure: Schema.Unknown })
    expectTypeOf(ToolPolicy.readonly(unknown, { retry: { times: 1 } })).toEqualTypeOf<typeof unknown>()
  })

  it("retry - a failure that states that it is transient is enough", () => {
    const stated = Tool.make("stated", { failure: Schema.Union([ToolFailure.Transient, Sealed]) })
    ToolPolicy.idempotent(stated, { retry: { times: 1 } })
    const fatal = Tool.make("fatal", { failure: Sealed })
    // @ts-expect-error fatal is never retried
    ToolPolicy.idempotent(fatal, { retry: { times: 1 } })
  })

  it("cache, hedge - offered only by readonly", () => {
    const cache = { timeToLive: "1 minute", staleIfError: "1 hour", failures: 100 } as const
    expectTypeOf(ToolPolicy.readonly(none, { cache, hedge: { after: "p95" } })).toEqualTypeOf<typeof none>()
    ToolPolicy.readonly(none, { hedge: { after: "200 millis" } })
    // @ts-expect-error an idempotent tool changes something
    ToolPolicy.idempotent(none, { cache })
    // @ts-expect-error an idempotent tool changes something
    ToolPolicy.idempotent(none, { hedge: { after: "p95" } })
    // @ts-expect-error an effectful tool is not spared
    ToolPolicy.effectful(none, { cache })
    // @ts-expect-error an effectful tool is not run twice
    ToolPolicy.effectful(none, { hedge: { after: "p95" } })
    // @ts-expect-error the class is not known here
    ToolPolicy.set(none, { cache })
    // @ts-expect-error the class is not known here
    ToolPolicy.set(none, { hedge: { after: "p95" } })
    // @ts-expect-error there is no p50
    ToolPolicy.readonly(none, { hedge: { after: "p50" } })
    // @ts-expect-error the time is not optional
    ToolPolicy.readonly(none, { cache: {} })
  })

  it("breaker, rateLimit - effect's own words, keys from the decoded parameters", () => {
    const breaker = { tripPolicy: CircuitBreaker.consecutive(3), openDuration: "1 second" } as const
    ToolPolicy.effectful(none, { breaker, rateLimit: { limit: 3, window: "1 second", algorithm: "token-bucket" } })
    ToolPolicy.readonly(none, { breaker: { ...breaker, key: ({ name }) => name } })
    ToolPolicy.set(none, { rateLimit: { limit: 1, window: 100, key: ({ name }) => name } })
    // @ts-expect-error there is no such parameter
    ToolPolicy.set(none, { breaker: { ...breaker, key: ({ host }) => host } })
    // @ts-expect-error there is no such parameter
    ToolPolicy.set(none, { rateLimit: { limit: 1, window: 100, key: ({ host }) => host } })
    // @ts-expect-error a circuit that never closes is none
    ToolPolicy.set(none, { breaker: { tripPolicy: CircuitBreaker.consecutive(3) } })
  })

  it("fallback - the same parameters, the same success, no fatal failure of its own", () => {
    const kept = Tool.make("kept", { parameters, success: Schema.String })
    expectTypeOf(ToolPolicy.readonly(none, { fallback: kept })).toEqualTypeOf<typeof none>()
    ToolPolicy.effectful(none, { fallback: kept })
    ToolPolicy.set(none, { fallback: kept })
    const wider = Tool.make("wider", {
      parameters: Schema.Struct({ name: Schema.String, more: Schema.optionalKey(Schema.String) }),
      success: Schema.String
    })
    ToolPolicy.readonly(none, { fallback: wider })
    const other = Tool.make("other", { parameters: Schema.Struct({ id: Schema.Int }), success: Schema.String })
    // @ts-expect-error it takes other parameters
    ToolPolicy.readonly(none, { fallback: other })
    // @ts-expect-error it returns something else
    ToolPolicy.readonly(none, { fallback: Tool.make("number", { parameters, success: Schema.Number }) })
    const fatal = Tool.make("fatal", { parameters, success: Schema.String, failure: Sealed })
    // @ts-expect-error the run would end with a failure that is not in its type
    ToolPolicy.readonly(none, { fallback: fatal })
    ToolPolicy.readonly(domain, { failures: { Busy: "transient", Gone: "permanent" }, fallback: fatal })
  })

  it("fallback - one with a handler of its own needs no services", () => {
    const plain = Agent.tool("plain", {
      description: "Plain",
      parameters: { name: Schema.String },
      success: Schema.String,
      run: ({ name }) => name
    })
    ToolPolicy.readonly(none, { fallback: plain })
    const needy = Agent.tool("needy", {
      description: "Needy",
      parameters: { name: Schema.String },
      success: Schema.String,
      run: () => Store.use(({ last }) => Effect.succeed(last))
    })
    // @ts-expect-error nobody provides its service
    ToolPolicy.readonly(none, { fallback: needy })
  })

  it("reconcile - offered only by effectful, gives what the tool gives", () => {
    ToolPolicy.effectful(none, {
      reconcile: ({ name }, { idempotencyKey }) => Effect.succeed(Option.some(`${name} ${idempotencyKey}`))
    })
    ToolPolicy.effectful(none, { reconcile: () => Effect.succeedNone })
    // @ts-expect-error not the tool's success
    ToolPolicy.effectful(none, { reconcile: () => Effect.succeedSome(1) })
    // @ts-expect-error an idempotent call is simply repeated
    ToolPolicy.idempotent(none, { reconcile: () => Effect.succeedNone })
    // @ts-expect-error the class is not known here
    ToolPolicy.set(none, { reconcile: () => Effect.succeedNone })
  })

  it("maxResultSize - a number of bytes or a size with its unit", () => {
    ToolPolicy.set(none, { maxResultSize: 4096 })
    ToolPolicy.set(none, { maxResultSize: "64 KiB" })
    // @ts-expect-error not a unit
    ToolPolicy.set(none, { maxResultSize: "64 KB" })
  })
})

describe("Dispatcher.call", () => {
  it("fails with exactly the fatal failures of the tool", () => {
    const bound = Agent.tool("bound", {
      description: "Bound",
      failure: Schema.Union([Busy, Sealed]),
      run: (): Effect.Effect<string, Busy | Sealed> => Effect.fail(new Sealed())
    })
    expectTypeOf(Dispatcher.call(bound, {})).toEqualTypeOf<Effect.Effect<Dispatcher.CallReport, Sealed>>()
    const harmless = Agent.tool("harmless", { description: "Harmless", run: () => Effect.fail(new Busy()) })
    expectTypeOf(Dispatcher.call(harmless, {})).toEqualTypeOf<Effect.Effect<Dispatcher.CallReport>>()
  })
})
