/**
 * Which commands may run, and which of them without asking: rules as data, and what they say about an argv.
 *
 * @internal
 */
import * as Effect from "effect/Effect"
import { OptionUnusable } from "../ShellError.ts"

/** @internal */
export type CommandClass = "readonly" | "effectful"

/** @internal */
export interface Rule {
  /** The program and the first arguments. */
  readonly words: ReadonlyArray<string>
  readonly class: CommandClass
}

// A name is looked up: a path would be found where the model can write.
const name = /^\w[\w.+-]*$/
const word = /^[^\s\p{Cc}]+$/u

/** @internal */
export const parse = Effect.fnUntraced(function*(
  commands: { readonly [command: string]: CommandClass },
  called: string
): Effect.fn.Return<ReadonlyArray<Rule>, OptionUnusable> {
  const rules = Object.entries(commands).map(([command, as]): Rule => ({ words: command.split(" "), class: as }))
  const wrong = rules.find(({ words: [program = "", ...first] }) =>
    !name.test(program) || !first.every((text) => word.test(text))
  )
  if (wrong !== undefined) {
    return yield* new OptionUnusable({
      name: called,
      value: wrong.words.join(" "),
      expected: "the name of a program, perhaps with its first arguments, separated by one space each"
    })
  }
  return rules
})

/** The rule for an argv: of those that it begins with, the one with most words; none refuses it. @internal */
export const ruleOf = (rules: ReadonlyArray<Rule>, argv: ReadonlyArray<string>): Rule | undefined =>
  rules
    .filter(({ words }) => words.every((text, i) => text === argv[i]))
    .toSorted((a, b) => b.words.length - a.words.length)[0]

/** Whether an argument may be an option, which can make any program do more than read. @internal */
export const isOption = (argument: string): boolean => argument.startsWith("-") && argument !== "--"
