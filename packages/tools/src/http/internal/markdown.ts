/**
 * The readable part of an HTML page as Markdown, from the events of a parser: nothing is held but the text and the stack of
 * open elements.
 *
 * @internal
 */
import type { Handler } from "htmlparser2"
import { attribute, type Attributes, isHidden } from "./hidden.ts"
import { collapsed, makeWriter } from "./writer.ts"

/** @internal */
export interface Page {
  readonly title: string
  readonly markdown: string
  /** Whether the page goes on after what was read: it is too long, or its elements are nested too deeply. */
  readonly isCut: boolean
}

const mostWritten = 1024 * 1024
/** The parser looks through the open elements for each one that is closed. */
const mostDepth = 1000
const mostCaptured = 2000
const mostHref = 2000

const paragraphs: ReadonlySet<string> = new Set(
  ("p ul ol dl pre blockquote table figure h1 h2 h3 h4 h5 h6 article section main header footer aside address fieldset " +
    "details hr").split(" ")
)
const lines: ReadonlySet<string> = new Set(
  "div li dt dd tr caption figcaption summary form legend option br".split(" ")
)

/** Text that is held until its element is closed: of a link, a piece of code, a cell, the title. */
interface Capture {
  readonly finish: (text: string) => void
  text: string
}

interface Table {
  cells: Array<string>
  rows: number
  /** It places things on the page: a cell holds a table or much text. */
  isLayout: boolean
}

interface Frame {
  readonly close?: () => void
  readonly capture?: Capture
}

const isWeb = (url: URL): boolean => url.protocol === "http:" || url.protocol === "https:" || url.protocol === "mailto:"

/** A link's target, absolute and without credentials; `undefined` where it leads nowhere else. */
const target = (href: string | undefined, base: URL): string | undefined => {
  if (href === undefined || href.startsWith("#") || href.length > mostHref) return undefined
  const url = URL.parse(href, base.href)
  if (url === null || !isWeb(url)) return undefined
  url.username = ""
  url.password = ""
  return url.href.length > mostHref ? undefined : url.href.replaceAll("(", "%28").replaceAll(")", "%29")
}

/**
 * A handler for the parser, and the page that it has read. Where the page has `main` elements these are the page; else all
 * but what is marked as navigation, sidebar or footer.
 *
 * @param url - of the page, for its relative links
 * @internal
 */
