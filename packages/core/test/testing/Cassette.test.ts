import * as NodeFileSystem from "@effect/platform-node/NodeFileSystem"
import { assert, describe, it } from "@effect/vitest"
import { Agent, Journal, Redactor, RunEvent, ToolFailure, ToolPolicy } from "@volley/core"
import { Cassette, ModelScript, ScriptedModel } from "@volley/core/testing"
import { Clock, Effect, Fiber, FileSystem, Random, Redacted, Schema, type Scope } from "effect"
import { TestClock } from "effect/testing"

/** A file that is not there yet. */
const newFile = Effect.gen(function*() {
  const fs = yield* FileSystem.FileSystem
  return `${yield* fs.makeTempDirectoryScoped()}/run.cassette`
})

const withFiles = <A, E>(effect: Effect.Effect<A, E, FileSystem.FileSystem | Scope.Scope>) =>
  effect.pipe(Effect.provide(NodeFileSystem.layer), Effect.scoped)

/** Files that need no real time. */
const inMemory = () => {
  const files = new Map<string, string>()
  return FileSystem.layerNoop({
    exists: (path) => Effect.sync(() => files.has(path)),
    readFileString: (path) => Effect.sync(() => files.get(path) ?? ""),
    writeFileString: (path, text) => Effect.sync(() => void files.set(path, text))
  })
}

/** An effect that sleeps for some seconds at the most. */
const inTime = <A, E, R>(effect: Effect.Effect<A, E, R>) =>
  Effect.gen(function*() {
    const fiber = yield* Effect.forkChild(effect)
    for (let second = 0; second < 10; second++) yield* TestClock.adjust("1 second")
    return yield* Fiber.join(fiber)
  })

const temperatures: Record<string, number> = { Oslo: 7, Bergen: 9 }

const makeWeather = (
  describe = (city: string) => `${temperatures[city]} °C`,
  description = "Current weather of a city"
) =>
  Agent.tool("get_weather", {
    description,
    class: "readonly",
    parameters: { city: Schema.String },
    run: ({ city }) => describe(city)
  })

const makeAgent = (weather = makeWeather(), instructions = "You know the weather.") =>
  Agent.make("weather", { instructions, tools: [weather] })

const cities = (...names: ReadonlyArray<string>) =>
  ModelScript.toolUse(names.map((city) => ({ name: "get_weather", input: { city } })))

const script = [
  ModelScript.reply({
    content: [
      { type: "thinking", thinking: "Two cities.", signature: "c2ln" },
      { type: "text", text: "I look both of them up." },
      ...cities("Oslo", "Bergen").content
    ],
    chunkSize: 4
  }),
  ModelScript.text("Oslo 7, Bergen 9", { chunkSize: 3 })
]

const question = "Weather in Oslo and Bergen?"

const recordRun = (path: string, steps: ModelScript.Script = script, agent = makeAgent()) =>
  Cassette.record(path, agent, question).pipe(Effect.provide(ScriptedModel.layer(steps)))

const sorted = (_: string, value: unknown): unknown =>
  typeof value === "object" && value !== null && !Array.isArray(value)
    ? Object.fromEntries(Object.entries(value).toSorted(([left], [right]) => left < right ? -1 : 1))
    : value

/** Calls that run beside each other come to their ends in any order, and are intended together or one by one. */
const inAnyOrder = (events: ReadonlyArray<any>): ReadonlyArray<string> =>
  events
    .flatMap((event) => event._tag === "DispatchIntended" ? event.calls : [event])
    .map((event) => JSON.stringify("version" in event ? Schema.encodeSync(RunEvent.Json)(event) : event, sorted))
    .toSorted()

const failureOf = <A, E, R>(effect: Effect.Effect<A, E, R>) =>
  Effect.map(Effect.flip(effect), (error) => {
    assert.instanceOf(error, Cassette.CassetteFailure)
    return error
  })

const edit = (path: string, change: (lines: ReadonlyArray<string>) => ReadonlyArray<string>) =>
  Effect.gen(function*() {
    const fs = yield* FileSystem.FileSystem
    const text = yield* fs.readFileString(path)
    yield* fs.writeFileString(path, change(text.split("\n")).join("\n"))
  })

