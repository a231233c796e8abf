import { Loopback } from "@volley/core/testing"
import { Effect } from "effect"
import type { IncomingMessage, ServerResponse } from "node:http"
import { forecast, oslo } from "../weather/service.ts"

/** How the services answer: well, with a status, or with something that is cut in the middle. */
export type Mode = "well" | 400 | 401 | 403 | 404 | 500 | "cut"

export interface Echo {
  /** What is repeated wherever a service has room for a text. */
  text: string
  mode: Mode
}

const at = "2026-01-01T00:00:00Z"

const ticket = (text: string) => ({
  id: "T-1",
  title: text,
  status: "open",
  author: text,
  updated: at,
  created: at,
  body: text,
  comments: [{ id: "C-1", author: text, body: text, at }]
})

const pod = (text: string) => ({
  metadata: { name: text },
  spec: { containers: [{ name: "web" }] },
  status: {
    phase: "Pending",
    containerStatuses: [{ name: "web", state: { waiting: { reason: text, message: text } } }]
  }
})

const deployment = (text: string) => ({
  metadata: { name: text },
  spec: { selector: { matchLabels: { app: text } }, template: { spec: { containers: [{ name: text, image: text }] } } },
  status: { conditions: [{ type: text, status: "False", reason: text, message: text }] }
})

const event = (text: string) => ({
  metadata: {},
  involvedObject: { kind: "Pod", name: text },
  type: text,
  reason: text,
  message: text
})

const prometheus = (data: unknown, text: string) => ({ status: "success", data, warnings: [text] })

/** The answer of each service by its path; a key that poisons is in each. */
const answers: ReadonlyArray<readonly [path: RegExp, answer: (text: string) => unknown]> = [
  [/^\/kubernetes\/.*\/log$/, (text) => text],
  [/^\/kubernetes\/.*\/pods$/, (text) => ({ metadata: {}, items: [pod(text)] })],
  [/^\/kubernetes\/.*\/events$/, (text) => ({ metadata: {}, items: [event(text)] })],
  [/^\/kubernetes\/.*\/deployments$/, (text) => ({ metadata: {}, items: [deployment(text)] })],
  [
    /^\/prometheus\/.*\/query$/,
    (text) =>
      prometheus({ resultType: "vector", result: [{ metric: { __name__: text, job: text }, value: [0, "1"] }] }, text)
  ],
  [/^\/prometheus\/.*\/series$/, (text) => prometheus([{ __name__: text, job: text }], text)],
  [/^\/prometheus\/.*\/metadata$/, (text) => prometheus({ [text]: [{ type: text, help: text, unit: text }] }, text)],
  [/^\/prometheus\//, (text) => prometheus([text], text)],
  [/^\/tickets\/[^/]+\/comments$/, (text) => ticket(text).comments[0]],
  [/^\/tickets$/, (text) => ({ ...ticket(text), tickets: [ticket(text)], total: 1 })],
  [/^\/tickets\//, ticket],
  [/^\/geocoding\//, (text) => ({ results: [{ ...oslo, admin1: text.slice(0, 200), country: text.slice(0, 200) }] })],
  [/^\/forecast\//, () => forecast],
  [/^\/page$/, (text) => {
    const safe = text.replace(/[&<>"]/g, (character) => `&#${character.charCodeAt(0)};`)
    return `<title>${safe}</title><a href="/${encodeURIComponent(text)}">${safe}</a><pre>${safe}</pre>`
  }]
]

const poisoned = (answer: unknown): string =>
  typeof answer === "string"
    ? answer
    : JSON.stringify(answer).replaceAll("{", "{\"__proto__\":{\"admin\":true},").replaceAll(",}", "}")

const refusal = (text: string) => ({
  message: text,
  status: "error",
  errorType: "bad_data",
  error: text,
  detail: text,
  reason: text
})

/** What a header can hold of a text. */
const headerOf = (text: string): string => text.replace(/[^\x20-\x7e]/g, "?").slice(0, 4000)

/**
 * The services of all families on one port. They repeat what they are told to, and what they are asked with: the credentials
 * among it.
 */
export const serve = Effect.fnUntraced(function*(echo: Echo) {
  const asked: Array<IncomingMessage> = []
  const answer = (request: IncomingMessage, response: ServerResponse) => {
    asked.push(request)
    const path = new URL(request.url ?? "", "http://h").pathname
    const text = `${request.headers.authorization ?? ""} ${echo.text}`
    const made = answers.find(([pattern]) => pattern.test(path))?.[1](text) ?? text
    const headers = {
      "content-type": path === "/page" ? "text/html" : typeof made === "string" ? "text/plain" : "application/json",
      etag: headerOf(text),
      link: headerOf(text)
    }
    if (echo.mode === "well") return void response.writeHead(200, headers).end(poisoned(made))
    if (echo.mode !== "cut") {
      return void response.writeHead(echo.mode, { ...headers, "content-type": "application/json" })
        .end(JSON.stringify(refusal(text)))
    }
    response.writeHead(200, { ...headers, "content-length": "100000" }).write(poisoned(made).slice(0, 500))
    setImmediate(() => response.destroy())
  }
  return { url: yield* Loopback.serve(answer), asked }
})
