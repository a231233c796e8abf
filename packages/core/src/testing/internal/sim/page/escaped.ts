/**
 * What comes from a plan or a tool, in a page.
 *
 * @internal
 */

// control characters and those that change the direction of text
const unsafe = /[\p{Cc}\u2028\u2029\u061c\u200e\u200f\u202a-\u202e\u2066-\u2069]/gu

const entities: { readonly [character: string]: string } = {
  "&": "&amp;",
  "<": "&lt;",
  ">": "&gt;",
  "\"": "&quot;",
  "'": "&#39;"
}

/** Text of others as text of a page. @internal */
export const escaped = (text: string): string =>
  text.toWellFormed()
    .replace(unsafe, (character) => character === "\n" ? "\n" : "\ufffd")
    .replace(/[&<>"']/g, (character) => entities[character]!)
