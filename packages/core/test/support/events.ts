import { Limits, type PartialFailure, RunEvent, type ToolPolicy } from "@volley/core"
import { Schema } from "effect"
import { Prompt } from "effect/ai"
import * as Arbitrary from "effect/Arbitrary"
import { integer, json, oneOf, utf16 } from "./arbitraries.ts"

export const user = (text: string): Prompt.Prompt =>
  Prompt.fromMessages([Prompt.userMessage({ content: [Prompt.textPart({ text })] })])

export const usage = (inputTokens: number, outputTokens: number): RunEvent.Usage => ({
  inputTokens,
  outputTokens,
  cacheReadTokens: 0,
  cacheWriteTokens: 0
})

export const failure: RunEvent.Failure = {
  kind: "transient",
  reason: "Timeout",
  message: "no result within 100 ms",
  executed: true
}

const reply = (turn: number, request: number) => ({ turn, request })
const callKey = (turn: number, request: number, index: number) => ({ turn, request, index })

/** `send` wants approval, `ship` comes after it. */
export const started = (
  limits: Limits.Limits = {},
  more: Partial<RunEvent.Of<"RunStarted">> = {}
): RunEvent.Of<"RunStarted"> => ({
  _tag: "RunStarted",
  version: 1,
  at: 0,
  runId: "run",
  agent: "agent",
  instructions: "Help.",
  history: Prompt.empty,
  input: user("Go"),
  tools: [
    { name: "look", class: "readonly", concurrency: 2 },
    { name: "pay", class: "effectful", concurrency: 1 },
    { name: "send", class: "effectful", approval: true },
    { name: "ship", class: "effectful", after: ["send"] }
  ],
  limits: Limits.resolve({ concurrency: 2, ...limits }),
  ...more
})

export const resumed = (at = 0): RunEvent.RunEvent => ({ _tag: "RunResumed", at })

export const modelRequested = (
  turn: number,
  request = 1,
  more: Partial<RunEvent.Of<"ModelRequested">> = {}
): RunEvent.RunEvent => ({ _tag: "ModelRequested", ...reply(turn, request), at: 0, ...more })

export const text = (turn: number, request: number, words: string): RunEvent.RunEvent => ({
  _tag: "BlockReceived",
  ...reply(turn, request),
  part: Prompt.textPart({ text: words })
})

export const requested = (
  turn: number,
  request: number,
  index: number,
  name = "look",
  id = `call-${turn}-${request}-${index}`,
  params: unknown = { n: index }
): RunEvent.RunEvent => ({
  _tag: "ToolCallRequested",
  ...callKey(turn, request, index),
  at: 0,
  id,
  name,
  params
})

export const responded = (
  turn: number,
  request = 1,
  finishReason = "tool-calls",
  more: Partial<RunEvent.Of<"ModelResponded">> = {}
): RunEvent.RunEvent => ({
  _tag: "ModelResponded",
  ...reply(turn, request),
  at: 0,
  finishReason,
  stopReason: finishReason,
  usage: usage(10, 1),
  ...more
})

export const modelFailed = (
  turn: number,
  request = 1,
  restartable = true,
  more: Partial<RunEvent.Of<"ModelFailed">> = {}
): RunEvent.RunEvent => ({
  _tag: "ModelFailed",
  ...reply(turn, request),
  at: 0,
  reason: "NetworkError",
  message: "cut",
  restartable,
  wait: 100,
  ...more
})

export const intended = (
  turn: number,
  request: number,
  indices: ReadonlyArray<number>,
  effectClass: ToolPolicy.EffectClass = "readonly",
  approval: ReadonlyArray<number> = []
): RunEvent.RunEvent => ({
  _tag: "DispatchIntended",
  ...reply(turn, request),
  at: 0,
  calls: indices.map((index) => ({
    index,
    class: effectClass,
    key: `key-${index}`,
    ...(approval.includes(index) ? { approval: true } : {})
  }))
})

