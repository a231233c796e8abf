/**
 * What is wrong with a command line, as one line.
 *
 * @internal
 */
import type * as CliError from "effect/cli/CliError"
import type * as CliOutput from "effect/cli/CliOutput"
import * as SafeText from "./render/safeText.ts"

const choices = (values: ReadonlyArray<string>): string => values.length === 0 ? "" : `; did you mean ${values[0]}?`

const problem = (error: CliError.NonShowHelpErrors): string => {
  switch (error._tag) {
    case "UnrecognizedOption":
      return `unknown flag ${error.option}${choices(error.suggestions)}`
    case "UnknownSubcommand":
      return `unknown command "${error.subcommand}"${choices(error.suggestions)}`
    case "InvalidValue": {
      const name = error.kind === "flag" ? `--${error.option}` : `<${error.option}>`
      const expected = error.expected.replace(/^Expected:? /, "")
      return error.value === ""
        ? `${name} needs a value: ${expected}`
        : `${name} is "${error.value}", expected ${expected}`
    }
    case "MissingOption":
      return `missing flag --${error.option}`
    case "MissingArgument":
      return `missing argument <${error.argument}>`
    default:
      return error.message
  }
}

/** The first thing that is wrong, and where to read on. @internal */
export const usageLine = ({ commandPath, errors }: CliOutput.Presenter.InvalidInvocation): string => {
  const [first] = errors
  const what = first === undefined ? "wrong usage" : problem(first)
  return SafeText.line(`volley: ${what} (see ${commandPath.join(" ")} --help)`)
}
