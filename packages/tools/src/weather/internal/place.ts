/**
 * Which of the places that a search finds is meant.
 *
 * @internal
 */

/** @internal */
export interface Place {
  readonly name: string
  readonly region?: string
  readonly country?: string
  readonly latitude: number
  readonly longitude: number
  readonly population: number
}

const maxOthers = 5

const folded = (text: string): string => text.normalize("NFD").replace(/\p{M}/gu, "").trim().toLowerCase()

/** A place as it can be asked for: "Springfield, Missouri, United States". */
const label = ({ country, name, region }: Place): string =>
  [...new Set([name, region, country])].filter((part) => part !== undefined).join(", ")

/**
 * The most populous of the places that are meant, and how to ask for the other ones. The search is fuzzy: it finds East
 * Berlin for Berlin. So only the same name counts, and the first place found, whose name may be a translation (Rome for
 * Roma).
 *
 * @param city - the name, and after a comma the region or country
 * @param found - best match first
 * @internal
 */
export const choose = (
  city: string,
  found: ReadonlyArray<Place>
): { readonly place: Place; readonly others: ReadonlyArray<string> } | undefined => {
  const asked = folded(city.split(",", 1)[0]!)
  const [place, ...rest] = found
    .filter(({ name }, i) => i === 0 || folded(name) === asked)
    .toSorted((a, b) => b.population - a.population)
  if (place === undefined) return undefined
  const others = new Set(rest.map(label))
  others.delete(label(place))
  return { place, others: [...others].slice(0, maxOthers) }
}