export const discarded = (turn: number, request: number, index: number): RunEvent.RunEvent => ({
  _tag: "CallDiscarded",
  ...callKey(turn, request, index),
  at: 0
})

export const approvalRequested = (turn: number, request: number, index: number, at = 0): RunEvent.RunEvent => ({
  _tag: "ApprovalRequested",
  ...callKey(turn, request, index),
  at
})

export const approvalDecided = (
  turn: number,
  request: number,
  index: number,
  approved = true,
  more: Partial<RunEvent.Of<"ApprovalDecided">> = {}
): RunEvent.RunEvent => ({ _tag: "ApprovalDecided", ...callKey(turn, request, index), at: 0, approved, ...more })

export const subRunEnded = (
  turn: number,
  request: number,
  index: number,
  more: Partial<RunEvent.Of<"SubRunEnded">> = {}
): RunEvent.RunEvent => ({
  _tag: "SubRunEnded",
  ...callKey(turn, request, index),
  at: 0,
  runId: `run.${turn}.${index}.1`,
  turns: 2,
  toolCalls: 1,
  usage: usage(5, 2),
  cost: 0.25,
  ...more
})

export const outputChecked = (turn: number, request = 1, ok = true, message?: string): RunEvent.RunEvent => ({
  _tag: "OutputChecked",
  ...reply(turn, request),
  at: 0,
  ok,
  ...(message === undefined ? {} : { message })
})

const attempt = <Tag extends string>(_tag: Tag) => (turn: number, request: number, index: number, number = 1) => ({
  _tag,
  ...callKey(turn, request, index),
  at: 0,
  attempt: number
})

export const attemptStarted = attempt("AttemptStarted")
export const attemptEnded = attempt("AttemptEnded")
export const abandoned = attempt("AttemptAbandoned")
export const released = attempt("AttemptReleased")

export const retryScheduled = (turn: number, request: number, index: number, wait = 0): RunEvent.RunEvent => ({
  _tag: "RetryScheduled",
  ...callKey(turn, request, index),
  at: 0,
  attempt: 2,
  wait,
  left: 9
})

/** What may happen to a call before, between and instead of its attempts. */
const onTheWay = (turn: number, request: number, index: number): ReadonlyArray<RunEvent.RunEvent> => {
  const call = { ...callKey(turn, request, index), at: 0 }
  return [
    { _tag: "CallQueued", ...call, behind: "dispatch" },
    { _tag: "CallJoined", ...call, leader: 0 },
    { _tag: "CacheHit", ...call, age: 100, stale: true },
    { _tag: "HedgeStarted", ...call, after: 20 },
    { _tag: "RateLimited", ...call, key: "look", wait: 10 },
    { _tag: "CircuitOpened", ...call, key: "look", openFor: 1000 },
    { _tag: "RetryRefused", ...call, attempt: 2, why: "dependency" },
    reconciled(turn, request, index, false),
    { _tag: "FallbackStarted", ...call, tool: "glance", failure }
  ]
}

export const reconciled = (turn: number, request: number, index: number, executed: boolean): RunEvent.RunEvent => ({
  _tag: "CallReconciled",
  ...callKey(turn, request, index),
  at: 0,
  attempt: 1,
  executed
})

export const answered = (
  turn: number,
  request: number,
  index: number,
  ok = true,
  more: Partial<RunEvent.Of<"ToolCallAnswered">> = {}
): RunEvent.RunEvent => ({
  _tag: "ToolCallAnswered",
  ...callKey(turn, request, index),
  at: 0,
  ok,
  result: ok ? `result ${index}` : "Transient failure (Timeout): no result.",
  attempts: 1,
  ...(ok ? {} : { failure }),
  ...more
})

export const turnClosed = (turn: number, request = 1): RunEvent.RunEvent => ({
  _tag: "TurnClosed",
  ...reply(turn, request),
  at: 0
})

export const ended = (
  outcome: RunEvent.Of<"RunEnded">["outcome"] = "completed",
  reason?: string
): RunEvent.RunEvent => ({
  _tag: "RunEnded",
  at: 0,
  outcome,
  text: "Done.",
  ...(reason === undefined ? {} : { reason })
})

