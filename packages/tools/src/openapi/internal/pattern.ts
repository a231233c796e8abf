/**
 * Regular expressions of a document that a validator may be given: what it makes of a long argument takes no longer than
 * reading it.
 *
 * @internal
 */
import * as Result from "effect/Result"

const hasRegExp = (source: string): boolean => Result.isSuccess(Result.try(() => new RegExp(source, "u")))

/** Without what is escaped, and with each class as one character. */
const skeleton = (source: string): string =>
  source.replaceAll(/\\[pPu]\{[^}]*\}/g, "x").replaceAll(/\\(?!\d)./gs, "x").replaceAll(/\[(?:\\.|[^\]])*\]/gs, "x")

/**
 * Whether a pattern cannot backtrack for long: it begins where the text begins, repeats at most one part by a number that is
 * not fixed, no group, and looks neither around nor back.
 *
 * @internal
 */
export const isTame = (source: string): boolean => {
  if (!hasRegExp(source)) return false
  const bare = skeleton(source)
  if (/\)[*+?{]|\(\?[=!<]|\\\d/.test(bare)) return false
  const open = bare.replaceAll(/\{\d+\}/g, "").match(/[*+?]|\{/g)?.length ?? 0
  return open === 0 || (open === 1 && /^\^[^|]*$/.test(bare))
}
