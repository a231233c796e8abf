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

const amount = (name: string) =>
  Flag.String(name).pipe(
    Flag.mapEffect((value) =>
      /^\d*\.?\d+$/.test(value) && Number(value) > 0 && Number.isFinite(Number(value))
        ? Effect.succeed(Number(value))
        : Effect.fail(
          new CliError.InvalidValue({
            option: name,
            value,
            expected: "an amount above zero such as 0.50",
            kind: "flag"
          })
        )
    )
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
  mcp: Flag.String("mcp").pipe(
    Flag.withMetavar("server"),
    Flag.atLeast(0),
    Flag.withDescription("MCP server, as \"command args\" or https://…, or name=… of it; may be repeated")
  ),
  mcpConfig: given(Flag.String("mcp-config")).pipe(
    Flag.withMetavar("file"),
    Flag.withDescription("File with MCP servers, such as .mcp.json")
  ),
  openapi: Flag.String("openapi").pipe(
    Flag.withMetavar("document"),
    Flag.atLeast(0),
    Flag.withDescription("OpenAPI document, as a file or a URL, or name=… of it; may be repeated")
  ),
  openapiInclude: Flag.String("openapi-include").pipe(
    Flag.withMetavar("operations"),
    Flag.atLeast(0),
    Flag.withDescription("Operations of the document: an id, tag:…, or \"GET /pets/**\"; may be repeated")
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

/** Model, tools and approvals of the commands that run the agent. */
const session = {
  model: given(Flag.String("model")).pipe(
    Flag.withMetavar("id"),
    Flag.withDescription(
      "A Claude model, or \"offline\"; default claude-sonnet-5-5 where ANTHROPIC_API_KEY, ANTHROPIC_AUTH_TOKEN or"
        + " ANTHROPIC_BASE_URL is set, else offline"
    )
  ),
  ...sources,
  maxTokens: given(count("max-tokens", 1)).pipe(
    Flag.withDescription("Output tokens of one model response, Claude only (default 16000)")
  ),
  approve: Flag.String("approve").pipe(
    Flag.withMetavar("tool"),
    Flag.atLeast(0),
    Flag.withDescription(
      "Approve the calls of this tool in advance, or of \"all\"; may be repeated (default: ask at the terminal, else refuse)"
    )
  ),
  output: output.pipe(
    Flag.withDescription("What stdout carries: the answer, one JSON report, or one event a line (default text)")
  ),
  quiet
}

const bounds = {
  maxTurns: given(count("max-turns", 1)).pipe(Flag.withDescription("Model turns at most (default 10)")),
  maxToolCalls: given(count("max-tool-calls", 0)).pipe(
    Flag.withDescription("Tool calls of the whole run at most (default unbounded)")
  ),
  concurrency: given(count("concurrency", 1)).pipe(
    Flag.withDescription("Tool calls that run at the same time (default 5)")
  ),
  maxCost: given(amount("max-cost")).pipe(
    Flag.withMetavar("usd"),
    Flag.withDescription("Cost of the whole run in USD at most; one response may exceed it (default unbounded)")
  ),
  maxTotalTokens: given(count("max-total-tokens", 1)).pipe(
    Flag.withDescription("Tokens in and out of the whole run at most (default unbounded)")
  ),
  timeout: timeout("Longest time of the whole run, such as 30s or 2m (default 5m)")
}

interface Bounds {
  readonly maxTurns: number | undefined
  readonly maxToolCalls: number | undefined
  readonly concurrency: number | undefined
  readonly maxCost: number | undefined
  readonly maxTotalTokens: number | undefined
  readonly timeout: Duration.Duration | undefined
}

const limitsOf = ({ concurrency, maxCost, maxToolCalls, maxTotalTokens, maxTurns, timeout }: Bounds) =>
  omitUndefined({
    turns: maxTurns,
    toolCalls: maxToolCalls,
    concurrency,
    tokens: maxTotalTokens,
    cost: maxCost === undefined ? undefined : { usd: maxCost },
    deadline: timeout
  })

/** With --quiet nothing is logged either, unless a log level is asked for. */
const quietly = Effect.fnUntraced(function*<A, E, R>(quiet: boolean, running: Effect.Effect<A, E, R>) {
  const silent = quiet && Option.isNone(yield* GlobalFlag.LogLevel)
  return yield* silent ? Effect.provideService(running, References.MinimumLogLevel, "None") : running
})

const optionalText = (name: string, description: string) =>
  Argument.String(name).pipe(
    Argument.optional,
    Argument.map(Option.getOrUndefined),
    Argument.withDescription(description)
  )

const journal = Argument.String("journal").pipe(Argument.withDescription("File that \"volley run --journal\" wrote"))

const run = Command.make(
  "run",
  {
    question: optionalText("question", "What is asked; text that is piped in is its context, or the question itself"),
    ...session,
    ...bounds,
    journal: newJournal
  },
  Effect.fnUntraced(function*(options) {
    const command = yield* Effect.promise(() => import("./commands/run.ts"))
    yield* quietly(options.quiet, command.run({ ...options, limits: limitsOf(options) }))
  })
).pipe(
  Command.withDescription("Ask a question; the answer goes to stdout, everything else to stderr"),
  Command.withExamples([
    { command: "volley run --tools files \"Which files mention retries?\"" },
    { command: "git diff | volley run --output json \"What does this change?\"" }
  ])
)

const resume = Command.make(
  "resume",
  { journal, ...session },
  Effect.fnUntraced(function*(options) {
    const command = yield* Effect.promise(() => import("./commands/resume.ts"))
    yield* quietly(options.quiet, command.resume(options))
  })
).pipe(
  Command.withDescription(
    "Go on with a run whose process is gone, in the same journal, within its limits and with its tools"
  ),
  Command.withExamples([{ command: "volley resume run.ndjson --tools files" }])
)

const replay = Command.make(
  "replay",
  {
    journal,
    ...sources,
    output: Flag.Literals("output", ["text", "json"]).pipe(
      Flag.withDefault("text" as const),
      Flag.withDescription("The form of what was found (default text)")
    )
  },
  Effect.fnUntraced(function*(options) {
    const command = yield* Effect.promise(() => import("./commands/replay.ts"))
    yield* command.replay(options)
  })
).pipe(
  Command.withDescription(
    "Decide a run again without calling a model or a tool; exits 1 if the present tools and code would do otherwise"
  ),
  Command.withExamples([{ command: "volley replay run.ndjson --tools files" }])
)

const fork = Command.make(
  "fork",
  {
    from: journal,
    input: optionalText("input", "What is said to the model before that turn (default nothing)"),
    turn: count("turn", 1).pipe(Flag.withDescription("The turn of the earlier run that the new one begins before")),
    ...session,
    ...bounds,
    journal: newJournal
  },
  Effect.fnUntraced(function*(options) {
    const command = yield* Effect.promise(() => import("./commands/fork.ts"))
    yield* quietly(options.quiet, command.fork({ ...options, limits: limitsOf(options) }))
  })
).pipe(
  Command.withDescription("Begin a new run from what an earlier one knew before one of its turns"),
  Command.withExamples([{ command: "volley fork run.ndjson --turn 2 --tools files \"Look in src alone\"" }])
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

const port = Flag.String("port").pipe(
  Flag.mapEffect((value) =>
    /^\d{1,5}$/.test(value) && Number(value) <= 65_535
      ? Effect.succeed(Number(value))
      : Effect.fail(
        new CliError.InvalidValue({ option: "port", value, expected: "a port from 0 to 65535", kind: "flag" })
      )
  ),
  Flag.withMetavar("n")
)

const emulate = Command.make(
  "emulate",
  {
    port: given(port).pipe(Flag.withDescription("Where to listen (default a free port)")),
    host: Flag.String("host").pipe(
      Flag.withDefault("127.0.0.1"),
      Flag.withMetavar("address"),
      Flag.withDescription("Address to listen on; anybody who reaches it may ask (default 127.0.0.1)")
    ),
    script: given(Flag.String("script")).pipe(
      Flag.withMetavar("file"),
      Flag.withDescription("JSON list of the answers, one for each request (default: the offline planner answers)")
    )
  },
  Effect.fnUntraced(function*({ port = 0, ...options }) {
    const command = yield* Effect.promise(() => import("./commands/emulate.ts"))
    yield* command.emulate({ port, ...options })
  })
).pipe(
  Command.withDescription(
    "Serve an emulated Messages API: its URL goes to stdout, one line a request to stderr; Ctrl-C ends it"
  ),
  Command.withExamples([{ command: "volley emulate --port 8080 --script replies.json" }])
)

/** The root command. @internal */
export const volley = Command.make("volley").pipe(
  Command.withDescription("Ask questions of a model that has tools, and look at what it did"),
  Command.withSubcommands([demo, run, resume, fork, replay, check, show, tools, emulate])
)