const cancelled: RunEvent.Failure = { kind: "permanent", reason: "Cancelled", message: "interrupted", executed: true }

/** A run that holds every guarantee and has every kind of event but `OutputChecked`. */
export const goodRun: ReadonlyArray<RunEvent.RunEvent> = [
  started(),
  modelRequested(1),
  text(1, 1, "Half a"),
  requested(1, 1, 0),
  intended(1, 1, [0]),
  attemptStarted(1, 1, 0),
  { ...attemptEnded(1, 1, 0), failure: cancelled },
  discarded(1, 1, 0),
  modelFailed(1),
  modelRequested(1, 2),
  text(1, 2, "Let me look."),
  requested(1, 2, 0),
  intended(1, 2, [0]),
  attemptStarted(1, 2, 0),
  requested(1, 2, 1),
  requested(1, 2, 2, "pay"),
  requested(1, 2, 3, "send"),
  responded(1, 2),
  intended(1, 2, [1, 2, 3], "effectful", [3]),
  approvalRequested(1, 2, 3),
  ...onTheWay(1, 2, 2),
  attemptStarted(1, 2, 1),
  { ...attemptEnded(1, 2, 0), failure },
  retryScheduled(1, 2, 0),
  attemptStarted(1, 2, 2),
  abandoned(1, 2, 1),
  attemptEnded(1, 2, 1),
  answered(1, 2, 1, false),
  subRunEnded(1, 2, 2),
  attemptEnded(1, 2, 2),
  answered(1, 2, 2),
  attemptStarted(1, 2, 0, 2),
  attemptEnded(1, 2, 0, 2),
  answered(1, 2, 0),
  approvalDecided(1, 2, 3, true, { by: "ann" }),
  released(1, 2, 1),
  attemptStarted(1, 2, 3),
  attemptEnded(1, 2, 3),
  answered(1, 2, 3),
  turnClosed(1, 2),
  modelRequested(2),
  text(2, 1, "Nearly"),
  resumed(),
  modelRequested(2, 2),
  text(2, 2, "Done."),
  responded(2, 2, "stop"),
  turnClosed(2, 2),
  ended()
]

const format = { settings: { output: "format" as const } }

/** A run with structured output, which is refused once. */
export const outputRun: ReadonlyArray<RunEvent.RunEvent> = [
  started({}, { output: "report" }),
  modelRequested(1, 1, format),
  text(1, 1, "{"),
  responded(1, 1, "stop"),
  turnClosed(1),
  outputChecked(1, 1, false, "it ends early"),
  modelRequested(2, 1, format),
  text(2, 1, "{}"),
  responded(2, 1, "stop"),
  turnClosed(2),
  outputChecked(2),
  ended()
]

/** Parts of every type. */
export const parts: ReadonlyArray<Prompt.Part> = [
  Prompt.textPart({ text: "words\n\"quoted\" \u2028 😀" }),
  Prompt.textPart({ text: "", options: { anthropic: { cacheControl: { type: "ephemeral" } } } }),
  Prompt.reasoningPart({ text: "hm", options: { anthropic: { info: { type: "thinking", signature: "c2ln" } } } }),
  Prompt.filePart({ mediaType: "image/png", fileName: "a.png", data: new Uint8Array([0, 1, 254, 255]) }),
  Prompt.filePart({ mediaType: "application/pdf", data: new URL("https://example.com/a.pdf") }),
  Prompt.filePart({ mediaType: "text/plain", data: "aGk=" }),
  Prompt.toolCallPart({ id: "c", name: "look", params: { deep: [{ "__proto__": 1 }] }, providerExecuted: true }),
  Prompt.toolResultPart({ id: "c", name: "look", isFailure: false, result: [null, 1], providerExecuted: true }),
  Prompt.toolApprovalRequestPart({ approvalId: "a", toolCallId: "c" }),
  Prompt.toolApprovalResponsePart({ approvalId: "a", approved: false, reason: "no" })
]

