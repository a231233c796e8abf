import type { Config, Layer } from "effect"
import type { Tool } from "effect/ai"
import type { HttpClient } from "effect/http"
import { describe, expectTypeOf, it } from "vitest"
import type { Weather } from "../../src/index.ts"

type Tools = typeof Weather.toolkit.tools

describe("Weather", () => {
  it("toolkit - has the tool of the family by its name", () => {
    expectTypeOf<keyof Tools>().toEqualTypeOf<"get_weather">()
  })

  it("failures - are the declared errors", () => {
    expectTypeOf<Tool.Failure<Tools["get_weather"]>>().toEqualTypeOf<
      | Weather.CityNotFound
      | Weather.ServiceUnavailable
      | Weather.ServiceUnreachable
      | Weather.RateLimited
      | Weather.RequestRefused
      | Weather.Unreadable
    >()
  })

  it("parameters - only the city is required", () => {
    expectTypeOf<{ readonly city: string }>().toExtend<Tool.ParametersEncoded<Tools["get_weather"]>>()
    expectTypeOf<{ readonly days: number }>().not.toExtend<Tool.ParametersEncoded<Tools["get_weather"]>>()
  })

  it("layer - provides the handler, fails with UrlUnusable, needs an HTTP client", () => {
    expectTypeOf<ReturnType<typeof Weather.layer>>().toEqualTypeOf<
      Layer.Layer<Tool.HandlersFor<Tools>, Weather.UrlUnusable, HttpClient.HttpClient>
    >()
    expectTypeOf<typeof Weather.layerFromEnv>().toEqualTypeOf<
      Layer.Layer<Tool.HandlersFor<Tools>, Weather.UrlUnusable | Config.ConfigError, HttpClient.HttpClient>
    >()
  })
})
