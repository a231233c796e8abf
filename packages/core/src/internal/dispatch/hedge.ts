import type { Stage } from "./stage.ts"

/** @internal */
export const hedge: Stage = () => undefined
