/**
 * A server of MCP over Streamable HTTP, on a free port of this machine.
 */
import { Effect } from "effect"
import * as http from "node:http"
import type { AddressInfo } from "node:net"

type Json = { readonly [key: string]: any }

export interface Behaviour {
  /** Answers by an event stream rather than by JSON. */
  readonly streams?: boolean
  readonly token?: string
  /** Where every request is sent on to. */
  readonly redirect?: string
  /** Speaks 2026-07-28. */
  readonly modern?: boolean
  /** Answers everything with this status. */
  readonly status?: number
}

const object = (properties: Json = {}) => ({ type: "object", properties })

const tools = [
  { name: "echo", inputSchema: object({ text: { type: "string" } }) },
  { name: "cut", inputSchema: object() },
  { name: "resume", inputSchema: object() },
  { name: "hang", inputSchema: object() },
  { name: "forget", inputSchema: object() },
  { name: "huge", inputSchema: object() },
  { name: "routed", inputSchema: object({ region: { type: "string", "x-mcp-header": "Region" } }) },
  { name: "misrouted", inputSchema: object({ region: { type: "string", "x-mcp-header": "no header" } }) }
]

export const web = (behaviour: Behaviour = {}) =>
  Effect.acquireRelease(
    Effect.callback<{
      readonly url: string
      readonly requests: Array<
        { readonly method: string; readonly headers: http.IncomingHttpHeaders; readonly body: Json }
      >
      readonly closed: Array<string>
      readonly server: http.Server
    }>((resume) => {
      const { modern = false, redirect, status, streams = false, token } = behaviour
      const requests: Array<{ method: string; headers: http.IncomingHttpHeaders; body: Json }> = []
      const closed: Array<string> = []
      const sessions = new Set<string>()
      let resumed: Json | undefined

      const answer = (
        response: http.ServerResponse,
        id: unknown,
        result: Json,
        headers: http.OutgoingHttpHeaders = {}
      ) => {
        const message = JSON.stringify({
          jsonrpc: "2.0",
          id,
          result: modern ? { resultType: "complete", ...result } : result
        })
        response.writeHead(200, { "content-type": streams ? "text/event-stream" : "application/json", ...headers })
        response.end(streams ? `event: message\ndata: ${message}\n\n` : message)
      }

      const call = (request: http.IncomingMessage, response: http.ServerResponse, id: unknown, params: Json) => {
        const said = (text: string) => answer(response, id, { content: [{ type: "text", text }] })
        switch (params["name"]) {
          case "echo":
            return said(String(params["arguments"]?.text))
          case "routed":
            return said(String(request.headers["mcp-param-region"]))
          case "hang":
            response.writeHead(200, { "content-type": "text/event-stream" })
            response.flushHeaders()
            request.socket.on("close", () => closed.push("hang"))
            return
          case "cut":
            response.writeHead(200, { "content-type": "text/event-stream" })
            response.write(": here it comes\n\n")
            return void setImmediate(() => response.end())
          case "resume":
            resumed = { jsonrpc: "2.0", id, result: { content: [{ type: "text", text: "resumed" }] } }
            response.writeHead(200, { "content-type": "text/event-stream" })
            return response.end("id: 7\nretry: 1\ndata: \n\n")
          case "forget":
            sessions.clear()
            return said("forgotten")
          case "huge":
            return said("x".repeat(17 * 1024 * 1024))
        }
      }

      const receive = (request: http.IncomingMessage, response: http.ServerResponse, message: Json) => {
        const { id, method, params = {} } = message as { id?: unknown; method: string; params?: Json }
        if (method === "initialize" && !modern) {
          const session = `session-${requests.length}`
          sessions.add(session)
          return answer(response, id, {
            protocolVersion: "2025-11-25",
            capabilities: { tools: {} },
            serverInfo: { name: "web", version: "1" }
          }, { "mcp-session-id": session })
        }
        if (!modern && method !== "server/discover" && !sessions.has(String(request.headers["mcp-session-id"]))) {
          return response.writeHead(404).end()
        }
        if (id === undefined) return response.writeHead(202).end()
        if (method === "server/discover" && modern) {
          return answer(response, id, {
            supportedVersions: ["2026-07-28"],
            capabilities: { tools: {} },
            ttlMs: 0,
            cacheScope: "private"
          })
        }
        if (method === "tools/list") {
          return answer(response, id, { tools, ...(modern ? { ttlMs: 0, cacheScope: "private" } : {}) })
        }
        if (method === "tools/call") {
          return call(request, response, id, params)
        }
        response.writeHead(400, { "content-type": "application/json" })
        response.end(JSON.stringify({ jsonrpc: "2.0", id, error: { code: -32601, message: "Method not found" } }))
      }

      const server = http.createServer((request, response) => {
        let text = ""
        request.on("data", (chunk) => (text += String(chunk)))
        request.on("end", () => {
          const body = text === "" ? {} : JSON.parse(text) as Json
          requests.push({ method: request.method ?? "", headers: request.headers, body })
          if (status !== undefined) return response.writeHead(status).end()
          if (token !== undefined && request.headers.authorization !== `Bearer ${token}`) {
            return response.writeHead(401).end()
          }
          if (redirect !== undefined) return response.writeHead(307, { location: redirect }).end()
          if (request.method === "DELETE") return response.writeHead(200).end()
          if (request.method === "GET") {
            if (request.headers["last-event-id"] !== "7") return response.writeHead(405).end()
            response.writeHead(200, { "content-type": "text/event-stream" })
            return response.end(`id: 8\ndata: ${JSON.stringify(resumed)}\n\n`)
          }
          receive(request, response, body)
        })
      })
      server.listen(0, "127.0.0.1", () => {
        const { port } = server.address() as AddressInfo
        resume(Effect.succeed({ url: `http://127.0.0.1:${port}/mcp`, requests, closed, server }))
      })
    }),
    ({ server }) =>
      Effect.callback<void>((resume) => {
        server.close(() => resume(Effect.void))
        server.closeAllConnections()
      })
  )
