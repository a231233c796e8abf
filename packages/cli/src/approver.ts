/**
 * Who approves the calls of a run: the command line in advance, a person at the terminal, or nobody.
 *
 * @internal
 */
import type * as Approval from "@volley/core/Approval"
import type * as Tool from "effect/ai/Tool"
import * as Effect from "effect/Effect"
import * as Exit from "effect/Exit"
import * as Semaphore from "effect/Semaphore"
import process from "node:process"
import { type Exit as Ended, usage } from "./exit.ts"
import * as Question from "./render/approval.ts"
import type { Redact } from "./render/preview.ts"
import type * as Screen from "./render/screen.ts"
import * as Style from "./render/style.ts"
import { redactJson } from "./secrets.ts"
import { columnsOf, dropTyped, isAttended, isDrawn, rowsOf, screen, typedLine } from "./stdio.ts"

/** Where a person is asked. @internal */
export interface Desk {
  readonly isAttended: () => boolean
  readonly screen: Screen.Screen
  readonly canvas: () => Omit<Question.Canvas, "redact">
  /** Whether the question can be taken off the screen once it is answered. */
  readonly erases: boolean
  /** Drops what was typed before the question. */
  readonly dropTyped: Effect.Effect<void>
  /** One line that is typed; `undefined` where nobody can type any more. */
  readonly typedLine: Effect.Effect<string | undefined>
}

/** The terminal of the process. @internal */
export const terminal = (): Desk => {
  const erases = isDrawn(process.stderr, process.env)
  return {
    isAttended,
    screen,
    canvas: () => ({
      columns: columnsOf(process.stderr),
      rows: rowsOf(process.stderr),
      style: erases ? Style.colored : Style.plain
    }),
    erases,
    dropTyped,
    typedLine
  }
}

/** Approves every tool. */
const all = "all"

/** The names that are approved in advance; each is that of a tool. @internal */
export const checkNames = (
  names: ReadonlyArray<string>,
  tools: ReadonlyArray<Tool.Any>
): Effect.Effect<void, Ended> => {
  const unknown = names.find((name) => name !== all && !tools.some((tool) => tool.name === name))
  if (unknown === undefined) return Effect.void
  const known = tools.length === 0 ? "there are no tools" : `known: ${all}, ${tools.map(({ name }) => name).join(", ")}`
  return Effect.fail(usage(`--approve: unknown tool "${unknown}"; ${known}`))
}

const isYes = (typed: string | undefined): boolean => /^\s*y(es)?\s*$/i.test(typed ?? "")

/** @internal */
export interface Options {
  /** Names of tools that are approved in advance, or "all". */
  readonly approve: ReadonlyArray<string>
  readonly quiet: boolean
  readonly redact: Redact
}

/** An approver that asks one question at a time, however many calls wait. @internal */
export const make = Effect.fnUntraced(function*(
  desk: Desk,
  { approve, quiet, redact }: Options
): Effect.fn.Return<Approval.Approver> {
  const one = yield* Semaphore.make(1)
  let told = false

  const nobody = ({ tool }: Approval.Request): Approval.Decision => {
    if (!told && !quiet) {
      const name = Question.nameOf(tool, redact)
      desk.screen.print(
        `volley: ${name} wants approval and nobody is at the terminal: refused (--approve ${name} approves it in advance)`
      )
    }
    told = true
    return { approved: false, reason: "nobody is there to approve it" }
  }

  const ask = Effect.fnUntraced(function*(request: Approval.Request) {
    yield* desk.dropTyped
    const shown = { tool: request.tool, params: redactJson(redact, request.params) }
    const canvas = () => ({ ...desk.canvas(), redact })
    const typed = yield* Effect.acquireUseRelease(
      Effect.sync(() =>
        desk.screen.ask({
          lines: Question.lines(canvas(), shown),
          prompt: Question.prompt(request.tool, redact),
          erased: desk.erases
        })
      ),
      () => desk.typedLine,
      (release, exit) =>
        Effect.sync(() => {
          const line = Exit.isSuccess(exit) ? exit.value : undefined
          const decision = Exit.isFailure(exit) ? "not decided" : isYes(line) ? "approved" : "refused"
          release(line, desk.erases ? [Question.decided(canvas(), shown, decision)] : [])
        })
    )
    if (typed === undefined) return nobody(request)
    return isYes(typed)
      ? { approved: true, by: "terminal" }
      : { approved: false, by: "terminal", reason: "the user refused it" }
  })

  return (request) => {
    if (approve.includes(all) || approve.includes(request.tool)) {
      return Effect.succeed({ approved: true, by: "--approve" })
    }
    return one.withPermits(1)(
      Effect.suspend(() => desk.isAttended() ? ask(request) : Effect.sync(() => nobody(request)))
    )
  }
})
