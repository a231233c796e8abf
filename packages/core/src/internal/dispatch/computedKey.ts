/**
 * The key that a policy computes from the arguments of a call.
 *
 * @internal
 */
import { type Call, type Failed, notExecuted } from "./stage.ts"

/**
 * What a policy's function gives; where it throws, what the call fails with.
 *
 * @param what - names the key in the answer
 * @internal
 */
export const computedKey = (compute: (parameters: never) => string, call: Call, what: string): string | Failed => {
  try {
    return compute(call.decoded as never)
  } catch (error) {
    return notExecuted("defect", "Defect", `the key of the tool's ${what} could not be computed`, { error })
  }
}
