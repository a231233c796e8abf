/**
 * A tool that runs commands: `run_command`.
 *
 * **Details**
 *
 * A command is an argv, never a line for a shell. It runs where it begins with one that was allowed, in a directory below the
 * root, with the few variables of the environment that are let through and without input. Programs are looked up in the
 * directories of `PATH` that are outside the root. A process has a group of its own, which is ended as a whole with it, after
 * its time limit, and when the call is interrupted. Of what it writes the first and the last is kept, without what would
 * control a terminal. Secrets that the redactor of the context knows do not appear in results.
 *
 * A call wants approval unless its command was listed as `readonly`, no further argument is an option, and none leaves the
 * root as a path.
 *
 * This is no sandbox: an allowed program may do whatever its user may, also outside the root, and some run what files of the
 * root say, as git does by its configuration. A process that makes a group of its own outlives its command. Where that
 * matters, run the agent in a container. POSIX systems only: on Windows no program is found.
 *
 * **Example** (Two commands that run as they are, and one that is asked for)
 *
 * ```ts
 * import * as NodeServices from "@effect/platform-node/NodeServices"
 * import { Dispatcher } from "@volley/core"
 * import { Shell } from "@volley/tools/shell"
 * import { Effect, Layer } from "effect"
 *
 * const ShellLive = Shell.layer({
 *   root: ".",
 *   commands: { "git status": "readonly", "ls": "readonly", "npm test": "effectful" }
 * }).pipe(Layer.provide(NodeServices.layer))
 *
 * const program = Dispatcher.call(Shell.RunCommand, { argv: ["ls", "packages"] }).pipe(Effect.provide(ShellLive))
 * console.log(JSON.stringify((await Effect.runPromise(program)).result))
 * ```
 *
 * ```text
 * {"ended":"exited","exitCode":0,"stdout":"cli\ncore\ntools\n","stdoutSize":15,"stderr":"","stderrSize":0}
 * ```
 *
 * @since 0.1.0
 */
import * as Redactor from "@volley/core/Redactor"
import type * as Tool from "effect/ai/Tool"
import * as Toolkit from "effect/ai/Toolkit"
import * as Config from "effect/Config"
import * as Effect from "effect/Effect"
import type * as FileSystem from "effect/FileSystem"
import * as Layer from "effect/Layer"
import * as Option from "effect/Option"
import type * as Path from "effect/Path"
import { ChildProcessSpawner } from "effect/process/ChildProcessSpawner"
import * as Redacted from "effect/Redacted"
import * as Schema from "effect/Schema"
import type { RootUnusable } from "../files/FilesError.ts"
import * as confinement from "../files/internal/root.ts"
import { layerWithoutSecrets } from "../internal/withoutSecrets.ts"
import * as commands from "./internal/commands.ts"
import * as program from "./internal/program.ts"
import * as runCommand from "./internal/runCommand.ts"
import { NoCommands, OptionUnusable } from "./ShellError.ts"

export { RootUnusable } from "../files/FilesError.ts"
export * from "./ShellError.ts"

/**
 * Runs a program: at most 600 seconds, of its outputs 16 and 8 KiB.
 *
 * @category tools
 * @since 0.1.0
 */
export const RunCommand = runCommand.tool

/**
 * The tools of the family.
 *
 * @category tools
 * @since 0.1.0
 */
export const toolkit = Toolkit.make(RunCommand)

/**
 * What a command does, as far as its beginning tells: `readonly` runs without approval, `effectful` wants it.
 *
 * @category models
 * @since 0.1.0
 */
export type CommandClass = commands.CommandClass

/**
 * What may run, and where.
 *
 * - `root`: the directory below which commands run, absolute or relative to the working directory.
 * - `commands`: the commands that may run, by their beginnings: the name of a program, perhaps with its first arguments,
 *   separated by one space each. Where several fit, the longest counts. List as `readonly` only what reads whatever further
 *   arguments it has that are no options: `git log`, not `git`; never a program that runs others, such as `env`.
 * - `environment`: names of variables that are let through beside `PATH`, `HOME`, `USER`, `LOGNAME`, `LANG`, `LANGUAGE`,
 *   `LC_ALL`, `LC_CTYPE`, `TZ` and `TMPDIR`; default none. The redactor of the context learns the values of those whose names
 *   end in key, token, secret, password or credentials.
 *
 * @category models
 * @since 0.1.0
 */