describe("Cassette", () => {
  it.effect("replay - gives the outcome again without a model, and the same transcript", () =>
    withFiles(Effect.gen(function*() {
      const path = yield* newFile
      const recorded = yield* recordRun(path)
      const replayed = yield* Cassette.replay(path, makeAgent())
      assert.deepStrictEqual(
        JSON.parse(JSON.stringify(replayed)),
        JSON.parse(JSON.stringify(recorded))
      )
      assert.strictEqual(replayed.runId, recorded.runId)
      assert.strictEqual(replayed.text, "Oslo 7, Bergen 9")
    })))

  it.effect("replay - the events are those of the journal, at the recorded time", () =>
    withFiles(Effect.gen(function*() {
      yield* TestClock.setTime(1_700_000_000_000)
      const path = yield* newFile
      const journal = Journal.makeMemory()
      const { runId } = yield* Effect.provideService(recordRun(path), Journal.current, journal)
      yield* TestClock.setTime(1_800_000_000_000)
      const events: Array<unknown> = []
      yield* Cassette.replay(path, makeAgent(), {
        onEvent: (item) =>
          Effect.sync(() => void ("TextDelta" === item._tag || "ThinkingDelta" === item._tag || events.push(item)))
      })
      assert.deepStrictEqual(inAnyOrder(events), inAnyOrder(yield* journal.read(runId)))
    })))

  it.effect("replay - handlers see the recorded day and the recorded randomness", () =>
    withFiles(Effect.gen(function*() {
      yield* TestClock.setTime(1_700_000_000_000)
      const now = Agent.tool("now", {
        description: "The time",
        class: "readonly",
        run: () => Effect.map(Effect.all([Clock.currentTimeMillis, Random.nextInt]), (both) => both.join())
      })
      const agent = Agent.make("clock", { tools: [now] })
      const path = yield* newFile
      yield* Cassette.record(path, agent, "?").pipe(
        Effect.provide(ScriptedModel.layer([ModelScript.toolUse([{ name: "now" }]), ModelScript.text("late")]))
      )
      yield* TestClock.setTime(1_900_000_000_000)
      yield* Cassette.replay(path, agent)
    })))

  it.effect("replay - a request that differs is shown with the first message that does", () =>
    withFiles(Effect.gen(function*() {
      const path = yield* newFile
      yield* recordRun(path)
      const warmer = makeAgent(makeWeather((city) => city === "Bergen" ? "10 °C" : "7 °C"))
      const { message, reason } = yield* failureOf(Cassette.replay(path, warmer))
      assert.strictEqual(reason, "Request")
      assert.strictEqual(
        message,
        `Cassette "${path}": request 2 differs at messages[3].content[1].result\n  recorded: "9 °C"\n  now:      "10 °C"`
      )
    })))

  it.effect("replay - instructions, tool descriptions, limits: whatever changed is found", () =>
    withFiles(Effect.gen(function*() {
      const path = yield* newFile
      yield* recordRun(path)
      const replay = (agent: ReturnType<typeof makeAgent>) => failureOf(Cassette.replay(path, agent))
      const told = yield* replay(makeAgent(makeWeather(), "You know nothing."))
      assert.include(told.detail, "request 1 differs at messages[0].content\n  recorded: \"You know the weather.\"")
      const described = yield* replay(makeAgent(makeWeather(undefined, "Weather")))
      assert.include(described.detail, "request 1 differs at tools[0].description")
      const limited = yield* replay(
        Agent.make("weather", {
          instructions: "You know the weather.",
          tools: [makeWeather()],
          limits: { turns: 7 }
        }) as never
      )
      assert.strictEqual(limited.reason, "Events")
      assert.include(limited.detail, "differs at limits.turns\n  recorded: 10\n  now:      7")
      const effectful = ToolPolicy.effectful(makeWeather())
      const classed = yield* replay(makeAgent(effectful))
      assert.strictEqual(classed.reason, "Events")
      assert.include(classed.detail, "differs at tools[0].class\n  recorded: \"readonly\"\n  now:      \"effectful\"")
    })))

  it.effect("replay - a run that asks less leaves requests over, one that asks more has none", () =>
    withFiles(Effect.gen(function*() {
      const path = yield* newFile
      yield* recordRun(path)
      class Broken extends Schema.TaggedError<Broken>()("Broken", {}) {
        readonly [ToolFailure.kind] = "fatal" as const
      }
      const fatal = Agent.tool("get_weather", {
        description: "Current weather of a city",
        class: "readonly",
        parameters: { city: Schema.String },
        failure: Schema.Union([Broken]),
        run: () => Effect.fail(new Broken())
      })
      const less = yield* failureOf(Cassette.replay(path, makeAgent(fatal as never)))
      assert.strictEqual(less.reason, "Unconsumed")
      assert.include(less.detail, "1 of 2 requests were not sent")
      yield* edit(path, (lines) => {
        const exchange = lines.findLastIndex((line) => line.startsWith("{\"exchange\""))
        return lines.flatMap((line, i) =>
          i === exchange ? [] : line.startsWith("{\"lines\"") ? [`{"lines":${lines.length - 4}}`] : [line]
        )
      })
      const more = yield* failureOf(Cassette.replay(path, makeAgent()))
      assert.strictEqual(more.reason, "Request")
      assert.include(more.detail, "request 2 was never recorded")
    })))

  it.effect("replay - a run that failed fails again, with the same failure of the model", () =>
    withFiles(Effect.gen(function*() {
      const path = yield* newFile
      const recorded = yield* Effect.flip(recordRun(path, [cities("Oslo"), ModelScript.status(400, { message: "no" })]))
      const replayed = yield* Effect.flip(Cassette.replay(path, makeAgent()))
      assert.strictEqual(replayed.message, recorded.message)
      assert.strictEqual(replayed._tag, "AiError")
    })))

  it.effect("replay - a reply that broke off and was asked for again breaks off again, under virtual time", () =>
    Effect.gen(function*() {
      const steps = [ModelScript.cut(script[0] as ModelScript.Reply, { afterEvents: 9 }), ...script]
      const { text } = yield* inTime(recordRun("cut", steps))
      const events: Array<string> = []
      const replayed = yield* inTime(
        Cassette.replay("cut", makeAgent(), { onEvent: (item) => Effect.sync(() => void events.push(item._tag)) })
      )
      assert.strictEqual(replayed.text, text)
      assert.include(events, "ModelFailed")
    }).pipe(Effect.provide(inMemory())))

  it.effect("replay - how long tools take, and who waits for whom, does not count", () =>
    Effect.gen(function*() {
      const makeSlow = (millis: (city: string) => number) =>
        Agent.make("slow", {
          limits: { concurrency: 1 },
          tools: [Agent.tool("get_weather", {
            description: "Weather",
            class: "readonly",
            parameters: { city: Schema.String },
            run: ({ city }) => Effect.delay(Effect.succeed(city), millis(city))
          })]
        })
      const steps = [cities("Oslo", "Bergen", "Molde"), ModelScript.text("done")]
      const tags: Array<string> = []
      const noting = { onEvent: (item: { readonly _tag: string }) => Effect.sync(() => void tags.push(item._tag)) }
      yield* inTime(
        Cassette.record("slow", makeSlow((city) => city === "Oslo" ? 900 : 300), "?", noting).pipe(
          Effect.provide(ScriptedModel.layer(steps))
        )
      )
      assert.include(tags, "CallQueued")
      tags.length = 0
      yield* inTime(Cassette.replay("slow", makeSlow(() => 0), noting))
      assert.include(tags, "RunEnded")
      yield* inTime(Cassette.replay("slow", makeSlow((city) => city === "Oslo" ? 100 : 900)))
    }).pipe(Effect.provide(inMemory())))

  it.effect("T5 - no secret is in the file, also not one that came in pieces, and the run is replayed without it", () =>
    withFiles(Effect.gen(function*() {
      const path = yield* newFile
      const secret = "hunter2-hunter2"
      const steps = [
        ModelScript.reply({
          content: [{ type: "text", text: `The password is ${secret}.` }, ...cities(secret).content],
          chunkSize: 5
        }),
        ModelScript.text("done")
      ]
      const agent = makeAgent(makeWeather((city) => `nothing of ${city}`), `Never say ${secret}.`)
      yield* Cassette.record(path, agent, `Say ${secret}`).pipe(
        Effect.provide([ScriptedModel.layer(steps), Redactor.layer([Redacted.make(secret)])])
      )
      const text = yield* (yield* FileSystem.FileSystem).readFileString(path)
      for (const part of [secret, "hunter2", "unter2-hun"]) assert.notInclude(text, part)
      assert.include(text, "\"delta\":\"The password is [redacted].\"")
      assert.include(text, "\"delta\":\"{\\\"city\\\":\\\"[redacted]\\\"}\"")
      yield* Cassette.replay(path, makeAgent(makeWeather((city) => `nothing of ${city}`), "Never say something-else."))
      const other = makeAgent(makeWeather((city) => `nothing of ${city}`), "Always say something-else.")
      assert.strictEqual((yield* failureOf(Cassette.replay(path, other))).reason, "Request")
    })))

  it.effect("record - keeps the runs that tools start, with their requests", () =>
    withFiles(Effect.gen(function*() {
      const path = yield* newFile
      const expert = makeAgent()
      const boss = Agent.make("boss", { tools: [Agent.asTool(expert, { description: "Asks the expert" })] })
      const steps = [
        ModelScript.toolUse([{ name: "weather", input: { task: "Oslo?" } }]),
        cities("Oslo"),
        ModelScript.text("7"),
        ModelScript.text("It is 7 °C")
      ]
      yield* Cassette.record(path, boss, "?").pipe(Effect.provide(ScriptedModel.layer(steps)))
      const { text } = yield* Cassette.replay(path, boss)
      assert.strictEqual(text, "It is 7 °C")
      const colder = Agent.make("boss", {
        tools: [Agent.asTool(makeAgent(makeWeather(() => "-7 °C")), { description: "Asks the expert" })]
      })
      assert.include((yield* failureOf(Cassette.replay(path, colder))).detail, "recorded: \"7 °C\"")
    })))

  it.effect("record - with history, tenant, thread and metadata the replay begins as the run did", () =>
    withFiles(Effect.gen(function*() {
      const path = yield* newFile
      const tenants: Array<string | undefined> = []
      yield* Cassette.record(path, makeAgent(), "And now?", {
        tenant: "acme",
        thread: "t1",
        metadata: { a: "b" },
        history: (yield* Agent.run(makeAgent(), question).pipe(Effect.provide(ScriptedModel.layer(script)))).transcript
      }).pipe(Effect.provide(ScriptedModel.layer([ModelScript.text("the same")])))
      yield* Cassette.replay(path, makeAgent(), {
        onEvent: (item) =>
          Effect.sync(() => void (item._tag === "RunStarted" && tenants.push(item.tenant, item.thread)))
      })
      assert.deepStrictEqual(tenants, ["acme", "t1"])
    })))

  it.effect("record - never overwrites, and asks no model for it", () =>
    withFiles(Effect.gen(function*() {
      const path = yield* newFile
      yield* recordRun(path)
      const model = yield* ScriptedModel.make(script)
      const { message, reason } = yield* failureOf(
        Cassette.record(path, makeAgent(), question).pipe(Effect.provide(model.layer))
      )
      assert.strictEqual(reason, "Exists")
      assert.strictEqual(message, `Cassette "${path}": it exists already; remove it to record it anew`)
      assert.lengthOf(yield* model.requests, 0)
    })))

  it.effect("record - only its owner may read the file; one that cannot be written is a failure", () =>
    withFiles(Effect.gen(function*() {
      const path = yield* newFile
      yield* recordRun(path)
      const { mode } = yield* (yield* FileSystem.FileSystem).stat(path)
      assert.strictEqual(mode & 0o777, 0o600)
      assert.strictEqual((yield* failureOf(recordRun(`${path}/nowhere/x`))).reason, "Unwritable")
    })))

  it.effect("replay - a file that is missing, damaged, of another version or of another agent says so", () =>
    withFiles(Effect.gen(function*() {
      const fs = yield* FileSystem.FileSystem
      const path = yield* newFile
      const replay = failureOf(Cassette.replay(path, makeAgent()))
      assert.strictEqual((yield* replay).detail, "it cannot be read: NotFound")
      yield* recordRun(path)
      const whole = yield* fs.readFileString(path)
      const after = (text: string) =>
        Effect.andThen(
          fs.writeFileString(path, text),
          Effect.map(replay, ({ detail, reason }) => `${reason}: ${detail}`)
        )
      assert.strictEqual(yield* after("hello"), "Damaged: its first line is not that of a cassette")
      assert.include(yield* after(whole.slice(0, -3)), "Damaged: it was not written to its end, or lines are missing")
      assert.include(yield* after(whole.replace(/\n[^\n]*\n/, "\n")), "Damaged: it was not written to its end")
      assert.strictEqual(
        yield* after(whole.replace("\"_tag\":\"TurnClosed\"", "\"_tag\":\"TurnClozed\"")),
        `Damaged: line ${
          whole.slice(0, whole.indexOf("TurnClosed")).split("\n").length
        } is neither an event nor an exchange`
      )
      assert.strictEqual(
        yield* after(whole.replace("{\"cassette\":1", "{\"cassette\":2")),
        "Version: it is of version 2, this is version 1; record it anew"
      )
      assert.strictEqual(
        yield* after(whole.replace("\"agent\":\"weather\"", "\"agent\":\"other\"")),
        "OtherAgent: it is a run of agent \"other\", not of \"weather\""
      )
    })))

  it.effect("record - is written when the run is cancelled, too", () =>
    Effect.gen(function*() {
      const slow = [cities("Oslo"), { ...ModelScript.text("slow"), delay: "1 hour" as const }]
      const fiber = yield* Effect.forkChild(recordRun("cancelled", slow))
      for (let second = 0; second < 5; second++) yield* TestClock.adjust("1 second")
      yield* Fiber.interrupt(fiber)
      const text = yield* (yield* FileSystem.FileSystem).readFileString("cancelled")
      assert.include(text, "\"outcome\":\"cancelled\"")
      assert.include(text, "\"end\":\"broken off\"")
    }).pipe(Effect.provide(inMemory())))
})
