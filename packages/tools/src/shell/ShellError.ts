/**
 * What can go wrong with a command. An exit code other than zero is no failure but a result.
 *
 * @since 0.1.0
 */
import * as Schema from "effect/Schema"

/**
 * The command is none of those that may run. Nothing was executed.
 *
 * @category errors
 * @since 0.1.0
 */
export class CommandRefused
  extends Schema.TaggedError<CommandRefused>("@volley/tools/Shell/CommandRefused")("CommandRefused", {
    command: Schema.String,
    allowed: Schema.Array(Schema.String)
  })
{
  override get message(): string {
    return `Command ${quote(this.command)} is not allowed; commands that may run begin with: ${this.allowed.join(", ")}`
  }
}

/**
 * No directory of `PATH` outside the root has the program. Nothing was executed.
 *
 * @category errors
 * @since 0.1.0
 */
export class ProgramNotFound
  extends Schema.TaggedError<ProgramNotFound>("@volley/tools/Shell/ProgramNotFound")("ProgramNotFound", {
    program: Schema.String
  })
{
  override get message(): string {
    return `Program ${quote(this.program)} is not installed`
  }
}

/**
 * The command cannot run in the directory: it leaves the root, does not exist, or is something else. Nothing was executed.
 *
 * @category errors
 * @since 0.1.0
 */
export class DirectoryUnusable
  extends Schema.TaggedError<DirectoryUnusable>("@volley/tools/Shell/DirectoryUnusable")("DirectoryUnusable", {
    directory: Schema.String,
    reason: Schema.Literals(["OutsideRoot", "NotFound", "NotADirectory", "Unreadable"])
  })
{
  override get message(): string {
    return `Directory ${quote(this.directory)} ${unusable[this.reason]}`
  }
}

/**
 * The operating system does not start the program: it is not executable, or its arguments are too long. Nothing was executed.
 *
 * @category errors
 * @since 0.1.0
 */
export class StartFailed extends Schema.TaggedError<StartFailed>("@volley/tools/Shell/StartFailed")("StartFailed", {
  program: Schema.String,
  code: Schema.String
}) {
  override get message(): string {
    return `Program ${quote(this.program)} cannot be started: ${this.code}`
  }
}

/**
 * The operating system has no process, memory or file to spare for now. Nothing was executed.
 *
 * @category errors
 * @since 0.1.0
 */
export class OutOfResources
  extends Schema.TaggedError<OutOfResources>("@volley/tools/Shell/OutOfResources")("OutOfResources", {
    program: Schema.String,
    code: Schema.String
  })
{
  /**
   * What the dispatcher reads: the command had no effect.
   *
   * @since 0.1.0
   */
  readonly executed = false
  override get message(): string {
    return `Program ${quote(this.program)} cannot be started for now: ${this.code}`
  }
}

/**
 * An option of the layer cannot be used. Fails the layer when it is built.
 *
 * @category errors
 * @since 0.1.0
 */
export class OptionUnusable
  extends Schema.TaggedError<OptionUnusable>("@volley/tools/Shell/OptionUnusable")("OptionUnusable", {
    name: Schema.String,
    value: Schema.String,
    expected: Schema.String
  })
{
  override get message(): string {
    return `${this.name} ${quote(this.value)} is not ${this.expected}`
  }
}

/**
 * The environment says of no command that it may run. Fails the layer when it is built.
 *
 * @category errors
 * @since 0.1.0
 */
export class NoCommands extends Schema.TaggedError<NoCommands>("@volley/tools/Shell/NoCommands")("NoCommands", {}) {
  override get message(): string {
    return "SHELL_READONLY or SHELL_EFFECTFUL has to say which commands may run"
  }
}

const unusable = {
  OutsideRoot: "is outside the root",
  NotFound: "does not exist",
  NotADirectory: "is not a directory",
  Unreadable: "cannot be used"
} as const

const quote = (text: string): string => JSON.stringify(text.toWellFormed())
