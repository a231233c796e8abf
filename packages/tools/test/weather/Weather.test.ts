import { assert, describe, it } from "@effect/vitest"
import { Agent, Dispatcher } from "@volley/core"
import { Offline } from "@volley/core/offline"
import { ConfigProvider, Deferred, Duration, Effect, Fiber, Layer, Schema } from "effect"
import { Tool } from "effect/ai"
import { FetchHttpClient, HttpClient, HttpClientError, HttpClientResponse } from "effect/http"
import { TestClock } from "effect/testing"
import { createServer, type RequestListener } from "node:http"
import type { AddressInfo } from "node:net"
import { Weather } from "../../src/index.ts"
import { type Asked, forecast, isSearch, oslo, type Reply, well, within } from "./service.ts"

type Arguments = Tool.ParametersEncoded<typeof Weather.GetWeather>

const call = (parameters: Arguments = { city: "Oslo" }) => Dispatcher.call(Weather.GetWeather, parameters)

/** Calls with all waits skipped. */
const callThrough = (parameters?: Arguments) =>
  Effect.gen(function*() {
    const fiber = yield* Effect.forkChild(call(parameters))
    yield* TestClock.adjust("1 minute")
    return yield* Fiber.join(fiber)
  })

/** Calls and expects a result of the declared form. */
const weatherOf = (parameters?: Arguments) =>
  Effect.flatMap(callThrough(parameters), ({ failure, ok, result }) => {
    assert.isTrue(ok, JSON.stringify(failure))
    return Schema.decodeUnknownEffect(Weather.GetWeather.successSchema)(result)
  })

const inSearch = (results: ReadonlyArray<object>): Reply => (url) => isSearch(url) ? { results } : forecast
const afterSearch = (reply: Reply): Reply => (url, asked) => isSearch(url) ? { results: [oslo] } : reply(url, asked)

