// The tables of the report: which scenario has which columns, and what Volley is meant to reach.
//
// - `unit`: of the numbers; `relative`: said as a multiple of the hand-written loop, the median of the ratios of each round.
// - `target`: the greatest that Volley may have (of the multiple, where the column is relative); `least`: the smallest.
// - `profile`: which profile says why, where Volley misses its target or is not the best.
// - `note`: what a profile cannot say of how Volley comes to its numbers.
// - `group`: scenarios of a group share a process.
// - `own`: a promise of Volley alone.
import { faults } from "./models.mjs"

const cpu = (metric, title, target) => ({ metric, title, unit: "ms", relative: true, target, profile: "cpu" })

const dispatched = (metric, title, target) => ({ metric, title, unit: "µs", target, profile: "cpu" })

export const scenarios = {
  overhead: {
    title: "Overhead: 20 turns with 8 instant tool calls each",
    columns: [
      cpu("first", "CPU of the first run", 1.5),
      cpu("cpu", "CPU of a run, warm", 1.5),
      { metric: "wall", title: "wall of a run, warm", unit: "ms" }
    ]
  },
  dispatch: {
    own: true,
    title: "Dispatch: CPU of a tool call over its bare handler, turns of 8 calls",
    note:
      "The stages alone have no dispatch around them. What is dispatched has its arguments decoded, a fiber of its own and "
      + "its events in a journal in memory. Every policy: timeout, retry, concurrency, serial, cache, breaker, rate limit, "
      + "hedge, fallback, after, size of the result. Of 15 rounds of 4,000 calls the median counts, with the garbage that is "
      + "collected meanwhile: a quarter of what the stages alone take.",
    columns: [
      dispatched("none", "no policy", 15),
      dispatched("every", "every policy", 50),
      dispatched("stages", "stages alone: no policy", 3),
      dispatched("common", "stages alone: timeout, retry, concurrency", 12)
    ]
  },
  inFlight: {
    own: true,
    title: "10,000 calls of one turn in flight at the same time, each sleeping 100 ms",
    columns: [
      { metric: "answered", title: "answered", least: 10_000 },
      { metric: "wall", title: "wall of all", unit: "ms" },
      { metric: "cpu", title: "CPU of a call", unit: "µs" },
      { metric: "heap", title: "heap meanwhile", unit: "MB" }
    ]
  },
  hedge: {
    own: true,
    rounds: 1,
    title: "Hedging after the p95: 20,000 calls of 50-150 ms by 8 callers, 5 % of the attempts take ten times as long",
    note: "The time is simulated, so every round would say the same.",
    columns: [
      { metric: "alone", title: "p99 without", unit: "ms" },
      { metric: "hedged", title: "p99 with", unit: "ms" },
      { metric: "change", title: "change", unit: "%", target: -60 },
      { metric: "extra", title: "extra attempts", unit: "%", target: 7 }
    ]
  },
  growth: {
    title: "Growth: runs of 10, 50 and 200 turns with 4 calls each, results of 1 KB",
    columns: [
      cpu("cpu10", "CPU of a turn, of 10"),
      cpu("cpu50", "CPU of a turn, of 50"),
      cpu("cpu200", "CPU of a turn, of 200", 1)
    ]
  },
  concurrent: {
    title: "1,000 concurrent runs: 3 turns with 2 calls of 50 ms each, the model waits 100 ms before each reply",
    columns: [
      cpu("cpu", "CPU of a run", 1.7),
      { metric: "wall", title: "wall of all", unit: "ms" },
      { metric: "rss", title: "peak RSS of a run", unit: "KB", relative: true, target: 1.4, profile: "heap" }
    ]
  },
  streaming: {
    title: "Streaming: an answer of 2,000 deltas, each arriving by itself",
    note:
      "To the first delta, most of the time is the request's way to the model and back, which every peer has. What is "
      + "Volley's own lies before it: the run begins, its tools are compiled and the request is made, about 1 ms more than in "
      + "the hand-written loop; from the first bytes to the delta it is some 0.1 ms more.",
    columns: [cpu("cpu", "CPU of 1,000 deltas", 1.7), { metric: "first", title: "to the first delta", unit: "ms" }]
  },
  parallel: {
    group: "latency",
    title: "Parallel calls: 4 tools of 200 ms, 5 lookups of 80 ms, and 4 tools of 200 ms of which one fails",
    note:
      "Volley tries an error that nobody classified once more where the tool changes nothing: its fifth execution. So the "
      + "call that fails takes twice 200 ms and a random wait of at most 200 ms between; `retry: { times: 0 }` would end it "
      + "with the others. What is over the tools' own time elsewhere is the CPU of two turns in a process that has made ten "
      + "runs.",
    columns: [
      { metric: "four", title: "4 × 200 ms", unit: "ms" },
      { metric: "five", title: "5 × 80 ms", unit: "ms" },
      { metric: "failing", title: "one of 4 fails", unit: "ms" },
      { metric: "executions", title: "executions then" }
    ]
  },
  early: {
    group: "latency",
    title:
      "Early start: three calls arrive 100 ms apart, the reply ends 500 ms after the last, each tool takes 300 ms (ideal: 800 ms)",
    columns: [
      { metric: "wall", title: "run", unit: "ms", target: 820 },
      { metric: "first", title: "first tool starts", unit: "ms" }
    ]
  },
  limit: {
    group: "latency",
    title: "A hanging tool with a limit of 200 ms: from the start of the tool until the run has gone on to its answer",
    columns: [
      { metric: "deaf", title: "deaf to its signal", unit: "ms", target: 210 },
      { metric: "listening", title: "listens to it", unit: "ms", target: 210 }
    ]
  },
  cancel: {
    group: "latency",
    title: "Cancellation: from the abort to the end of the run",
    note:
      "A process aborts once in each way, so most of the time goes to code that runs for the first time, in a reply above "
      + "all to Node's own abort of a request. Repeated, Volley takes some 0.8 ms in a tool (LangChain 0.7) and 1.3 ms in a "
      + "reply (the hand-written loop 0.7): it interrupts every fiber and answers every open call before the run ends.",
    columns: [
      { metric: "deaf", title: "in a tool deaf to its signal", unit: "ms" },
      { metric: "listening", title: "in a tool that listens", unit: "ms" },
      { metric: "reply", title: "in a reply", unit: "ms" }
    ]
  },
  recovery: {
    title: "Faults of the model's side in a run of two calls: it ends with the answer and each tool ran once",
    rounds: 1,
    columns: [
      { metric: "recovered", title: `of ${faults.length}`, least: faults.length },
      ...faults.map((fault) => ({ metric: fault, title: fault }))
    ]
  },
  coldStart: {
    title: "Cold start: from the start of the process to the first answer, with one tool call",
    rounds: 7,
    columns: [cpu("cpu", "CPU", 1.5), { metric: "wall", title: "wall", unit: "ms" }]
  },
  install: {
    title: "Installed: the packages it brings, itself included",
    rounds: 1,
    note:
      "Of Volley, effect is 53 MB (its sources and source maps 29, types 10, code 14), the SDK of Anthropic with what it "
      + "needs 18 and Volley itself 4. effect/ai Chat counts with Volley, whose provider it borrows: there is no other for "
      + "Claude and this version of effect.",
    columns: [{ metric: "packages", title: "packages" }, { metric: "size", title: "size", unit: "MB" }]
  }
}

/** In the order of the tables; the first is what the others are measured by. */
export const peers = {
  handWritten: "hand-written loop",
  volley: "Volley",
  toolRunner: "SDK toolRunner",
  aiSdk: "AI SDK",
  effectAi: "effect/ai Chat",
  openaiAgents: "OpenAI Agents",
  langchain: "LangChain createAgent",
  mastra: "Mastra"
}

/** Not run, and why. */
export const absent = {
  "effect-agent": "has no adapter here"
}
