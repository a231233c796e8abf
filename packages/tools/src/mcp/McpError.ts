/**
 * What can go wrong when an MCP server is opened. What goes wrong with a call is a `ToolFailure`.
 *
 * **Details**
 *
 * A `detail` may quote the server; it is bounded, in one line, and passes the redactor.
 *
 * @since 0.1.0
 */
import * as Schema from "effect/Schema"

/**
 * The package that speaks MCP is not installed.
 *
 * @category errors
 * @since 0.1.0
 */
export class PackageMissing
  extends Schema.TaggedError<PackageMissing>("@volley/tools/Mcp/PackageMissing")("PackageMissing", {
    package: Schema.String
  })
{
  override get message(): string {
    return `The package "${this.package}" is not installed`
  }
}

/**
 * The command line or the address of the server cannot be used.
 *
 * @category errors
 * @since 0.1.0
 */
export class ServerUnusable
  extends Schema.TaggedError<ServerUnusable>("@volley/tools/Mcp/ServerUnusable")("ServerUnusable", {
    server: Schema.String,
    expected: Schema.String
  })
{
  override get message(): string {
    return `MCP server "${this.server}" must be ${this.expected}`
  }
}

/**
 * The server's program could not be started.
 *
 * @category errors
 * @since 0.1.0
 */
export class StartFailed extends Schema.TaggedError<StartFailed>("@volley/tools/Mcp/StartFailed")("StartFailed", {
  server: Schema.String,
  code: Schema.String
}) {
  override get message(): string {
    return `MCP server "${this.server}" could not be started (${this.code})`
  }
}

/**
 * The server wants credentials, or refuses those it was given.
 *
 * @category errors
 * @since 0.1.0
 */
export class Unauthorized extends Schema.TaggedError<Unauthorized>("@volley/tools/Mcp/Unauthorized")("Unauthorized", {
  server: Schema.String,
  status: Schema.Int
}) {
  override get message(): string {
    return `MCP server "${this.server}" ${
      this.status === 403 ? "denies access" : "wants other credentials"
    } (HTTP ${this.status})`
  }
}

/**
 * The server speaks none of the protocol versions that are known here.
 *
 * @category errors
 * @since 0.1.0
 */
export class VersionUnsupported
  extends Schema.TaggedError<VersionUnsupported>("@volley/tools/Mcp/VersionUnsupported")("VersionUnsupported", {
    server: Schema.String,
    offered: Schema.String,
    supported: Schema.Array(Schema.String)
  })
{
  override get message(): string {
    return `MCP server "${this.server}" speaks protocol version "${this.offered}"; known are ${
      this.supported.join(", ")
    }`
  }
}

/**
 * The server could not be reached, did not answer in time, or what it answered is not MCP.
 *
 * @category errors
 * @since 0.1.0
 */
export class ConnectionFailed
  extends Schema.TaggedError<ConnectionFailed>("@volley/tools/Mcp/ConnectionFailed")("ConnectionFailed", {
    server: Schema.String,
    detail: Schema.String
  })
{
  override get message(): string {
    return `MCP server "${this.server}" could not be opened: ${this.detail}`
  }
}

/**
 * Why a server could not be opened.
 *
 * @category errors
 * @since 0.1.0
 */
export type McpError =
  | PackageMissing
  | ServerUnusable
  | StartFailed
  | Unauthorized
  | VersionUnsupported
  | ConnectionFailed
