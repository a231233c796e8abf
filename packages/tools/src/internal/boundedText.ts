/**
 * Bounds of what a service says: of a body, of the items of a list, of a line.
 *
 * @internal
 */
import * as Effect from "effect/Effect"
import type * as HttpClientError from "effect/http/HttpClientError"
import type * as HttpClientResponse from "effect/http/HttpClientResponse"
import * as Stream from "effect/Stream"

/**
 * The beginning of a body as text, and whether that is all of it: the stream is stopped at the bound.
 *
 * @param maximum - of the decoded body, in bytes
 * @internal
 */
export const textUpTo = (
  { stream }: HttpClientResponse.HttpClientResponse,
  maximum: number
): Effect.Effect<{ readonly text: string; readonly isWhole: boolean }, HttpClientError.HttpClientError> =>
  Effect.suspend(() => {
    const decoder = new TextDecoder()
    let text = ""
    let size = 0
    const isBeyond = (chunk: Uint8Array): boolean => {
      text += decoder.decode(chunk.subarray(0, maximum - size), { stream: true })
      size += chunk.length
      return size > maximum
    }
    return stream.pipe(
      Stream.takeUntil(isBeyond),
      Stream.runDrain,
      // A character that the bound cuts is left out; one that the body cuts is replaced.
      Effect.map(() => size > maximum ? { text, isWhole: false } : { text: text + decoder.decode(), isWhole: true })
    )
  })

/**
 * The body of a response as text, given up where it is longer than its bound.
 *
 * @param maximum - of the decoded body, in bytes
 * @param tooLong - the failure of a body that is longer
 * @internal
 */
export const boundedText = <E>(
  response: HttpClientResponse.HttpClientResponse,
  maximum: number,
  tooLong: () => E
): Effect.Effect<string, HttpClientError.HttpClientError | E> =>
  Effect.flatMap(
    textUpTo(response, maximum),
    ({ isWhole, text }) => isWhole ? Effect.succeed(text) : Effect.fail(tooLong())
  )

const encoder = new TextEncoder()

/** The first items that fit into so many bytes as JSON, but at least so many. @internal */
export const boundedItems = <A>(items: ReadonlyArray<A>, maximum: number, least = 0): ReadonlyArray<A> => {
  let size = 0
  const end = items.findIndex((item, i) =>
    (size += encoder.encode(JSON.stringify(item)).length + 1) > maximum && i >= least
  )
  return end === -1 ? items : items.slice(0, end)
}

/** A text as one line without control characters, of at most so many characters. @internal */
export const oneLine = (text: string, longest: number): string => {
  const line = text.replaceAll(/[\p{Cc}\p{Cf}\s]+/gu, " ").trim().toWellFormed()
  return line.length <= longest ? line : `${line.slice(0, longest - 1).toWellFormed()}…`
}
