/**
 * The sections of a document: from one heading to the next, or parts of that where it is long.
 *
 * @internal
 */

/** @internal */
export interface Section {
  /** First and last line, from 1. */
  readonly line: number
  readonly end: number
  /** The headings above it, its own last: empty before the first heading. */
  readonly headings: ReadonlyArray<string>
}

/** @internal */
export interface Heading {
  readonly line: number
  /** 1 to 6. */
  readonly level: number
  readonly text: string
}

/** Longer sections are divided, at an empty line where there is one. */
const maxLines = 100
const maxHeading = 200

const atx = /^ {0,3}(#{1,6})(?:[ \t]+(.*?))?(?:[ \t]+#+)?[ \t]*$/
const fence = /^ {0,3}(`{3,}|~{3,})(.*)$/
const underline = /^ {0,3}(=+|-+)[ \t]*$/
const paragraph = /^ {0,3}(?![-*+>|#=]|\d+[.)][ \t])\S/

/** The lines of a text, without their ends. @internal */
export const linesOf = (text: string): ReadonlyArray<string> => {
  const lines = text.split(/\r\n|\n|\r/)
  return lines.at(-1) === "" ? lines.slice(0, -1) : lines
}

/** How many lines at its start are front matter, delimited by `---`. */
const frontMatter = (lines: ReadonlyArray<string>): number =>
  lines[0]?.trimEnd() === "---" ? lines.findIndex((line, i) => i > 0 && /^(?:---|\.\.\.)\s*$/.test(line)) + 1 : 0

/** The headings of Markdown, those in fenced code and front matter left out. @internal */
export const headingsOf = (lines: ReadonlyArray<string>): ReadonlyArray<Heading> => {
  const found: Array<Heading> = []
  const add = (line: number, level: number, text: string) =>
    found.push({ line, level, text: text.trim().slice(0, maxHeading).toWellFormed() })
  let fenced: string | undefined
  let underlined = -1
  for (let i = frontMatter(lines); i < lines.length; i++) {
    const line = lines[i] ?? ""
    const mark = fence.exec(line)
    if (fenced !== undefined) {
      if (mark?.[1]?.startsWith(fenced) === true && mark[2]?.trim() === "") fenced = undefined
      continue
    }
    if (mark?.[1] !== undefined && !(mark[1].startsWith("`") && mark[2]?.includes("`") === true)) {
      fenced = mark[1]
      continue
    }
    const heading = atx.exec(line)
    if (heading?.[1] !== undefined) {
      add(i + 1, heading[1].length, heading[2] ?? "")
      continue
    }
    const above = lines[i - 1] ?? ""
    const rule = underline.exec(line)
    if (rule?.[1] !== undefined && underlined !== i - 1 && i > frontMatter(lines) && paragraph.test(above)) {
      add(i, rule[1].startsWith("=") ? 1 : 2, above)
      underlined = i
    }
  }
  return found
}

/** Where the part of a section that begins at `from` ends, all in indexes: `end` is not part of it. */
const partEnd = (lines: ReadonlyArray<string>, from: number, end: number): number => {
  if (end - from <= maxLines) return end
  for (let at = from + maxLines; at > from + maxLines / 2; at--) if (lines[at - 1]?.trim() === "") return at
  return from + maxLines
}

const parts = (lines: ReadonlyArray<string>, from: number, end: number, headings: ReadonlyArray<string>) => {
  const sections: Array<Section> = []
  for (let at = from; at < end;) {
    const next = partEnd(lines, at, end)
    if (lines.slice(at, next).some((line) => line.trim() !== "")) sections.push({ line: at + 1, end: next, headings })
    at = next
  }
  return sections
}

/** The sections of a document, in order; lines before the first heading are one too. @internal */
export const sectionsOf = (lines: ReadonlyArray<string>, headings: ReadonlyArray<Heading>): ReadonlyArray<Section> => {
  const trail: Array<Heading> = []
  const first = headings[0]?.line ?? lines.length + 1
  return [
    ...parts(lines, 0, first - 1, []),
    ...headings.flatMap((heading, i) => {
      while ((trail.at(-1)?.level ?? 0) >= heading.level) trail.pop()
      trail.push(heading)
      const end = (headings[i + 1]?.line ?? lines.length + 1) - 1
      return parts(lines, heading.line - 1, end, trail.map(({ text }) => text))
    })
  ]
}

/** The last line of what begins at `line`: the end of the section it is in, subsections included. @internal */
export const endOf = (lines: number, headings: ReadonlyArray<Heading>, line: number): number => {
  const own = headings.findLast((heading) => heading.line <= line)
  if (own === undefined) return lines
  const next = headings.find((heading) => heading.line > line && heading.level <= own.level)
  return next === undefined ? lines : next.line - 1
}