export interface Options {
  readonly root: string
  readonly commands: { readonly [command: string]: CommandClass }
  readonly environment?: ReadonlyArray<string>
}

const letThrough = ["HOME", "USER", "LOGNAME", "LANG", "LANGUAGE", "LC_ALL", "LC_CTYPE", "TZ", "TMPDIR"]

const secretName = /(?:KEY|TOKEN|SECRET|PASSWORD|CREDENTIALS)$/i

const names = { commands: "Command", environment: "Variable" }

const make = Effect.fnUntraced(function*(options: Options, called = names) {
  const rules = yield* commands.parse(options.commands, called.commands)
  const variables = options.environment ?? []
  const wrong = variables.find((name) => !/^[A-Za-z_]\w*$/.test(name))
  if (wrong !== undefined) {
    return yield* new OptionUnusable({
      name: called.environment,
      value: wrong,
      expected: "the name of a variable of the environment"
    })
  }
  const root = yield* confinement.make(options.root)
  const values = yield* Config.all(
    Object.fromEntries([...letThrough, ...variables].map((name) => [name, Config.option(Config.String(name))]))
  )
  const redactor = yield* Redactor.current
  for (const [name, value] of Object.entries(values)) {
    if (secretName.test(name) && Option.isSome(value)) redactor.add(Redacted.make(value.value))
  }
  const searched = yield* Config.withDefault(Config.String("PATH"), "/usr/local/bin:/usr/bin:/bin")
  const programs = yield* program.make(searched, root.hostPath({ segments: [] }))
  const environment = Object.fromEntries(
    Object.entries(values).flatMap(([name, value]) => Option.isSome(value) ? [[name, value.value]] : [])
  )
  return {
    rules,
    root,
    programs,
    environment: { ...environment, PATH: programs.path },
    spawner: yield* ChildProcessSpawner
  }
})

type Provided = Tool.HandlersFor<typeof toolkit.tools>
type Platform = FileSystem.FileSystem | Path.Path | ChildProcessSpawner

const layerOf = <E>(made: Effect.Effect<runCommand.Shell, E, Platform>): Layer.Layer<Provided, E, Platform> =>
  Layer.unwrap(Effect.map(made, (shell) =>
    Layer.merge(
      layerWithoutSecrets(toolkit, Effect.succeed({ run_command: runCommand.handler(shell) })),
      Layer.succeed(runCommand.Unattended)({ has: runCommand.unattended(shell) })
    )))

/**
 * Handlers of the family, and what tells which calls want approval: without this layer all do. Building it fails with
 * `RootUnusable` where the root does not exist, is not a directory or cannot be read, with `OptionUnusable` where an option is
 * not as `Options` says, and with a `ConfigError` where a variable cannot be read.
 *
 * @category layers
 * @since 0.1.0
 */
export const layer = (
  options: Options
): Layer.Layer<Provided, RootUnusable | OptionUnusable | Config.ConfigError, Platform> => layerOf(make(options))

const listed = (name: string) => Config.withDefault(Config.Array(Schema.String, name), [])

const fromEnvironment = Effect.fnUntraced(function*(root: string) {
  const readonly = yield* listed("SHELL_READONLY")
  const effectful = yield* listed("SHELL_EFFECTFUL")
  if (readonly.length + effectful.length === 0) return yield* new NoCommands()
  const classed = (list: ReadonlyArray<string>, as: CommandClass) =>
    list.map((command) => [command.trim(), as] as const)
  return yield* make(
    {
      root,
      // One that is in both wants approval.
      commands: Object.fromEntries([...classed(readonly, "readonly"), ...classed(effectful, "effectful")]),
      environment: yield* listed("SHELL_ENVIRONMENT")
    },
    { commands: "Command of SHELL_READONLY or SHELL_EFFECTFUL", environment: "Variable of SHELL_ENVIRONMENT" }
  )
})

/**
 * Handlers of the family with the commands of the environment: `SHELL_READONLY` and `SHELL_EFFECTFUL`, each separated by
 * commas, and the further variables `SHELL_ENVIRONMENT`. Building it fails with `NoCommands` where neither is set, and as `layer`.
 *
 * @param options.root - the directory below which commands run
 * @category layers
 * @since 0.1.0
 */
export const layerFromEnv = (options: {
  readonly root: string
}): Layer.Layer<Provided, RootUnusable | OptionUnusable | NoCommands | Config.ConfigError, Platform> =>
  layerOf(fromEnvironment(options.root))
