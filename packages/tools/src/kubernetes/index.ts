/**
 * Read-only tools over the pods, logs, events and deployments of a Kubernetes cluster.
 *
 * @since 0.1.0
 */

/**
 * @since 0.1.0
 */
export * as Kubernetes from "./Kubernetes.ts"
