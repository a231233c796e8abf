/**
 * What a plan led to, as one static HTML page.
 *
 * @internal
 */
import * as Crypto from "node:crypto"
import type { Report } from "../../Simulation.ts"
import { escaped } from "./page/escaped.ts"
import { storyOf } from "./page/story.ts"
import { type Column, columnsOf, timeline } from "./page/timeline.ts"

const style = `
:root { color-scheme: light dark; --ink: #1c2024; --dim: #62686e; --line: #d8dbdf; --ground: #fff; --good: #2f7d4f;
  --bad: #b3261e; --open: #a15c00; --model: #3a6ea5; --effect: #7b3fa0 }
@media (prefers-color-scheme: dark) { :root { --ink: #e6e8ea; --dim: #a0a7ae; --line: #363b41; --ground: #16181b;
  --good: #5fbf86; --bad: #ff8a80; --open: #e0a650; --model: #7fb0e6; --effect: #c792e8 } }
body { font: 15px/1.5 system-ui, sans-serif; color: var(--ink); background: var(--ground); margin: 2rem auto; padding: 0 2rem; max-width: 90rem }
h1 { font-size: 1.3rem } h2 { font-size: 1.05rem; margin-top: 2rem } code, pre, td { font-family: ui-monospace, monospace; font-size: 13px }
.scroll { overflow-x: auto; border: 1px solid var(--line) } pre { padding: 1rem; margin: 0 } li.bad { color: var(--bad) }
table { border-collapse: collapse } td, th { padding: .1rem .8rem; text-align: left; vertical-align: top; white-space: nowrap }
th { color: var(--dim); font-weight: normal } tr.bad td { color: var(--bad) }
svg { display: block; font: 12px ui-monospace, monospace } text { fill: var(--ink) } .dim { fill: var(--dim) }
.lane { stroke: var(--line) } .ok { fill: var(--good) } .failed { fill: var(--bad) } .lost { fill: var(--open) }
.model { fill: var(--model) } .event { fill: var(--dim) } .effect { fill: var(--effect); stroke: var(--ground); stroke-width: 1.5 }
line.violation { stroke: var(--bad); stroke-width: 2; stroke-dasharray: 4 3 } line.resumed { stroke: var(--open); stroke-width: 2 }
text.violation { fill: var(--bad); font-weight: bold } text.resumed { fill: var(--open) }
.verdict { font-weight: bold } .verdict.bad { color: var(--bad) } .verdict.good { color: var(--good) }
.legend { padding: 0; display: flex; flex-wrap: wrap; gap: .2rem 1.4rem; list-style: none; color: var(--dim) }
.legend svg { display: inline-block; vertical-align: -1px; margin-right: .4rem } a { color: var(--model) }
summary { cursor: pointer; margin-bottom: .5rem } p { max-width: 60rem }
`

const laws: { readonly [guarantee in Report["violations"][number]["guarantee"]]: string } = {
  G1: "every call is answered exactly once",
  G2: "answers stand in call order, and are those of their calls",
  G3: "what failed for good is not tried again",
  G4: "an effect takes place once at the most, and what is told of it is true",
  G5: "attempts and retries stay within their bounds",
  G6: "what runs at the same time stays within its bounds",
  G7: "waits are as long as they are to be",
  G8: "deadlines are kept",
  G9: "nothing is left running",
  G10: "what the journal has is not lost, and nothing is shown or done that it does not have",
  G11: "the transcript is one that the API accepts",
  G12: "a reply that is not kept leaves nothing behind",
  G15: "the run decides as its events say",
  G16: "usage is counted once",
  G17: "the run survives what its tools do",
  G19: "the run comes to its end, and nobody waits for nothing",
  T13: "what wants approval is begun only once it is approved",
  order: "things begin and end in the order in which they have to"
}

const swatch = (kind: string, meaning: string): string =>
  `<li><svg width="12" height="12" aria-hidden="true"><rect class="${kind}" width="12" height="12" rx="2"/></svg>${meaning}</li>`

const legend = [
  swatch("model", "the model is asked and replies"),
  swatch("ok", "an attempt that succeeds"),
  swatch("failed", "one that fails"),
  swatch("lost", "one whose process dies meanwhile"),
  swatch("effect", "a side effect takes place"),
  swatch("event", "an event of the journal")
].join("")

const rows = (report: Report, columns: ReadonlyArray<Column>): string =>
  columns.map(({ at, event, position, run }) => {
    const isBad = report.violations.some((one) => one.run === run && one.event === position)
    const { _tag, ...fields } = event
    return `<tr id="event-${run}-${position}"${
      isBad ? " class=\"bad\"" : ""
    }><td>${run}</td><td>${position}</td><td>${at}</td><td>${_tag}</td>`
      + `<td>${escaped(JSON.stringify(fields).slice(0, 300))}</td></tr>`
  }).join("\n")

