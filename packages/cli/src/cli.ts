/**
 * The command line: every command with its arguments and flags. What a command does is loaded when it is used.
 *
 * @internal
 */
import * as Argument from "effect/cli/Argument"
import * as CliError from "effect/cli/CliError"
import * as Command from "effect/cli/Command"
import * as Flag from "effect/cli/Flag"
import * as GlobalFlag from "effect/cli/GlobalFlag"
import * as Duration from "effect/Duration"
import * as Effect from "effect/Effect"
import * as Option from "effect/Option"
import * as References from "effect/References"

const units = { ms: "millis", s: "seconds", m: "minutes", min: "minutes", h: "hours" } as const

/** A duration as `30s`, `2m`, `500ms` or in effect's words, `30 seconds`; `undefined` unless above zero. @internal */
export const parseDuration = (text: string): Duration.Duration | undefined => {
  const short = /^(\d+(?:\.\d+)?)(ms|s|min|m|h)$/.exec(text.trim())
  const input = short === null ? text.trim() : `${short[1]} ${units[short[2] as keyof typeof units]}`
  const duration = Option.getOrUndefined(Duration.fromInput(input as Duration.Input))
  return duration !== undefined && Duration.toMillis(duration) > 0 ? duration : undefined
}

const duration = (name: string) =>
  Flag.String(name).pipe(
    Flag.mapEffect((value) => {
      const parsed = parseDuration(value)
      return parsed === undefined
        ? Effect.fail(
          new CliError.InvalidValue({
            option: name,
            value,
            expected: "a duration above zero such as 30s, 2m or 500ms",
            kind: "flag"
          })
        )
        : Effect.succeed(parsed)
    }),
    Flag.withMetavar("duration")
  )

const count = (name: string, least: number) =>
  Flag.String(name).pipe(
    Flag.mapEffect((value) =>
      /^\d+$/.test(value) && Number(value) >= least && Number.isSafeInteger(Number(value))
        ? Effect.succeed(Number(value))
        : Effect.fail(
          new CliError.InvalidValue({
            option: name,
            value,
            expected: `a whole number of at least ${least}`,
            kind: "flag"
          })
        )
    ),
    Flag.withMetavar("n")
  )

const given = <A>(flag: Flag.Flag<A>): Flag.Flag<A | undefined> => Flag.map(Flag.optional(flag), Option.getOrUndefined)

const sources = {
  tools: given(Flag.String("tools")).pipe(
    Flag.withMetavar("families"),
    Flag.withDescription("Built-in tool families, comma-separated, such as files")
  ),
  toolkit: given(Flag.String("toolkit")).pipe(
    Flag.withMetavar("file"),
    Flag.withDescription("Module (.ts, .js) that exports \"toolkit\" and \"layer\", or \"tools\"")
  ),
  root: Flag.String("root").pipe(
    Flag.withDefault("."),
    Flag.withMetavar("dir"),
    Flag.withDescription("Directory that built-in tools are confined to (default .)")
  )
}

const timeout = (what: string) => given(duration("timeout")).pipe(Flag.withDescription(what))

const omitUndefined = <A extends object>(record: A) =>
  Object.fromEntries(Object.entries(record).filter(([, value]) => value !== undefined)) as {
    [K in keyof A]?: Exclude<A[K], undefined>
  }

const output = Flag.Literals("output", ["text", "json", "ndjson"]).pipe(Flag.withDefault("text" as const))

const newJournal = given(Flag.String("journal")).pipe(
  Flag.withMetavar("file"),
  Flag.withDescription("New file that keeps the events of the run")
)

const quiet = Flag.Boolean("quiet").pipe(
  Flag.withAlias("q"),
  Flag.withDefault(false),
  Flag.withDescription("Nothing on stderr but errors")
)

