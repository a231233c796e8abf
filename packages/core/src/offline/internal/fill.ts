import type { Candidate, Context, Source } from "./candidate.ts"
import { canonical } from "./json.ts"
import { accepts } from "./jsonSchema.ts"
import { pronouns } from "./lexicon.ts"
import { endsRange, isGeneric, type Kind, type Parameter } from "./parameter.ts"
import { type Record, valueIn } from "./record.ts"
import { sources } from "./sources.ts"
import { endOfDay } from "./value.ts"
import { fold } from "./words.ts"

/**
 * The values found for parameters; several values for one parameter are for several calls.
 *
 * @internal
 */
export type Values = ReadonlyMap<Parameter, ReadonlyArray<unknown>>

/**
 * The arguments of one call.
 *
 * @internal
 */
export type Arguments = { readonly [name: string]: unknown }

/**
 * How the parameters of a tool could be filled.
 *
 * @internal
 */
export interface Filled {
  /** One element for each call. Empty when a required parameter is missing or nothing satisfies the schema. */
  readonly calls: ReadonlyArray<Arguments>
  readonly missing: ReadonlyArray<Parameter>
  /** What the question gives. */
  readonly given: Values
  /** Whether results of earlier calls were used. */
  readonly fromResults: boolean
  /** Whether an example stands in for a value nobody gave. */
  readonly fromExamples: boolean
}

/** Kinds of which each part of a question has its own. */
const unshared: ReadonlySet<Kind> = new Set(["search", "pattern", "ask", "code", "prose"])

const share = (a: ReadonlyArray<Candidate>, b: ReadonlyArray<Candidate>): boolean =>
  a.some((one) => one.used.some((i) => b.some((other) => other.used.includes(i))))

const distinct = (values: ReadonlyArray<unknown>): ReadonlyArray<unknown> => [
  ...new Map(values.map((value) => [canonical(value), value])).values()
]

/** Values of the question: each token serves one parameter, and rivals for the same tokens get one value each. */
const fromQuestion = (context: Context, parameters: ReadonlyArray<Parameter>): Values => {
  const found = new Map<Parameter, ReadonlyArray<unknown>>()
  const used = new Set<number>()
  const isFree = ({ used: tokens }: Candidate): boolean => !tokens.some((i) => used.has(i))
  const claimsOf = (source: Source) =>
    parameters.filter((parameter) => !found.has(parameter)).map((parameter) => ({
      parameter,
      candidates: source.find(context, parameter, used).filter(isFree)
    })).filter(({ candidates }) => candidates.length > 0)
  for (const source of sources) {
    if (source.guess === true && context.tool.change !== undefined) continue
    for (const claim of claimsOf(source)) {
      const rivals = claimsOf(source).filter(({ candidates, parameter }) =>
        parameter.required === claim.parameter.required && share(candidates, claim.candidates)
      )
      const free = claim.candidates.filter(isFree)
      const isUnclear = source.guess === true && rivals.length > 1 && rivals.length !== free.length
      const taken = isUnclear ? [] : rivals.length > 1 ? free.slice(0, 1) : free
      if (taken.length === 0) continue
      taken.forEach((it) => it.used.forEach((i) => used.add(i)))
      const values = distinct(taken.map(({ value }) => value))
      found.set(claim.parameter, claim.parameter.type === "array" ? [values] : values)
    }
  }
  return found
}

const maximumProduct = 64

const product = (parameters: ReadonlyArray<Parameter>, values: Values): ReadonlyArray<Arguments> =>
  parameters.filter((parameter) => values.has(parameter)).reduce<ReadonlyArray<Arguments>>(
    (calls, parameter) =>
      calls.flatMap((call) => values.get(parameter)!.map((value) => withArgument(call, parameter.name, value)))
        .slice(0, maximumProduct),
    [{}]
  )

const withArgument = (call: Arguments, name: string, value: unknown): Arguments =>
  Object.fromEntries([...Object.entries(call), [name, value]])

/** What another part of the question gives to a required parameter of the same name. */
const inherited = ({ elsewhere, tokens, tool }: Context, parameters: ReadonlyArray<Parameter>): Values => {
  const pointsBack = tokens.some(({ folded }) => pronouns.has(folded))
  const isShared = (parameter: Parameter): boolean =>
    parameter.required && tool.change === undefined && !unshared.has(parameter.kind) &&
    (pointsBack || parameter.kind !== "path" && !isGeneric(parameter))
  return new Map(
    parameters.filter(isShared).flatMap((parameter) => {
      const source = [...elsewhere].find(([other]) =>
        other.required && other.type === parameter.type && other.words.join(" ") === parameter.words.join(" ")
      )
      const values = source?.[1].filter((value) => accepts(tool.schema, parameter.schema, value)) ?? []
      return values.length === 0 ? [] : [[parameter, values] as const]
    })
  )
}

/** A range of which only one day is given begins and ends on that day. */
const withRange = (values: Values, parameters: ReadonlyArray<Parameter>): Values => {
  const dates = parameters.filter(({ kind, required }) => kind === "date" && required)
  const [start, end] = dates
  const day = start === undefined ? undefined : values.get(start)
  const isRange = dates.length === 2 && day?.length === 1 && !values.has(end!) && endsRange(end!)
  const closing = isRange ? endOfDay(end!, day[0]) : undefined
  return closing === undefined ? values : new Map([...values, [end!, [closing]]])
}

