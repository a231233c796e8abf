/**
 * The edge of the command: runs it, and turns its end into an exit code. Importing this module starts it.
 *
 * @internal
 */
import * as NodeServices from "@effect/platform-node/NodeServices"
import * as Redactor from "@volley/core/Redactor"
import * as Cause from "effect/Cause"
import * as CliConfig from "effect/cli/CliConfig"
import * as CliError from "effect/cli/CliError"
import * as CliOutput from "effect/cli/CliOutput"
import * as Command from "effect/cli/Command"
import * as GlobalFlag from "effect/cli/GlobalFlag"
import * as Context from "effect/Context"
import * as Effect from "effect/Effect"
import * as Exit from "effect/Exit"
import * as Layer from "effect/Layer"
import * as Logger from "effect/Logger"
import * as References from "effect/References"
import * as fs from "node:fs"
import process from "node:process"
import { volley } from "./cli.ts"
import { codes, Exit as Ended, messageOf } from "./exit.ts"
import * as SafeText from "./render/safeText.ts"
import * as Secrets from "./secrets.ts"
import { isDrawn, screen, write } from "./stdio.ts"
import { usageLine } from "./usageLine.ts"

const { version } = JSON.parse(fs.readFileSync(new URL("../package.json", import.meta.url), "utf8")) as {
  readonly version: string
}

const formatter = CliOutput.defaultFormatter({ colors: isDrawn(process.stdout, process.env) })

const presenter: CliOutput.Presenter = {
  present: (event) => {
    switch (event._tag) {
      case "Help":
        return Effect.asVoid(write(`${formatter.formatHelpDoc(event.helpDoc)}\n`))
      case "Version":
        return Effect.asVoid(write(`${event.name} ${event.version}\n`))
      case "InvalidInvocation":
        return Effect.map(Redactor.current, ({ redact }) => screen.print(redact(usageLine(event))))
    }
  }
}

/** Log lines go above the live view. */
const logger = (redact: (text: string) => string) =>
  Logger.make<unknown, void>(({ cause, logLevel, message }) => {
    const parts = (Array.isArray(message) ? message : [message]).map((part) =>
      Cause.isCause(part) ? `\n${Cause.pretty(part)}` : typeof part === "string" ? part : SafeText.json(part)
    )
    const text = [...parts, ...(cause.reasons.length === 0 ? [] : [`\n${Cause.pretty(cause)}`])].join(" ")
    screen.print(SafeText.block(redact(`${logLevel.toUpperCase()} ${text}`)))
  })

/** The exit code, and the line for stderr that goes with it. */
const verdict = (
  exit: Exit.Exit<void, Ended | CliError.CliError>
): { readonly code: number; readonly line: string } => {
  if (Exit.isSuccess(exit)) return { code: codes.ok, line: "" }
  if (Cause.hasInterruptsOnly(exit.cause)) return { code: codes.interrupted, line: "" }
  const error: unknown = Cause.squash(exit.cause)
  if (error instanceof Ended) return { code: error.code, line: error.message }
  if (CliError.isCliError(error)) {
    // the presenter has said what is wrong
    return { code: error._tag === "ShowHelp" && error.errors.length === 0 ? codes.ok : codes.usage, line: "" }
  }
  return { code: codes.failed, line: `unexpected error: ${messageOf(error)}` }
}

const program = Effect.gen(function*() {
  yield* Secrets.learn(process.env)
  const { redact } = yield* Redactor.current
  const exit = yield* Command.runWith(volley, { version })(process.argv.slice(2)).pipe(
    Effect.provide(Layer.mergeAll(
      Logger.layer([logger(redact)]),
      CliOutput.layerPresenter(presenter),
      CliConfig.layer({ builtIns: [GlobalFlag.Help, GlobalFlag.Version, GlobalFlag.Completions, GlobalFlag.LogLevel] }),
      NodeServices.layer
    )),
    Effect.provideService(References.MinimumLogLevel, "Warn"),
    Effect.exit
  )
  if (Exit.isFailure(exit)) yield* Effect.logDebug("the command failed", exit.cause)
  const { code, line } = verdict(exit)
  if (line !== "") screen.print(`volley: ${SafeText.line(redact(line))}`)
  return code
})

/** Set when something fails that belongs to no effect, such as a promise that a tool has forgotten. */
let crashed = false

// a reader that goes away is noticed where something is written; unheard, the event would end the process with a stack
process.stdout.on("error", () => {})
process.stderr.on("error", () => {})

const fiber = Effect.runFork(program)
// an open promise does not keep Node alive, a timer does
const alive = setInterval(() => {}, 2 ** 30)
fiber.addObserver((exit) => {
  clearInterval(alive)
  // an abandoned handler must not hold the process
  process.exit(Exit.isSuccess(exit) ? exit.value : crashed ? codes.failed : codes.interrupted)
})

// the run is cancelled, so that its calls are answered and its journal is closed
process.on("uncaughtException", (error: unknown) => {
  crashed = true
  const { redact } = Context.get(Context.empty(), Redactor.current)
  screen.print(`volley: error outside of any tool call: ${redact(messageOf(error))}`)
  fiber.interruptUnsafe()
})

/** npm sends its child the signal that the terminal has sent it already: not a second Ctrl-C. */
const echo = 150

let interruptedAt: number | undefined
const interrupt = (): void => {
  const now = performance.now()
  if (interruptedAt === undefined) {
    interruptedAt = now
    fiber.interruptUnsafe()
  } else if (now - interruptedAt > echo) {
    process.exit(codes.interrupted)
  }
}
process.on("SIGINT", interrupt)
process.on("SIGTERM", interrupt)
process.on("SIGHUP", interrupt)
