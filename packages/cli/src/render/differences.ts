/**
 * Splits texts into what they share and what they differ in.
 *
 * @internal
 */

const partOfWord = /[\w.\-\u0080-\uffff]/

/** How many characters all texts begin with, up to the last of them that ends a word. */
const commonHead = ([first = "", ...others]: ReadonlyArray<string>): number => {
  let length = 0
  while (length < first.length && others.every((text) => text[length] === first[length])) length++
  while (length > 0 && partOfWord.test(first[length - 1]!)) length--
  return length
}

const reversed = (text: string): string => text.split("").toReversed().join("")

/** What differs between texts, and what is around it; `undefined` where a text would be left without anything. @internal */
export const between = (
  texts: ReadonlyArray<string>
): { readonly head: string; readonly tail: string; readonly parts: ReadonlyArray<string> } | undefined => {
  const head = commonHead(texts)
  const rest = texts.map((text) => text.slice(head))
  const tail = commonHead(rest.map(reversed))
  const parts = rest.map((text) => text.slice(0, text.length - tail))
  const [first = ""] = rest
  return head + tail === 0 || parts.some((part) => part.trim() === "")
    ? undefined
    : { head: texts[0]!.slice(0, head), tail: first.slice(first.length - tail), parts }
}
