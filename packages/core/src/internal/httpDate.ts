/**
 * Dates as HTTP writes them (RFC 9110 §5.6.7).
 *
 * @internal
 */
const months = ["Jan", "Feb", "Mar", "Apr", "May", "Jun", "Jul", "Aug", "Sep", "Oct", "Nov", "Dec"]

const time = "(?<hour>\\d\\d):(?<minute>\\d\\d):(?<second>\\d\\d)"
const month = `(?<month>${months.join("|")})`

/** Today's form, that of RFC 850, that of C's `asctime`. */
const forms = [
  new RegExp(`^(?:Mon|Tue|Wed|Thu|Fri|Sat|Sun), (?<day>\\d\\d) ${month} (?<year>\\d{4}) ${time} GMT$`),
  new RegExp(`^(?:Mon|Tues|Wednes|Thurs|Fri|Satur|Sun)day, (?<day>\\d\\d)-${month}-(?<year>\\d\\d) ${time} GMT$`),
  new RegExp(`^(?:Mon|Tue|Wed|Thu|Fri|Sat|Sun) ${month} (?<day>[ \\d]\\d) ${time} (?<year>\\d{4})$`)
]

/** The year of two digits that is not more than 50 years after the present one. */
const withCentury = (year: number, now: number): number => {
  const present = new Date(now).getUTCFullYear()
  const found = present - present % 100 + year
  return found > present + 50 ? found - 100 : found
}

/**
 * The instant of a date in any of the three forms; `undefined` for anything else. Both are milliseconds since the epoch.
 *
 * @param now - tells the century of a year that is written with two digits
 * @internal
 */
export const parse = (text: string, now: number): number | undefined => {
  const fields = forms.map((form) => form.exec(text)?.groups).find((groups) => groups !== undefined)
  if (fields === undefined) return undefined
  const { year = "" } = fields
  const [day, hour, minute, second] = ["day", "hour", "minute", "second"].map((name) => Number(fields[name])) as [
    number,
    number,
    number,
    number
  ]
  // a minute may end with a leap second
  if (hour > 23 || minute > 59 || second > 60) return undefined
  const fullYear = year.length === 2 ? withCentury(Number(year), now) : Number(year)
  const date = new Date(Date.UTC(fullYear, months.indexOf(fields["month"] ?? ""), day))
  return date.getUTCDate() === day ? date.getTime() + ((hour * 60 + minute) * 60 + second) * 1000 : undefined
}
