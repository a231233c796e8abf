import { stopWords } from "./lexicon.ts"
import { pieces, runs, stem } from "./words.ts"

/**
 * The distinct stems of a text that carry meaning. A camelCase word also counts as one word.
 *
 * @internal
 */
export const terms = (text: string): ReadonlySet<string> =>
  new Set(
    runs(text).flatMap((run) => {
      const parts = pieces(run)
      return parts.length === 1 ? parts : [...parts, parts.join("")]
    }).filter((word) => word.length > 1 && !stopWords.has(word)).map(stem)
  )
