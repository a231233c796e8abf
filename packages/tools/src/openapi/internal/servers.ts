/**
 * Where the operations of a document are asked.
 *
 * @internal
 */
import { plainUrl } from "../../internal/webUrl.ts"
import { type Fields, fieldsOf, itemsOf, textOf, unfit } from "./document.ts"

const filled = (server: Fields): string => {
  const variables = fieldsOf(server["variables"])
  return (textOf(server["url"]) ?? "/").replaceAll(/\{([^{}]*)\}/g, (whole, name: string) => {
    const value = Object.hasOwn(variables, name) ? fieldsOf(variables[name])["default"] : undefined
    return typeof value === "string" || typeof value === "number"
      ? String(value)
      : unfit(`its server has ${whole} without a default: give the option "server"`)
  })
}

/**
 * The server of an operation: the first of the nearest that are listed, its variables at their defaults.
 *
 * @param lists - the members `servers`, the nearest first
 * @param documentUrl - where the document is, for a server that is given relative to it
 * @internal
 */
export const serverOf = (lists: ReadonlyArray<unknown>, documentUrl: string | undefined): URL => {
  const list = lists.map(itemsOf).find((servers) => servers.length > 0) ?? []
  const text = filled(fieldsOf(list[0]))
  if (!URL.canParse(text) && documentUrl === undefined) {
    return unfit(`its server ${JSON.stringify(text)} is no whole URL: give the option "server"`)
  }
  return plainUrl(text, documentUrl) ?? unfit(`its server ${JSON.stringify(text)} is not a plain http or https URL`)
}
