import { isObject, type JsonObject, parsed } from "./json.ts"

const longestText = 1200
const mostLines = 24
const longestCell = 48
const longestLastCell = 96
const widestBeforeLast = 76
const widestItem = 78
const mostRows = 10
const mostColumns = 6
const mostItems = 12
const mostFields = 24
const deepest = 4

const counted = (count: number, noun: string): string => `${count} more ${noun}${count === 1 ? "" : "s"}`

const cut = (text: string, length: number): string => {
  const characters = Array.from(text)
  return characters.length <= length ? text : `${characters.slice(0, length - 1).join("")}…`
}

const isScalar = (value: unknown): boolean => !Array.isArray(value) && !isObject(value)

const scalar = (value: unknown): string => typeof value === "string" ? value : JSON.stringify(value) ?? "nothing"

const textLines = (text: string): ReadonlyArray<string> => {
  const lines = text.trimEnd().split(/\r?\n/)
  const kept = lines.slice(0, mostLines).join("\n")
  const shown = kept.length > longestText ? kept.slice(0, longestText).toWellFormed() : kept
  const rest = text.trimEnd().length - shown.length
  return [...shown.split("\n"), ...rest > 0 ? [`… (${counted(rest, "character")})`] : []]
}

const indent = (lines: ReadonlyArray<string>): ReadonlyArray<string> => lines.map((line) => `  ${line}`)

const cell = (value: unknown, longest: number): string =>
  cut((isScalar(value) ? scalar(value) : JSON.stringify(value)).replaceAll(/\s+/g, " ").trim(), longest)

/** Texts joined to lines that fit a narrow terminal. */
const joined = (texts: ReadonlyArray<string>): ReadonlyArray<string> => {
  const lines: Array<string> = []
  for (const text of texts) {
    const line = lines.at(-1)
    if (line === undefined || line.length + text.length + 3 > widestItem) lines.push(text)
    else lines[lines.length - 1] = `${line} · ${text}`
  }
  return lines
}

/** Records that are too wide for a table: the first field as the head, the others below it. */
const records = (columns: ReadonlyArray<string>, rows: ReadonlyArray<ReadonlyArray<string>>): ReadonlyArray<string> =>
  rows.flatMap(([head = "", ...others]) => [
    head,
    ...indent(joined(others.flatMap((text, i) => text === "" ? [] : [`${columns[i + 1]}: ${text}`])))
  ])

const table = (rows: ReadonlyArray<JsonObject>): ReadonlyArray<string> => {
  const columns = [...new Set(rows.flatMap((row) => Object.keys(row)))]
  const shown = columns.slice(0, mostColumns)
  const body = rows.slice(0, mostRows).map((row) =>
    shown.map((column, i) =>
      Object.hasOwn(row, column) ? cell(row[column], i === shown.length - 1 ? longestLastCell : longestCell) : ""
    )
  )
  const cells = [shown, ...body]
  const widths = shown.map((_, i) => Math.max(...cells.map((line) => line[i]!.length)))
  const beforeLast = widths.slice(0, -1).reduce((sum, width) => sum + width + 2, 0)
  const dropped = [
    ...rows.length > mostRows ? [counted(rows.length - mostRows, "row")] : [],
    ...columns.length > mostColumns ? [counted(columns.length - mostColumns, "column")] : []
  ]
  return [
    ...beforeLast > widestBeforeLast
      ? records(shown, body)
      : cells.map((line) => line.map((text, i) => text.padEnd(widths[i]!)).join("  ").trimEnd()),
    ...dropped.length > 0 ? [`… (${dropped.join(", ")})`] : []
  ]
}

const isBlank = (value: unknown): boolean => value === false || value === 0 || value === "" || value === null

const isEmpty = (value: unknown): boolean => !isScalar(value) && Object.keys(value as object).length === 0

const isBody = (value: unknown): boolean =>
  typeof value === "string" ? value.includes("\n") : !isScalar(value) && !isEmpty(value)

/** Beside a list or a text, a field that says "nothing" is bookkeeping; so is an empty list beside one that is not. */
const telling = (entries: ReadonlyArray<[name: string, value: unknown]>): ReadonlyArray<[string, unknown]> => {
  const hasBody = entries.some(([, value]) => isBody(value))
  const hasContent = hasBody || entries.some(([, value]) => isEmpty(value))
  return entries.filter(([, value]) => isEmpty(value) ? !hasBody : !(hasContent && isBlank(value)))
}

const isRow = (value: unknown): value is JsonObject => isObject(value) && Object.keys(value).length > 0

const isFlat = (row: JsonObject): boolean => {
  const values = Object.values(row)
  return values.length > 1 && values.every((value) => isScalar(value) && !String(value).includes("\n"))
}

