/**
 * Writes paragraphs and lines of Markdown, each with the marks of the quotes and lists that it stands in.
 *
 * @internal
 */

/** A text on one line. @internal */
export const collapsed = (text: string): string => text.replace(/\s+/g, " ").trim()

/** @internal */
export const makeWriter = () => {
  const out: Array<string> = []
  const prefixes: Array<string> = []
  let written = 0
  let breaks = 2
  let hasSpace = false
  let marker = ""
  const put = (text: string): void => {
    out.push(text)
    written += text.length
  }
  const begin = (): void => {
    if (breaks === 0) return
    const prefix = prefixes.join("")
    if (written > 0) put(breaks === 1 ? "\n" : `\n${prefix.trimEnd()}\n`)
    put(marker === "" ? prefix : `${prefixes.slice(0, -1).join("")}${marker}`)
    marker = ""
    breaks = 0
    hasSpace = false
  }
  return {
    out,
    written: () => written,
    separate: (least: 1 | 2): void => {
      breaks = Math.max(breaks, least)
    },
    push: (prefix: string, mark = ""): void => {
      prefixes.push(prefix)
      marker = mark
    },
    pop: (): void => {
      prefixes.pop()
      marker = ""
    },
    words: (text: string): void => {
      const words = collapsed(text)
      if (words === "") {
        hasSpace ||= text !== ""
        return
      }
      const spaced = breaks === 0 && (hasSpace || /^\s/.test(text)) ? " " : ""
      begin()
      put(`${spaced}${words}`)
      hasSpace = /\s$/.test(text)
    },
    verbatim: (text: string): void => {
      begin()
      put(text.replaceAll("\n", `\n${prefixes.join("")}`))
    }
  }
}
