import type { Stage } from "./stage.ts"

/** @internal */
export const rateLimit: Stage = () => undefined
