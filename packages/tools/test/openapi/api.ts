/** A server of this machine that an API's document leads to, and calls of its tools. */
import { Dispatcher } from "@volley/core"
import { Loopback } from "@volley/core/testing"
import { ConfigProvider, Effect } from "effect"
import * as fs from "node:fs"
import type { IncomingHttpHeaders, ServerResponse } from "node:http"
import * as path from "node:path"
import { OpenApi } from "../../src/openapi/index.ts"

/** A request as it came over the wire. */
export interface Asked {
  readonly method: string
  /** Path and query, as they were sent. */
  readonly url: string
  readonly headers: IncomingHttpHeaders
  readonly body: string
}

export const document = (name: string): string =>
  fs.readFileSync(path.join(import.meta.dirname, "documents", name), "utf8")

export const json = (response: ServerResponse, value: unknown, status = 200, headers: Record<string, string> = {}) =>
  response.writeHead(status, { "content-type": "application/json", ...headers }).end(JSON.stringify(value))

type Answer = (response: ServerResponse, asked: Asked, count: number) => void

/** Serves until the scope ends: its URL, and what it was asked, in order. */
export const serve = (answer: Answer = (response) => json(response, { ok: true })) =>
  Effect.gen(function*() {
    const asked: Array<Asked> = []
    const url = yield* Loopback.serve((request, response) => {
      const chunks: Array<Buffer> = []
      request.on("data", (chunk: Buffer) => chunks.push(chunk))
      request.on("end", () => {
        const { headers, method = "", url = "" } = request
        const one = { method, url, headers, body: Buffer.concat(chunks).toString("utf8") }
        asked.push(one)
        answer(response, one, asked.length)
      })
    })
    return { url, host: new URL(url).host, asked }
  })

/** The tools of a document, which ask a server of this machine. */
export const toolkit = (
  input: string | object,
  server: string,
  options: Partial<OpenApi.Options> = {},
  secrets: Record<string, string> = {}
) =>
  OpenApi.toolkit(input, {
    include: ["* /**"],
    server,
    allowPrivate: [new URL(server).host],
    ...options
  }).pipe(Effect.provideService(ConfigProvider.ConfigProvider, ConfigProvider.fromUnknown(secrets)))

export const toolOf = ({ tools, withheld }: OpenApi.Api, name: string): OpenApi.ApiTool => {
  const found = tools.find((tool) => tool.name === name)
  if (found === undefined) {
    throw new Error(`no ${name} among ${tools.map((tool) => tool.name).join()}: ${JSON.stringify(withheld)}`)
  }
  return found
}

/** Calls a tool once, without retries. */
export const call = (tool: OpenApi.ApiTool, parameters: unknown) =>
  Dispatcher.call(tool, parameters, { limits: { retries: 0 } })

/** A document of a few operations. */
export const small = (paths: object, more: object = {}) => ({
  openapi: "3.0.3",
  info: { title: "small", version: "1" },
  servers: [{ url: "https://api.example.com" }],
  paths,
  ...more
})
