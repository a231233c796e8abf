/**
 * The thread that regular expressions are matched in. re2js matches in time proportional to text and expression, whose
 * product is still long enough to hold up everything else.
 *
 * @internal
 */
import { parentPort, workerData } from "node:worker_threads"
import { RE2JS, RE2JSException } from "re2js"
import * as Lines from "./lines.ts"
import type { Query, Reply, Request } from "./regex.ts"

const say = (reply: Reply) => parentPort?.postMessage(reply, [])

const finder = ({ ignoreCase, pattern }: Query) => {
  const compiled = RE2JS.compile(pattern, ignoreCase ? RE2JS.CASE_INSENSITIVE : 0)
  return (line: string): number => {
    if (!compiled.test(line)) return -1
    const matcher = compiled.matcher(line)
    return matcher.find() ? matcher.start() : -1
  }
}

const main = (query: Query): Reply => {
  try {
    const find = finder(query)
    let state = Lines.start
    parentPort?.on("message", ({ first, last, piece }: Request) => {
      const [next, matches] = Lines.step(find, first ? Lines.start : state, piece, last)
      state = next
      say({ kind: "found", matches })
    })
    return { kind: "ready" }
  } catch (error) {
    if (error instanceof RE2JSException) return { kind: "invalid", detail: error.message }
    throw error
  }
}

say(main(workerData as Query))
