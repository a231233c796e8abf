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

const initialState = Int32Array.from(primes(8), (prime) => fraction(Math.sqrt(prime)))
const constants = Int32Array.from(primes(64), (prime) => fraction(Math.cbrt(prime)))

const encoder = new TextEncoder()

/** Filled anew for each block; nothing here is asynchronous. */
const schedule = new Int32Array(64)

/** Room for the blocks of most messages, filled anew for each. */
const room = new Uint8Array(4096)

/** The message in whole blocks of 64 bytes: a one bit, zeros and its length in bits follow it. */
const padded = (text: string): Uint8Array => {
  const isShort = text.length * 3 + 72 <= room.length
  const bytes = isShort ? undefined : encoder.encode(text)
  const length = bytes === undefined ? encoder.encodeInto(text, room).written : bytes.length
  const end = Math.ceil((length + 9) / 64) * 64
  const whole = bytes === undefined ? room : new Uint8Array(end)
  if (bytes === undefined) room.fill(0, length, end)
  else whole.set(bytes)
  whole[length] = 0x80
  const high = Math.floor(length / 2 ** 29)
  const low = length << 3
  for (let i = 0; i < 4; i++) {
    whole[end - 5 - i] = high >>> (8 * i)
    whole[end - 1 - i] = low >>> (8 * i)
  }
  return whole.subarray(0, end)
}

const extend = (message: Uint8Array, offset: number): void => {
  for (let i = 0; i < 16; i++) {
    const at = offset + i * 4
    schedule[i] = (message[at]! << 24) | (message[at + 1]! << 16) | (message[at + 2]! << 8) | message[at + 3]!
  }
  for (let i = 16; i < 64; i++) {
    const x = schedule[i - 15]!
    const y = schedule[i - 2]!
    const small0 = ((x >>> 7) | (x << 25)) ^ ((x >>> 18) | (x << 14)) ^ (x >>> 3)
    const small1 = ((y >>> 17) | (y << 15)) ^ ((y >>> 19) | (y << 13)) ^ (y >>> 10)
    schedule[i] = (schedule[i - 16]! + small0 + schedule[i - 7]! + small1) | 0
  }
}

const compress = (state: Int32Array): void => {
  let a = state[0]!
  let b = state[1]!
  let c = state[2]!
  let d = state[3]!
  let e = state[4]!
  let f = state[5]!
  let g = state[6]!
  let h = state[7]!
  for (let i = 0; i < 64; i++) {
    const sum1 = ((e >>> 6) | (e << 26)) ^ ((e >>> 11) | (e << 21)) ^ ((e >>> 25) | (e << 7))
    const first = (h + sum1 + ((e & f) ^ (~e & g)) + constants[i]! + schedule[i]!) | 0
    const sum0 = ((a >>> 2) | (a << 30)) ^ ((a >>> 13) | (a << 19)) ^ ((a >>> 22) | (a << 10))
    h = g
    g = f
    f = e
    e = (d + first) | 0
    d = c
    c = b
    const majority = (a & b) ^ (a & d) ^ (b & d)
    b = a
    a = (first + sum0 + majority) | 0
  }
  state[0]! += a
  state[1]! += b
  state[2]! += c
  state[3]! += d
  state[4]! += e
  state[5]! += f
  state[6]! += g
  state[7]! += h
}

const hex = Array.from({ length: 256 }, (_, byte) => byte.toString(16).padStart(2, "0"))

/**
 * The SHA-256 of a text's UTF-8 bytes, in lower-case hexadecimal.
 *
 * @internal
 */
export const sha256 = (text: string): string => {
  const message = padded(text)
  const state = initialState.slice()
  for (let offset = 0; offset < message.length; offset += 64) {
    extend(message, offset)
    compress(state)
  }
  let digest = ""
  for (const word of state) {
    digest += hex[word >>> 24]! + hex[(word >>> 16) & 255]! + hex[(word >>> 8) & 255]! + hex[word & 255]!
  }
  return digest
}