describe("get_weather", () => {
  it.effect("result - place, current weather and days in words and numbers", () =>
    within(well, () =>
      Effect.gen(function*() {
        const { attempts, ok, result } = yield* call()
        assert.deepStrictEqual([ok, attempts], [true, 1])
        assert.deepStrictEqual(result, {
          place: {
            name: "Oslo",
            region: "Oslo County",
            country: "Norway",
            latitude: 59.91273,
            longitude: 10.74609,
            timezone: "Europe/Oslo"
          },
          current: {
            time: "2026-06-01T12:15",
            description: "slight rain",
            temperature: 14.2,
            feelsLike: 12.9,
            humidity: 71,
            precipitation: 0.4,
            windSpeed: 11.5
          },
          days: [
            {
              date: "2026-06-01",
              description: "slight rain",
              minTemperature: 8.1,
              maxTemperature: 15.3,
              precipitation: 4.2,
              maxWindSpeed: 22.3
            },
            {
              date: "2026-06-02",
              description: "overcast",
              minTemperature: 9,
              maxTemperature: 17.8,
              precipitation: 0,
              maxWindSpeed: 14
            }
          ]
        })
      })))

  it.effect("requests - first the place, then its weather, for three days unless told", () =>
    within(well, (asked) =>
      Effect.gen(function*() {
        yield* call({ city: "  Oslo " })
        yield* call({ city: "Oslo", days: 16 })
        const [search, first, , second] = asked.map(({ url }) => url)
        assert.strictEqual(search?.origin + search!.pathname, "https://geocoding-api.open-meteo.com/v1/search")
        assert.deepStrictEqual(Object.fromEntries(search!.searchParams), {
          name: "Oslo",
          count: "10",
          language: "en",
          format: "json"
        })
        assert.strictEqual(first?.origin + first!.pathname, "https://api.open-meteo.com/v1/forecast")
        assert.deepStrictEqual(Object.fromEntries(first!.searchParams), {
          latitude: "59.91273",
          longitude: "10.74609",
          current: "temperature_2m,relative_humidity_2m,apparent_temperature,precipitation,weather_code,wind_speed_10m",
          daily: "weather_code,temperature_2m_min,temperature_2m_max,precipitation_sum,wind_speed_10m_max",
          timezone: "auto",
          forecast_days: "3"
        })
        assert.strictEqual(second?.searchParams.get("forecast_days"), "16")
      })))

  it.effect.prop("requests - any name of a city arrives as it was given", [
    Schema.String.check(Schema.isMaxLength(100), Schema.isPattern(/\S/))
  ], ([city]) =>
    within(well, (asked) =>
      Effect.gen(function*() {
        assert.isTrue((yield* call({ city })).ok)
        const { hash, pathname, searchParams } = asked[0]!.url
        assert.deepStrictEqual([pathname, hash], ["/v1/search", ""])
        assert.deepStrictEqual([...searchParams.keys()], ["name", "count", "language", "format"])
        assert.strictEqual(searchParams.get("name"), city.trim().toWellFormed())
      })))

  it.effect("requests - characters of query strings stay in the name", () =>
    within(well, (asked) =>
      Effect.gen(function*() {
        const city = "Å&count=1#?/../%00+ =;é"
        yield* call({ city })
        assert.strictEqual(asked[0]!.url.searchParams.get("name"), city)
        assert.strictEqual(asked[0]!.url.searchParams.get("count"), "10")
      })))

  it.effect("place - the most populous of that name, and how to ask for the others", () =>
    within(
      inSearch([
        { ...oslo, name: "Berlin", admin1: "New Hampshire", country: "United States", population: 9367 },
        {
          ...oslo,
          name: "Berlin",
          admin1: "State of Berlin",
          country: "Germany",
          population: 3_426_354,
          latitude: 52.5
        },
        { ...oslo, name: "East Berlin", admin1: "Pennsylvania", country: "United States", population: 9_999_999 },
        { ...oslo, name: "BERLÍN", admin1: "Usulután", country: "El Salvador" },
        { ...oslo, name: "Berlin", admin1: "", country: "Nowhere", population: null }
      ]),
      (asked) =>
        Effect.gen(function*() {
          const { otherPlaces, place } = yield* weatherOf({ city: "berlin, somewhere" })
          assert.deepStrictEqual([place.name, place.region, place.country], ["Berlin", "State of Berlin", "Germany"])
          assert.deepStrictEqual(otherPlaces, [
            "BERLÍN, Usulután, El Salvador",
            "Berlin, New Hampshire, United States",
            "Berlin, Nowhere"
          ])
          assert.strictEqual(asked[0]!.url.searchParams.get("name"), "berlin, somewhere")
          assert.strictEqual(asked[1]!.url.searchParams.get("latitude"), "52.5")
        })
    ))

  it.effect("place - the best match counts although its name is a translation", () =>
    within(
      inSearch([
        { ...oslo, name: "Rome", country: "Italy", population: 2_318_895 },
        { ...oslo, name: "Roma", admin1: "Texas", country: "United States", population: 10_265 }
      ]),
      () =>
        Effect.gen(function*() {
          const { otherPlaces, place } = yield* weatherOf({ city: "Roma" })
          assert.strictEqual(place.name, "Rome")
          assert.deepStrictEqual(otherPlaces, ["Roma, Texas, United States"])
        })
    ))

  it.effect("place - at most five others, each once", () =>
    within(
      inSearch(Array.from({ length: 30 }, (_, i) => ({ ...oslo, country: `Country ${i % 9}`, population: 100 - i }))),
      () =>
        Effect.map(weatherOf(), ({ otherPlaces }) => {
          assert.deepStrictEqual(otherPlaces, [1, 2, 3, 4, 5].map((i) => `Oslo, Oslo County, Country ${i}`))
        })
    ))

  it.effect("result - what is not known is left out", () =>
    within((url) =>
      isSearch(url)
        ? { results: [{ name: "Oslo", latitude: 1, longitude: 2 }] }
        : {
          ...forecast,
          current: { time: "2026-06-01T12:15", temperature_2m: 1, weather_code: 0, precipitation: null },
          daily: {
            time: ["2026-06-01"],
            weather_code: [null],
            temperature_2m_min: [null],
            temperature_2m_max: [5],
            precipitation_sum: [null],
            wind_speed_10m_max: [null]
          }
        }, () =>
      Effect.map(weatherOf(), (result) => {
        assert.deepStrictEqual(result, {
          place: { name: "Oslo", latitude: 1, longitude: 2, timezone: "Europe/Oslo" },
          current: { time: "2026-06-01T12:15", description: "clear sky", temperature: 1 },
          days: [{ date: "2026-06-01", maxTemperature: 5 }]
        })
      })))

  it.effect.prop("result - has its declared form for any weather", {
    code: Schema.Int,
    values: Schema.Array(Schema.NullOr(Schema.Finite)).check(Schema.isMaxLength(16)),
    temperature: Schema.Finite
  }, ({ code, temperature, values }) =>
    within(
      afterSearch(() => ({
        ...forecast,
        current: { time: "2026-06-01T12:15", temperature_2m: temperature, weather_code: code },
        daily: {
          time: values.map((_, i) => `2026-06-${i + 1}`),
          weather_code: values.map(() => code),
          temperature_2m_min: values,
          temperature_2m_max: values,
          precipitation_sum: values,
          wind_speed_10m_max: values
        }
      })),
      () =>
        Effect.map(weatherOf(), ({ current, days }) => {
          assert.strictEqual(current.temperature, temperature === 0 ? 0 : temperature)
          assert.deepStrictEqual(
            days.map(({ minTemperature }) => minTemperature ?? null),
            values.map((it) => it === 0 ? 0 : it)
          )
        })
    ))

  it.effect("arguments - an empty city and days out of range are refused without a request", () =>
    within(well, (asked) =>
      Effect.gen(function*() {
        for (
          const parameters of [{ city: " " }, { city: "x".repeat(101) }, { city: "Oslo", days: 0 }, {
            city: "Oslo",
            days: 17
          }]
        ) {
          const { failure, ok } = yield* call(parameters)
          assert.deepStrictEqual([ok, failure?.reason], [false, "InvalidArguments"])
        }
        assert.lengthOf(asked, 0)
      })))
})

