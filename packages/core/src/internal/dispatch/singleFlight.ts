import type { Stage } from "./stage.ts"

export interface Flight {
  readonly leader: number
}
/** @internal */
export const singleFlight: Stage = () => undefined
