/**
 * The parameters of an operation: those of its path and its own, each with the name of its argument.
 *
 * @internal
 */
import { reserved } from "../../http/internal/client.ts"
import { type Document, type Fields, fieldsOf, follow, isFields, itemsOf, textOf, unfit } from "./document.ts"
import type { Form, In, Style } from "./serialize.ts"

/** @internal */
export interface Parameter extends Form {
  readonly in: In
  readonly required: boolean
  readonly schema: unknown
  readonly description: string
}

/** A parameter with the name that it has among the arguments. @internal */
export interface Argument {
  readonly name: string
  readonly parameter: Parameter
}

const styles: { readonly [K in In]: ReadonlyArray<Style> } = {
  path: ["simple", "label", "matrix"],
  query: ["form", "spaceDelimited", "pipeDelimited", "deepObject"],
  header: ["simple"],
  cookie: ["form"]
}

const isIn = (value: unknown): value is In => typeof value === "string" && Object.hasOwn(styles, value)

const token = /^[!#$%&'*+.^_`|~0-9A-Za-z-]+$/

/** @internal */
export const isToken = (name: string): boolean => token.test(name)

/** Headers that OpenAPI says are no parameters, those of the connection, and those that hold credentials. */
const notArguments: ReadonlySet<string> = new Set([
  ...reserved,
  "accept",
  "authorization",
  "content-type",
  "cookie",
  "set-cookie"
])

const isJson = (type: string): boolean => /^(?:application\/json|[\w.+-]+\/[\w.+-]+\+json)\s*(?:;|$)/i.test(type)

const contentOf = (content: Fields): { readonly media: "json" | "text"; readonly schema: unknown } => {
  const entry = Object.entries(content).find(([type]) => isJson(type) || /^text\//i.test(type))
  if (entry === undefined) return unfit(`a parameter of it is ${Object.keys(content).join(", ")}, which is not sent`)
  return { media: isJson(entry[0]) ? "json" : "text", schema: fieldsOf(entry[1])["schema"] }
}

const read = (document: Document, value: unknown): Parameter => {
  const fields = fieldsOf(follow(document, value))
  const { content, description, explode, required, style } = fields
  const [name, place] = [textOf(fields["name"]), fields["in"]]
  if (name === undefined || !isIn(place)) return unfit("a parameter of it has no name or stands in no known place")
  const told = style === undefined ? styles[place][0]! : styles[place].find((one) => one === style)
  if (told === undefined) {
    return unfit(`its parameter ${JSON.stringify(name)} has the style ${JSON.stringify(style)}, which ${place} has not`)
  }
  return {
    name,
    in: place,
    required: required === true || place === "path",
    style: told,
    explode: typeof explode === "boolean" ? explode : told === "form",
    allowReserved: place === "query" && fields["allowReserved"] === true,
    ...(isFields(content) ? contentOf(content) : { media: undefined, schema: fields["schema"] }),
    description: [
      textOf(description)?.trim() ?? "",
      fields["deprecated"] === true ? "Deprecated." : ""
    ].filter((part) => part !== "").join("\n")
  }
}

const keyOf = ({ in: place, name }: Parameter): string => `${place} ${place === "header" ? name.toLowerCase() : name}`

/** Whether an argument may say it: what cannot be sent is refused where it has to be. */
const isArgument = ({ in: place, name, required }: Parameter): boolean => {
  if (place === "header" && notArguments.has(name.toLowerCase())) return false
  if ((place !== "header" && place !== "cookie") || isToken(name)) return true
  return required && unfit(`its parameter ${JSON.stringify(name)} cannot be the name of a ${place}`)
}

/** The parameters of an operation: its own stand before those of its path. @internal */
export const parametersOf = (document: Document, item: Fields, operation: Fields): ReadonlyArray<Parameter> => {
  const all = new Map<string, Parameter>()
  for (const value of [...itemsOf(item["parameters"]), ...itemsOf(operation["parameters"])]) {
    const parameter = read(document, value)
    all.set(keyOf(parameter), parameter)
  }
  return [...all.values()].filter(isArgument)
}

/** What the API of a model takes as the name of an argument. */
const plainName = (name: string): string =>
  name.slice(0, 200).replaceAll(/[^\w.-]+/g, "_").replaceAll(/^_+|_+$/g, "").slice(0, 50) || "value"

/** Names for parameters: equal ones are told apart by their place, then by a number. @internal */
export const named = (parameters: ReadonlyArray<Parameter>, taken: ReadonlyArray<string>): ReadonlyArray<Argument> => {
  const used = new Set(taken)
  const isAlone = ({ name }: Parameter): boolean =>
    !used.has(plainName(name)) && parameters.filter((other) => plainName(other.name) === plainName(name)).length === 1
  const alone = new Set(parameters.filter(isAlone))
  for (const { name } of alone) used.add(plainName(name))
  return parameters.map((parameter) => {
    if (alone.has(parameter)) return { name: plainName(parameter.name), parameter }
    const base = `${parameter.in}_${plainName(parameter.name)}`
    let name = base
    for (let i = 2; used.has(name); i++) name = `${base}_${i}`
    used.add(name)
    return { name, parameter }
  })
}
