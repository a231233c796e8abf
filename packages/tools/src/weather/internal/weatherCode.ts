/**
 * Weather codes as text.
 *
 * @internal
 */

/** The codes that Open-Meteo gives: https://open-meteo.com/en/docs, "WMO Weather interpretation codes (WW)". */
const known: ReadonlyMap<number, string> = new Map([
  [0, "clear sky"],
  [1, "mainly clear"],
  [2, "partly cloudy"],
  [3, "overcast"],
  [45, "fog"],
  [48, "depositing rime fog"],
  [51, "light drizzle"],
  [53, "moderate drizzle"],
  [55, "dense drizzle"],
  [56, "light freezing drizzle"],
  [57, "dense freezing drizzle"],
  [61, "slight rain"],
  [63, "moderate rain"],
  [65, "heavy rain"],
  [66, "light freezing rain"],
  [67, "heavy freezing rain"],
  [71, "slight snowfall"],
  [73, "moderate snowfall"],
  [75, "heavy snowfall"],
  [77, "snow grains"],
  [80, "slight rain showers"],
  [81, "moderate rain showers"],
  [82, "violent rain showers"],
  [85, "slight snow showers"],
  [86, "heavy snow showers"],
  [95, "thunderstorm"],
  [96, "thunderstorm with slight hail"],
  [99, "thunderstorm with heavy hail"]
])

/** The other codes from 0 to 99, by their first digit: the groups of WMO code table 4677 (WMO-No. 306, part A). */
const groups = [
  "no precipitation",
  "no precipitation",
  "precipitation, fog or thunderstorm within the last hour",
  "duststorm, sandstorm or blowing snow",
  "fog",
  "drizzle",
  "rain",
  "snow or ice",
  "showers",
  "thunderstorm, or showers of hail"
]

/** @internal */
export const describe = (code: number): string =>
  known.get(code) ?? (Number.isInteger(code) ? groups[Math.floor(code / 10)] : undefined) ?? `weather code ${code}`
