/**
 * UTF-8 text in pieces: decoding, and cutting where no character is torn.
 *
 * @internal
 */

/**
 * Decodes a text that comes in chunks; a chunk gives `undefined` where it shows that the text is binary: it has a NUL
 * byte or is not valid UTF-8. A byte order mark is dropped where the text starts a file.
 *
 * @internal
 */
export const decoder = (options: { readonly startsFile: boolean }) => {
  const utf8 = new TextDecoder("utf-8", { fatal: true, ignoreBOM: !options.startsFile })
  return (chunk: Uint8Array, last: boolean): string | undefined => {
    if (chunk.includes(0)) return undefined
    try {
      return utf8.decode(chunk, { stream: !last })
    } catch {
      return undefined
    }
  }
}

/** The greatest index up to `index` at which UTF-8 `bytes` can be cut. @internal */
export const byteBoundary = (bytes: Uint8Array, index: number): number => {
  let at = index
  while (at > 0 && at > index - 3 && ((bytes[at] ?? 0) & 0xc0) === 0x80) at--
  return at
}

/** The greatest index up to `index` at which well-formed `text` can be cut. @internal */
export const boundary = (text: string, index: number): number => {
  const unit = text.charCodeAt(index)
  return index > 0 && unit >= 0xdc00 && unit <= 0xdfff ? index - 1 : index
}