const withFields = (context: Context, values: Values, parameters: ReadonlyArray<Parameter>): Values => {
  const objects = parameters.filter((it) => it.required && it.fields.length > 0 && !values.has(it)).flatMap(
    (parameter) => {
      const { calls, fromExamples } = fill(context, parameter.fields, [], parameter.schema)
      return calls.length === 0 || fromExamples ? [] : [[parameter, calls.slice(0, 1)] as const]
    }
  )
  return new Map([...values, ...objects])
}

/** The values of the question that agree with a record, or undefined when the record is about something else. */
const agreeing = (context: Context, values: Values, record: Record): Values | undefined => {
  const agreed = [...values].map(([parameter, choices]) => {
    const recorded = parameter.type === "array" ? undefined : valueIn(context.tool, parameter, record)
    const wanted = fold(canonical(recorded))
    return [
      parameter,
      recorded === undefined ? choices : choices.filter((it) => fold(canonical(it)) === wanted)
    ] as const
  })
  return agreed.some(([, choices]) => choices.length === 0) ? undefined : new Map(agreed)
}

const fromRecords = (
  context: Context,
  open: ReadonlyArray<Parameter>,
  given: Values,
  records: ReadonlyArray<Record>
): ReadonlyArray<Values> => {
  const related = records.flatMap((record) => {
    const values = agreeing(context, given, record)
    return values === undefined ? [] : [{ record, values }]
  })
  const lists = new Map(
    open.filter(({ type }) => type === "array").map((parameter) => {
      const items = related.map(({ record }) => valueIn(context.tool, parameter, record)).filter((it) =>
        it !== undefined
      )
      return [parameter, distinct(items)] as const
    })
  )
  const valueFor = (parameter: Parameter, record: Record): unknown => {
    const items = lists.get(parameter)
    return items === undefined ? valueIn(context.tool, parameter, record) : items.length > 0 ? items : undefined
  }
  const fillings = related.map(({ record, values }) => {
    const found = open.map((parameter) => [parameter, valueFor(parameter, record)] as const)
      .filter(([, value]) => value !== undefined)
    const extended = new Map([...values, ...found.map(([parameter, value]) => [parameter, [value]] as const)])
    return { values: extended, size: found.filter(([parameter]) => parameter.required).length }
  })
  const largest = Math.max(0, ...fillings.map(({ size }) => size))
  const best = largest === 0 ? [] : fillings.filter(({ size }) => size === largest).map(({ values }) => values)
  const keyOf = (values: Values): string => canonical([...values].map(([{ name }, choices]) => [name, choices]))
  const unique = new Map(best.map((values) => [keyOf(values), values]))
  // A change is made to a thing found in a result only if there is no other it could be meant for.
  return context.tool.change !== undefined && unique.size > 1 ? [] : [...unique.values()]
}

/** Kinds of which an example names one particular thing, most likely another than the one asked about. */
const particular: ReadonlySet<Kind> = new Set(["path", "url", "email", "identifier", "search", "ask", "prose"])

const lastResort = (context: Context, parameter: Parameter) => {
  const fits = (value: unknown): boolean => value !== undefined && accepts(context.tool.schema, parameter.schema, value)
  const isExemplary = context.tool.change === undefined && !particular.has(parameter.kind)
  const examples = isExemplary ? parameter.examples.filter(fits).slice(0, 1) : []
  const fallback = parameter.fallback !== undefined && fits(parameter.fallback.value) ? [parameter.fallback.value] : []
  return { values: [...examples, ...fallback].slice(0, 1), isExample: examples.length > 0 }
}

/**
 * Fills the parameters of a tool: from the question, then from the records of earlier results, then from the examples
 * and the default its schema declares. Optional parameters are filled from the question, or from the record that fills
 * a required one. Whatever does not satisfy the whole schema is dropped.
 *
 * @internal
 */
export const fill = (
  context: Context,
  parameters: ReadonlyArray<Parameter>,
  records: ReadonlyArray<Record>,
  schema: unknown
): Filled => {
  const asked = withRange(fromQuestion(context, parameters), parameters)
  const given = withFields(context, new Map([...inherited(context, parameters), ...asked]), parameters)
  const open = parameters.filter((parameter) => !given.has(parameter))
  const isIncomplete = open.some((parameter) => parameter.required)
  const recorded = isIncomplete ? fromRecords(context, open, given, records) : []
  const fillings = recorded.length === 0 ? [given] : recorded
  const resorts = open.filter((parameter) => parameter.required && !fillings[0]!.has(parameter)).map((parameter) => ({
    parameter,
    ...lastResort(context, parameter)
  }))
  const missing = resorts.filter(({ values }) => values.length === 0).map(({ parameter }) => parameter)
  const complete = (filling: Values): Values =>
    new Map([...filling, ...resorts.map(({ parameter, values }) => [parameter, values] as const)])
  const calls = missing.length > 0 ? [] : fillings.flatMap((filling) => product(parameters, complete(filling)))
  return {
    calls: calls.filter((call) => accepts(context.tool.schema, schema, call)),
    missing,
    given,
    fromResults: recorded.length > 0,
    fromExamples: resorts.some(({ isExample }) => isExample)
  }
}
