/**
 * Sizes in bytes, as policies state them.
 *
 * @internal
 */
const units: { readonly [unit: string]: number | undefined } = { B: 1, KiB: 1024, MiB: 1024 * 1024 }

/** Bytes of a size; `NaN` where it is none. @internal */
export const bytesOf = (size: number | string): number => {
  if (typeof size === "number") return Number.isInteger(size) ? size : Number.NaN
  const [, amount = "", unit = ""] = /^(\d+(?:\.\d+)?) (B|KiB|MiB)$/.exec(size) ?? []
  return Math.floor(Number(amount || Number.NaN) * (units[unit] ?? Number.NaN))
}
