/**
 * Turns a file of a prompt into an image or a document of a request.
 *
 * @internal
 */
import type * as Api from "@anthropic-ai/sdk/resources/messages"
import * as AiError from "effect/ai/AiError"
import type * as Prompt from "effect/ai/Prompt"
import * as Base64 from "effect/encoding/Base64"
import * as Result from "effect/Result"

type Converted = Result.Result<Api.ImageBlockParam | Api.DocumentBlockParam, AiError.AiErrorReason>

const imageTypes = ["image/jpeg", "image/png", "image/gif", "image/webp"] as const

const refuse = (constraint: string, description: string): Converted =>
  Result.fail(new AiError.InvalidRequestError({ parameter: "prompt", constraint, description }))

const urlOf = ({ data }: Pick<Prompt.FilePart, "data">): string | undefined =>
  data instanceof URL || (typeof data === "string" && /^(https?|data):/.test(data)) ? String(data) : undefined

const base64Url = /^data:[^,]*;base64,/

/** The bytes as Base64; `undefined` for a `data:` address in another encoding. */
const base64Of = (data: Prompt.FilePart["data"]): string | undefined => {
  if (data instanceof Uint8Array) return Base64.encode(data)
  const text = String(data)
  const prefix = base64Url.exec(text)
  if (prefix !== null) return text.slice(prefix[0].length)
  return text.startsWith("data:") ? undefined : text
}

const titleOf = ({ fileName }: Prompt.FilePart) => fileName === undefined ? undefined : { title: fileName }

const plainText = (part: Prompt.FilePart, base64: string): Converted =>
  Result.match(Base64.decodeString(base64), {
    onFailure: () => refuse("has a text file that is not Base64", "Give its bytes, or its text as Base64"),
    onSuccess: (data) =>
      Result.succeed({ type: "document", source: { type: "text", media_type: "text/plain", data }, ...titleOf(part) })
  })

/**
 * The block of a file: its content, or its address, which the API can follow for images and PDF.
 *
 * @internal
 */
export const fileBlock = (part: Prompt.FilePart): Converted => {
  const { data, mediaType } = part
  const address = urlOf(part)
  const url = address?.startsWith("data:") === true ? undefined : address
  const isPdf = mediaType === "application/pdf"
  if (url !== undefined) {
    if (isPdf) return Result.succeed({ type: "document", source: { type: "url", url }, ...titleOf(part) })
    if (mediaType.startsWith("image/")) return Result.succeed({ type: "image", source: { type: "url", url } })
  }
  const base64 = url === undefined ? base64Of(data) : undefined
  const imageType = imageTypes.find((type) => type === mediaType)
  if (base64 !== undefined) {
    if (isPdf) {
      const source = { type: "base64", media_type: "application/pdf", data: base64 } as const
      return Result.succeed({ type: "document", source, ...titleOf(part) })
    }
    if (imageType !== undefined) {
      return Result.succeed({ type: "image", source: { type: "base64", media_type: imageType, data: base64 } })
    }
    if (mediaType === "text/plain") return plainText(part, base64)
  }
  if (isPdf || imageType !== undefined || mediaType === "text/plain") {
    return refuse(`has a file of type "${mediaType}" at an address`, "Give its bytes instead")
  }
  return refuse(
    `has a file of type "${mediaType}"`,
    `Supported types are ${imageTypes.join(", ")}, application/pdf and text/plain`
  )
}