const run = Command.make(
  "run",
  {
    question: Argument.String("question").pipe(
      Argument.optional,
      Argument.map(Option.getOrUndefined),
      Argument.withDescription("What is asked; text that is piped in is its context, or the question itself")
    ),
    model: given(Flag.String("model")).pipe(
      Flag.withMetavar("id"),
      Flag.withDescription(
        "A Claude model, or \"offline\"; default claude-sonnet-5-5 where ANTHROPIC_API_KEY, ANTHROPIC_AUTH_TOKEN or"
          + " ANTHROPIC_BASE_URL is set, else offline"
      )
    ),
    ...sources,
    maxTurns: given(count("max-turns", 1)).pipe(Flag.withDescription("Model turns at most (default 10)")),
    maxToolCalls: given(count("max-tool-calls", 0)).pipe(
      Flag.withDescription("Tool calls of the whole run at most (default unbounded)")
    ),
    concurrency: given(count("concurrency", 1)).pipe(
      Flag.withDescription("Tool calls that run at the same time (default 5)")
    ),
    timeout: timeout("Longest time of the whole run, such as 30s or 2m (default 5m)"),
    maxTokens: given(count("max-tokens", 1)).pipe(
      Flag.withDescription("Output tokens of one model response, Claude only (default 16000)")
    ),
    output: output.pipe(
      Flag.withDescription("What stdout carries: the answer, one JSON report, or one event a line (default text)")
    ),
    journal: newJournal,
    quiet
  },
  Effect.fnUntraced(function*({ concurrency, maxToolCalls, maxTurns, timeout, ...options }) {
    const command = yield* Effect.promise(() => import("./commands/run.ts"))
    const limits = omitUndefined({ turns: maxTurns, toolCalls: maxToolCalls, concurrency, deadline: timeout })
    const silent = options.quiet && Option.isNone(yield* GlobalFlag.LogLevel)
    const running = command.run({ ...options, limits })
    yield* silent ? Effect.provideService(running, References.MinimumLogLevel, "None") : running
  })
).pipe(
  Command.withDescription("Ask a question; the answer goes to stdout, everything else to stderr"),
  Command.withExamples([
    { command: "volley run --tools files \"Which files mention retries?\"" },
    { command: "git diff | volley run --output json \"What does this change?\"" }
  ])
)

/** The seed of the README. */
const defaultSeed = 1

const demo = Command.make(
  "demo",
  {
    seed: given(count("seed", 0)).pipe(
      Flag.withDescription(`Names and faults of the simulated cluster (default ${defaultSeed})`)
    ),
    model: given(Flag.String("model")).pipe(
      Flag.withMetavar("id"),
      Flag.withDescription("A Claude model, or \"offline\" (default offline)")
    ),
    output: output.pipe(
      Flag.withDescription(
        "What stdout carries: answer and timeline, one JSON report, or one event a line (default text)"
      )
    ),
    journal: newJournal,
    quiet
  },
  Effect.fnUntraced(function*({ seed = defaultSeed, ...options }) {
    const command = yield* Effect.promise(() => import("./commands/demo.ts"))
    yield* command.demo({ seed, ...options })
  })
).pipe(Command.withDescription("Ask about the pods of a simulated cluster, whose servers fail in several ways"))

const journal = Argument.String("journal").pipe(Argument.withDescription("File that \"volley run --journal\" wrote"))

const check = Command.make(
  "check",
  { journal },
  Effect.fnUntraced(function*({ journal }) {
    const command = yield* Effect.promise(() => import("./commands/check.ts"))
    yield* command.check(journal)
  })
).pipe(Command.withDescription("Check a journal against the guarantees; exits 1 if one is violated"))

const show = Command.make(
  "show",
  { journal },
  Effect.fnUntraced(function*({ journal }) {
    const command = yield* Effect.promise(() => import("./commands/show.ts"))
    yield* command.show(journal)
  })
).pipe(Command.withDescription("Show the run of a journal as text, and its timeline"))

const call = Command.make(
  "call",
  {
    name: Argument.String("name").pipe(Argument.withDescription("Name of the tool")),
    parameters: Argument.String("arguments").pipe(Argument.withDescription("Its arguments as a JSON object")),
    ...sources,
    timeout: timeout("Longest time of the call, retries included (default 5m)"),
    output: output.pipe(
      Flag.withDescription("How the call is shown: as text, as one JSON object, or one event a line (default text)")
    )
  },
  Effect.fnUntraced(function*({ timeout, ...options }) {
    const command = yield* Effect.promise(() => import("./commands/tools.ts"))
    yield* command.call({ ...options, limits: omitUndefined({ deadline: timeout }) })
  })
).pipe(
  Command.withDescription("Run one call of a tool, with its retries and timeout, and show its events"),
  Command.withExamples([{ command: "volley tools call list_files '{\"path\":\".\"}'" }])
)

const tools = Command.make(
  "tools",
  {
    ...sources,
    output: Flag.Literals("output", ["text", "json"]).pipe(
      Flag.withDefault("text" as const),
      Flag.withDescription("The form of the list (default text)")
    )
  },
  Effect.fnUntraced(function*(options) {
    const command = yield* Effect.promise(() => import("./commands/tools.ts"))
    yield* command.list(options)
  })
).pipe(
  Command.withDescription("List tools with their schemas, effect class and policy"),
  Command.withSubcommands([call])
)

/** The root command. @internal */
export const volley = Command.make("volley").pipe(
  Command.withDescription("Ask questions of a model that has tools, and look at what it did"),
  Command.withSubcommands([demo, run, check, show, tools])
)
