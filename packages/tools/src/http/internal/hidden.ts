/**
 * Which elements of a page are not read: what is not shown, what does not read, and what stands around the content.
 *
 * @internal
 */

const unseen: ReadonlySet<string> = new Set(
  ("script style noscript template iframe object embed canvas svg audio video map dialog button select textarea datalist nav")
    .split(" ")
)
const unseenRoles: ReadonlySet<string> = new Set(["navigation", "search", "contentinfo", "dialog", "alertdialog"])
/** Not of the content, unless they stand in it. */
const aroundContent: ReadonlySet<string> = new Set(["footer", "aside"])

/** @internal */
export type Attributes = { readonly [name: string]: string }

/** @internal */
export const attribute = (attributes: Attributes, name: string): string | undefined =>
  Object.hasOwn(attributes, name) ? attributes[name] : undefined

/**
 * Whether an element and all in it is no part of what is read.
 *
 * @param inContent - whether it stands in an article or in the main part of the page
 * @internal
 */
export const isHidden = (name: string, attributes: Attributes, inContent: boolean): boolean =>
  name === "html" || name === "body" ? false : unseen.has(name) || (aroundContent.has(name) && !inContent) ||
    unseenRoles.has(attribute(attributes, "role") ?? "") ||
    (attribute(attributes, "hidden") ?? "until-found") !== "until-found" ||
    attribute(attributes, "aria-hidden") === "true" ||
    /(?:^|;)\s*(?:display\s*:\s*none|visibility\s*:\s*hidden)/i.test(attribute(attributes, "style") ?? "")