const prompts: ReadonlyArray<Prompt.Prompt> = [
  Prompt.empty,
  user("Hello"),
  Prompt.fromMessages([
    Prompt.systemMessage({ content: "Be brief." }),
    Prompt.userMessage({ content: [Prompt.textPart({ text: "a" }), parts[3] as Prompt.FilePart] }),
    Prompt.assistantMessage({ content: [parts[2] as Prompt.ReasoningPart, parts[6] as Prompt.ToolCallPart] }),
    Prompt.toolMessage({ content: [parts[7] as Prompt.ToolResultPart] })
  ])
]

const [firstPart, ...otherParts] = parts as [Prompt.Part, ...Array<Prompt.Part>]
const [firstPrompt, ...otherPrompts] = prompts as [Prompt.Prompt, ...Array<Prompt.Prompt>]
const part = oneOf([firstPart, ...otherParts])
const prompt = oneOf([firstPrompt, ...otherPrompts])
const small = integer(0, 3)
const time = integer(0, 700_000)

const key = { turn: small, request: small, index: small }
const strings = utf16(10)

const limits: Arbitrary.Arbitrary<Limits.Resolved> = Arbitrary.all({
  turns: integer(1, 3),
  toolCalls: oneOf([null, 0, 2]),
  toolCallsPerTurn: integer(1, 2),
  concurrency: integer(1, 3),
  retries: integer(0, 2),
  deadline: oneOf([null, 1000, 300_000]),
  toolTimeout: oneOf([null, 0.5, 100]),
  tokens: Arbitrary.all({
    input: oneOf([null, 50]),
    output: oneOf([null, 5]),
    total: oneOf([null, 100]),
    context: oneOf([null, 20])
  }),
  cost: oneOf([null, 0.5]),
  repetition: integer(2, 3),
  depth: integer(0, 3),
  subRuns: integer(0, 2),
  onLimit: oneOf<Limits.Resolved["onLimit"]>(["answer", "fail"])
})

const partialFailure = oneOf<PartialFailure.PartialFailure>([
  "continue",
  { failIf: 0.5 },
  { quorum: 2 },
  { noteIf: 0.5, text: "Half failed." }
])

