import { Schema } from "effect"
import * as Arbitrary from "effect/Arbitrary"

export const integer = (minimum: number, maximum: number): Arbitrary.Arbitrary<number> =>
  Arbitrary.schema(Schema.Int.check(Schema.isBetween({ minimum, maximum })))

export const oneOf = <A>(values: readonly [A, ...Array<A>]): Arbitrary.Arbitrary<A> =>
  Arbitrary.map(integer(0, values.length - 1), (i) => values[i] ?? values[0])

/** Texts of these pieces. */
export const textOf = (pieces: readonly [string, ...Array<string>], maxLength = 20): Arbitrary.Arbitrary<string> =>
  Arbitrary.map(Arbitrary.array(oneOf(pieces), { maxLength }), (found) => found.join(""))

/** Any UTF-16: one to four bytes a code point, surrogates in pairs and alone, control characters, what JSON escapes. */
export const utf16 = (maxLength = 40): Arbitrary.Arbitrary<string> =>
  textOf(
    ["a", "Z", "0", " ", "é", "漢", "😀", "👩‍💻", "\ud83d", "\ude00", "\n", "\u0000", "\"", "\\", "\u2028"],
    maxLength
  )

/** JSON values, nested at most so deep. */
export const json = (depth = 3): Arbitrary.Arbitrary<Schema.Json> => {
  const leaf: Arbitrary.Arbitrary<Schema.Json> = Arbitrary.flatMap(integer(0, 4), (kind) => {
    switch (kind) {
      case 0:
        return oneOf<Schema.Json>([null, true, false, 0, -1.5, 1e21])
      case 1:
        return integer(-1000, 1000)
      default:
        return utf16(8)
    }
  })
  if (depth === 0) return leaf
  const keys = oneOf(["a", "b", "ab", "", "10", "9", "__proto__", "constructor", "é", "\"", "_tag"])
  return Arbitrary.flatMap(integer(0, 3), (kind): Arbitrary.Arbitrary<Schema.Json> => {
    switch (kind) {
      case 0:
        return Arbitrary.array(json(depth - 1), { maxLength: 3 })
      case 1:
        return Arbitrary.map(
          Arbitrary.array(Arbitrary.all([keys, json(depth - 1)]), { maxLength: 3 }),
          (entries) => Object.fromEntries(entries)
        )
      default:
        return leaf
    }
  })
}
