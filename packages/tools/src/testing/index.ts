/**
 * Test kit of the tools: servers on the loopback interface that answer as the real ones do.
 *
 * @since 0.1.0
 */

/**
 * @since 0.1.0
 */
export * as Cluster from "./Cluster.ts"