const body = (reply: string | null, init?: ResponseInit) => () => new Response(reply, init)

describe("failures", () => {
  const failing: ReadonlyArray<
    readonly [name: string, reply: Reply, reason: string, kind: string, attempts: number, message: string]
  > = [
    ["no results", () => ({ generationtime_ms: 1 }), "CityNotFound", "permanent", 1, "No place is named \"Oslo\""],
    ["a body of 256 KiB", body("{}".padEnd(256 * 1024)), "CityNotFound", "permanent", 1, "No place"],
    ["empty results", inSearch([]), "CityNotFound", "permanent", 1, "No place is named \"Oslo\""],
    ["503", body("busy", { status: 503 }), "ServiceUnavailable", "transient", 3, "geocoding service .* status 503"],
    [
      "500 of the other service",
      afterSearch(body("", { status: 500 })),
      "ServiceUnavailable",
      "transient",
      3,
      "forecast"
    ],
    ["408", body("", { status: 408 }), "ServiceUnavailable", "transient", 3, "status 408"],
    ["429", body("{}", { status: 429 }), "RateLimited", "transient", 3, "geocoding service limits"],
    ["400", body("{\"error\":true}", { status: 400 }), "RequestRefused", "permanent", 1, "status 400"],
    ["404", afterSearch(body("", { status: 404 })), "RequestRefused", "permanent", 1, "forecast service .* status 404"],
    ["302", body(null, { status: 302 }), "RequestRefused", "permanent", 1, "status 302"],
    ["204", body(null, { status: 204 }), "RequestRefused", "permanent", 1, "status 204"],
    ["malformed JSON", body("{\"results\": [{"), "Unreadable", "permanent", 1, "geocoding service"],
    ["HTML", afterSearch(body("<html></html>")), "Unreadable", "permanent", 1, "forecast service"],
    ["an empty body", body(null), "Unreadable", "permanent", 1, "geocoding service"],
    ["another form", () => [1, 2], "Unreadable", "permanent", 1, "geocoding service"],
    ["a latitude out of range", inSearch([{ ...oslo, latitude: 91 }]), "Unreadable", "permanent", 1, "geocoding"],
    ["a name without end", inSearch([{ ...oslo, name: "x".repeat(201) }]), "Unreadable", "permanent", 1, "geocoding"],
    ["a body above 256 KiB", body("{}".padEnd(256 * 1024 + 1)), "Unreadable", "permanent", 1, "geocoding service"],
    [
      "columns of unequal length",
      afterSearch(() => ({ ...forecast, daily: { ...forecast.daily, weather_code: [1] } })),
      "Unreadable",
      "permanent",
      1,
      "forecast service"
    ]
  ]

  for (const [name, reply, reason, kind, attempts, message] of failing) {
    it.effect(`${reason} - ${name}`, () =>
      within(reply, () =>
        Effect.map(callThrough(), (report) => {
          assert.deepStrictEqual([report.ok, report.failure?.kind, report.failure?.reason], [false, kind, reason])
          assert.strictEqual(report.attempts, attempts)
          assert.match(report.failure!.message, new RegExp(message))
        })))
  }

  it.effect("RateLimited - the wait that is asked for is kept", () =>
    within(
      (url, asked) =>
        asked.length === 1 ? new Response("", { status: 429, headers: { "retry-after": "7" } }) : well(url, asked),
      (asked) =>
        Effect.gen(function*() {
          const { attempts, ok } = yield* callThrough()
          assert.deepStrictEqual([ok, attempts], [true, 2])
          assert.isAtLeast(asked[1]!.at - asked[0]!.at, 7000)
        })
    ))

  it.effect("RateLimited, ServiceUnavailable - a wait until a date is counted from the date of the answer", () =>
    Effect.forEach([429, 503], (status) => {
      const headers = { date: "Wed, 21 Oct 2026 07:28:00 GMT", "retry-after": "Wed, 21 Oct 2026 07:28:09 GMT" }
      return within(
        (url, asked) => asked.length === 1 ? new Response("", { status, headers }) : well(url, asked),
        (asked) =>
          Effect.gen(function*() {
            const { attempts, ok } = yield* callThrough()
            assert.deepStrictEqual([ok, attempts], [true, 2])
            assert.isAtLeast(asked[1]!.at - asked[0]!.at, 9000)
          })
      )
    }))

  it.effect("ServiceUnreachable - no such host, a certificate that cannot be trusted: asked once", () =>
    Effect.forEach(["ENOTFOUND", "CERT_HAS_EXPIRED"], (code) => {
      let asked = 0
      const client = HttpClient.make((request) => {
        asked += 1
        const cause = Object.assign(new Error("secret-place"), { code })
        return Effect.fail(
          new HttpClientError.HttpClientError({ reason: new HttpClientError.TransportError({ request, cause }) })
        )
      })
      const layer = Layer.provide(Weather.layer(), Layer.succeed(HttpClient.HttpClient)(client))
      return Effect.gen(function*() {
        const { attempts, failure } = yield* call()
        assert.deepStrictEqual([failure?.reason, failure?.kind, attempts, asked], [
          "ServiceUnreachable",
          "permanent",
          1,
          1
        ])
        assert.notInclude(failure?.message, "secret-place")
      }).pipe(Effect.provide(layer))
    }))

  it.effect("RateLimited - a date without that of the answer, or nonsense, is as none", () =>
    Effect.forEach(
      ["Wed, 21 Oct 2026 07:28:00 GMT", "-1", "1e3", "", "soon"],
      (header) =>
        within(body("", { status: 429, headers: { "retry-after": header } }), () =>
          Effect.map(callThrough(), ({ failure }) => {
            assert.strictEqual(failure?.reason, "RateLimited")
            assert.notProperty(failure, "retryAfter")
          }))
    ))

  it.effect("ServiceUnavailable - one 503 is healed by a retry", () =>
    within(
      (url, asked) => asked.length === 2 ? new Response("", { status: 503 }) : well(url, asked),
      (asked) =>
        Effect.gen(function*() {
          const { attempts, ok } = yield* callThrough()
          assert.deepStrictEqual([ok, attempts], [true, 2])
          assert.deepStrictEqual(asked.map(({ url }) => isSearch(url)), [true, false, true, false])
        })
    ))

  it.effect("timeout - a service that hangs is given 5 seconds, and asked twice more", () => {
    let released = 0
    const hang = () => Effect.onInterrupt(Effect.never, () => Effect.sync(() => void released++))
    return within(hang, (asked) =>
      Effect.gen(function*() {
        const fiber = yield* Effect.forkChild(call())
        yield* TestClock.adjust("4999 millis")
        assert.deepStrictEqual([asked.length, released], [1, 0])
        yield* TestClock.adjust("1 minute")
        const { attempts, failure } = yield* Fiber.join(fiber)
        assert.deepStrictEqual([failure?.reason, failure?.kind, attempts], ["Timeout", "transient", 3])
        assert.deepStrictEqual([asked.length, released], [3, 3])
      }))
  })

  it.effect("timeout - a slow body counts too, and a slow answer within it is good", () => {
    const endless = new Response(new ReadableStream({ pull: () => new Promise<void>(() => {}) }))
    return Effect.gen(function*() {
      const slow: Reply = (url, asked) => Effect.as(Effect.sleep("2 seconds"), well(url, asked))
      assert.isTrue((yield* within(slow, () => callThrough())).ok)
      const hung: Reply = (url, asked) => asked.length === 1 ? endless : well(url, asked)
      const report = yield* within(hung, () => callThrough())
      assert.deepStrictEqual([report.ok, report.attempts], [true, 2])
    })
  })

  it.effect("errors - survive encoding and have a message of well-formed text", () =>
    Effect.gen(function*() {
      const service = "forecast"
      const errors = [
        new Weather.CityNotFound({ city: "a \"b\"\u001b[31m\ud800" }),
        new Weather.ServiceUnavailable({ service }),
        new Weather.ServiceUnavailable({ service, status: 503, retryAfter: Duration.seconds(3) }),
        new Weather.ServiceUnreachable({ service, detail: "no such host" }),
        new Weather.RateLimited({ service, retryAfter: Duration.seconds(3) }),
        new Weather.RequestRefused({ service, status: 400 }),
        new Weather.Unreadable({ service })
      ]
      for (const error of errors) {
        const encoded = yield* Schema.encodeUnknownEffect(Weather.GetWeather.failureSchema)(error)
        assert.deepStrictEqual(yield* Schema.decodeEffect(Weather.GetWeather.failureSchema)(encoded), error)
        assert.isNotEmpty(error.message)
        assert.isTrue(error.message.isWellFormed())
      }
      assert.include(errors[0]!.message, "a \\\"b\\\"\\u001b[31m\uFFFD")
    }))
})

