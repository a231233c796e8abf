import type { Stage } from "./stage.ts"

/** @internal */
export const cache: Stage = () => undefined
