import type { Config, Layer } from "effect"
import type { Tool } from "effect/ai"
import type { HttpClient } from "effect/http"
import { describe, expectTypeOf, it } from "vitest"
import type { Guard, Http } from "../../src/http/index.ts"

type Tools = typeof Http.toolkit.tools
type Failure =
  | Guard.Blocked
  | Guard.TooLarge
  | Guard.Undecodable
  | Http.ConnectionFailed
  | Http.Unreachable
  | Http.Unavailable
  | Http.RateLimited
  | Http.Refused

describe("Http", () => {
  it("toolkit - has the tools of the family by their names", () => {
    expectTypeOf<keyof Tools>().toEqualTypeOf<"http_get" | "http_request" | "fetch_page">()
  })

  it("failures - are the declared errors, the same of each tool", () => {
    expectTypeOf<Tool.Failure<Tools["http_get"]>>().toEqualTypeOf<Failure>()
    expectTypeOf<Tool.Failure<Tools["http_request"]>>().toEqualTypeOf<Failure>()
    expectTypeOf<Tool.Failure<Tools["fetch_page"]>>().toEqualTypeOf<Failure>()
  })

  it("parameters - methods that write are those of http_request alone", () => {
    expectTypeOf<{ readonly url: string }>().toExtend<Tool.ParametersEncoded<Tools["http_get"]>>()
    expectTypeOf<{ readonly url: string; readonly method: "POST" }>().not.toExtend<
      Tool.ParametersEncoded<Tools["http_get"]>
    >()
    expectTypeOf<{ readonly url: string; readonly method: "GET" }>().not.toExtend<
      Tool.ParametersEncoded<Tools["http_request"]>
    >()
    expectTypeOf<{ readonly url: string }>().toEqualTypeOf<Tool.ParametersEncoded<Tools["fetch_page"]>>()
  })

  it("layer - provides the handlers, fails with OptionUnusable, needs nothing", () => {
    expectTypeOf<ReturnType<typeof Http.layer>>().toEqualTypeOf<
      Layer.Layer<Tool.HandlersFor<Tools>, Guard.OptionUnusable>
    >()
    expectTypeOf<typeof Http.layerFromEnv>().toEqualTypeOf<
      Layer.Layer<Tool.HandlersFor<Tools>, Guard.OptionUnusable | Config.ConfigError>
    >()
  })

  it("Guard.layer - is an HTTP client like any other", () => {
    expectTypeOf<ReturnType<typeof Guard.layer>>().toEqualTypeOf<
      Layer.Layer<HttpClient.HttpClient, Guard.OptionUnusable>
    >()
  })
})
