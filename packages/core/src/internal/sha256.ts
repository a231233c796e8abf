/**
 * SHA-256 (FIPS 180-4), synchronous: `crypto.subtle` is asynchronous, which would stop pure folds and simulated time.
 *
 * @internal
 */
const primes = (count: number): Array<number> => {
  const found: Array<number> = []
  for (let candidate = 2; found.length < count; candidate++) {
    if (found.every((prime) => candidate % prime !== 0)) found.push(candidate)
  }
  return found
}

/** The first 32 bits of the fractional part. */
const fraction = (value: number): number => ((value - Math.floor(value)) * 2 ** 32) | 0

const initialState = primes(8).map((prime) => fraction(Math.sqrt(prime)))
const constants = primes(64).map((prime) => fraction(Math.cbrt(prime)))

const rotate = (value: number, bits: number): number => (value >>> bits) | (value << (32 - bits))

const padded = (bytes: Uint8Array): DataView => {
  const blocks = Math.ceil((bytes.length + 9) / 64)
  const view = new DataView(new ArrayBuffer(blocks * 64))
  new Uint8Array(view.buffer).set(bytes)
  view.setUint8(bytes.length, 0x80)
  view.setBigUint64(blocks * 64 - 8, BigInt(bytes.length) * 8n)
  return view
}

const compress = (state: Int32Array, schedule: Int32Array): void => {
  let [a, b, c, d, e, f, g, h] = state as unknown as [number, number, number, number, number, number, number, number]
  for (let i = 0; i < 64; i++) {
    const sum1 = rotate(e, 6) ^ rotate(e, 11) ^ rotate(e, 25)
    const choice = (e & f) ^ (~e & g)
    const first = (h + sum1 + choice + constants[i]! + schedule[i]!) | 0
    const sum0 = rotate(a, 2) ^ rotate(a, 13) ^ rotate(a, 22)
    const majority = (a & b) ^ (a & c) ^ (b & c)
    h = g
    g = f
    f = e
    e = (d + first) | 0
    d = c
    c = b
    b = a
    a = (first + sum0 + majority) | 0
  }
  for (const [i, value] of [a, b, c, d, e, f, g, h].entries()) state[i] = (state[i]! + value) | 0
}

/**
 * The SHA-256 of a text's UTF-8 bytes, in lower-case hexadecimal.
 *
 * @internal
 */
export const sha256 = (text: string): string => {
  const view = padded(new TextEncoder().encode(text))
  const state = Int32Array.from(initialState)
  const schedule = new Int32Array(64)
  for (let offset = 0; offset < view.byteLength; offset += 64) {
    for (let i = 0; i < 16; i++) schedule[i] = view.getInt32(offset + i * 4)
    for (let i = 16; i < 64; i++) {
      const before15 = schedule[i - 15]!
      const before2 = schedule[i - 2]!
      const small0 = rotate(before15, 7) ^ rotate(before15, 18) ^ (before15 >>> 3)
      const small1 = rotate(before2, 17) ^ rotate(before2, 19) ^ (before2 >>> 10)
      schedule[i] = (schedule[i - 16]! + small0 + schedule[i - 7]! + small1) | 0
    }
    compress(state, schedule)
  }
  return Array.from(state, (word) => (word >>> 0).toString(16).padStart(8, "0")).join("")
}