const listen = (listener: RequestListener) =>
  Effect.acquireRelease(
    Effect.callback<ReturnType<typeof createServer>>((resume) => {
      const server = createServer(listener).listen(0, "127.0.0.1", () => resume(Effect.succeed(server)))
    }),
    (server) =>
      Effect.callback<void>((resume) => {
        server.closeAllConnections()
        server.close(() => resume(Effect.void))
      })
  )

const baseOf = (server: ReturnType<typeof createServer>) =>
  `http://127.0.0.1:${(server.address() as AddressInfo).port}/weather/`

/** Over `fetch` and a real connection. */
const over = (base: string) =>
  Weather.layer({ url: base, geocodingUrl: new URL(base) }).pipe(Layer.provide(FetchHttpClient.layer))

describe("layer", () => {
  // A real server, since a stub cannot break a connection; nothing here waits but for it.
  it.live("url, geocodingUrl - paths are kept; a connection that breaks is healed by a retry", () =>
    Effect.gen(function*() {
      const paths: Array<string> = []
      const server = yield* listen((request, response) => {
        const url = new URL(request.url!, "http://localhost")
        paths.push(url.pathname)
        if (paths.length === 1) return void request.socket.destroy()
        response.setHeader("content-type", "application/json")
        if (paths.length === 3) {
          response.write("{\"latitude\": ", () => request.socket.destroy())
          return
        }
        response.end(JSON.stringify(well(url, [])))
      })
      const { attempts, ok } = yield* Effect.provide(call(), over(baseOf(server)))
      assert.deepStrictEqual([ok, attempts], [true, 3])
      const [search, weather] = ["/weather/v1/search", "/weather/v1/forecast"]
      assert.deepStrictEqual(paths, [search, search, weather, search, weather])
    }))

  it.live("connection - an answer that is not read to its end is let go", () =>
    Effect.gen(function*() {
      const closed = yield* Deferred.make<void>()
      const server = yield* listen((_, response) => {
        response.on("close", () => Deferred.doneUnsafe(closed, Effect.void))
        response.writeHead(400).write("and so on")
      })
      const { failure } = yield* Effect.provide(call(), over(baseOf(server)))
      assert.strictEqual(failure?.reason, "RequestRefused")
      yield* Deferred.await(closed)
    }))

  it.live("ServiceUnavailable - nobody listens", () =>
    Effect.gen(function*() {
      const base = yield* Effect.scoped(Effect.map(listen(() => {}), baseOf))
      const { failure } = yield* Effect.provide(call(), over(base))
      assert.deepStrictEqual([failure?.reason, failure?.message], [
        "ServiceUnavailable",
        "No answer from the geocoding service"
      ])
    }))

  it.effect("UrlUnusable - names the option and does not tell its value", () =>
    Effect.gen(function*() {
      const client = Layer.succeed(HttpClient.HttpClient)(HttpClient.make(() => Effect.never))
      const unusable = [
        "",
        "nowhere",
        "ftp://a.example",
        "https://user:secret@a.example",
        "https://a.example/?a=secret"
      ]
      for (const url of unusable) {
        const error = yield* Effect.flip(Layer.build(Layer.provide(Weather.layer({ geocodingUrl: url }), client)))
        assert.deepStrictEqual(error, new Weather.UrlUnusable({ name: "geocodingUrl" }))
        assert.notInclude(error.message, "secret")
      }
    }))

  it.effect("layerFromEnv - reads the base URLs, and does without", () =>
    Effect.gen(function*() {
      const seen = (env: { readonly [name: string]: string }) =>
        Effect.gen(function*() {
          const urls: Array<string> = []
          const client = HttpClient.make((request, url) =>
            Effect.sync(() => {
              urls.push(url.href.split("?")[0]!)
              return HttpClientResponse.fromWeb(request, new Response("", { status: 400 }))
            })
          )
          const layer = Weather.layerFromEnv.pipe(
            Layer.provide(Layer.succeed(HttpClient.HttpClient)(client)),
            Layer.provide(ConfigProvider.layer(ConfigProvider.fromUnknown(env)))
          )
          yield* Effect.provide(call(), layer)
          return urls
        })
      assert.deepStrictEqual(yield* seen({}), ["https://geocoding-api.open-meteo.com/v1/search"])
      assert.deepStrictEqual(yield* seen({ OPEN_METEO_GEOCODING_URL: "http://localhost:1/a" }), [
        "http://localhost:1/a/v1/search"
      ])
      assert.deepStrictEqual(
        yield* Effect.flip(seen({ OPEN_METEO_URL: "nowhere" })),
        new Weather.UrlUnusable({ name: "OPEN_METEO_URL" })
      )
    }))
})

