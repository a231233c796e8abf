// The tables of the report: which scenario has which columns, and what Volley is meant to reach.
//
// - `unit`: of the numbers; `relative`: said as a multiple of the hand-written loop, the median of the ratios of each round.
// - `target`: the greatest that Volley may have (of the multiple, where the column is relative); `least`: the smallest.
// - `group`: scenarios of a group share a process.
import { faults } from "./models.mjs"

const multiple = (metric, title, target, unit = "ms") => ({ metric, title, unit, relative: true, target })

export const scenarios = {
  overhead: {
    title: "Overhead: 20 turns with 8 instant tool calls each",
    columns: [
      multiple("first", "CPU of the first run", 1.5),
      multiple("cpu", "CPU of a run, warm", 1.5),
      { metric: "wall", title: "wall of a run, warm", unit: "ms" }
    ]
  },
  growth: {
    title: "Growth: runs of 10, 50 and 200 turns with 4 calls each, results of 1 KB",
    columns: [
      multiple("cpu10", "CPU of a turn, of 10"),
      multiple("cpu50", "CPU of a turn, of 50"),
      multiple("cpu200", "CPU of a turn, of 200", 1)
    ]
  },
  concurrent: {
    title: "1,000 concurrent runs: 3 turns with 2 calls of 50 ms each, the model waits 100 ms before each reply",
    columns: [
      multiple("cpu", "CPU of a run", 1.7),
      { metric: "wall", title: "wall of all", unit: "ms" },
      multiple("rss", "peak RSS of a run", 1.4, "KB")
    ]
  },
  streaming: {
    title: "Streaming: an answer of 2,000 deltas, each arriving by itself",
    columns: [multiple("cpu", "CPU of 1,000 deltas", 1.7), { metric: "first", title: "to the first delta", unit: "ms" }]
  },
  parallel: {
    group: "latency",
    title: "Parallel calls: 4 tools of 200 ms, 5 lookups of 80 ms, and 4 tools of 200 ms of which one fails",
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
    columns: [multiple("cpu", "CPU", 1.5), { metric: "wall", title: "wall", unit: "ms" }]
  },
  install: {
    title: "Installed: the packages it brings, itself included",
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
