import * as Tool from "effect/ai/Tool"
import * as Schema from "effect/Schema"
import { describe, expectTypeOf, it } from "vitest"
import * as ToolFailure from "../src/ToolFailure.ts"
import * as ToolPolicy from "../src/ToolPolicy.ts"

class Busy extends Schema.TaggedError<Busy>()("Busy", {}) {}
class Gone extends Schema.TaggedError<Gone>()("Gone", {}) {}
class Sealed extends Schema.TaggedError<Sealed>()("Sealed", {}) {
  readonly [ToolFailure.kind] = "fatal" as const
}

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
})
