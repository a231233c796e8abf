/**
 * A server that is a program: messages go over its stdin and stdout, one a line.
 *
 * **Details**
 *
 * The program runs in a process group of its own. At the end of the scope its stdin is closed; where it has not ended a second later,
 * the group is ended by SIGTERM and, two seconds after that, by SIGKILL. What it started ends with it.
 *
 * @internal
 */
import type * as Cause from "effect/Cause"
import * as Deferred from "effect/Deferred"
import * as Effect from "effect/Effect"
import * as Predicate from "effect/Predicate"
import * as ChildProcess from "effect/process/ChildProcess"
import type { ChildProcessSpawner } from "effect/process/ChildProcessSpawner"
import * as Queue from "effect/Queue"
import * as Result from "effect/Result"
import type * as Scope from "effect/Scope"
import * as Stream from "effect/Stream"
import { StartFailed } from "../McpError.ts"
import type { Channel } from "./connection.ts"
import * as Lines from "./lines.ts"
import type { Said } from "./said.ts"
import { type JSONRPCMessage, largestMessage, type Transport } from "./sdk.ts"
import { answered, isMessage, malformed, tooLarge, Wire } from "./wire.ts"

/** @internal */
export interface Program {
  readonly words: ReadonlyArray<string>
  readonly environment: { readonly [name: string]: string }
  readonly directory: string | undefined
}

/** For the program to end by itself. */
const ending = "1 second"

/** For what it wrote before it ended. */
const draining = "500 millis"

const grace = "2 seconds"

const largestStderrLine = 16 * 1024

/** What the official client looks for to know a program by: `stderr` and `pid`. */
class Pipe implements Transport {
  readonly stderr = null
  readonly pid: number
  readonly #outgoing: Queue.Queue<string, Cause.Done>
  onmessage?: (message: JSONRPCMessage) => void
  onclose?: () => void
  onerror?: (error: Error) => void
  #closed = false

  constructor(pid: number, outgoing: Queue.Queue<string, Cause.Done>) {
    this.pid = pid
    this.#outgoing = outgoing
  }

  start(): Promise<void> {
    return Promise.resolve()
  }

  send(message: JSONRPCMessage): Promise<void> {
    Queue.offerUnsafe(this.#outgoing, `${JSON.stringify(message)}\n`)
    return Promise.resolve()
  }

  close(): Promise<void> {
    Queue.endUnsafe(this.#outgoing)
    if (!this.#closed) {
      this.#closed = true
      this.onclose?.()
    }
    return Promise.resolve()
  }
}

const parse = (text: string): unknown => Result.getOrUndefined(Result.try((): unknown => JSON.parse(text)))

const receive = Effect.fnUntraced(function*({ isWhole, text }: Lines.Line, pipe: Pipe, wire: Wire, said: Said) {
  if (text.trim() === "") return
  const message = isWhole ? parse(text) : undefined
  if (isMessage(message)) return pipe.onmessage?.(message)
  yield* said.log(text, isWhole ? "no message of MCP" : "a message that is too large")
  const id = answered(text)
  const told = id !== undefined && wire.fail(id, isWhole ? malformed : tooLarge)
  // whose answer it was is not known: nobody may wait for it
  if (!told && !isWhole) yield* Effect.promise(() => pipe.close())
})

/** @internal */
export const open = Effect.fnUntraced(function*(
  server: string,
  { directory, environment, words }: Program,
  said: Said
): Effect.fn.Return<Channel, StartFailed, ChildProcessSpawner | Scope.Scope> {
  const [program = "", ...args] = words
  const child = yield* Effect.mapError(
    ChildProcess.make(program, args, {
      env: environment,
      ...(directory === undefined ? {} : { cwd: directory }),
      detached: true,
      forceKillAfter: grace
    }),
    ({ reason }) =>
      new StartFailed({
        server,
        code: Predicate.hasProperty(reason.cause, "code") ? String(reason.cause.code) : reason._tag
      })
  )
  const outgoing = yield* Queue.unbounded<string, Cause.Done>()
  const pipe = new Pipe(child.pid, outgoing)
  const wire = new Wire(pipe)
  const close = Effect.promise(() => pipe.close())
  const drained = yield* Deferred.make<void>()
  yield* Stream.fromQueue(outgoing).pipe(
    Stream.encodeText,
    Stream.run(child.stdin),
    Effect.catchCause(() => close),
    Effect.forkScoped
  )
  const split = Lines.make(largestMessage)
  yield* child.stdout.pipe(
    Stream.runForEach((chunk) =>
      Effect.forEach(split(chunk), (line) => receive(line, pipe, wire, said), { discard: true })
    ),
    Effect.ignore,
    Effect.ensuring(Deferred.succeed(drained, undefined)),
    Effect.andThen(close),
    Effect.forkScoped
  )
  const splitStderr = Lines.make(largestStderrLine)
  yield* child.stderr.pipe(
    Stream.runForEach((chunk) => Effect.forEach(splitStderr(chunk), ({ text }) => said.log(text), { discard: true })),
    Effect.ignore,
    Effect.forkScoped
  )
  const exited = Effect.exit(child.exitCode)
  yield* exited.pipe(
    Effect.andThen(Effect.timeoutOption(Deferred.await(drained), draining)),
    Effect.andThen(close),
    Effect.forkScoped
  )
  yield* Effect.addFinalizer(() =>
    close.pipe(
      Effect.andThen(Effect.timeoutOption(exited, ending)),
      Effect.andThen(Effect.ignore(child.kill({ killSignal: "SIGTERM", forceKillAfter: grace })))
    )
  )
  return { transport: pipe, wire, bye: Effect.void }
})
