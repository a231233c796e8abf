/**
 * Label selectors of Kubernetes: equality (`a=b`, `a==b`, `a!=b`), sets (`a in (b,c)`, `a notin (b)`), `a` and `!a`.
 *
 * @internal
 */
type Labels = Readonly<Record<string, string>>

type Requirement = (labels: Labels) => boolean

const key = "((?:[A-Za-z0-9.-]+/)?[A-Za-z0-9](?:[A-Za-z0-9._-]*[A-Za-z0-9])?)"
const value = "([A-Za-z0-9](?:[A-Za-z0-9._-]*[A-Za-z0-9])?|)"
const equality = new RegExp(`^${key}\\s*(==|=|!=)\\s*${value}$`)
const set = new RegExp(`^${key}\\s+(in|notin)\\s*\\(([^()]*)\\)$`)
const existence = new RegExp(`^(!?)\\s*${key}$`)
const oneValue = new RegExp(`^${value}$`)

const requirement = (text: string): Requirement | undefined => {
  const [, name = "", operator, wanted] = equality.exec(text) ?? []
  if (operator !== undefined) return (labels) => (labels[name] === wanted) === (operator !== "!=")
  const [, member = "", relation, list] = set.exec(text) ?? []
  if (list !== undefined) {
    const values = list.split(",").map((item) => item.trim())
    return values.every((item) => oneValue.test(item))
      ? (labels) => values.includes(labels[member] ?? "\0") === (relation === "in")
      : undefined
  }
  const [, negation, present] = existence.exec(text) ?? []
  return present === undefined ? undefined : (labels) => Object.hasOwn(labels, present) === (negation === "")
}

/** A predicate over labels, or undefined where the text is no selector. @internal */
export const parse = (text: string): Requirement | undefined => {
  if (text.trim() === "") return () => true
  const all = text.split(/,(?![^(]*\))/).map((part) => requirement(part.trim()))
  return all.every((it) => it !== undefined) ? (labels) => all.every((it) => it(labels)) : undefined
}
