/**
 * A typed agent runtime: tools with typed failures, dispatched in parallel within bounds, every call answered exactly once.
 *
 * @since 0.1.0
 */
export * as Agent from "./Agent.ts"
export * as Approval from "./Approval.ts"
export * as Check from "./Check.ts"
export * as Dependencies from "./Dependencies.ts"
export * as Dispatcher from "./Dispatcher.ts"
export * as Journal from "./Journal.ts"
export * as Limits from "./Limits.ts"
export * as ModelSettings from "./ModelSettings.ts"
export * as Outcome from "./Outcome.ts"
export * as PartialFailure from "./PartialFailure.ts"
export * as PrepareTurn from "./PrepareTurn.ts"
export * as PriceTable from "./PriceTable.ts"
export * as Redactor from "./Redactor.ts"
export * as ResultStore from "./ResultStore.ts"
export * as RunEvent from "./RunEvent.ts"
export * as RunState from "./RunState.ts"
export * as Threads from "./Threads.ts"
export * as ToolCache from "./ToolCache.ts"
export * as ToolCall from "./ToolCall.ts"
export * as ToolFailure from "./ToolFailure.ts"
export * as ToolPolicy from "./ToolPolicy.ts"
