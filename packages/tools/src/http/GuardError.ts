/**
 * What the guard refuses, and why.
 *
 * @since 0.1.0
 */
import * as Schema from "effect/Schema"

/**
 * Why a request is not sent or a redirect not followed.
 *
 * @category schemas
 * @since 0.1.0
 */
export const BlockedReason = Schema.Literals([
  "Scheme",
  "Credentials",
  "Host",
  "Port",
  "Address",
  "Downgrade",
  "CrossOriginWrite",
  "Location",
  "TooManyRedirects"
])

/**
 * Why a request is not sent or a redirect not followed.
 *
 * @category models
 * @since 0.1.0
 */
export type BlockedReason = typeof BlockedReason.Type

const wrong: { readonly [K in BlockedReason]: string } = {
  Scheme: "is neither http nor https: ask for a URL that is",
  Credentials: "is asked for with a name and password in the URL: leave them out",
  Host: "is not on the list of allowed hosts: ask for one that is",
  Port: "may not be asked on that port: leave the port out of the URL",
  Address: "has no public address: ask for a public host",
  Downgrade: "redirects from https to http, which is not followed: ask for another https URL",
  CrossOriginWrite: "redirects what was sent to another origin, which is not followed: send it there if that is meant",
  Location: "redirects to what is no URL: ask for another URL",
  TooManyRedirects: "redirects more than 5 times: ask for another URL"
}

/**
 * The request is not sent, or the redirect not followed. `host` is the one that was asked; for `Scheme` it is the scheme.
 *
 * @category errors
 * @since 0.1.0
 */
export class Blocked extends Schema.TaggedError<Blocked>("@volley/tools/Guard/Blocked")("Blocked", {
  reason: BlockedReason,
  host: Schema.String
}) {
  /**
   * By which `ToolFailure.fromUnknown` knows it as a refusal.
   *
   * @since 0.1.0
   */
  readonly code = "EACCES"
  override get message(): string {
    return `${JSON.stringify(this.host.toWellFormed())} ${wrong[this.reason]}`
  }
}

/**
 * The decoded body is larger than `limit` bytes, the head of the answer is, or the body is compressed more than `limit`
 * times.
 *
 * @category errors
 * @since 0.1.0
 */
export class TooLarge extends Schema.TaggedError<TooLarge>("@volley/tools/Guard/TooLarge")("TooLarge", {
  part: Schema.Literals(["head", "body", "ratio"]),
  limit: Schema.Int
}) {
  /**
   * By which `ToolFailure.fromUnknown` knows it as a refusal.
   *
   * @since 0.1.0
   */
  readonly code = "UND_ERR_RES_EXCEEDED_MAX_SIZE"
  override get message(): string {
    if (this.part === "ratio") return `The answer is compressed more than ${this.limit} times: ask for something else`
    return this.part === "head"
      ? `The head of the answer is larger than ${this.limit} bytes: ask for something else`
      : `The answer is larger than ${this.limit} bytes: ask for a part of it`
  }
}

/**
 * The answer is encoded in a way that is not read: another encoding than gzip, br or zstd, more than one, or data that
 * is broken.
 *
 * @category errors
 * @since 0.1.0
 */
export class Undecodable extends Schema.TaggedError<Undecodable>("@volley/tools/Guard/Undecodable")("Undecodable", {
  encoding: Schema.String
}) {
  override get message(): string {
    return `The content encoding ${JSON.stringify(this.encoding.toWellFormed())} of the answer cannot be read`
  }
}

/**
 * An option cannot be used. Fails the layer when it is built; `name` is the option or the environment variable.
 *
 * @category errors
 * @since 0.1.0
 */
export class OptionUnusable
  extends Schema.TaggedError<OptionUnusable>("@volley/tools/Guard/OptionUnusable")("OptionUnusable", {
    name: Schema.String,
    expected: Schema.String
  })
{
  override get message(): string {
    return `"${this.name}" is not ${this.expected}`
  }
}
