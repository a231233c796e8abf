/**
 * Addresses of services as they are configured.
 *
 * @internal
 */

/** Whether it is one of http or https without a login in it. @internal */
export const isWeb = ({ password, protocol, username }: URL): boolean =>
  /^https?:$/.test(protocol) && username === "" && password === ""

/** A web address without a query and a fragment. @internal */
export const plainUrl = (text: string, base?: string): URL | undefined => {
  const url = URL.parse(text, base)
  return url !== null && isWeb(url) && `${url.search}${url.hash}` === "" ? url : undefined
}

/** The origin and path of a web address with a slash at the end, so that paths are below it. @internal */
export const baseUrl = (text: string): string | undefined => {
  const url = URL.parse(text)
  return url !== null && isWeb(url) ? `${url.origin}${url.pathname.replace(/\/*$/, "/")}` : undefined
}
