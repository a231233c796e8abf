/**
 * A tool that tells the weather of a city: `get_weather`.
 *
 * **Details**
 *
 * It asks the two services of [Open-Meteo](https://open-meteo.com), which need no key: where the city is, then what the
 * weather is there. Of several places with the name the most populous is taken, and the result says which one that is
 * and what the others are. Answers are decoded by schema and bounded.
 *
 * This family keeps nothing: each call asks both services. The public services are free for non-commercial use within
 * limits; their data is licensed CC BY 4.0. For other uses give the URLs of your own.
 *
 * **Example** (The handler of the family, over `fetch`)
 *
 * ```ts
 * import { Dispatcher } from "@volley/core"
 * import { Weather } from "@volley/tools/weather"
 * import { Effect, Layer } from "effect"
 * import { FetchHttpClient } from "effect/http"
 *
 * const WeatherLive = Weather.layerFromEnv.pipe(Layer.provide(FetchHttpClient.layer))
 *
 * const program = Dispatcher.call(Weather.GetWeather, { city: "Oslo", days: 1 }).pipe(Effect.provide(WeatherLive))
 * console.log((await Effect.runPromise(program)).ok)
 * ```
 *
 * ```text
 * true
 * ```
 *
 * @since 0.1.0
 */
import type * as Tool from "effect/ai/Tool"
import * as Toolkit from "effect/ai/Toolkit"
import * as Config from "effect/Config"
import * as Effect from "effect/Effect"
import * as HttpClient from "effect/http/HttpClient"
import type * as Layer from "effect/Layer"
import { direct } from "../internal/direct.ts"
import { plainUrl } from "../internal/webUrl.ts"
import { layerWithoutSecrets } from "../internal/withoutSecrets.ts"
import * as getWeather from "./internal/getWeather.ts"
import * as openMeteo from "./internal/openMeteo.ts"
import { UrlUnusable } from "./WeatherError.ts"

export * from "./WeatherError.ts"

/**
 * Gets the weather of a city now and for up to 16 days.
 *
 * @category tools
 * @since 0.1.0
 */
export const GetWeather = getWeather.tool

/**
 * The tools of the family.
 *
 * @category tools
 * @since 0.1.0
 */
export const toolkit = Toolkit.make(GetWeather)

/**
 * Where the services are. A path in a URL is kept; `/v1/forecast` or `/v1/search` is added to it.
 *
 * - `url`: base of the forecast service, default `https://api.open-meteo.com`.
 * - `geocodingUrl`: base of the geocoding service, default `https://geocoding-api.open-meteo.com`.
 *
 * @category configuration
 * @since 0.1.0
 */
export interface Options {
  readonly url?: string | URL
  readonly geocodingUrl?: string | URL
}

type Handlers = Tool.HandlersFor<typeof toolkit.tools>

interface Base {
  readonly name: string
  readonly url: string | URL
}

const forecastUrl = "https://api.open-meteo.com"
const geocodingUrl = "https://geocoding-api.open-meteo.com"

const check = ({ name, url }: Base): Effect.Effect<URL, UrlUnusable> => {
  const plain = plainUrl(String(url))
  return plain === undefined ? Effect.fail(new UrlUnusable({ name })) : Effect.succeed(plain)
}

const make = (bases: { readonly forecast: Base; readonly geocoding: Base }) =>
  Effect.gen(function*() {
    const client = direct(yield* HttpClient.HttpClient)
    const urls = yield* Effect.all({ forecast: check(bases.forecast), geocoding: check(bases.geocoding) })
    return { get_weather: getWeather.handler(openMeteo.make(client, urls)) }
  })

/**
 * Handlers of the family. Building it fails with `UrlUnusable` where a base URL is no plain `http` or `https` URL.
 *
 * @category layers
 * @since 0.1.0
 */
export const layer = (options: Options = {}): Layer.Layer<Handlers, UrlUnusable, HttpClient.HttpClient> =>
  layerWithoutSecrets(
    toolkit,
    make({
      forecast: { name: "url", url: options.url ?? forecastUrl },
      geocoding: { name: "geocodingUrl", url: options.geocodingUrl ?? geocodingUrl }
    })
  )

const base = (name: string, fallback: string): Config.Config<Base> =>
  Config.map(Config.withDefault(Config.String(name), fallback), (url) => ({ name, url }))

/**
 * Handlers of the family with the base URLs of `OPEN_METEO_URL` and `OPEN_METEO_GEOCODING_URL`, where these are set:
 * see `Options`.
 *
 * @category layers
 * @since 0.1.0
 */
export const layerFromEnv: Layer.Layer<Handlers, UrlUnusable | Config.ConfigError, HttpClient.HttpClient> =
  layerWithoutSecrets(
    toolkit,
    Effect.flatMap(
      Config.all({
        forecast: base("OPEN_METEO_URL", forecastUrl),
        geocoding: base("OPEN_METEO_GEOCODING_URL", geocodingUrl)
      }),
      make
    )
  )