export const reader = (url: URL): {
  readonly handler: Partial<Handler>
  readonly page: () => Page
  readonly isDone: () => boolean
} => {
  const writer = makeWriter()
  const frames: Array<Frame> = []
  const captures: Array<Capture> = []
  const tables: Array<Table> = []
  const lists: Array<{ next: number | undefined }> = []
  const mains: Array<string> = []
  let base = url
  let title: string | undefined
  let hiddenFrom = Infinity
  let contents = 0
  let verbatim: Array<string> | undefined
  let mainStart: number | undefined
  let isCut = false

  const rowOf = (table: Table): void => {
    const { cells } = table
    if (cells.length === 0) return
    table.cells = []
    writer.separate(1)
    if (cells.length === 1) {
      writer.words(cells[0]!)
    } else {
      writer.verbatim(`| ${cells.join(" | ")} |`)
      if (table.rows++ === 0) writer.verbatim(`\n|${" --- |".repeat(cells.length)}`)
    }
    writer.separate(1)
  }

  /** What is held cannot stay on one line: it is written as it is. */
  const release = (): void => {
    for (const table of tables) rowOf(table)
    for (const { text } of captures.splice(0)) writer.words(text)
  }

  const add = (text: string): void => {
    const capture = captures.at(-1)
    if (capture === undefined) return writer.words(text)
    capture.text += text
    if (capture.text.length <= mostCaptured) return
    for (const table of tables) table.isLayout = true
    release()
  }

  const capture = (finish: (text: string) => void): Frame => {
    const captured: Capture = { text: "", finish }
    captures.push(captured)
    return { capture: captured }
  }

  const separate = (least: 1 | 2): void => {
    const held = captures.at(-1)
    if (held === undefined) writer.separate(least)
    else held.text += " "
  }

  const link = (attributes: Attributes): Frame => {
    const href = target(attribute(attributes, "href"), base)
    if (href === undefined) return {}
    return capture((text) => {
      const label = collapsed(text).replaceAll("[", "(").replaceAll("]", ")")
      if (label !== "") add(`${/^\s/.test(text) ? " " : ""}[${label}](${href})${/\s$/.test(text) ? " " : ""}`)
    })
  }

  const image = (attributes: Attributes): void => {
    const alt = collapsed(attribute(attributes, "alt") ?? "").replaceAll("[", "(").replaceAll("]", ")")
    const source = target(attribute(attributes, "src"), base)
    if (alt !== "") add(source === undefined || captures.length > 0 ? ` ${alt} ` : `![${alt}](${source})`)
  }

  const item = (): Frame => {
    const list = lists.at(-1)
    const mark = list?.next === undefined ? "- " : `${list.next++}. `
    if (captures.length > 0) return {}
    writer.push(" ".repeat(mark.length), mark)
    return { close: writer.pop }
  }

  const cell = (): Frame => {
    const table = tables.at(-1)
    if (table === undefined || table.isLayout || captures.length > 0) {
      separate(1)
      return {}
    }
    return capture((text) => void table.cells.push(collapsed(text).replaceAll("|", "\\|")))
  }

  const table = (): Frame => {
    for (const outer of tables) outer.isLayout = true
    release()
    writer.separate(2)
    const opened: Table = { cells: [], rows: 0, isLayout: false }
    tables.push(opened)
    return {
      close: () => {
        rowOf(opened)
        tables.pop()
      }
    }
  }

  const main = (): Frame => {
    if (mainStart !== undefined) return {}
    release()
    writer.separate(2)
    mainStart = writer.out.length
    return { close: closeMain }
  }

  const closeMain = (): void => {
    mains.push(writer.out.slice(mainStart).join("").trim())
    mainStart = undefined
  }

  const preformatted = (): Frame => {
    if (captures.length > 0 || verbatim !== undefined) return {}
    const texts: Array<string> = []
    verbatim = texts
    return {
      close: () => {
        verbatim = undefined
        const text = texts.join("").replace(/^\n+|\s+$/g, "")
        const longest = Math.max(2, ...Array.from(text.matchAll(/`+/g), ([ticks]) => ticks.length))
        const fence = "`".repeat(longest + 1)
        if (text !== "") writer.verbatim(`${fence}\n${text}\n${fence}`)
      }
    }
  }

  const heading = (level: number): Frame => {
    if (captures.length > 0) return {}
    return capture((text) => {
      const words = collapsed(text)
      if (words !== "") writer.verbatim(`${"#".repeat(level)} ${words}`)
      writer.separate(2)
    })
  }

  const opened = (name: string, attributes: Attributes): Frame => {
    if (verbatim !== undefined) {
      if (lines.has(name)) verbatim.push("\n")
      return {}
    }
    const isMain = name === "main" || attribute(attributes, "role") === "main"
    if (isMain || paragraphs.has(name)) separate(2)
    else if (lines.has(name)) separate(1)
    if (isMain) return main()
    switch (name) {
      case "title":
        return capture((text) => void (title ??= collapsed(text)))
      case "base":
        base = URL.parse(attribute(attributes, "href") ?? "", url.href) ?? base
        return {}
      case "a":
        return link(attributes)
      case "img":
        image(attributes)
        return {}
      case "code":
      case "kbd":
      case "samp":
        return capture((text) => add(text.trim() === "" || text.includes("`") ? text : `\`${collapsed(text)}\``))
      case "pre":
        return preformatted()
      case "h1":
      case "h2":
      case "h3":
      case "h4":
      case "h5":
      case "h6":
        return heading(Number(name[1]))
      case "hr":
        if (captures.length === 0) writer.verbatim("---")
        return {}
      case "blockquote":
        if (captures.length > 0) return {}
        writer.push("> ")
        return { close: writer.pop }
      case "ul":
      case "ol": {
        lists.push({
          next: name === "ol" ? Number.parseInt(attribute(attributes, "start") ?? "1", 10) || 1 : undefined
        })
        return { close: () => void lists.pop() }
      }
      case "li":
        return item()
      case "table":
        return table()
      case "tr": {
        const within = tables.at(-1)
        return within === undefined ? {} : { close: () => rowOf(within) }
      }
      case "td":
      case "th":
        return cell()
      default:
        return {}
    }
  }

  const handler: Partial<Handler> = {
    onopentag: (name, attributes) => {
      if (frames.length >= mostDepth || writer.written() >= mostWritten) isCut = true
      if (hiddenFrom === Infinity && isHidden(name, attributes, contents > 0)) hiddenFrom = frames.length
      if (name === "main" || name === "article") contents++
      frames.push(hiddenFrom === Infinity && !isCut ? opened(name, attributes) : {})
    },
    onclosetag: (name) => {
      const frame = frames.pop()
      if (name === "main" || name === "article") contents--
      if (frames.length < hiddenFrom) {
        if (frame?.capture !== undefined && captures.at(-1) === frame.capture) {
          captures.pop()
          frame.capture.finish(frame.capture.text)
        }
        frame?.close?.()
        if (verbatim === undefined) {
          if (paragraphs.has(name)) separate(2)
          else if (lines.has(name)) separate(1)
        }
      }
      if (frames.length === hiddenFrom) hiddenFrom = Infinity
    },
    ontext: (text) => {
      if (hiddenFrom !== Infinity || isCut) return
      if (verbatim === undefined) add(text)
      else verbatim.push(text)
    }
  }

  const page = (): Page => {
    const content = mains.filter((text) => text !== "").join("\n\n")
    return { title: title ?? "", markdown: content === "" ? writer.out.join("").trim() : content, isCut }
  }

  return { handler, page, isDone: () => isCut }
}