describe("toolkit", () => {
  it("tool - each parameter has an example", () => {
    const { properties } = Tool.getJsonSchema(Weather.GetWeather) as {
      readonly properties: { readonly [name: string]: { readonly description?: string; readonly examples?: unknown } }
    }
    assert.deepStrictEqual(Object.keys(properties), ["city", "days"])
    for (const property of Object.values(properties)) {
      assert.isString(property.description)
      assert.isArray(property.examples)
    }
  })
})

const isForecast = ({ url }: Asked): boolean => !isSearch(url)

describe("offline planner", () => {
  const ask = (question: string) =>
    within(
      (url, asked) =>
        isSearch(url) ? { results: [{ ...oslo, name: url.searchParams.get("name")! }] } : well(url, asked),
      (asked) =>
        Effect.map(
          Agent.run(Agent.make("weather", { tools: [Weather.toolkit] }), question).pipe(Effect.provide(Offline.layer)),
          (outcome) => ({ outcome, asked })
        )
    )

  it.effect("get_weather - is called once for each city of a question", () =>
    Effect.gen(function*() {
      const { asked } = yield* ask("What is the weather in Oslo and Bergen?")
      const cities = asked.filter(({ url }) => isSearch(url)).map(({ url }) => url.searchParams.get("name"))
      assert.deepStrictEqual(cities, ["Oslo", "Bergen"])
      assert.lengthOf(asked.filter(isForecast), 2)
    }))

  it.effect("get_weather - is not called for a question about pods", () =>
    Effect.gen(function*() {
      const question = "What pods are having issues in the production namespace? Check their metrics too."
      assert.lengthOf((yield* ask(question)).asked, 0)
    }))
})
