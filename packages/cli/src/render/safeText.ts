/**
 * Takes out of untrusted text what would act on a terminal instead of being shown.
 *
 * **Details**
 *
 * Escape sequences and control characters (C0, DEL, C1), bidirectional controls and the separators U+2028 and U+2029. A
 * sequence that does not end is not swallowed with what follows it: only its control characters go.
 *
 * @internal
 */

/** CSI, then the strings (OSC, DCS, APC, PM, SOS), then the short ones. No class can match its own beginning: linear. */
const sequences = new RegExp(
  [
    String.raw`(?:\x1b\[|\x9b)[0-?]*[ -/]*[@-~]`,
    String.raw`(?:\x1b[\]PX^_]|[\x90\x98\x9d-\x9f])[^\x07\x1b\x80-\x9f]*(?:\x07|\x1b\\|\x9c)`,
    String.raw`\x1b[ -/]*[0-~]`
  ].join("|"),
  "g"
)

const bidi = String.raw`\u061c\u200e\u200f\u202a-\u202e\u2066-\u2069`

const controls = new RegExp(String.raw`[\x00-\x08\x0b-\x1f\x7f-\x9f${bidi}]`, "g")

const unsafeInJson = new RegExp(String.raw`[\x7f-\x9f${bidi}\u2028\u2029]`, "g")

/** Text of several lines: line ends become `\n`, tabs stay. @internal */
export const block = (text: string): string =>
  text.toWellFormed().replace(/\r\n?|[\u2028\u2029]/g, "\n").replace(sequences, "").replace(controls, "")

/** Text as one line: what separates words or lines becomes one space. @internal */
export const line = (text: string): string => block(text).replace(/\s+/g, " ").trim()

/** JSON text that shows as what it is: the same value, with the characters above escaped. @internal */
export const json = (value: unknown): string =>
  (JSON.stringify(value) ?? "null").replace(
    unsafeInJson,
    (character) => `\\u${character.charCodeAt(0).toString(16).padStart(4, "0")}`
  )
