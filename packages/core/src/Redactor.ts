/**
 * Takes secrets out of text before it is kept or shown.
 *
 * **Details**
 *
 * A redactor knows exact values (`add`, `redacted`), also in their JSON, base64 and URL-encoded forms, and the prefixes
 * of well-known keys. Work is linear in the text. Journals pass through the redactor of their context.
 *
 * It does not find secrets that it was not told of and that have no known prefix, nor values shorter than 6 characters.
 *
 * @since 0.1.0
 */
import * as Config from "effect/Config"
import * as Context from "effect/Context"
import * as Layer from "effect/Layer"
import * as Redacted from "effect/Redacted"

/**
 * What stands in place of a secret.
 *
 * @category models
 * @since 0.1.0
 */
export const mask = "[redacted]"

/**
 * Takes secrets out of text.
 *
 * - `add`: learns the value of a secret.
 * - `redact`: the text without secrets.
 * - `stream`: redacts a text that comes in pieces; what may be the beginning of a secret is held back until `end`.
 *
 * @category models
 * @since 0.1.0
 */
export interface Redactor {
  readonly add: (secret: Redacted.Redacted) => void
  readonly redact: (text: string) => string
  readonly stream: () => { readonly push: (piece: string) => string; readonly end: () => string }
}

/** Known prefixes of keys, each with the least length of what follows. Sources: the issuers' documentation. */
const prefixes: ReadonlyArray<readonly [prefix: string, least: number]> = [
  ["sk-ant-", 16],
  ["sk-proj-", 16],
  ["sk-", 32],
  ["ghp_", 30],
  ["gho_", 30],
  ["ghu_", 30],
  ["ghs_", 30],
  ["ghr_", 30],
  ["github_pat_", 30],
  ["glpat-", 16],
  ["xoxb-", 16],
  ["xoxp-", 16],
  ["xoxa-", 16],
  ["xapp-", 16],
  ["AKIA", 16],
  ["ASIA", 16],
  ["AIza", 32],
  ["ya29.", 20],
  ["npm_", 30],
  ["pypi-", 30],
  ["hf_", 30],
  ["dop_v1_", 30],
  ["shpat_", 30],
  ["sk_live_", 16],
  ["rk_live_", 16],
  ["whsec_", 16],
  ["SG.", 40]
]

const escaped = (text: string): string => text.replace(/[.*+?^${}()|[\]\\-]/g, "\\$&")

const keyCharacter = "[A-Za-z0-9_.~+/=-]"

/** Where a key may begin: not inside a word, of which an escaped character, as in JSON or a URL, is no part. */
const boundary = "(?:(?<![A-Za-z0-9_])|(?<=\\\\(?:[bfnrt]|u[0-9A-Fa-f]{4})|%[0-9A-Fa-f]{2}))"
const atBoundary = new RegExp(boundary, "y")

const keyPattern = new RegExp(
  `${boundary}(?:${prefixes.map(([prefix, least]) => `${escaped(prefix)}${keyCharacter}{${least},}`).join("|")})`,
  "g"
)
const keyRest = new RegExp(`${keyCharacter}*`, "y")
const keyStart = new RegExp(
  `^(?:${prefixes.map(([prefix, least]) => `${escaped(prefix)}${keyCharacter}{0,${least - 1}}`).join("|")})$`
)

/** Longest beginning of a key that is not yet known to be one. */
const longestKeyStart = Math.max(...prefixes.map(([prefix, least]) => prefix.length + least))

/** What has to be known of the text before a key. */
const lookBehind = 6

const shortest = 6

const utf8Binary = (text: string): string =>
  Array.from(new TextEncoder().encode(text), (byte) => String.fromCharCode(byte)).join("")

/**
 * The base64 forms of a value inside of any longer encoded text: one for each alignment, without the characters that
 * depend on the neighbours.
 */
const base64Forms = (value: string): Array<string> =>
  [0, 1, 2].map((shift) => {
    const binary = utf8Binary(value)
    const encoded = btoa("\0".repeat(shift) + binary)
    return encoded.slice(Math.ceil((shift * 4) / 3), Math.floor(((shift + binary.length) * 4) / 3))
  })

const formsOf = (value: string): ReadonlyArray<string> => {
  const base64 = base64Forms(value)
  return [
    value,
    encodeURIComponent(value.toWellFormed()),
    new URLSearchParams([["", value]]).toString().slice(1),
    JSON.stringify(value).slice(1, -1),
    ...base64,
    ...base64.map((form) => form.replaceAll("+", "-").replaceAll("/", "_"))
  ].filter((form) => form.length >= shortest)
}

/** A part of a text, from `start` up to `end`. */
interface Span {
  readonly start: number
  readonly end: number
}

const find = (pattern: RegExp, text: string, from: number): Array<Span> => {
  const found: Array<Span> = []
  pattern.lastIndex = from
  for (let match = pattern.exec(text); match !== null; match = pattern.exec(text)) {
    found.push({ start: match.index, end: pattern.lastIndex })
  }
  return found
}

