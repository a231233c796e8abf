// What the type of a schema says, in the words of the values it describes: `Schema.optionalKey<Schema.String>` is an optional `string`.

const pairs = { "<": ">", "{": "}", "[": "]", "(": ")" }
const closing = new Set(Object.values(pairs))

/** The parts of a text between separators that stand in no bracket. */
export const split = (text, separator) => {
  const parts = [""]
  let depth = 0
  for (const [index, letter] of [...text].entries()) {
    if (letter in pairs) depth++
    else if (closing.has(letter) && !(letter === ">" && text[index - 1] === "=")) depth--
    if (letter === separator && depth === 0) parts.push("")
    else parts[parts.length - 1] += letter
  }
  return parts.map((part) => part.trim()).filter((part) => part !== "")
}

const words = {
  String: "string",
  NonEmptyString: "string",
  Int: "number",
  Finite: "number",
  Number: "number",
  Boolean: "boolean",
  Unknown: "unknown",
  DurationFromMillis: "Duration",
  Json: "Json"
}

const items = (list) => split(/^(?:readonly )?\[([\s\S]*)\]$/.exec(list)?.[1] ?? list, ",")

const generics = {
  optionalKey: ([of]) => typeOf(of),
  withDecodingDefault: ([of]) => typeOf(of),
  Codec: ([of]) => typeOf(of),
  Literal: ([of]) => of,
  Literals: ([of]) => items(of).join(" | "),
  Union: ([of]) => items(of).map(typeOf).join(" | "),
  NullOr: ([of]) => `${typeOf(of)} | null`,
  $Array: ([of]) => `ReadonlyArray<${typeOf(of)}>`,
  $Record: ([key, of]) => `Readonly<Record<${typeOf(key)}, ${typeOf(of)}>>`,
  Struct: ([of]) => `{ ${fieldsOf(of).join("; ")} }`
}

/** The type of the values of a schema, as far as its own type says it. */
export const typeOf = (schema) => {
  const text = schema.replaceAll(/import\("effect\/Schema"\)\.|\bSchema\.(?=[$A-Za-z])/g, "").trim()
  if (text.startsWith("typeof ")) return text.replace(/^typeof (?:import\("[^"]*"\)\.)?/, "")
  const [, name, inner] = /^([$\w]+)<([\s\S]*)>$/.exec(text) ?? []
  if (name in generics) return generics[name](split(inner, ","))
  return words[text] ?? text.replaceAll(/\s*\n\s*/g, " ")
}

/** The fields of a struct `{ … }`, a text each. */
export const fieldsOf = (struct) =>
  split(/^\{([\s\S]*)\}$/.exec(struct.trim())?.[1] ?? "", ";").map((field) => {
    const [, name, schema] = /^(?:readonly )?("[^"]*"|[\w$]+): ([\s\S]*)$/.exec(field) ?? [undefined, field, ""]
    return `readonly ${name}${/^(?:\S*\.)?optionalKey</.test(schema) ? "?" : ""}: ${typeOf(schema)}`
  })
