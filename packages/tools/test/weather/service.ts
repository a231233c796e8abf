import { Clock, Effect, Layer } from "effect"
import { HttpClient, HttpClientResponse } from "effect/http"
import { Weather } from "../../src/index.ts"

/** A request that the services were asked. */
export interface Asked {
  readonly url: URL
  /** Milliseconds of the clock. */
  readonly at: number
}

/** What the services answer: a JSON value, a response, or an effect that gives one. */
export type Reply = (url: URL, asked: ReadonlyArray<Asked>) => unknown

const responseOf = (reply: unknown): Response => reply instanceof Response ? reply : Response.json(reply)

/** Runs a test with the handlers over services that answer as told; gives the test what was asked. */
export const within = <A, E, R>(
  reply: Reply,
  test: (asked: ReadonlyArray<Asked>) => Effect.Effect<A, E, R>,
  options: Weather.Options = {}
) => {
  const asked: Array<Asked> = []
  const client = HttpClient.make((request, url) =>
    Effect.gen(function*() {
      asked.push({ url, at: yield* Clock.currentTimeMillis })
      const replied = reply(url, asked)
      const response = responseOf(Effect.isEffect(replied) ? yield* replied as Effect.Effect<unknown> : replied)
      return HttpClientResponse.fromWeb(request, response)
    })
  )
  const layer = Weather.layer(options).pipe(Layer.provide(Layer.succeed(HttpClient.HttpClient)(client)))
  return Effect.provide(test(asked), layer)
}

export const isSearch = (url: URL): boolean => url.pathname.endsWith("/v1/search")

export const oslo = {
  id: 3143244,
  name: "Oslo",
  latitude: 59.91273,
  longitude: 10.74609,
  elevation: 26,
  feature_code: "PPLC",
  country_code: "NO",
  timezone: "Europe/Oslo",
  population: 580_000,
  country: "Norway",
  admin1: "Oslo County"
}

export const forecast = {
  latitude: 59.91,
  longitude: 10.75,
  generationtime_ms: 0.08,
  utc_offset_seconds: 7200,
  timezone: "Europe/Oslo",
  timezone_abbreviation: "CEST",
  elevation: 26,
  current_units: { time: "iso8601", interval: "seconds", temperature_2m: "°C" },
  current: {
    time: "2026-06-01T12:15",
    interval: 900,
    temperature_2m: 14.2,
    relative_humidity_2m: 71,
    apparent_temperature: 12.9,
    precipitation: 0.4,
    weather_code: 61,
    wind_speed_10m: 11.5
  },
  daily_units: { time: "iso8601", temperature_2m_max: "°C" },
  daily: {
    time: ["2026-06-01", "2026-06-02"],
    weather_code: [61, 3],
    temperature_2m_min: [8.1, 9],
    temperature_2m_max: [15.3, 17.8],
    precipitation_sum: [4.2, 0],
    wind_speed_10m_max: [22.3, 14]
  }
}

/** Both services, well. */
export const well: Reply = (url) => isSearch(url) ? { results: [oslo], generationtime_ms: 0.5 } : forecast
