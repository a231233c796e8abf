import { Cause, Effect, Exit, Logger, Metric, References, Tracer } from "effect"

/** A secret that is planted, and whether it is told to the redactor; another is known by its prefix alone. */
export interface Canary {
  readonly value: string
  readonly told: boolean
}

const random = (index: number, length: number): string =>
  Array.from({ length }, (_, i) => "aB3dE5gH7jK9mN2p"[(index * 7 + i * (index + 3)) % 16]).join("")

/** Of configurations: the families learn them by themselves. */
export const configured = Array.from({ length: 4 }, (_, i) => `canary-config-${i}-${random(i, 12)}`)

const odd = ["", " \"quoted\"", "/slash+plus=", "é漢😀", "\nnext line", "?&#%41", "\\back\\", ".*(a|b)[c]"]

/** 30 in all: of configurations, of the environment, and keys of known services. */
export const canaries: ReadonlyArray<Canary> = [
  ...configured.map((value) => ({ value, told: true })),
  ...["sk-ant-api03-", "ghp_", "AKIA"].map((prefix, i) => ({ value: `${prefix}${random(i + 20, 40)}`, told: false })),
  ...Array.from({ length: 23 }, (_, i) => ({
    value: `canary-env-${i}-${random(i, 8)}${odd[i % odd.length]}${random(i + 1, 6)}`,
    told: true
  }))
]

const jsonOf = (text: string): string => JSON.stringify(text).slice(1, -1)

/** What those write who repeat a secret: as it is, as JSON, in a URL, in base64 beside others. */
export const echoOf = (shown: ReadonlyArray<Canary>): string =>
  shown.map(({ told, value }) =>
    told
      ? [value, jsonOf(value), encodeURIComponent(value), Buffer.from(`user:${value}:x`).toString("base64")].join(" ; ")
      : value
  ).join(" ;\n")

/** By which a secret is found, in whichever of its forms. */
const needles = canaries.flatMap(({ told, value }) => {
  const base64 = [0, 1, 2].map((shift) => {
    const encoded = Buffer.from(`${"x".repeat(shift)}${value}`).toString("base64")
    return encoded.slice(Math.ceil(shift * 4 / 3), -4)
  })
  return told ? [value, jsonOf(value), encodeURIComponent(value), ...base64] : [value]
})

/** The planted secrets that a text shows, in the form in which it does. */
export const shownIn = (text: string): ReadonlyArray<string> => needles.filter((needle) => text.includes(needle))

/** The texts of each sink. */
export type Sinks = Map<string, Array<string>>

const write = (sinks: Sinks, name: string, value: unknown): void => {
  const text = typeof value === "string" ? value : JSON.stringify(value) ?? ""
  sinks.set(name, [...sinks.get(name) ?? [], text])
}

const captured = (sinks: Sinks, stream: NodeJS.WriteStream, name: string) =>
  Effect.acquireRelease(
    Effect.sync(() => {
      const original = stream.write.bind(stream)
      stream.write = (chunk: string | Uint8Array) => {
        write(sinks, name, Buffer.from(chunk).toString())
        return true
      }
      return original
    }),
    (original) =>
      Effect.sync(() => {
        stream.write = original
      })
  )

/** Runs an effect and keeps all that it lets out beside its value: logs, spans, metrics, output, and how it ended. */
export const watched = <A, E, R>(use: (keep: (sink: string, value: unknown) => void) => Effect.Effect<A, E, R>) =>
  Effect.gen(function*() {
    const sinks: Sinks = new Map()
    const spans: Array<Tracer.NativeSpan> = []
    const tracer = Tracer.make({
      span: (options) => {
        const span = new Tracer.NativeSpan(options)
        spans.push(span)
        return span
      }
    })
    const logger = Logger.make((options) => {
      write(sinks, "log", Logger.formatStructured.log(options))
      write(sinks, "log", Logger.formatLogFmt.log(options))
      write(sinks, "log", Cause.pretty(options.cause))
    })
    yield* captured(sinks, process.stdout, "stdout")
    yield* captured(sinks, process.stderr, "stderr")
    const exit = yield* Effect.exit(use((sink, value) => write(sinks, sink, value))).pipe(
      Effect.provideService(Tracer.Tracer, tracer),
      Effect.provideService(References.MinimumLogLevel, "All"),
      Effect.provide(Logger.layer([logger]))
    )
    if (Exit.isFailure(exit)) write(sinks, "crash", `${Cause.pretty(exit.cause)} ${JSON.stringify(exit)}`)
    for (const { attributes, events, name, status } of spans) {
      write(sinks, "span", [name, [...attributes], events])
      if (status._tag === "Ended" && Exit.isFailure(status.exit)) write(sinks, "span", Cause.pretty(status.exit.cause))
    }
    write(sinks, "metric", yield* Metric.snapshot)
    return sinks
  }).pipe(Effect.scoped)
