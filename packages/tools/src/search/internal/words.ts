/**
 * The words of a text, folded so that spellings of one word are equal.
 *
 * **Details**
 *
 * Case, compatibility forms and Latin, Greek and Cyrillic accents do not count; `camelCase` and `snake_case` are the
 * words they are made of. Where words are written without spaces between them, each pair of neighbours is a word.
 *
 * @internal
 */

/** Scripts without spaces between words. */
const unspaced = "\\p{sc=Han}\\p{sc=Hiragana}\\p{sc=Katakana}\\p{sc=Thai}\\p{sc=Lao}\\p{sc=Khmer}\\p{sc=Myanmar}"

const pattern = new RegExp(`([${unspaced}]+)|[[\\p{L}\\p{N}\\p{M}]--[${unspaced}]]+`, "gv")
const accents = /[\u0300-\u036f]/g
const hump = /(?<=[\p{Ll}\p{N}])(?=\p{Lu})/gu

/** What is longer is no word. */
const maxLength = 64

const pairs = (text: string): ReadonlyArray<string> => {
  const characters = Array.from(text)
  return characters.length === 1
    ? characters
    : characters.slice(1).map((character, i) => `${characters[i]}${character}`)
}

/** @internal */
export const words = (text: string): ReadonlyArray<string> => {
  const folded = text.normalize("NFKC").replace(hump, " ").toLowerCase()
    .normalize("NFD").replace(accents, "").normalize("NFC")
  return Array.from(folded.matchAll(pattern))
    .flatMap(([word, chain]) => chain === undefined ? [word] : pairs(chain))
    .filter((word) => word.length <= maxLength)
}
