import { assert, describe, expect, it } from "@effect/vitest"
import {
  Agent,
  Dependencies,
  Dispatcher,
  Redactor,
  ResultStore,
  ToolCache,
  ToolFailure,
  ToolPolicy
} from "@volley/core"
import { Effect, Exit, Redacted, Schema } from "effect"
import { Tool, Toolkit } from "effect/ai"
import { CircuitBreaker } from "effect/persistence"
import { TestClock } from "effect/testing"
import { answer } from "../src/internal/dispatch/answer.ts"
import { makeRoom } from "../src/internal/dispatch/bound.ts"
import { inTime } from "./support/observe.ts"
import { type Asked, dispatchTurn, type TurnOptions } from "./support/turn.ts"

/** A tool whose handler is the effect. */
const playing = (effectClass: ToolPolicy.EffectClass, run: Effect.Effect<unknown, unknown>, policy: object = {}) =>
  ToolPolicy.set(
    Agent.tool("play", { description: "Plays", class: effectClass, failure: Schema.Unknown, run: () => run }),
    { retry: { times: 0 }, ...policy }
  )

const failing = (effectClass: ToolPolicy.EffectClass, error: unknown) => playing(effectClass, Effect.fail(error))

const textOf = (tool: Tool.Any): Effect.Effect<unknown> =>
  Effect.map(inTime(Dispatcher.call(tool, {}) as Effect.Effect<Dispatcher.CallReport>), ({ result }) => result)

/** What the model reads about each call of a turn. */
const textsOf = (
  tools: ReadonlyArray<Tool.Any>,
  calls: ReadonlyArray<Asked>,
  options?: TurnOptions
): Effect.Effect<ReadonlyArray<unknown>> =>
  Effect.map(inTime(dispatchTurn(tools, calls, options)), ({ answers }) => answers.map(({ result }) => result))

const each = Effect.fnUntraced(function*<A>(items: ReadonlyArray<A>, tool: (item: A) => Tool.Any) {
  const texts: Record<string, unknown> = {}
  for (const item of items) texts[String(item)] = yield* textOf(tool(item))
  return texts
})