const executions = ({ ledger }: Report): string =>
  ledger.map(({ attempt, effects, end, fate, index, key, process, run, start, tool, turn }) =>
    `<tr><td>${run}</td><td>${process}</td><td>${
      escaped(`${tool} ${turn}.${index}`)
    }</td><td>${attempt}</td><td>${start}</td>`
    + `<td>${end ?? "its process died"}</td><td>${escaped(JSON.stringify(fate))}</td>`
    + `<td>${escaped(effects.map(({ at, what }) => `${what} at ${at}`).join(", "))}</td><td>${
      escaped(key.slice(0, 8))
    }</td></tr>`
  ).join("\n")

const violations = ({ violations }: Report): string =>
  violations.length === 0
    ? "<p class=\"verdict good\">No law is broken.</p>"
    : `<ul>${
      violations.map(({ event, guarantee, message, run }) =>
        `<li class="bad"><strong>${guarantee}</strong> (${laws[guarantee]}), shown by `
        + `<a href="#event-${run}-${event}">event ${event} of run ${run}</a>: ${escaped(message)}</li>`
      ).join("\n")
    }</ul>`

const stops: { readonly [stop in Report["stop"]]: string } = {
  Done: "Everything came to its end",
  Deadlock: "Nothing could happen any more, and the runs had not ended",
  StepLimit: "It did not come to an end, and was stopped"
}

const replay = (json: string): string =>
  `import { Simulation } from "@volley/core/testing"

const plan: Simulation.Plan = ${json}

console.log(Simulation.run(agent, plan).violations)`

/** @internal */
export const pageOf = (report: Report): string => {
  const columns = columnsOf(report)
  const hash = Crypto.createHash("sha256").update(style).digest("base64")
  const { ledger, now, plan, runs, stop, violations: found } = report
  const broken = Array.from(new Set(found.map(({ guarantee }) => guarantee))).join(", ")
  const json = JSON.stringify(plan, undefined, 2)
  return `<!doctype html>
<html lang="en">
<head>
<meta charset="utf-8">
<meta http-equiv="Content-Security-Policy" content="default-src 'none'; style-src 'sha256-${hash}'; base-uri 'none'; form-action 'none'">
<meta name="viewport" content="width=device-width">
<title>Simulated run, seed ${plan.seed}: ${broken === "" ? "all laws hold" : `${broken} broken`}</title>
<style>${style}</style>
</head>
<body>
<h1>Simulated run, seed ${plan.seed}: ${broken === "" ? "all laws hold" : `${broken} broken`}</h1>
<p>An agent ran in a simulated world: the model, the handlers of the tools, failures, crashes and time are those of a plan, and the
same plan always leads to the same run. ${stops[stop]}, after ${now} simulated milliseconds, ${runs.length}
${runs.length === 1 ? "run" : "runs"} and ${ledger.length} ${
    ledger.length === 1 ? "execution" : "executions"
  } of handlers.</p>
<h2>Which law is broken</h2>
${violations(report)}
<h2>What was planned</h2>
${storyOf(plan)}
<h2>What happened</h2>
<p>Time runs to the right, one column an event, with the simulated milliseconds above. The first lane of a run is the run itself, each
other lane is a call, named by turn, request and index. A dashed line marks the event that shows a violation, a solid one where the
next process resumes the run. Point at a mark to read it.</p>
<ul class="legend">${legend}</ul>
<div class="scroll">${timeline(report, columns)}</div>
<h2>How to replay it</h2>
<p>With <code>agent</code> as the agent that was simulated; if its own handlers ran, give them as a third argument, as
<code>{ handlers }</code>. <code>Simulation.testFile</code> writes the same as a test.</p>
<details><summary>The program, with the plan</summary><div class="scroll"><pre>${
    escaped(replay(json))
  }</pre></div></details>
<h2>What the handlers saw</h2>
<div class="scroll"><table><tr><th>run</th><th>process</th><th>handler</th><th>attempt</th><th>from (ms)</th><th>to (ms)</th><th>planned</th><th>effects</th><th>key</th></tr>
${executions(report)}
</table></div>
<h2>What the journal has</h2>
<div class="scroll"><table><tr><th>run</th><th>event</th><th>at (ms)</th><th>what</th><th>fields</th></tr>
${rows(report, columns)}
</table></div>
</body>
</html>
`
}
