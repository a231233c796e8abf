import type { Stage } from "./stage.ts"

/** @internal */
export const breaker: Stage = () => undefined
