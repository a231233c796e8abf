/**
 * The tool `get_kubernetes_pod_logs` and its handler.
 *
 * @internal
 */
import * as ToolPolicy from "@volley/core/ToolPolicy"
import * as Tool from "effect/ai/Tool"
import * as Effect from "effect/Effect"
import * as Schema from "effect/Schema"
import { boundedItems, textUpTo } from "../../internal/boundedText.ts"
import { LogUnavailable, PodNotFound } from "../KubernetesError.ts"
import * as Api from "./api.ts"
import { Label, Name, Namespace } from "./parameters.ts"

const mostLines = 1000
const defaultLines = 100
const mostRead = 1024 * 1024
const mostShown = 24 * 1024
const longestLine = 2000

const units: Readonly<Record<string, number>> = { s: 1, m: 60, h: 3600, d: 86_400 }

const secondsOf = (span: string): number => Number(span.slice(0, -1)) * units[span.slice(-1)]!

/** @internal */
export const tool = ToolPolicy.readonly(
  Tool.make("get_kubernetes_pod_logs", {
    description: [
      "Reads the last log lines of one container of a Kubernetes pod, as the container wrote them, oldest first.",
      "Use it to find out why a pod crashes or misbehaves; with `previous` the log of the container before its restart.",
      "Do not use it to find out which pods have issues (get_kubernetes_pod_status)."
    ].join("\n"),
    parameters: Schema.Struct({
      namespace: Namespace,
      pod: Name.annotate({ description: "Name of the pod", examples: ["web-7c9d8f6b5-x2x4q"] }),
      container: Schema.optionalKey(
        Label.annotate({ description: "Name of the container; needed where the pod has several" })
      ),
      tail: Schema.optionalKey(
        Schema.Int.annotate({ description: `How many lines, 1 to ${mostLines}; default ${defaultLines}` })
          .check(Schema.isBetween({ minimum: 1, maximum: mostLines }))
      ),
      since: Schema.optionalKey(
        Schema.String.annotate({
          description: "Only lines of so long back, in s, m, h or d; default all",
          examples: ["10m", "2h"]
        }).check(Schema.isPattern(/^[1-9]\d{0,4}[smhd]$/))
      ),
      previous: Schema.optionalKey(
        Schema.Boolean.annotate({ description: "true: of the container that ran before the last restart" })
      )
    }),
    success: Schema.Struct({
      pod: Schema.String.annotate({ description: "Pod that was asked about" }),
      lines: Schema.Int.annotate({ description: "How many lines `log` has" }),
      log: Schema.String.annotate({ description: "Oldest line first" }),
      note: Schema.optionalKey(Schema.String.annotate({ description: "What is missing, and how to get it" }))
    }),
    failure: Schema.Union([...Api.commonFailure, PodNotFound, LogUnavailable])
  }),
  {
    failures: { ...Api.commonFailures, PodNotFound: "permanent", LogUnavailable: "permanent" },
    timeout: "10 seconds",
    retry: { times: 2 },
    concurrency: 4
  }
)

// Sequences that colour a terminal, then what else no reader sees.
const sequence = /\p{Cc}\[[0-?]*[ -/]*[@-~]/gu
const control = /(?![\t\n])[\p{Cc}\u2028\u2029\u202a-\u202e\u2066-\u2069]/gu

/** @internal */
export const plain = (text: string): string => text.replaceAll(sequence, "").replaceAll(control, "").toWellFormed()

const cut = (line: string): string =>
  line.length <= longestLine ? line : `${line.slice(0, longestLine - 1).toWellFormed()}…`

const linesOf = (text: string): ReadonlyArray<string> => {
  const lines = text.split("\n")
  return lines.at(-1) === "" ? lines.slice(0, -1) : lines
}

/** The newest lines that fit, and what is said of the others. @internal */
export const newest = (
  text: string,
  isWhole: boolean
): { readonly lines: ReadonlyArray<string>; readonly note: string | undefined } => {
  const read = linesOf(text).map(cut)
  const lines = boundedItems(read.toReversed(), mostShown).toReversed()
  const notes = [
    ...(read.length > lines.length ? [`${read.length - lines.length} older lines do not fit`] : []),
    ...(isWhole ? [] : [`the newest lines are missing, since reading ended at 1 MiB: ask for fewer lines by \`tail\``]),
    ...(read.length === 0 ? ["there are no lines"] : [])
  ]
  return { lines, note: notes.length === 0 ? undefined : notes.join("; ") }
}

const logRefused = Effect.fnUntraced(
  function*(access: Api.Access, refusal: Api.Refused, namespace: string, pod: string) {
    if (refusal.status === 404) {
      yield* Api.checkNamespace(access, namespace)
      return yield* new PodNotFound({ namespace, pod })
    }
    return yield* refusal.status === 400
      ? new LogUnavailable({ pod, detail: refusal.detail })
      : Api.refused(refusal, namespace, "pods/log")
  }
)

/** @internal */
export const handler = (access: Api.Access) =>
  Effect.fnUntraced(function*(
    { container, namespace, pod, previous, since, tail = defaultLines }: Tool.Parameters<typeof tool>
  ) {
    const parameters = {
      tailLines: String(tail),
      // One more than is read, so that it can be told whether the API stopped there.
      limitBytes: String(mostRead + 1),
      ...(container === undefined ? {} : { container }),
      ...(since === undefined ? {} : { sinceSeconds: String(secondsOf(since)) }),
      ...(previous === true ? { previous: "true" } : {})
    }
    const response = yield* Api.getLog(access, { namespace, pod }, parameters).pipe(
      Effect.catchTag("Refused", (refusal) => logRefused(access, refusal, namespace, pod))
    )
    const { isWhole, text } = yield* Effect.mapError(textUpTo(response, mostRead), Api.failed)
    const { lines, note } = newest(access.redactor.redact(plain(text)), isWhole)
    return { pod, lines: lines.length, log: lines.join("\n"), ...(note === undefined ? {} : { note }) }
  }, Effect.scoped)
