import { textOf } from "./json.ts"
import { accepts } from "./jsonSchema.ts"
import type { Parameter } from "./parameter.ts"
import type { TokenKind } from "./question.ts"
import type { ToolSpec } from "./tool.ts"
import { split, stem } from "./words.ts"

const milliseconds: ReadonlyMap<string, number> = new Map([
  ...["ms", "millisecond"].map((unit) => [unit, 1] as const),
  ...["s", "sec", "second"].map((unit) => [unit, 1000] as const),
  ...["m", "min", "minute"].map((unit) => [unit, 60_000] as const),
  ...["h", "hr", "hour"].map((unit) => [unit, 3_600_000] as const),
  ...["d", "day"].map((unit) => [unit, 86_400_000] as const),
  ...["w", "week"].map((unit) => [unit, 604_800_000] as const)
])

const compactUnits = [["w", 604_800_000], ["d", 86_400_000], ["h", 3_600_000], ["m", 60_000], ["s", 1000]] as const

const unitOf = (word: string): number | undefined => milliseconds.get(word) ?? milliseconds.get(word.replace(/s$/, ""))

const durationOf = (text: string): number =>
  [...text.toLowerCase().matchAll(/(\d+(?:\.\d+)?)[ -]?([a-z]+)/g)].reduce(
    (sum, [, amount, unit]) => sum + Number(amount) * (unitOf(unit!) ?? 0),
    0
  )

const compactDuration = (text: string): string => {
  const total = durationOf(text)
  const unit = compactUnits.find(([, size]) => total >= size && total % size === 0)
  return unit === undefined ? text : `${total / unit[1]}${unit[0]}`
}

const stringOfDuration = (parameter: Parameter, text: string): string => {
  if (parameter.format === "duration") return `PT${durationOf(text) / 1000}S`
  const told = [parameter.description, ...parameter.examples.map(textOf), textOf(parameter.fallback?.value)].join(" ")
  return /\b\d+[smhdw]\b/.test(told) ? compactDuration(text) : text
}

const stringOfDate = (parameter: Parameter, kind: TokenKind, text: string): string | undefined => {
  if (kind === "date") {
    const iso = text.replace(" ", "T")
    if (parameter.format !== "date-time") return parameter.format === "date" ? iso.slice(0, 10) : text
    const timed = iso.length === 10 ? `${iso}T00:00:00` : iso
    return /(?:Z|[+-]\d{2}:?\d{2})$/i.test(timed.slice(10)) ? timed : `${timed}Z`
  }
  if (kind === "duration") return stringOfDuration(parameter, text)
  const relative = kind === "day" || /^\d{1,2}:\d{2}/.test(text)
  return relative || kind === "quoted" ? text : undefined
}

const looksLikeUrl = (text: string): boolean => /^[a-z][a-z0-9+.-]*:\/\/\S+$/i.test(text)

/** What the text of a path tells: an extension makes it a file, a slash at the end a directory. */
type PathForm = "file" | "directory" | "open"

/**
 * The form of a token that is a path.
 *
 * @internal
 */
export const pathForm = ({ kind, text }: { readonly kind: TokenKind; readonly text: string }): PathForm | undefined => {
  if (kind !== "path" && kind !== "file") return undefined
  if (/[\\/]$/.test(text) || /^[.~]{1,2}$/.test(text)) return "directory"
  return /[^\\/.]\.[a-z][a-z0-9]{0,7}$/i.test(text) ? "file" : "open"
}

/**
 * How well a path of a form suits a parameter, from 0 to 1. No extension is only a weak hint at a directory.
 *
 * @internal
 */
export const suits = (holds: Parameter["holds"], form: PathForm): number => {
  if (holds === "any") return 0.8
  if (form === "open") return holds === "directory" ? 0.8 : 0.3
  return holds === form ? 1 : 0
}

const toPath = (parameter: Parameter, kind: TokenKind, text: string): string | undefined => {
  if (kind === "number" || kind === "date" || kind === "duration" || looksLikeUrl(text)) return undefined
  if (kind === "glob") return /\b(?:glob|wildcard)/i.test(parameter.description) ? text : undefined
  const form = pathForm({ kind, text })
  return form !== undefined && suits(parameter.holds, form) === 0 ? undefined : text
}

const toText = (parameter: Parameter, kind: TokenKind, text: string): string | undefined => {
  switch (parameter.kind) {
    case "url":
      return looksLikeUrl(text) ? text : undefined
    case "email":
      return kind === "email" || /^[^\s@]+@[^\s@]+$/.test(text) ? text : undefined
    case "date":
      return stringOfDate(parameter, kind, text)
    case "duration":
      return kind === "duration" ? stringOfDuration(parameter, text) : kind === "quoted" ? text : undefined
    case "prose":
    case "code":
      return kind === "quoted" ? text : undefined
    case "path":
      return toPath(parameter, kind, text)
    default:
      return text
  }
}

const toNumber = (parameter: Parameter, kind: TokenKind, text: string): number | undefined => {
  if (kind === "duration") {
    const unit = [...split(parameter.name), ...split(parameter.description)].map(unitOf).find((it) => it !== undefined)
    return unit === undefined ? undefined : durationOf(text) / unit
  }
  const number = Number(text.replaceAll(",", ""))
  return /^[-+]?\d/.test(text) && Number.isFinite(number) ? number : undefined
}

const truths: ReadonlyMap<string, boolean> = new Map([
  ...["true", "yes", "on", "enabled"].map((word) => [word, true] as const),
  ...["false", "no", "off", "disabled"].map((word) => [word, false] as const)
])

const converted = (parameter: Parameter, kind: TokenKind, text: string): unknown => {
  switch (parameter.type) {
    case "number":
    case "integer":
      return toNumber(parameter, kind, text)
    case "boolean":
      return truths.get(text.toLowerCase())
    case "array":
    case "object":
      return undefined
    case "any":
      return kind === "number" ? toNumber(parameter, kind, text) : toText(parameter, kind, text)
    case "string":
      return toText(parameter, kind, text)
  }
}

/**
 * The value a piece of a question has as a given parameter, or undefined when it does not fit its type or schema. For
 * an array parameter it is the value of one element.
 *
 * @internal
 */
export const read = (tool: ToolSpec, parameter: Parameter, kind: TokenKind, text: string): unknown => {
  const target = parameter.item ?? parameter
  if (target.members !== undefined) {
    const wanted = split(text).map(stem).join(" ")
    return target.members.find((member) => split(textOf(member)).map(stem).join(" ") === wanted)
  }
  const value = converted(target, kind, text)
  return value !== undefined && accepts(tool.schema, target.schema, value) ? value : undefined
}

/**
 * The last moment of a day as the value of a date parameter: the day itself, or 23:59:59 where a time is wanted.
 *
 * @internal
 */
export const endOfDay = (parameter: Parameter, day: unknown): unknown =>
  parameter.format === "date-time" && typeof day === "string" ? day.replace("T00:00:00", "T23:59:59") : day
