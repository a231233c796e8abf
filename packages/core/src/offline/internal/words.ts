/**
 * Case and accents folded away.
 *
 * @internal
 */
export const fold = (text: string): string => text.normalize("NFKD").replaceAll(/\p{M}/gu, "").toLowerCase()

/**
 * The folded pieces of a run of letters and digits; camelCase is split.
 *
 * @internal
 */
export const pieces = (run: string): ReadonlyArray<string> =>
  run.replaceAll(/([\p{Ll}\p{N}])(\p{Lu})/gu, "$1 $2").replaceAll(/(\p{Lu})(\p{Lu}\p{Ll})/gu, "$1 $2").split(" ").map(
    fold
  )

/**
 * The runs of letters and digits in a text.
 *
 * @internal
 */
export const runs = (text: string): ReadonlyArray<string> => text.match(/[\p{L}\p{M}\p{N}]+/gu) ?? []

/**
 * The words of a name or text, folded; camelCase and snake_case are split.
 *
 * @internal
 */
export const split = (text: string): ReadonlyArray<string> => runs(text).flatMap(pieces)

const withoutPlural = (word: string): string => {
  if (word === "news") return word
  if (word.length > 4 && word.endsWith("ies")) return `${word.slice(0, -3)}y`
  if (/(?:ss|x|zz|ch|sh)es$/.test(word)) return word.slice(0, -2)
  return /[^aiusy]s$/.test(word) || /[ay]s$/.test(word) && word.length > 4 ? word.slice(0, -1) : word
}

const withoutEnding = (word: string): string => {
  const base = word.replace(/(?:ing|ed)$/, "")
  if (base === word || base.length < 3 || !/[aeiouy]/.test(base)) return word
  return /([^aeioulsz])\1$/.test(base) ? base.slice(0, -1) : base
}

/**
 * A folded word without the common English endings, so that `books` meets `book` and `scheduling` meets `schedule`.
 *
 * @internal
 */
export const stem = (word: string): string => {
  if (word.length < 3 || /\p{N}/u.test(word)) return word
  const singular = withoutPlural(word)
  const base = singular.length > 4 ? withoutEnding(singular) : singular
  return base.length > 3 && base.endsWith("e") ? base.slice(0, -1) : base
}

/**
 * The stems of a name, in order.
 *
 * @internal
 */
export const stems = (text: string): ReadonlyArray<string> => split(text).map(stem)
