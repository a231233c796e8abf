/**
 * The official client for MCP, loaded when the first server is opened.
 *
 * @internal
 */
import type * as Sdk from "@modelcontextprotocol/client"
import * as Effect from "effect/Effect"
import { PackageMissing } from "../McpError.ts"

/** @internal */
export type { Client, JSONRPCMessage, Transport } from "@modelcontextprotocol/client"

/** @internal */
export type Package = typeof Sdk

/** @internal */
export const load: Effect.Effect<Package, PackageMissing> = Effect.tryPromise({
  try: () => import("@modelcontextprotocol/client"),
  catch: () => new PackageMissing({ package: "@modelcontextprotocol/client" })
})

/** From the newest to the oldest. @internal */
export const versions: ReadonlyArray<string> = ["2026-07-28", "2025-11-25", "2025-06-18"]

/** Of one message, in bytes. @internal */
export const largestMessage = 16 * 1024 * 1024
