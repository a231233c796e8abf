import type { Stage } from "./stage.ts"

/** @internal */
export const fallback: Stage = () => undefined
