/**
 * The two services of Open-Meteo, as typed requests.
 *
 * @internal
 */
import * as ToolFailure from "@volley/core/ToolFailure"
import * as Effect from "effect/Effect"
import * as HttpClient from "effect/http/HttpClient"
import type * as HttpClientError from "effect/http/HttpClientError"
import type * as HttpClientResponse from "effect/http/HttpClientResponse"
import * as Schema from "effect/Schema"
import type * as Scope from "effect/Scope"
import { boundedText } from "../../internal/boundedText.ts"
import {
  RateLimited,
  RequestRefused,
  type Service,
  ServiceUnavailable,
  ServiceUnreachable,
  Unreadable
} from "../WeatherError.ts"
import type { Place } from "./place.ts"

/** @internal */
export const maxDays = 16
const maxPlaces = 10
const maxBytes = 256 * 1024

const Text = Schema.String.check(Schema.isMaxLength(200))
const Latitude = Schema.Finite.check(Schema.isBetween({ minimum: -90, maximum: 90 }))
const Longitude = Schema.Finite.check(Schema.isBetween({ minimum: -180, maximum: 180 }))

/** https://open-meteo.com/en/docs/geocoding-api: without a match there are no `results`. */
const Found = Schema.Struct({
  results: Schema.optionalKey(
    Schema.Array(Schema.Struct({
      name: Text,
      latitude: Latitude,
      longitude: Longitude,
      admin1: Schema.optionalKey(Schema.NullOr(Text)),
      country: Schema.optionalKey(Schema.NullOr(Text)),
      population: Schema.optionalKey(Schema.NullOr(Schema.Finite))
    })).check(Schema.isMaxLength(100))
  )
})

const currentVariables = [
  "temperature_2m",
  "relative_humidity_2m",
  "apparent_temperature",
  "precipitation",
  "weather_code",
  "wind_speed_10m"
]

const dailyVariables = [
  "weather_code",
  "temperature_2m_min",
  "temperature_2m_max",
  "precipitation_sum",
  "wind_speed_10m_max"
]

const Measured = Schema.optionalKey(Schema.NullOr(Schema.Finite))
const Column = Schema.Array(Schema.NullOr(Schema.Finite))

/** https://open-meteo.com/en/docs: a value that no model knows is null. */
const Forecast = Schema.Struct({
  timezone: Text,
  current: Schema.Struct({
    time: Text,
    temperature_2m: Schema.Finite,
    weather_code: Schema.Finite,
    relative_humidity_2m: Measured,
    apparent_temperature: Measured,
    precipitation: Measured,
    wind_speed_10m: Measured
  }),
  daily: Schema.Struct({
    time: Schema.Array(Text).check(Schema.isMaxLength(maxDays)),
    weather_code: Column,
    temperature_2m_min: Column,
    temperature_2m_max: Column,
    precipitation_sum: Column,
    wind_speed_10m_max: Column
  }).check(
    Schema.makeFilter((daily) => Object.values(daily).every(({ length }) => length === daily.time.length), {
      expected: "columns of equal length"
    })
  )
})

/** @internal */
export type Forecast = typeof Forecast.Type

/** @internal */
export type Failure = Unusable | Unreadable

/** @internal */
export interface OpenMeteo {
  /** The places that a name may mean, best match first. */
  readonly search: (city: string) => Effect.Effect<ReadonlyArray<Place>, Failure>
  readonly forecast: (place: Place, days: number) => Effect.Effect<Forecast, Failure>
}

type Unusable = ServiceUnavailable | RateLimited | RequestRefused | ServiceUnreachable

const waitOf = ({ retryAfter }: ToolFailure.Transient) => retryAfter === undefined ? {} : { retryAfter }

/** What a status that is no success means. */
const refusal = (service: Service, response: HttpClientResponse.HttpClientResponse): Unusable => {
  const { status } = response
  const failure = ToolFailure.fromUnknown(response)
  if (failure._tag !== "Transient") return new RequestRefused({ service, status })
  return failure.reason === "RateLimited"
    ? new RateLimited({ service, ...waitOf(failure) })
    : new ServiceUnavailable({ service, status, ...waitOf(failure) })
}

const lost = (service: Service) => (error: HttpClientError.HttpClientError): Failure => {
  if (error.reason._tag === "EmptyBodyError") return new Unreadable({ service })
  const failure = ToolFailure.fromUnknown(error)
  return failure._tag === "Permanent"
    ? new ServiceUnreachable({ service, detail: failure.message })
    : new ServiceUnavailable({ service })
}

const textOf = (service: Service, response: HttpClientResponse.HttpClientResponse): Effect.Effect<string, Failure> =>
  boundedText(response, maxBytes, () => new Unreadable({ service })).pipe(
    Effect.mapError((error) => error._tag === "HttpClientError" ? lost(service)(error) : error)
  )

const placeOf = (result: NonNullable<typeof Found.Type["results"]>[number]): Place => ({
  name: result.name,
  ...(result.admin1 ? { region: result.admin1 } : {}),
  ...(result.country ? { country: result.country } : {}),
  latitude: result.latitude,
  longitude: result.longitude,
  population: result.population ?? 0
})

/** @internal */
export const make = (
  client: HttpClient.HttpClient,
  urls: { readonly [K in Service]: URL }
): OpenMeteo => {
  const scoped = HttpClient.withScope(client)

  const get = <A>(service: Service, path: string, schema: Schema.ConstraintCodec<A, unknown>) => {
    const decode = Schema.decodeUnknownEffect(Schema.fromJsonString(schema))
    const url = `${urls[service].href.replace(/\/+$/, "")}${path}`
    return Effect.fnUntraced(function*(
      urlParams: { readonly [name: string]: string | number }
    ): Effect.fn.Return<A, Failure, Scope.Scope> {
      const response = yield* Effect.mapError(scoped.get(url, { urlParams, acceptJson: true }), lost(service))
      if (response.status !== 200) return yield* refusal(service, response)
      const text = yield* textOf(service, response)
      return yield* Effect.mapError(decode(text), () => new Unreadable({ service }))
    }, Effect.scoped)
  }

  const search = get("geocoding", "/v1/search", Found)
  const forecast = get("forecast", "/v1/forecast", Forecast)
  return {
    search: (name) =>
      Effect.map(
        search({ name, count: maxPlaces, language: "en", format: "json" }),
        ({ results = [] }) => results.map(placeOf)
      ),
    forecast: ({ latitude, longitude }, days) =>
      forecast({
        latitude,
        longitude,
        current: currentVariables.join(","),
        daily: dailyVariables.join(","),
        timezone: "auto",
        forecast_days: days
      })
  }
}
