/**
 * The body of a response as text, given up where it is longer than its bound.
 *
 * @internal
 */
import * as Effect from "effect/Effect"
import type * as HttpClientError from "effect/http/HttpClientError"
import type * as HttpClientResponse from "effect/http/HttpClientResponse"
import * as Stream from "effect/Stream"

/**
 * @param maximum - of the decoded body, in bytes
 * @param tooLong - the failure of a body that is longer
 * @internal
 */
export const boundedText = <E>(
  { stream }: HttpClientResponse.HttpClientResponse,
  maximum: number,
  tooLong: () => E
): Effect.Effect<string, HttpClientError.HttpClientError | E> =>
  Effect.suspend(() => {
    const decoder = new TextDecoder()
    const texts: Array<string> = []
    let size = 0
    const take = (chunk: Uint8Array): Effect.Effect<void, E> => {
      size += chunk.length
      if (size > maximum) return Effect.fail(tooLong())
      texts.push(decoder.decode(chunk, { stream: true }))
      return Effect.void
    }
    return Effect.map(Stream.runForEach(stream, take), () => texts.join("") + decoder.decode())
  })
