/**
 * The tool `get_weather` and its handler.
 *
 * @internal
 */
import * as ToolPolicy from "@volley/core/ToolPolicy"
import * as Tool from "effect/ai/Tool"
import * as Effect from "effect/Effect"
import * as Schema from "effect/Schema"
import {
  CityNotFound,
  RateLimited,
  RequestRefused,
  ServiceUnavailable,
  ServiceUnreachable,
  Unreadable
} from "../WeatherError.ts"
import { type Forecast, maxDays, type OpenMeteo } from "./openMeteo.ts"
import { choose, type Place } from "./place.ts"
import * as weatherCode from "./weatherCode.ts"

const defaultDays = 3

const finite = (description: string) => Schema.Finite.annotate({ description })
const measured = (description: string) => Schema.optionalKey(finite(description))
const Description = Schema.NonEmptyString.annotate({ description: "The weather in words" })

const Result = Schema.Struct({
  place: Schema.Struct({
    name: Schema.String.annotate({ description: "Name of the place" }),
    region: Schema.optionalKey(Schema.String.annotate({ description: "State, province or county" })),
    country: Schema.optionalKey(Schema.String.annotate({ description: "Country of the place" })),
    latitude: finite("Degrees north"),
    longitude: finite("Degrees east"),
    timezone: Schema.String.annotate({ description: "Of all times and dates here" })
  }).annotate({ description: "The place that this is the weather of: the most populous one of that name" }),
  otherPlaces: Schema.optionalKey(
    Schema.Array(Schema.String).annotate({
      description: "Other places of that name, as they can be asked for; only where there are some"
    })
  ),
  current: Schema.Struct({
    time: Schema.String.annotate({ description: "Local time, ISO 8601" }),
    description: Description,
    temperature: finite("°C"),
    feelsLike: measured("Apparent temperature, °C"),
    humidity: measured("Relative humidity, %"),
    precipitation: measured("Sum of the preceding 15 minutes, mm"),
    windSpeed: measured("km/h")
  }).annotate({ description: "The weather of now" }),
  days: Schema.Array(Schema.Struct({
    date: Schema.String.annotate({ description: "Local date, ISO 8601" }),
    description: Schema.optionalKey(Description),
    minTemperature: measured("°C"),
    maxTemperature: measured("°C"),
    precipitation: measured("Sum of the day, mm"),
    maxWindSpeed: measured("km/h")
  })).annotate({ description: "From today on; a value that is not known is left out" })
})

/** @internal */
export const tool = ToolPolicy.readonly(
  Tool.make("get_weather", {
    description: [
      "Gets the current weather of a city and its forecast for the coming days.",
      "Use it for questions about temperature, rain, snow or wind in a named city; call it once per city.",
      "Do not use it for past weather or climate, nor for anything that is not the weather."
    ].join("\n"),
    parameters: Schema.Struct({
      city: Schema.String.annotate({
        description: "Name of the city; if several have it, add the region or the country after a comma",
        examples: ["Oslo", "Springfield, Illinois"]
      }).check(Schema.isPattern(/\S/, { expected: "a name" }), Schema.isMaxLength(100)),
      days: Schema.optionalKey(
        Schema.Int.annotate({
          description: `How many days to forecast, today included, 1 to ${maxDays}; default ${defaultDays}`,
          examples: [1, 7]
        }).check(Schema.isBetween({ minimum: 1, maximum: maxDays }))
      )
    }),
    success: Result,
    failure: Schema.Union([
      CityNotFound,
      ServiceUnavailable,
      ServiceUnreachable,
      RateLimited,
      RequestRefused,
      Unreadable
    ])
  }),
  {
    failures: {
      CityNotFound: "permanent",
      ServiceUnavailable: "transient",
      ServiceUnreachable: "permanent",
      RateLimited: "transient",
      RequestRefused: "permanent",
      Unreadable: "permanent"
    },
    timeout: "5 seconds",
    retry: { times: 2 },
    concurrency: 4
  }
)

const given = <const K extends string>(key: K, value: number | null | undefined): { readonly [P in K]?: number } =>
  (value === null || value === undefined ? {} : { [key]: value }) as { readonly [P in K]?: number }

const placeOf = ({ latitude, longitude, name, country, region }: Place, { timezone }: Forecast) => ({
  name,
  ...(region === undefined ? {} : { region }),
  ...(country === undefined ? {} : { country }),
  latitude,
  longitude,
  timezone
})

const currentOf = ({ current }: Forecast): typeof Result.Type["current"] => ({
  time: current.time,
  description: weatherCode.describe(current.weather_code),
  temperature: current.temperature_2m,
  ...given("feelsLike", current.apparent_temperature),
  ...given("humidity", current.relative_humidity_2m),
  ...given("precipitation", current.precipitation),
  ...given("windSpeed", current.wind_speed_10m)
})

const daysOf = ({ daily }: Forecast): typeof Result.Type["days"] =>
  daily.time.map((date, i) => {
    const code = daily.weather_code[i]
    return {
      date,
      ...(typeof code === "number" ? { description: weatherCode.describe(code) } : {}),
      ...given("minTemperature", daily.temperature_2m_min[i]),
      ...given("maxTemperature", daily.temperature_2m_max[i]),
      ...given("precipitation", daily.precipitation_sum[i]),
      ...given("maxWindSpeed", daily.wind_speed_10m_max[i])
    }
  })

/** @internal */
export const handler = (service: OpenMeteo) =>
  Effect.fnUntraced(function*({ city, days = defaultDays }: Tool.Parameters<typeof tool>) {
    const chosen = choose(city, yield* service.search(city.trim()))
    if (chosen === undefined) return yield* new CityNotFound({ city })
    const forecast = yield* service.forecast(chosen.place, days)
    return {
      place: placeOf(chosen.place, forecast),
      ...(chosen.others.length === 0 ? {} : { otherPlaces: chosen.others }),
      current: currentOf(forecast),
      days: daysOf(forecast)
    }
  })
