/**
 * The streams of the process.
 *
 * @internal
 */
import * as Effect from "effect/Effect"
import * as Stdio from "effect/Stdio"
import * as Stream from "effect/Stream"
import * as fs from "node:fs"
import process from "node:process"
import { type Exit, usage } from "./exit.ts"
import * as Screen from "./render/screen.ts"
import * as Style from "./render/style.ts"

/** Writes to stdout; `false` when nobody reads it any more. @internal */
export const write = (text: string): Effect.Effect<boolean> =>
  Effect.callback((resume) => {
    process.stdout.write(text, (error) => resume(Effect.succeed(error === undefined || error === null)))
  })

/** Writes lines to stdout. @internal */
export const writeLines = (lines: ReadonlyArray<string>): Effect.Effect<boolean> =>
  write(lines.map((line) => `${line}\n`).join(""))

/** Columns of a stream; 80 where it has none. @internal */
export const columnsOf = (stream: { readonly columns?: number }): number => Math.max(1, stream.columns || 80)

/** Rows of a stream; 24 where it has none. @internal */
export const rowsOf = (stream: { readonly rows?: number }): number => Math.max(2, stream.rows || 24)

/** stderr: the one screen of the process. @internal */
export const screen: Screen.Screen = Screen.make({
  size: () => ({ columns: columnsOf(process.stderr), rows: rowsOf(process.stderr) }),
  write: (text) => void process.stderr.write(text)
})

/** Whether a stream is a terminal that is to be drawn on: not with `NO_COLOR`, not on a dumb one. @internal */
export const isDrawn = (
  stream: { readonly isTTY?: boolean },
  environment: Readonly<Record<string, string | undefined>>
): boolean => stream.isTTY === true && !environment["NO_COLOR"] && environment["TERM"] !== "dumb"

/** Whether a person can be asked: questions are shown on stderr and answered on stdin. @internal */
export const isAttended = (): boolean =>
  process.stderr.isTTY && process.stdin.isTTY && process.stdin.readable && !process.stdin.readableEnded

/** Hears what is typed until the effect that hears it has an answer. */
const typing = <A>(hear: (answer: (value: A) => void) => (piece: string) => void, ended: A): Effect.Effect<A> =>
  Effect.callback((resume) => {
    const { stdin } = process
    const stop = (): void => {
      stdin.off("data", onData).off("end", onEnd)
      stdin.pause()
    }
    const answer = (value: A): void => {
      stop()
      resume(Effect.succeed(value))
    }
    const onData = hear(answer)
    const onEnd = (): void => answer(ended)
    stdin.setEncoding("utf8").on("data", onData).on("end", onEnd).resume()
    return Effect.sync(stop)
  })

/** How long what was typed before a question is looked for. */
const stale = "50 millis"

/**
 * Drops what was typed before anybody asked. A terminal keeps it, also a line without its end, which only its raw mode gives
 * away; Ctrl-C is a character then.
 *
 * @internal
 */
export const dropTyped: Effect.Effect<void> = Effect.acquireUseRelease(
  Effect.sync(() => process.stdin.setRawMode(true)),
  () =>
    typing<void>(() => (piece) => {
      if (piece.includes("\x03")) process.kill(process.pid, "SIGINT")
    }, undefined).pipe(Effect.timeoutOption(stale), Effect.asVoid),
  () => Effect.sync(() => void process.stdin.setRawMode(false))
)

/** One line that is typed; `undefined` where stdin ends instead. @internal */
export const typedLine: Effect.Effect<string | undefined> = typing<string | undefined>((answer) => {
  let text = ""
  return (piece) => {
    text += piece
    const end = text.indexOf("\n")
    if (end !== -1) answer(text.slice(0, end))
  }
}, undefined)

/** How text is laid out on stdout: lines are broken on terminals only. @internal */
export const page = (): { readonly columns: number; readonly style: Style.Style } => ({
  columns: process.stdout.isTTY ? columnsOf(process.stdout) : Number.POSITIVE_INFINITY,
  style: isDrawn(process.stdout, process.env) ? Style.colored : Style.plain
})

/** Whether something was piped or redirected into stdin: `/dev/null` and a closed one are not. @internal */
const isPiped = (): boolean => {
  try {
    const stat = fs.fstatSync(0)
    return stat.isFIFO() || stat.isFile() || stat.isSocket()
  } catch {
    return false
  }
}

/** What was piped into stdin, without white space around it; empty if nothing was. @internal */
export const piped: Effect.Effect<string, Exit, Stdio.Stdio> = Effect.gen(function*() {
  if (!isPiped()) return ""
  const reminder = Effect.andThen(
    Effect.sleep("2 seconds"),
    Effect.sync(() => screen.print("volley: reading stdin until it is closed (< /dev/null if it is not meant)"))
  )
  const read = Stdio.Stdio.use(({ stdin }) => Stream.mkString(Stream.decodeText(stdin))).pipe(
    Effect.mapError(() => usage("stdin cannot be read"))
  )
  return (yield* Effect.raceFirst(read, Effect.andThen(reminder, Effect.never))).trim()
})
