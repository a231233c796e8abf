/**
 * The tool `run_command` and its handler.
 *
 * @internal
 */
import * as ToolPolicy from "@volley/core/ToolPolicy"
import * as Tool from "effect/ai/Tool"
import * as Context from "effect/Context"
import * as Effect from "effect/Effect"
import * as Option from "effect/Option"
import { ChildProcessSpawner } from "effect/process/ChildProcessSpawner"
import * as Schema from "effect/Schema"
import type * as FilesError from "../../files/FilesError.ts"
import type { Root } from "../../files/internal/root.ts"
import { CommandRefused, DirectoryUnusable, OutOfResources, ProgramNotFound, StartFailed } from "../ShellError.ts"
import { isOption, type Rule, ruleOf } from "./commands.ts"
import type { Programs } from "./program.ts"
import { run } from "./run.ts"

const defaultTimeout = 60
const maxTimeout = 600
const maxShown = 50

const parameters = Schema.Struct({
  argv: Schema.NonEmptyArray(
    Schema.String.check(
      Schema.isMaxLength(8192),
      Schema.makeFilter((text: string) => !text.includes("\0") && text.isWellFormed(), {
        expected: "a well-formed text without a NUL character"
      })
    )
  ).annotate({
    description: "The program and its arguments, each as it is: nothing is expanded, joined or redirected",
    examples: [["git", "status"], ["npm", "test", "--", "parser"]]
  }).check(Schema.isMaxLength(128)),
  directory: Schema.optionalKey(
    Schema.String.annotate({
      description: "Where it runs, relative to the root; default \".\"",
      examples: ["packages/app"]
    }).check(Schema.isNonEmpty(), Schema.isMaxLength(4096))
  ),
  timeout: Schema.optionalKey(
    Schema.Int.annotate({
      description: `Seconds after which it is ended, 1 to ${maxTimeout}; default ${defaultTimeout}`,
      examples: [120]
    }).check(Schema.isBetween({ minimum: 1, maximum: maxTimeout }))
  )
})

type Parameters = typeof parameters.Type

/** Which calls run without being asked for: what the handlers' layer knows. @internal */
export class Unattended extends Context.Service<Unattended, {
  readonly has: (call: Parameters) => Effect.Effect<boolean>
}>()("@volley/tools/Shell/Unattended") {}

/** Where there is no layer, nothing is known of the command. */
const needsApproval = (call: Parameters): Effect.Effect<boolean> =>
  Effect.flatMap(
    Effect.serviceOption(Unattended),
    Option.match({
      onNone: () => Effect.succeed(true),
      onSome: ({ has }) => Effect.map(has(call), (unattended) => !unattended)
    })
  )

const Size = Schema.Int.annotate({ description: "Bytes written in all" }).check(Schema.isGreaterThanOrEqualTo(0))

/** @internal */
export const tool = ToolPolicy.effectful(
  Tool.make("run_command", {
    description: [
      "Runs a program with arguments, without a shell and without input, and gives its exit code and what it wrote. Only " +
      "commands that are allowed run; a refusal names them. Most want approval. What it leaves running is ended.",
      "Use it for what no other tool does: build, test, look at the history of a repository.",
      "Do not use it to read or change files, nor for servers and other programs that do not end."
    ].join("\n"),
    parameters,
    success: Schema.Struct({
      ended: Schema.Literals(["exited", "signalled", "timed-out"]).annotate({
        description: "How it ended: by itself, by a signal (a crash, too little memory), or by its time limit"
      }),
      exitCode: Schema.optionalKey(
        Schema.Int.annotate({ description: "Only where it exited; other than 0 it says that it failed" })
      ),
      stdout: Schema.String.annotate({ description: "At most the first and the last 8 KiB, without colours" }),
      stdoutSize: Size,
      stderr: Schema.String.annotate({ description: "At most the first and the last 4 KiB, without colours" }),
      stderrSize: Size
    }),
    failure: Schema.Union([CommandRefused, ProgramNotFound, DirectoryUnusable, StartFailed, OutOfResources]),
    needsApproval
  }),
  {
    failures: {
      CommandRefused: "permanent",
      ProgramNotFound: "permanent",
      DirectoryUnusable: "permanent",
      StartFailed: "permanent",
      OutOfResources: "transient"
    },
    timeout: `${maxTimeout + 10} seconds`,
    retry: { times: 1 },
    serial: true
  }
)

/** @internal */
export interface Shell {
  readonly rules: ReadonlyArray<Rule>
  readonly root: Root
  readonly programs: Programs
  readonly environment: { readonly [name: string]: string }
  readonly spawner: typeof ChildProcessSpawner.Service
}

/** Whether an argument, as a path, may leave the root: one that does not exist is not followed, so it must not go up. */
const mayLeave = (root: Root, directory: string, argument: string): Effect.Effect<boolean> =>
  root.locate(argument.startsWith("/") ? argument : `${directory}/${argument}`).pipe(
    Effect.as(false),
    Effect.catch(({ _tag }) => Effect.succeed(_tag !== "FileNotFound" || argument.split("/").includes("..")))
  )

/**
 * A command that reads runs unattended while its further arguments are no options and stay below the root. One that is
 * refused is, without being asked for.
 *
 * @internal
 */
export const unattended = ({ root, rules }: Shell) =>
  Effect.fnUntraced(function*({ argv, directory = "." }: Parameters) {
    const rule = ruleOf(rules, argv)
    if (rule === undefined) return true
    const rest = argv.slice(rule.words.length)
    if (rule.class === "effectful" || rest.some(isOption)) return false
    for (const argument of rest) {
      if (yield* mayLeave(root, directory, argument)) return false
    }
    return true
  })

type Reason = DirectoryUnusable["reason"]

const reasons: { readonly [Tag in FilesError.FileNotFound["_tag"] | "OutsideRoot" | "LinkLoop"]: Reason } = {
  FileNotFound: "NotFound",
  OutsideRoot: "OutsideRoot",
  LinkLoop: "NotFound"
}

/** @internal */
export const handler = ({ environment, programs, root, rules, spawner }: Shell) =>
  Effect.fnUntraced(function*(
    { argv, directory = ".", timeout = defaultTimeout }: Parameters
  ) {
    const [program, ...rest] = argv
    if (ruleOf(rules, argv) === undefined) {
      return yield* new CommandRefused({
        command: argv.slice(0, 2).join(" ").slice(0, 200),
        allowed: rules.slice(0, maxShown).map(({ words }) => words.join(" "))
      })
    }
    const place = yield* Effect.mapError(
      root.locate(directory),
      ({ _tag }) =>
        new DirectoryUnusable({
          directory,
          reason: _tag === "AccessDenied" || _tag === "IoFailed" ? "Unreadable" : reasons[_tag]
        })
    )
    if (place.type !== "Directory") return yield* new DirectoryUnusable({ directory, reason: "NotADirectory" })
    const file = yield* programs.find(program)
    if (Option.isNone(file)) return yield* new ProgramNotFound({ program })
    const { exitCode, stderr, stdout, timedOut } = yield* run(program, {
      file: file.value,
      arguments: rest,
      directory: root.hostPath(place),
      environment,
      timeout: `${timeout} seconds`
    }).pipe(Effect.provideService(ChildProcessSpawner, spawner))
    return {
      ended: timedOut ? "timed-out" as const : exitCode === undefined ? "signalled" as const : "exited" as const,
      ...(exitCode === undefined ? {} : { exitCode }),
      stdout: stdout.text(),
      stdoutSize: stdout.size(),
      stderr: stderr.text(),
      stderrSize: stderr.size()
    }
  })
