/**
 * The body of an answer, decoded as it is read and given up where it grows too large.
 *
 * @internal
 */
import { pipeline, type Readable, type Transform } from "node:stream"
import { constants, createBrotliDecompress, createGunzip, createZstdDecompress, type Zlib } from "node:zlib"
import { TooLarge, Undecodable } from "../GuardError.ts"

/** @internal */
export const encodings = "gzip, br, zstd"

/** A page or JSON is rarely compressed more than 60 times; zeros are by gzip 1,029 times, by the others far more. */
const mostRatio = 200
/** Up to here the ratio does not matter. */
const smallSize = 1024 * 1024

const decoders: ReadonlyMap<string, () => Transform & Zlib> = new Map([
  ["gzip", createGunzip],
  ["x-gzip", createGunzip],
  ["br", createBrotliDecompress],
  // The window of https://www.rfc-editor.org/rfc/rfc9659
  ["zstd", () => createZstdDecompress({ params: { [constants.ZSTD_d_windowLogMax]: 23 } })]
])

const decoderOf = (encoding: string): (Transform & Zlib) | undefined => {
  const names = encoding.toLowerCase().split(",").map((name) => name.trim()).filter((name) =>
    name !== "" && name !== "identity"
  )
  const [name] = names
  if (name === undefined) return undefined
  const make = names.length === 1 ? decoders.get(name) : undefined
  if (make === undefined) throw new Undecodable({ encoding: encoding.slice(0, 100) })
  return make()
}

/**
 * Reads and decodes; fails with `TooLarge`, `Undecodable` or what the body fails with. The body is destroyed at the end.
 *
 * @param encoding - the header `Content-Encoding`
 * @param maximum - of the decoded body, in bytes
 * @internal
 */
export const decoded = async function*(
  body: Readable,
  encoding: string,
  maximum: number
): AsyncGenerator<Uint8Array, void> {
  let size = 0
  // Whichever fails first takes the other with it.
  let failed: "body" | "decoder" | undefined
  body.once("error", () => {
    failed ??= "body"
  })
  try {
    const decoder = decoderOf(encoding)
    decoder?.once("error", () => {
      failed ??= "decoder"
    })
    // What the pipeline fails with is thrown where the decoder is read.
    const chunks: AsyncIterable<Uint8Array> = decoder === undefined ? body : pipeline(body, decoder, () => {})
    for await (const chunk of chunks) {
      size += chunk.length
      if (size > maximum) throw new TooLarge({ part: "body", limit: maximum })
      // Not what was received: of that much may wait to be decoded.
      if (decoder !== undefined && size > smallSize && size > decoder.bytesWritten * mostRatio) {
        throw new TooLarge({ part: "ratio", limit: mostRatio })
      }
      yield chunk
    }
  } catch (error) {
    if (failed !== "decoder") throw error
    // An empty body may come with any encoding.
    if (body.readableDidRead) throw new Undecodable({ encoding: encoding.slice(0, 100) })
  } finally {
    body.destroy()
  }
}
