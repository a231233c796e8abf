/**
 * Runs a program in a process group of its own and ends the whole group with it, or when its time is over, or when the
 * caller is interrupted: first by SIGTERM, two seconds later by SIGKILL.
 *
 * @internal
 */
import * as Context from "effect/Context"
import type * as Duration from "effect/Duration"
import * as Effect from "effect/Effect"
import * as Fiber from "effect/Fiber"
import * as Option from "effect/Option"
import type * as PlatformError from "effect/PlatformError"
import * as Predicate from "effect/Predicate"
import * as ChildProcess from "effect/process/ChildProcess"
import type { ChildProcessSpawner } from "effect/process/ChildProcessSpawner"
import * as Result from "effect/Result"
import type * as Scope from "effect/Scope"
import * as Stream from "effect/Stream"
import { OutOfResources, StartFailed } from "../ShellError.ts"
import * as Output from "./output.ts"

/** @internal */
export interface Ended {
  /** `undefined` where it was ended by a signal or by its time limit. */
  readonly exitCode: number | undefined
  readonly timedOut: boolean
  readonly stdout: Output.Kept
  readonly stderr: Output.Kept
}

/** Half of what is shown of each output, in bytes. */
const half = { stdout: 8 * 1024, stderr: 4 * 1024 } as const

/** How long a group has between SIGTERM and SIGKILL. @internal */
export const Grace: Context.Reference<Duration.Input> = Context.Reference<Duration.Input>(
  "@volley/tools/Shell/Grace",
  { defaultValue: () => "2 seconds" }
)

const forNow: ReadonlySet<string> = new Set(["EAGAIN", "ENOMEM", "EMFILE", "ENFILE"])

const notStarted = (program: string) => ({ reason }: PlatformError.PlatformError): OutOfResources | StartFailed => {
  const code = Predicate.hasProperty(reason.cause, "code") ? String(reason.cause.code) : reason._tag
  return forNow.has(code) ? new OutOfResources({ program, code }) : new StartFailed({ program, code })
}

/**
 * @param program - as it was asked for
 * @param options.file - its path
 * @internal
 */
export const run = Effect.fnUntraced(function*(
  program: string,
  options: {
    readonly file: string
    readonly arguments: ReadonlyArray<string>
    readonly directory: string
    readonly environment: { readonly [name: string]: string }
    readonly timeout: Duration.Input
  }
): Effect.fn.Return<Ended, OutOfResources | StartFailed, ChildProcessSpawner | Scope.Scope> {
  const grace = yield* Grace
  const command = ChildProcess.make(options.file, options.arguments, {
    cwd: options.directory,
    env: options.environment,
    stdin: "ignore",
    detached: true,
    forceKillAfter: grace
  })
  const child = yield* Effect.mapError(command, notStarted(program))
  const stdout = Output.make(half.stdout)
  const stderr = Output.make(half.stderr)
  const keep = (from: typeof child.stdout, into: Output.Kept) =>
    Effect.ignore(Stream.runForEach(from, (chunk) => Effect.sync(() => into.push(chunk))))
  const read = yield* Effect.forkScoped(
    Effect.all([keep(child.stdout, stdout), keep(child.stderr, stderr)], { concurrency: 2, discard: true })
  )
  const exit = yield* Effect.timeoutOption(Effect.result(child.exitCode), options.timeout)
  // What it left running would hold its outputs open.
  yield* Effect.ignore(child.kill({ killSignal: "SIGTERM", forceKillAfter: grace }))
  // A process that went to another group may hold them open still.
  yield* Effect.timeoutOption(Fiber.await(read), grace)
  return {
    exitCode: Option.getOrUndefined(Option.flatMap(exit, Result.getSuccess)),
    timedOut: Option.isNone(exit),
    stdout,
    stderr
  }
}, Effect.scoped)
