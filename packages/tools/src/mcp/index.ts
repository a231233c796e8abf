/**
 * Tools of MCP servers.
 *
 * @since 0.1.0
 */

/**
 * @since 0.1.0
 */
export * as Mcp from "./Mcp.ts"