describe("what the model reads", () => {
  it.effect("a transient failure, by reason", () =>
    Effect.gen(function*() {
      const texts = yield* each(
        ToolFailure.TransientReason.literals,
        (reason) => failing("readonly", ToolFailure.transient({ reason, message: "the service is busy" }))
      )
      expect(texts).toMatchInlineSnapshot(`
        {
          "CircuitOpen": "Transient failure (CircuitOpen): the service is busy. Tried once. The same call may succeed later.",
          "Conflict": "Transient failure (Conflict): the service is busy. Tried once. The same call may succeed later.",
          "ConnectionLost": "Transient failure (ConnectionLost): the service is busy. Tried once. The same call may succeed later.",
          "Overloaded": "Transient failure (Overloaded): the service is busy. Tried once. The same call may succeed later.",
          "RateLimited": "Transient failure (RateLimited): the service is busy. Tried once. The same call may succeed later.",
          "Timeout": "Transient failure (Timeout): the service is busy. Tried once. The same call may succeed later.",
          "Unavailable": "Transient failure (Unavailable): the service is busy. Tried once. The same call may succeed later.",
        }
      `)
    }))

  it.effect("a permanent failure, by reason", () =>
    Effect.gen(function*() {
      const texts = yield* each(
        ToolFailure.PermanentReason.literals,
        (reason) => failing("readonly", ToolFailure.permanent({ reason, message: "the file is not there" }))
      )
      expect(texts).toMatchInlineSnapshot(`
        {
          "AlreadyExists": "Permanent failure (AlreadyExists): the file is not there. Tried once. The same call will fail again.",
          "Cancelled": "Permanent failure (Cancelled): the file is not there. Tried once. Whether the same call may succeed is not known.",
          "DependencyFailed": "Permanent failure (DependencyFailed): the file is not there. Tried once. Call it again once that has succeeded.",
          "FailedPrecondition": "Permanent failure (FailedPrecondition): the file is not there. Tried once. The same call will fail again until that is resolved.",
          "InvalidArguments": "Permanent failure (InvalidArguments): the file is not there. Tried once. The same call will fail again: correct the arguments.",
          "NotFound": "Permanent failure (NotFound): the file is not there. Tried once. The same call will fail again.",
          "PermissionDenied": "Permanent failure (PermissionDenied): the file is not there. Tried once. The same call will fail again.",
          "TooLarge": "Permanent failure (TooLarge): the file is not there. Tried once. The same call will fail again.",
          "Unauthenticated": "Permanent failure (Unauthenticated): the file is not there. Tried once. The same call will fail again.",
          "Unsupported": "Permanent failure (Unsupported): the file is not there. Tried once. The same call will fail again.",
        }
      `)
    }))

  it.effect("an outcome that is unknown", () =>
    Effect.gen(function*() {
      const unavailable = ToolFailure.transient({ reason: "Unavailable", message: "the service is busy" })
      const tools = {
        idempotent: failing("idempotent", unavailable),
        effectful: failing("effectful", unavailable),
        timeout: playing("effectful", Effect.never, { timeout: "2 seconds" }),
        unclassified: failing("effectful", new Error("no luck")),
        interrupted: playing("effectful", Effect.interrupt),
        defect: playing("effectful", Effect.die(new Error("canary"))),
        aborted: failing("effectful", AbortSignal.abort().reason)
      }
      const texts: Record<string, unknown> = {}
      for (const [name, tool] of Object.entries(tools)) texts[name] = yield* textOf(tool)
      expect(texts).toMatchInlineSnapshot(`
        {
          "aborted": "Outcome unknown (Cancelled): aborted. Tried once. It may have taken effect: verify before you repeat it.",
          "defect": "Outcome unknown: the tool had an internal error. Tried once. It may have taken effect: verify before you repeat it.",
          "effectful": "Outcome unknown (Unavailable): the service is busy. Tried once. It may have taken effect: verify before you repeat it.",
          "idempotent": "Outcome unknown (Unavailable): the service is busy. Tried once. It may have taken effect: verify before you repeat it.",
          "interrupted": "Outcome unknown (Cancelled): the tool interrupted itself. Tried once. It may have taken effect: verify before you repeat it.",
          "timeout": "Outcome unknown (Timeout): no result within 2000 ms. Tried once. It may have taken effect: verify before you repeat it.",
          "unclassified": "Outcome unknown: no luck. Tried once. It may have taken effect: verify before you repeat it.",
        }
      `)
    }))

  it.effect("an outcome that an earlier attempt left unknown", () =>
    Effect.gen(function*() {
      const { transient } = ToolFailure
      let attempts = 0
      const tool = Agent.tool("play", {
        description: "Is lost once, then refused",
        class: "idempotent",
        run: () =>
          Effect.suspend(() =>
            Effect.fail(
              ++attempts === 1
                ? transient({ reason: "ConnectionLost", message: "connection reset" })
                : transient({ reason: "RateLimited", message: "too many requests", executed: false })
            )
          )
      })
      expect(yield* textOf(tool)).toMatchInlineSnapshot(
        `"Outcome unknown (RateLimited): too many requests. Tried 3 times. It may have taken effect: verify before you repeat it."`
      )
    }))

  it.effect("nothing was executed", () =>
    Effect.gen(function*() {
      const limited = ToolFailure.transient({
        reason: "RateLimited",
        message: "too many requests",
        retryAfter: "90 seconds",
        executed: false
      })
      const texts = [
        yield* textOf(failing("effectful", limited)),
        yield* textOf(failing("readonly", limited)),
        yield* textOf(failing("effectful", Object.assign(new Error("x"), { code: "ECONNREFUSED" })))
      ]
      expect(texts).toMatchInlineSnapshot(`
        [
          "Transient failure (RateLimited): too many requests. Tried once, nothing was executed. The same call may succeed after 90 s.",
          "Transient failure (RateLimited): too many requests. Tried once. The same call may succeed after 90 s.",
          "Transient failure (Unavailable): connection refused. Tried once, nothing was executed. The same call may succeed later.",
        ]
      `)
    }))

  it.effect("errors of others", () =>
    Effect.gen(function*() {
      class Gone extends Schema.TaggedError<Gone>()("Gone", { reason: Schema.String }) {}
      const stack = new Error("cannot open /srv/secret/app.db\n    at open (/srv/secret/db.ts:1:2)")
      const tools = {
        status: failing("readonly", { status: 503, headers: { "retry-after": "7" } }),
        notFound: failing("readonly", { status: 404 }),
        code: failing("readonly", Object.assign(new Error("x"), { code: "ENOENT" })),
        unknown: failing("readonly", new Error("no luck.")),
        stack: failing("readonly", stack),
        nothing: failing("readonly", undefined),
        domain: playing("readonly", Effect.fail(new Gone({ reason: "/srv/secret/free text" })), {
          failures: { Gone: "permanent" }
        }),
        defect: playing("readonly", Effect.die(stack)),
        unencodable: Agent.tool("play", { description: "Plays", class: "readonly", run: () => 1n }),
        header: failing("readonly", new Error("Authorization: Bearer canary-canary-canary"))
      }
      const texts: Record<string, unknown> = {}
      for (const [name, tool] of Object.entries(tools)) {
        texts[name] = yield* textOf(tool).pipe(
          Effect.provideService(Redactor.current, Redactor.make([Redacted.make("canary-canary-canary")]))
        )
      }
      expect(texts).toMatchInlineSnapshot(`
        {
          "code": "Permanent failure (NotFound): no such file or directory. Tried once. The same call will fail again.",
          "defect": "Internal error: the tool gave no result. Tried once. Repeating the call will hardly help.",
          "domain": "Permanent failure (Gone): no message. Tried once. The same call will fail again.",
          "header": "Unknown failure: Authorization: Bearer [redacted]. Tried once. Whether the same call may succeed is not known.",
          "notFound": "Permanent failure (NotFound): HTTP 404: not found. Tried once. The same call will fail again.",
          "nothing": "Unknown failure: no message. Tried once. Whether the same call may succeed is not known.",
          "stack": "Unknown failure: cannot open …/app.db. Tried once. Whether the same call may succeed is not known.",
          "status": "Transient failure (Unavailable): HTTP 503: service unavailable. Tried once. The same call may succeed after 7 s.",
          "unencodable": "Internal error: the tool gave no result. Tried once. Repeating the call will hardly help.",
          "unknown": "Unknown failure: no luck. Tried once. Whether the same call may succeed is not known.",
        }
      `)
      assert.notMatch(JSON.stringify(texts), /canary|\/srv|secret\b/)
    }))

  it.effect("an open circuit: for how long, and that nothing was executed", () =>
    Effect.gen(function*() {
      const breaker = yield* CircuitBreaker.make({
        tripPolicy: CircuitBreaker.consecutive(1),
        openDuration: "30 seconds"
      })
      yield* Effect.ignore(breaker.execute(Effect.fail("down"), { key: "k" }))
      expect(yield* textOf(playing("effectful", breaker.execute(Effect.void, { key: "k" })))).toMatchInlineSnapshot(
        `"Transient failure (CircuitOpen): too many calls failed lately, so none is let through for now. Tried once, nothing was executed. The same call may succeed after 30 s."`
      )
    }).pipe(Effect.provide(CircuitBreaker.layerStoreMemory())))

  it.effect("a refused retry says why", () =>
    Effect.gen(function*() {
      const busy = (retryAfter: number) =>
        Agent.tool("play", {
          description: "Plays",
          class: "readonly",
          run: () => Effect.fail(ToolFailure.transient({ reason: "Unavailable", message: "busy.", retryAfter }))
        })
      const call = [{ name: "play" }]
      /** What the last of so many calls is told, all of which want a retry at the same time. */
      const lastOf = (calls: number, options: TurnOptions = {}) =>
        Effect.map(
          textsOf([busy(0)], Array.from({ length: calls }, (_, n) => ({ name: "play", params: { n } })), {
            concurrency: calls,
            retries: 1000,
            ...options
          }),
          (texts) => texts.slice(-1)
        ).pipe(Effect.provide(Dependencies.layerMemory))
      const texts = {
        run: yield* textsOf([busy(0)], call, { retries: 1 }),
        thread: yield* lastOf(14, { thread: "t" }),
        dependency: yield* lastOf(144),
        deadline: yield* textsOf([busy(5000)], call, { deadline: 3000 }),
        retryAfter: yield* textsOf([busy(31_000)], call)
      }
      expect(texts).toMatchInlineSnapshot(`
        {
          "deadline": [
            "Transient failure (Unavailable): busy (no time is left to retry). Tried once. The same call may succeed after 5 s.",
          ],
          "dependency": [
            "Transient failure (Unavailable): busy (too many calls of this kind are being retried). Tried once. The same call may succeed later.",
          ],
          "retryAfter": [
            "Transient failure (Unavailable): busy (the wait asked for is too long to retry now). Tried once. The same call may succeed after 31 s.",
          ],
          "run": [
            "Transient failure (Unavailable): busy (the run's retries are spent). Tried 2 times. The same call may succeed later.",
          ],
          "thread": [
            "Transient failure (Unavailable): busy (the thread's retries are spent for now). Tried once. The same call may succeed later.",
          ],
        }
      `)
    }))

  const weather = Agent.tool("get_weather", {
    description: "The weather of a city",
    class: "readonly",
    parameters: {
      city: Schema.String,
      days: Schema.Int.check(Schema.isBetween({ minimum: 1, maximum: 14 })),
      unit: Schema.optionalKey(Schema.Literals(["celsius", "fahrenheit"]))
    },
    run: ({ city }) => city
  })

  it.effect("a call of no tool", () =>
    Effect.gen(function*() {
      const names = ["get_wether", "delete_everything", "", "constructor", "__proto__", "get_weather\u0000\ud83d"]
      expect(yield* textsOf([weather], names.map((name) => ({ name })))).toMatchInlineSnapshot(`
        [
          "Permanent failure (NotFound): no tool is named "get_wether"; did you mean "get_weather"? It was not executed. The same call will fail again.",
          "Permanent failure (NotFound): no tool is named "delete_everything"; there are: get_weather. It was not executed. The same call will fail again.",
          "Permanent failure (NotFound): no tool is named ""; there are: get_weather. It was not executed. The same call will fail again.",
          "Permanent failure (NotFound): no tool is named "constructor"; there are: get_weather. It was not executed. The same call will fail again.",
          "Permanent failure (NotFound): no tool is named "__proto__"; there are: get_weather. It was not executed. The same call will fail again.",
          "Permanent failure (NotFound): no tool is named "get_weather �"; did you mean "get_weather"? It was not executed. The same call will fail again.",
        ]
      `)
      expect(yield* textsOf([], [{ name: "get_weather" }])).toMatchInlineSnapshot(`
        [
          "Permanent failure (NotFound): no tool is named "get_weather"; there are no tools. It was not executed. The same call will fail again.",
        ]
      `)
    }))

  it.effect("bad arguments", () =>
    Effect.gen(function*() {
      const all: ReadonlyArray<unknown> = [
        {},
        { city: 7, days: 15, unit: "kelvin" },
        null,
        [],
        "{\"city\":",
        JSON.parse(`${"[".repeat(300)}${"]".repeat(300)}`),
        { city: JSON.parse(`${"[".repeat(300)}${"]".repeat(300)}`) }
      ]
      const texts = yield* textsOf([weather], all.map((params) => ({ name: "get_weather", params })), {
        concurrency: 64
      })
      expect(texts).toMatchInlineSnapshot(`
        [
          "Permanent failure (InvalidArguments): city: Missing key, expected string; days: Missing key, expected number. It was not executed. The same call will fail again: correct the arguments.",
          "Permanent failure (InvalidArguments): city: Expected string; days: Expected a value between 1 and 14; unit: Expected "celsius" | "fahrenheit". It was not executed. The same call will fail again: correct the arguments.",
          "Permanent failure (InvalidArguments): the arguments are not a complete JSON object. It was not executed. The same call will fail again: correct the arguments.",
          "Permanent failure (InvalidArguments): the arguments are not a complete JSON object. It was not executed. The same call will fail again: correct the arguments.",
          "Permanent failure (InvalidArguments): the arguments are not a complete JSON object. It was not executed. The same call will fail again: correct the arguments.",
          "Permanent failure (InvalidArguments): the arguments are not a complete JSON object. It was not executed. The same call will fail again: correct the arguments.",
          "Permanent failure (InvalidArguments): the arguments are nested deeper than 256 levels. It was not executed. The same call will fail again: correct the arguments.",
        ]
      `)
    }))

  it.effect("bad arguments of a dynamic tool", () =>
    Effect.gen(function*() {
      const Lookup = ToolPolicy.readonly(
        Tool.dynamic("lookup", {
          description: "Looks something up",
          parameters: {
            type: "object",
            properties: { id: { type: "string", pattern: "^[a-z]+$" }, limit: { type: "integer", maximum: 10 } },
            required: ["id"],
            additionalProperties: false
          }
        })
      )
      const all = [{}, { id: "A1", limit: 11, more: true }]
      const texts = yield* textsOf([Lookup], all.map((params) => ({ name: "lookup", params }))).pipe(
        Effect.provide(Toolkit.make(Lookup).toLayer({ lookup: () => Effect.succeed("found") }))
      )
      expect(texts).toMatchInlineSnapshot(`
        [
          "Permanent failure (InvalidArguments): id: Missing key, expected string. It was not executed. The same call will fail again: correct the arguments.",
          "Permanent failure (InvalidArguments): id: Expected a string matching the RegExp ^[a-z]+$; limit: Expected a value less than or equal to 10; more: Expected no excess property. It was not executed. The same call will fail again: correct the arguments.",
        ]
      `)
    }))

  it.effect("a dependency that failed", () =>
    Effect.gen(function*() {
      const first = failing("readonly", ToolFailure.permanent({ reason: "NotFound", message: "none" }))
      const second = ToolPolicy.set(Agent.tool("second", { description: "Comes after", run: () => "done" }), {
        after: ["play"]
      })
      expect(yield* textsOf([first, second], [{ name: "second" }, { name: "play" }])).toMatchInlineSnapshot(`
        [
          "Permanent failure (DependencyFailed): it comes after "play", which did not succeed. It was not executed. Call it again once that has succeeded.",
          "Permanent failure (NotFound): none. Tried once. The same call will fail again.",
        ]
      `)
    }))

  it.effect("no time, no place", () =>
    Effect.gen(function*() {
      const deaf = playing("effectful", Effect.uninterruptible(Effect.sleep("10 seconds")), {
        concurrency: 1,
        timeout: "100 millis"
      })
      const calls = [{ name: "play" }, { name: "play" }]
      const texts = {
        late: yield* textsOf([deaf], [{ name: "play" }], { deadline: 0 }),
        place: yield* textsOf([deaf], calls, { deadline: 1000 })
      }
      expect(texts).toMatchInlineSnapshot(`
        {
          "late": [
            "Transient failure (Timeout): the deadline passed before the attempt began. It was not executed. The same call may succeed later.",
          ],
          "place": [
            "Outcome unknown (Timeout): no result within 100 ms. Tried once. It may have taken effect: verify before you repeat it.",
            "Transient failure (Unavailable): A place of tool "play" was not free before the deadline. It was not executed. The same call may succeed later.",
          ],
        }
      `)
    }))

  it.effect("a result that does not come from the tool now", () =>
    Effect.gen(function*() {
      const call = { history: { attempts: 1, handlers: [] } } as unknown as Parameters<typeof answer>[1]
      const results = yield* ResultStore.current
      const noted = (value: unknown) =>
        Effect.map(
          answer(
            { place: makeRoom(1000).add(), results, readable: false },
            call,
            undefined,
            Exit.succeed({ value, note: "from the cache, 40 s old" })
          ),
          ({ result }) => result
        )
      expect([yield* noted("7 °C"), yield* noted({ degrees: 7 }), yield* noted(undefined)]).toMatchInlineSnapshot(`
        [
          "7 °C

        (from the cache, 40 s old)",
          {
            "note": "from the cache, 40 s old",
            "result": {
              "degrees": 7,
            },
          },
          "done

        (from the cache, 40 s old)",
        ]
      `)
    }))

  it.effect("nothing: is answered all the same", () =>
    Effect.gen(function*() {
      const empty = Agent.tool("play", { description: "Plays", class: "readonly", run: () => "" })
      expect([yield* textOf(empty), yield* textOf(playing("readonly", Effect.void))]).toMatchInlineSnapshot(`
        [
          "done",
          "done",
        ]
      `)
    }))

  it.effect("the tool's own circuit, its fallback, its stale result, its rate", () =>
    Effect.gen(function*() {
      const down = ToolFailure.transient({ reason: "Unavailable", message: "HTTP 503: service unavailable" })
      const breaker = { tripPolicy: CircuitBreaker.consecutive(1), openDuration: "30 seconds" }
      const guarded = playing("readonly", Effect.fail(down), { breaker })
      const spare = Agent.tool("spare", { description: "Stands in", class: "readonly", run: () => "7 °C" })
      const helped = playing("readonly", Effect.fail(down), { fallback: spare })
      let works = true
      const cached = playing("readonly", Effect.suspend(() => works ? Effect.succeed("8 °C") : Effect.fail(down)), {
        cache: { timeToLive: "1 minute", staleIfError: "1 hour" }
      })
      const limited = playing("effectful", Effect.succeed("9 °C"), { rateLimit: { limit: 1, window: "1 minute" } })
      const texts = {
        opens: yield* textOf(guarded),
        isOpen: yield* textOf(guarded),
        fallback: yield* textOf(helped),
        fresh: yield* textOf(cached),
        stale: yield* Effect.andThen(
          TestClock.adjust("5 minutes"),
          Effect.suspend(() => {
            works = false
            return textOf(cached)
          })
        ),
        limited: yield* textsOf([limited], [{ name: "play" }, { name: "play" }], { deadline: 10_000 })
      }
      expect(texts).toMatchInlineSnapshot(`
        {
          "fallback": "7 °C

        (from "spare", since "play" failed (Unavailable): HTTP 503: service unavailable)",
          "fresh": "8 °C",
          "isOpen": "Transient failure (CircuitOpen): too many calls of "play" failed, so it is not called for another 30 s. It was not executed. The same call may succeed after 30 s.",
          "limited": [
            "9 °C",
            "Transient failure (RateLimited): the rate of calls of "play" is reached. It was not executed. The same call may succeed after 60 s.",
          ],
          "opens": "Transient failure (Unavailable): HTTP 503: service unavailable. Tried once. The same call may succeed later.",
          "stale": "8 °C

        (from the cache, 5 min old, since the tool fails for now (Unavailable))",
        }
      `)
    }).pipe(Effect.provide([Dependencies.layerMemory, ToolCache.layerMemory()])))
})
