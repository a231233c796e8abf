/**
 * Parameters that the tools share.
 *
 * @internal
 */
import * as Schema from "effect/Schema"
import { reserved } from "./client.ts"

const mostUrl = 8192
const mostHeaders = 50
const mostHeader = 4096

/** @internal */
export const Url = Schema.String.annotate({
  description: "The whole URL, http or https, without a name and password",
  examples: ["https://example.com/items?page=2"]
}).check(
  Schema.isMaxLength(mostUrl),
  Schema.makeFilter((text) => URL.canParse(text), { expected: "an absolute URL" })
)

const name = /^[!#$%&'*+.^_`|~0-9A-Za-z-]+$/
const value = /^[\t\x20-\x7e\x80-\xff]*$/

const isHeader = ([key, text]: readonly [string, string]): boolean =>
  name.test(key) && !reserved.has(key.toLowerCase()) && text.length <= mostHeader && value.test(text)

/** @internal */
export const Headers = Schema.Record(Schema.String, Schema.String).annotate({
  description: "Headers to send, by name; those of the connection, such as Host, are not yours to set"
}).check(
  Schema.makeFilter(
    (headers) => Object.keys(headers).length <= mostHeaders && Object.entries(headers).every(isHeader),
    { expected: `at most ${mostHeaders} headers of ${mostHeader} characters, none of the connection` }
  )
)
