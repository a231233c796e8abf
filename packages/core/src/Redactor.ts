/**
 * Takes secrets out of text before it is kept or shown.
 *
 * **Details**
 *
 * A redactor knows exact values (`add`, `redacted`), also in their base64 and URL-encoded forms, and the prefixes of
 * well-known keys. Work is linear in the text. Journals pass through the redactor of their context.
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

/** Longest key that is matched by prefix: bounds the work and what a stream holds back. */
const longestKey = 256

const longestPrefix = Math.max(...prefixes.map(([prefix]) => prefix.length))

const keyPattern = new RegExp(
  `(?<![A-Za-z0-9_])(?:${
    prefixes.map(([prefix, least]) => `${escaped(prefix)}[A-Za-z0-9_.~+/=-]{${least},${longestKey}}`).join("|")
  })`,
  "g"
)

const keyCharacters = /^[A-Za-z0-9_.~+/=-]*$/

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
    JSON.stringify(value).slice(1, -1),
    ...base64,
    ...base64.map((form) => form.replaceAll("+", "-").replaceAll("/", "_"))
  ].filter((form) => form.length >= shortest)
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
  let longest = 0
  const add = (secret: Redacted.Redacted): void => {
    const value = Redacted.value(secret)
    if (value.length < shortest) return
    for (const form of formsOf(value)) forms.add(form)
    const ordered = Array.from(forms).toSorted((left, right) => right.length - left.length)
    longest = ordered[0]?.length ?? 0
    exact = new RegExp(ordered.map(escaped).join("|"), "g")
  }
  for (const secret of secrets) add(secret)

  const redact = (text: string): string => {
    const known = exact === undefined ? text : text.replace(exact, mask)
    return known.replace(keyPattern, mask)
  }

  const mayGrow = (text: string): boolean => {
    for (const form of forms) if (form.length > text.length && form.startsWith(text)) return true
    return prefixes.some(([prefix]) =>
      prefix.startsWith(text) || (text.startsWith(prefix) && keyCharacters.test(text.slice(prefix.length)))
    )
  }

  const matches = (text: string): Array<RegExpExecArray> => [
    ...text.matchAll(keyPattern),
    ...(exact === undefined ? [] : text.matchAll(exact))
  ]

  const stream: Redactor["stream"] = () => {
    let held = ""
    return {
      push: (piece) => {
        held += piece
        let cut = Math.max(0, held.length - Math.max(longest, longestKey + longestPrefix))
        while (cut < held.length && !mayGrow(held.slice(cut))) cut++
        for (const { index, 0: secret } of matches(held)) {
          if (index < cut && index + secret.length > cut) cut = index
        }
        const out = redact(held.slice(0, cut))
        held = held.slice(cut)
        return out
      },
      end: () => {
        const out = redact(held)
        held = ""
        return out
      }
    }
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
