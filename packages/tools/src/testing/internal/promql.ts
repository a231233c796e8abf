/**
 * A parser for the part of PromQL that the cluster evaluates.
 *
 * @internal
 */

/** @internal */
export interface Matcher {
  readonly label: string
  readonly operator: "=" | "!=" | "=~" | "!~"
  readonly value: string
}

/** @internal */
export type Expression =
  | { readonly _tag: "Number"; readonly value: number }
  | { readonly _tag: "Selector"; readonly matchers: ReadonlyArray<Matcher>; readonly isRange: boolean }
  | { readonly _tag: "Call"; readonly name: string; readonly arguments: ReadonlyArray<Expression> }
  | {
    readonly _tag: "Aggregate"
    readonly name: string
    readonly labels: ReadonlyArray<string>
    readonly without: boolean
    readonly of: Expression
  }
  | { readonly _tag: "Binary"; readonly operator: string; readonly left: Expression; readonly right: Expression }

const aggregations = new Set(["sum", "avg", "min", "max", "count"])

const functions = new Set([
  "rate",
  "irate",
  "increase",
  "delta",
  "avg_over_time",
  "max_over_time",
  "min_over_time",
  "abs"
])

const token = new RegExp(
  [
    "\\s+",
    "\"(?:[^\"\\\\\\n]|\\\\.)*\"|'(?:[^'\\\\\\n]|\\\\.)*'",
    "\\[\\s*(?:\\d+(?:ms|[smhdwy]))+\\s*\\]",
    "(?:\\d+\\.?\\d*|\\.\\d+)(?:e[+-]?\\d+)?",
    "[a-zA-Z_:][a-zA-Z0-9_:]*",
    "=~|!~|!=|==|<=|>=|[=<>+\\-*/%^(){},]"
  ].map((part) => `(?:${part})`).join("|"),
  "y"
)

const tokensOf = (text: string): ReadonlyArray<string> => {
  const tokens: Array<string> = []
  token.lastIndex = 0
  while (token.lastIndex < text.length) {
    const at = token.lastIndex
    const [found] = token.exec(text) ?? []
    if (found === undefined) throw new SyntaxError(`1:${at + 1}: parse error: unexpected character: '${text[at]}'`)
    if (found.trim() !== "") tokens.push(found)
  }
  return tokens
}

const levels: ReadonlyArray<ReadonlyArray<string>> = [
  ["or"],
  ["and", "unless"],
  ["==", "!=", "<=", "<", ">=", ">"],
  ["+", "-"],
  ["*", "/", "%"]
]

const isName = (text: string | undefined): text is string => text !== undefined && /^[a-zA-Z_:]/.test(text)

const unquoted = (text: string): string =>
  text.slice(1, -1).replaceAll(/\\(.)/g, (_, it: string) => it === "n" ? "\n" : it)

/** The expression; throws a `SyntaxError` with a message like that of Prometheus. @internal */
export const parse = (text: string): Expression => {
  const tokens = tokensOf(text)
  let at = 0
  const peek = (): string | undefined => tokens[at]
  const fail = (where: string): never => {
    const next = peek()
    const found = next === undefined ? "unexpected end of input" : `unexpected ${JSON.stringify(next)}`
    throw new SyntaxError(`1:1: parse error: ${found} in ${where}`)
  }
  const take = (wanted: string, where: string): void => {
    if (peek() !== wanted) fail(where)
    at++
  }
  const name = (where: string): string => {
    const next = peek()
    if (!isName(next)) return fail(where)
    at++
    return next
  }
  const listOf = <A>(close: string, where: string, item: () => A): ReadonlyArray<A> => {
    const items: Array<A> = []
    while (peek() !== close) {
      items.push(item())
      if (peek() !== close) take(",", where)
    }
    at++
    return items
  }
  const matcher = (): Matcher => {
    const where = "label matching"
    const label = name(where)
    const operator = peek() as Matcher["operator"]
    if (!["=", "!=", "=~", "!~"].includes(operator)) fail(where)
    at++
    const value = peek() ?? ""
    if (!/^["']/.test(value)) fail(where)
    at++
    // A pattern that is none throws a SyntaxError here, as it should.
    if (operator.endsWith("~")) RegExp(unquoted(value))
    return { label, operator, value: unquoted(value) }
  }
  const selector = (metric: string | undefined): Expression => {
    const own: ReadonlyArray<Matcher> = metric === undefined
      ? []
      : [{ label: "__name__", operator: "=", value: metric }]
    const braces = peek() === "{"
    if (braces) at++
    const matchers = [...own, ...(braces ? listOf("}", "label matching", matcher) : [])]
    if (!matchers.some(({ operator, value }) => (operator === "=" || operator === "=~") && value !== "")) {
      throw new SyntaxError("1:1: parse error: vector selector must contain at least one non-empty matcher")
    }
    const isRange = peek()?.startsWith("[") === true
    if (isRange) at++
    return { _tag: "Selector", matchers, isRange }
  }
  const grouping = () => {
    const word = peek()
    if (word !== "by" && word !== "without") return undefined
    at++
    take("(", "grouping opts")
    return { without: word === "without", labels: listOf(")", "grouping opts", () => name("grouping opts")) }
  }
  const aggregate = (of: string): Expression => {
    const before = grouping()
    take("(", "aggregation")
    const inner = binary(0)
    take(")", "aggregation")
    const { labels, without } = before ?? grouping() ?? { labels: [], without: false }
    return { _tag: "Aggregate", name: of, labels, without, of: inner }
  }
  const primary = (): Expression => {
    const next = peek()
    if (next === "{") return selector(undefined)
    if (next === "(") {
      at++
      const inner = binary(0)
      take(")", "paren expression")
      return inner
    }
    if (next !== undefined && /^[\d.]/.test(next)) return at++, { _tag: "Number", value: Number(next) }
    if (next === "-") {
      at++
      return { _tag: "Binary", operator: "-", left: { _tag: "Number", value: 0 }, right: primary() }
    }
    const metric = name("query")
    if (aggregations.has(metric) && ["(", "by", "without"].includes(peek() ?? "")) return aggregate(metric)
    if (peek() !== "(") return selector(metric)
    if (!functions.has(metric)) {
      throw new SyntaxError(`1:1: parse error: unknown function with name ${JSON.stringify(metric)}`)
    }
    at++
    return { _tag: "Call", name: metric, arguments: listOf(")", "call", () => binary(0)) }
  }
  const binary = (level: number): Expression => {
    const operators = levels[level]
    if (operators === undefined) return primary()
    let left = binary(level + 1)
    for (let operator = peek(); operator !== undefined && operators.includes(operator); operator = peek()) {
      at++
      left = { _tag: "Binary", operator, left, right: binary(level + 1) }
    }
    return left
  }
  if (tokens.length === 0) throw new SyntaxError("1:1: parse error: no expression found in input")
  const expression = binary(0)
  if (peek() !== undefined) fail("query")
  return expression
}