const list = (items: ReadonlyArray<unknown>, depth: number): ReadonlyArray<string> => {
  if (items.length === 0) return ["none"]
  if (items.every(isRow) && (items.length > 1 || isFlat(items[0]!))) return table(items)
  return [
    ...items.slice(0, mostItems).flatMap((item) => {
      const [head = "", ...rest] = linesOf(item, depth + 1)
      return [`- ${head}`, ...indent(rest)]
    }),
    ...items.length > mostItems ? [`… (${counted(items.length - mostItems, "item")})`] : []
  ]
}

const fields = (value: JsonObject, depth: number): ReadonlyArray<string> => {
  const entries = telling(Object.entries(value))
  if (entries.length === 0) return ["empty"]
  return [
    ...entries.slice(0, mostFields).flatMap(([name, field]) => {
      const lines = linesOf(field, depth + 1)
      return isScalar(field) && lines.length === 1 || lines.length === 1 && !isRow(field)
        ? [`${name}: ${lines[0]}`]
        : [`${name}:`, ...indent(lines)]
    }),
    ...entries.length > mostFields ? [`… (${counted(entries.length - mostFields, "field")})`] : []
  ]
}

const linesOf = (value: unknown, depth: number): ReadonlyArray<string> => {
  if (typeof value === "string") return value.trim() === "" ? ["(empty text)"] : textLines(value)
  if (isScalar(value)) return [scalar(value)]
  if (depth > deepest) return [cut(JSON.stringify(value), 2 * longestCell)]
  return Array.isArray(value) ? list(value, depth) : fields(value as JsonObject, depth)
}

/** A value without the fields that a reader knows already. */
const without = (value: unknown, isKnown: (name: string, value: unknown) => boolean): unknown => {
  if (Array.isArray(value)) return value.map((item) => without(item, isKnown))
  if (!isObject(value)) return value
  return Object.fromEntries(
    Object.entries(value).flatMap(([name, field]) => isKnown(name, field) ? [] : [[name, without(field, isKnown)]])
  )
}

/**
 * A JSON value as lines for a reader: fields, lists and tables. What is too long is cut, with a count of what is left.
 *
 * @param isKnown - fields to leave out, because the reader sees them elsewhere
 * @internal
 */
export const summarise = (
  value: unknown,
  isKnown: (name: string, value: unknown) => boolean = () => false
): ReadonlyArray<string> => {
  const whole = parsed(value)
  const rest = without(whole, isKnown)
  return linesOf(isEmpty(rest) ? whole : rest, 0)
}

const messageKeys = ["message", "error", "description", "reason", "detail", "title"]

const messageIn = (value: unknown, depth: number): string | undefined => {
  if (typeof value === "string") return value.trim() === "" ? undefined : value
  if (!isObject(value) || depth > deepest) return undefined
  return messageKeys.filter((key) => Object.hasOwn(value, key)).map((key) => messageIn(value[key], depth + 1)).find((
    it
  ) => it !== undefined)
}

/**
 * Why a call failed, in one line, as far as its result says so.
 *
 * @internal
 */
export const failureText = (result: unknown): string => {
  const value = parsed(result)
  return cut((messageIn(value, 0) ?? scalar(value)).replaceAll(/\s+/g, " ").trim(), longestText)
}

const commonStart = (left: string, right: string): string => {
  let length = 0
  while (length < left.length && left[length] === right[length]) length++
  return left.slice(0, length)
}

const reversed = (text: string): string => text.split("").toReversed().join("")

/** The middle of a long text that sets it apart from the others. */
const distinct = (text: string, others: ReadonlyArray<unknown>): string => {
  const texts = others.filter((other) => typeof other === "string")
  if (text.length <= longestCell || texts.length === 0) return text
  const start = texts.reduce(commonStart, text).length
  const end = texts.map(reversed).reduce(commonStart, reversed(text)).length
  return start + end >= text.length ? text : `…${text.slice(start, text.length - end).toWellFormed()}…`
}

/**
 * A call as a reader would write it. Of a long argument only that is shown in which it differs from `others`, the
 * arguments of the other calls of its tool.
 *
 * @internal
 */
export const callText = (name: string, params: unknown, others: ReadonlyArray<unknown> = []): string => {
  const argument = (key: string, value: unknown): string => {
    const beside = others.flatMap((other) => isObject(other) && other[key] !== value ? [other[key]] : [])
    const shown = typeof value === "string" ? distinct(value, beside) : value
    return `${key}: ${cut(JSON.stringify(shown) ?? "", longestCell)}`
  }
  const entries = isObject(params) ? Object.entries(params) : []
  return `${name}(${entries.map(([key, value]) => argument(key, value)).join(", ")})`
}