/**
 * Makes a redactor.
 *
 * @param secrets - values it knows from the start
 * @category constructors
 * @since 0.1.0
 */
export const make = (secrets: Iterable<Redacted.Redacted> = []): Redactor => {
  const forms = new Set<string>()
  let exact: RegExp | undefined
  let reach = longestKeyStart
  const add = (secret: Redacted.Redacted): void => {
    const value = Redacted.value(secret)
    if (value.length < shortest) return
    for (const form of formsOf(value)) forms.add(form)
    const ordered = Array.from(forms).toSorted((left, right) => right.length - left.length)
    reach = Math.max(longestKeyStart, ordered[0]?.length ?? 0)
    exact = new RegExp(ordered.map(escaped).join("|"), "g")
  }
  for (const secret of secrets) add(secret)

  /** Whether what stands at a place may become a secret with the text that follows. */
  const mayGrow = (text: string, at: number): boolean => {
    const rest = text.slice(at)
    for (const form of forms) if (form.length > rest.length && form.startsWith(rest)) return true
    atBoundary.lastIndex = at
    return atBoundary.test(text) && (prefixes.some(([prefix]) => prefix.startsWith(rest)) || keyStart.test(rest))
  }

  /** Redacts a text piece by piece; the last piece, after which nothing is held, `ends` it. */
  const scanner = () => {
    let text = ""
    // what is held begins here, after what is kept to look behind
    let held = 0
    // a key of which a part was masked already
    let open: Span | undefined
    let masked = false

    const release = (until: number, spans: ReadonlyArray<Span>): string => {
      let out = ""
      let at = held
      const copy = (end: number): void => {
        if (end <= at) return
        out += text.slice(at, end)
        masked = false
        at = end
      }
      for (const { end, start } of spans.toSorted((left, right) => left.start - right.start)) {
        if (end <= at || start >= until) continue
        copy(start)
        if (!masked) out += mask
        masked = true
        at = Math.min(end, until)
      }
      copy(until)
      return out
    }

    return (piece: string, ends: boolean): string => {
      if (open?.end === text.length) {
        keyRest.lastIndex = 0
        keyRest.test(piece)
        open = { start: open.start, end: open.end + keyRest.lastIndex }
      }
      text += piece
      const exacts = exact === undefined ? [] : find(exact, text, held)
      const keys = find(keyPattern, text, Math.max(held, open?.end ?? 0))
      if (open !== undefined) keys.unshift(open)

      let decided = ends ? text.length : Math.max(held, text.length - reach)
      while (decided < text.length && !mayGrow(text, decided)) decided++
      const cut = exacts.find(({ end, start }) => start < decided && end > decided)?.start ?? decided

      const out = release(cut, [...keys, ...exacts])
      const kept = Math.max(0, cut - lookBehind)
      const last = keys.find(({ end, start }) => start < cut && (end > cut || end === text.length))
      open = last === undefined ? undefined : { start: last.start - kept, end: last.end - kept }
      text = text.slice(kept)
      held = cut - kept
      return out
    }
  }

  const redact = (text: string): string => scanner()(text, true)

  const stream: Redactor["stream"] = () => {
    const scan = scanner()
    return { push: (piece) => scan(piece, false), end: () => scan("", true) }
  }

  return { add, redact, stream }
}

/**
 * The redactor in use: one for the whole process unless another is provided.
 *
 * @category references
 * @since 0.1.0
 */
export const current: Context.Reference<Redactor> = Context.Reference<Redactor>("@volley/core/Redactor", {
  defaultValue: () => make()
})

/**
 * A config of a secret that the redactor of the context learns when it is read: use it in place of `Config.Redacted`.
 *
 * **Example** (A password that no journal shows)
 *
 * ```ts
 * import { Redactor } from "@volley/core"
 * import { ConfigProvider, Effect, Redacted } from "effect"
 *
 * const program = Effect.gen(function*() {
 *   const password = yield* Redactor.redacted("DATABASE_PASSWORD")
 *   const { redact } = yield* Redactor.current
 *   return redact(`postgres://app:${Redacted.value(password)}@localhost/app`)
 * })
 *
 * // in the place of the environment
 * const config = ConfigProvider.layer(ConfigProvider.fromUnknown({ DATABASE_PASSWORD: "correct horse" }))
 * console.log(await Effect.runPromise(Effect.provide(program, config)))
 * ```
 *
 * ```text
 * postgres://app:[redacted]@localhost/app
 * ```
 *
 * @param name - of the variable, such as `"DATABASE_PASSWORD"`
 * @category configuration
 * @since 0.1.0
 */
export const redacted = (name: string, redactor: Redactor = processRedactor()): Config.Config<Redacted.Redacted> =>
  Config.Redacted(name).pipe(Config.map((secret) => {
    redactor.add(secret)
    return secret
  }))

/**
 * Provides a redactor of its own that knows these secrets.
 *
 * @category layers
 * @since 0.1.0
 */
export const layer = (secrets: Iterable<Redacted.Redacted> = []): Layer.Layer<never> =>
  Layer.succeed(current, make(secrets))

const processRedactor = (): Redactor => Context.get(Context.empty(), current)