/** Events of one tag: what the schema can generate, with keys that meet and values that JSON has. */
const ofTag: { readonly [Tag in RunEvent.RunEvent["_tag"]]: Arbitrary.Arbitrary<RunEvent.Of<Tag>> } = {
  RunStarted: Arbitrary.map(
    Arbitrary.all({
      history: prompt,
      input: prompt,
      limits,
      partialFailure,
      output: oneOf(["report", "look"]),
      tenant: strings,
      thread: strings,
      metadata: strings,
      tool: strings,
      depth: small
    }),
    ({ depth, metadata, tool, ...fields }) => ({
      ...started(),
      ...fields,
      metadata: { [metadata]: metadata },
      ...(depth === 0 ? {} : { parent: { runId: "above", depth }, forkedFrom: { runId: "before", turn: depth } }),
      tools: [
        { name: tool, class: "idempotent", after: ["look", tool] },
        { name: "look", class: "readonly", concurrency: 2 },
        { name: "pay", class: "effectful", approval: true, after: ["look"] }
      ]
    })
  ),
  BlockReceived: Arbitrary.map(Arbitrary.all({ ...key, part }), ({ part: block, request, turn }) => ({
    _tag: "BlockReceived",
    turn,
    request,
    part: block
  })),
  ToolCallRequested: Arbitrary.map(
    Arbitrary.all({ ...key, at: time, params: json(), name: oneOf(["look", "pay", "constructor"]), id: strings }),
    (fields) => ({ _tag: "ToolCallRequested", ...fields })
  ),
  ToolCallAnswered: Arbitrary.map(
    Arbitrary.all({ ...key, at: time, result: json(), ok: oneOf([true, false]), attempts: small }),
    (fields) => ({ _tag: "ToolCallAnswered", ...fields, ...(fields.ok ? {} : { failure }) })
  ),
  DispatchIntended: Arbitrary.map(
    Arbitrary.all({ ...key, indices: Arbitrary.array(small, { maxLength: 3 }), gated: small }),
    ({ gated, indices, request, turn }) =>
      intended(turn, request, indices, "effectful", [gated]) as RunEvent.Of<"DispatchIntended">
  ),
  CallDiscarded: keyed(plain("CallDiscarded")),
  ApprovalRequested: keyed(plain("ApprovalRequested")),
  ApprovalDecided: keyed(plain("ApprovalDecided")),
  SubRunEnded: keyed(plain("SubRunEnded")),
  OutputChecked: keyed(plain("OutputChecked")),
  RunResumed: plain("RunResumed"),
  ModelRequested: keyed(plain("ModelRequested")),
  ModelResponded: Arbitrary.map(
    Arbitrary.all([
      keyed(plain("ModelResponded")),
      oneOf(["stop", "tool-calls", "length", "pause", "content-filter", "unknown"])
    ]),
    ([event, finishReason]) => ({ ...event, finishReason })
  ),
  ModelFailed: keyed(plain("ModelFailed")),
  AttemptStarted: keyed(plain("AttemptStarted")),
  AttemptEnded: keyed(plain("AttemptEnded")),
  CallQueued: keyed(plain("CallQueued")),
  CallJoined: keyed(plain("CallJoined")),
  CacheHit: keyed(plain("CacheHit")),
  HedgeStarted: keyed(plain("HedgeStarted")),
  RateLimited: keyed(plain("RateLimited")),
  CircuitOpened: keyed(plain("CircuitOpened")),
  RetryScheduled: keyed(plain("RetryScheduled")),
  RetryRefused: keyed(plain("RetryRefused")),
  CallReconciled: keyed(plain("CallReconciled")),
  FallbackStarted: keyed(plain("FallbackStarted")),
  AttemptAbandoned: keyed(plain("AttemptAbandoned")),
  AttemptReleased: keyed(plain("AttemptReleased")),
  TurnClosed: keyed(plain("TurnClosed")),
  RunEnded: plain("RunEnded")
}

/** Generates plain events of a case; JSON has no negative zero. */
function plain<Tag extends RunEvent.RunEvent["_tag"]>(tag: Tag): Arbitrary.Arbitrary<RunEvent.Of<Tag>> {
  const positive = (_: string, value: unknown): unknown => Object.is(value, -0) ? 0 : value
  const schema = RunEvent.RunEvent.cases[tag] as unknown as Schema.Codec<RunEvent.Of<Tag>>
  return Arbitrary.map(
    Arbitrary.schema(schema),
    (found) => JSON.parse(JSON.stringify(found, positive)) as RunEvent.Of<Tag>
  )
}

function keyed<A extends { readonly turn: number; readonly request: number }>(
  event: Arbitrary.Arbitrary<A>
): Arbitrary.Arbitrary<A> {
  return Arbitrary.map(Arbitrary.all([event, Arbitrary.all(key)]), ([found, { index, request, turn }]) => ({
    ...found,
    turn,
    request,
    ...("index" in found ? { index } : {})
  }))
}

export const tags = Object.keys(ofTag) as [RunEvent.RunEvent["_tag"], ...Array<RunEvent.RunEvent["_tag"]>]

export const eventOf = <Tag extends RunEvent.RunEvent["_tag"]>(tag: Tag): Arbitrary.Arbitrary<RunEvent.Of<Tag>> =>
  ofTag[tag]

/** Any event, in no order that a run could produce. */
export const event: Arbitrary.Arbitrary<RunEvent.RunEvent> = Arbitrary.flatMap(
  oneOf(tags),
  (tag): Arbitrary.Arbitrary<RunEvent.RunEvent> => ofTag[tag]
)

export const encode = Schema.encodeEffect(RunEvent.Json)
export const decode = Schema.decodeUnknownEffect(RunEvent.Json)
