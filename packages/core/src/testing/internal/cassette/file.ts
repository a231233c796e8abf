/**
 * The file of a cassette: a line that says what it is, a line for each exchange and event as they came, a line that ends it.
 *
 * @internal
 */
import * as Effect from "effect/Effect"
import * as FileSystem from "effect/FileSystem"
import * as Option from "effect/Option"
import * as Result from "effect/Result"
import * as Schema from "effect/Schema"
import * as Redacted from "../../../internal/journal/redacted.ts"
import type * as Redactor from "../../../Redactor.ts"
import * as RunEvent from "../../../RunEvent.ts"
import { Exchange } from "./exchange.ts"

/** Of the format. */
const version = 1

const Head = Schema.Struct({
  cassette: Schema.Literal(version),
  agent: Schema.String,
  provider: Schema.optionalKey(Schema.String),
  model: Schema.optionalKey(Schema.String),
  seed: Schema.Int,
  runId: Schema.optionalKey(Schema.String)
})

const Line = Schema.Union([
  Schema.Struct({ run: Schema.String, event: RunEvent.Json }),
  Schema.Struct({ exchange: Exchange })
])

const End = Schema.Struct({ lines: Schema.Int })

/** @internal */
export type Line = typeof Line.Type

/** @internal */
export interface Cassette {
  readonly agent: string
  /** What the provider and its model are called, where they say so. */
  readonly provider: string | undefined
  readonly model: string | undefined
  /** Of the randomness of the run. */
  readonly seed: number
  /** Where it was given: any other comes of the seed. */
  readonly runId: string | undefined
  readonly lines: ReadonlyArray<Line>
}

/** Why a file is no cassette, or none can be written. @internal */
export interface Refused {
  readonly reason: "Exists" | "Unreadable" | "Unwritable" | "Damaged" | "Version"
  readonly message: string
}

const refused = (reason: Refused["reason"], message: string): Refused => ({ reason, message })

const encodeLine = Schema.encodeSync(Line)
const decodeLine = Schema.decodeUnknownResult(Schema.fromJsonString(Line))
const decodeEnd = Schema.decodeUnknownOption(Schema.fromJsonString(End))
const decodeHead = Schema.decodeUnknownOption(Schema.fromJsonString(Head))
const decodeVersion = Schema.decodeUnknownOption(Schema.fromJsonString(Schema.Struct({ cassette: Schema.Json })))

/** @internal */
export const redacted = Redacted.redacted(Line)

const serialize = ({ lines, ...head }: Cassette, { redact }: Redactor.Redactor): string => {
  const safe = redacted(redact)
  const all: ReadonlyArray<unknown> = [
    { cassette: version, ...head },
    ...lines.map((line) => safe(encodeLine(line) as Schema.Json)),
    { lines: lines.length }
  ]
  return all.map((line) => `${JSON.stringify(line)}\n`).join("")
}

const parse = (text: string): Result.Result<Cassette, Refused> => {
  const [first = "", ...rest] = text.split("\n")
  const head = Option.getOrUndefined(decodeHead(first))
  if (head === undefined) {
    const other = Option.getOrUndefined(decodeVersion(first))
    return Result.fail(
      other === undefined || other.cassette === version
        ? refused("Damaged", "its first line is not that of a cassette")
        : refused(
          "Version",
          `it is of version ${JSON.stringify(other.cassette)}, this is version ${version}; record it anew`
        )
    )
  }
  const end = Option.getOrUndefined(decodeEnd(rest.at(-2) ?? ""))
  if (rest.at(-1) !== "" || end === undefined || end.lines !== rest.length - 2) {
    return Result.fail(
      refused("Damaged", `it was not written to its end, or lines are missing: it has ${rest.length} after the first`)
    )
  }
  const lines: Array<Line> = []
  for (const [i, text] of rest.slice(0, -2).entries()) {
    const line = decodeLine(text)
    if (Result.isFailure(line)) {
      return Result.fail(refused("Damaged", `line ${i + 2} is neither an event nor an exchange`))
    }
    lines.push(line.success)
  }
  const { agent, model, provider, runId, seed } = head
  return Result.succeed({ agent, provider, model, seed, runId, lines })
}

/** Only a new file: a recording has cost something. @internal */
export const checkNew = Effect.fnUntraced(
  function*(path: string): Effect.fn.Return<void, Refused, FileSystem.FileSystem> {
    const fs = yield* FileSystem.FileSystem
    const exists = yield* fs.exists(path).pipe(
      Effect.mapError(({ reason }) => refused("Unwritable", `it cannot be written: ${reason._tag}`))
    )
    if (exists) return yield* Effect.fail(refused("Exists", "it exists already; remove it to record it anew"))
  }
)

/** @internal */
export const write = Effect.fnUntraced(function*(
  path: string,
  cassette: Cassette,
  redactor: Redactor.Redactor
): Effect.fn.Return<void, Refused, FileSystem.FileSystem> {
  const fs = yield* FileSystem.FileSystem
  yield* fs.writeFileString(path, serialize(cassette, redactor), { flag: "wx", mode: 0o600 }).pipe(
    Effect.mapError(({ reason }) => refused("Unwritable", `it cannot be written: ${reason._tag}`))
  )
})

/** @internal */
export const read = Effect.fnUntraced(
  function*(path: string): Effect.fn.Return<Cassette, Refused, FileSystem.FileSystem> {
    const fs = yield* FileSystem.FileSystem
    const text = yield* fs.readFileString(path).pipe(
      Effect.mapError(({ reason }) => refused("Unreadable", `it cannot be read: ${reason._tag}`))
    )
    return yield* Effect.fromResult(parse(text))
  }
)
