/**
 * Read-only tools over the metrics of a Prometheus server.
 *
 * @since 0.1.0
 */

/**
 * @since 0.1.0
 */
export * as Prometheus from "./Prometheus.ts"
