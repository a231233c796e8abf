import * as Redactor from "../Redactor.ts"
import { canonicalJson } from "./canonicalJson.ts"

/**
 * Whether a value read from a journal held a secret, which the journal does not keep.
 *
 * @internal
 */
export const isMasked = (value: unknown): boolean => canonicalJson(value).includes(Redactor.mask)
