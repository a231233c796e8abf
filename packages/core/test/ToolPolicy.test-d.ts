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
})
