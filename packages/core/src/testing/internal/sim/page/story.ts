/**
 * A plan in words.
 *
 * @internal
 */
import type { Call, Fate, Plan, Run, Strike, Turn } from "../plan.ts"
import { escaped } from "./escaped.ts"

const short = (value: unknown): string => {
  const text = JSON.stringify(value) ?? ""
  return text.length > 80 ? `${text.slice(0, 80)}…` : text
}

const code = (text: string): string => `<code>${escaped(text)}</code>`

const list = (items: ReadonlyArray<string>): string =>
  items.length === 0 ? "" : `<ul>${items.map((item) => `<li>${item}</li>`).join("")}</ul>`

const work = (millis: number): string => millis === 0 ? "at once" : `after ${millis} ms`

const does = ({ acts, bytes, does, failure, millis }: Fate): string => {
  const acted = acts === true ? "takes effect and then " : ""
  switch (does) {
    case "ok":
      return `succeeds ${work(millis)}`
    case "flood":
      return `succeeds ${work(millis)}, with texts of ${bytes ?? 0} bytes`
    case "fail":
      return `${acted}fails ${work(millis)}: ${code(short(failure))}`
    case "die":
      return `${acted}throws ${work(millis)}`
    case "hang":
      return `${acted}hangs until it is interrupted`
    case "deaf":
      return `${acted}works for ${millis} ms and cannot be interrupted`
  }
}

const attempts = (fates: Call["fates"]): string => {
  if (fates.length === 0) return "every attempt succeeds at once"
  const planned = fates.map((fate, i) => `attempt ${i + 1} ${does(fate)}`)
  return [...planned, ...(fates.at(-1)!.does === "ok" ? [] : ["any other succeeds at once"])].join("; ")
}

const call = ({ approval, fates, id, input, partialJson, reconcile, tool }: Call, place: string): string => {
  const more = [
    ...(id === undefined ? [] : [`its id is ${code(id)}`]),
    ...(approval === undefined
      ? []
      : [
        `whoever is asked ${
          approval.decides === "die" ? "fails" : approval.decides === "approve" ? "approves" : "denies"
        } ${work(approval.millis)}${approval.expires === undefined ? "" : `, for ${approval.expires} ms`}`
      ]),
    ...(reconcile === undefined ? [] : ["nobody can find out afterwards whether it took effect"])
  ]
  return `${escaped(place)} ${code(`${tool} ${partialJson ?? short(input)}`)}: ${[attempts(fates), ...more].join("; ")}`
}

const fault = (one: Turn["faults"][number]): string => {
  if (!("status" in one)) return `a stream that breaks (${escaped(one.type)})`
  const wait = one.retryAfter === undefined ? "" : `, to be sent again after ${escaped(String(one.retryAfter))} s`
  return `status ${one.status}${wait}`
}

const turn = ({ calls, faults, text }: Turn, n: number): string => {
  const failed = faults.length === 0 ? "" : ` Its requests first meet ${faults.map(fault).join(", then ")}.`
  const said = text === undefined ? "" : ` The model says ${code(JSON.stringify(text))}.`
  const asked = calls.length === 0 ? "no tool is called." : "the model calls"
  return `Turn ${n + 1}: ${asked}${list(calls.map((one, i) => call(one, `${n + 1}.${i}`)))}${failed}${said}`
}

const run = ({ cancelAt, interval, startAt, tenant, turns }: Run, n: number): string => {
  const paced = interval === 0 ? "" : `, with ${interval} ms between the events of a reply`
  const cancelled = cancelAt === undefined ? "" : `, and is cancelled ${cancelAt} ms later`
  return `Run ${n} of tenant ${code(tenant)} begins at ${startAt} ms${paced}${cancelled}.${
    list([
      ...turns.map(turn),
      "Then the model answers."
    ])
  }`
}

const places: { readonly [at in Strike["at"]]: string } = {
  open: "the journal is opened",
  append: "an event is written",
  model: "the model is asked",
  effect: "a tool takes effect",
  reconcile: "a tool is asked whether it took effect",
  approver: "somebody is asked for approval",
  cache: "the cache is used",
  store: "a long result is kept or read"
}

const strike = ({ at, does, event, nth, side }: Strike, n: number): string => {
  const what = event === undefined ? places[at] : `${code(event)} is written`
  return does === "crash"
    ? `Process ${n} dies right ${side} the time no. ${nth} that ${what}. The next process resumes the runs.`
    : `In process ${n}, time no. ${nth} that ${what}, it fails, ${
      side === "before" ? "with nothing done" : "though it was done"
    }.`
}

/** @internal */
export const storyOf = ({ runs, slowJournal, strikes }: Plan): string =>
  list([
    ...runs.map(run),
    ...strikes.map(strike),
    ...(slowJournal ? ["The journal is slow: others run while an event is written."] : [])
  ])
