/**
 * Ready-made tools for Volley agents and any other `effect/ai` program.
 *
 * @since 0.1.0
 */
export * as Families from "./Families.ts"
export * as Files from "./files/Files.ts"
export * as Guard from "./http/Guard.ts"
export * as Http from "./http/Http.ts"
export * as Kubernetes from "./kubernetes/Kubernetes.ts"
export * as Mcp from "./mcp/Mcp.ts"
export * as OpenApi from "./openapi/OpenApi.ts"
export * as Prometheus from "./prometheus/Prometheus.ts"
export * as Search from "./search/Search.ts"
export * as Shell from "./shell/Shell.ts"
export * as Sql from "./sql/Sql.ts"
export * as Tickets from "./tickets/Tickets.ts"
export * as Weather from "./weather/Weather.ts"
