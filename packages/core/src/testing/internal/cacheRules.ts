/**
 * Where a request may be marked for the prompt cache.
 *
 * @internal
 */
import * as fields from "./fields.ts"

const controlTypes = new Set(["ephemeral"])
const controlKeys = new Set(["type", "ttl"])

/** The form of a mark; `null` is none. @internal */
export const control = function*(path: string, owner: fields.Fields): fields.Violations {
  const value = owner["cache_control"]
  if (value === undefined || value === null) return
  const at = path === "" ? "cache_control" : `${path}.cache_control`
  if (!fields.isFields(value)) return yield `${at}: Input should be an object`
  yield* fields.oneOf(at, value["type"], controlTypes)
  yield* fields.only(`${at}.ephemeral`, value, controlKeys)
  yield* fields.literal(`${at}.ephemeral`, value, "ttl", ["5m", "1h"])
}

interface Mark {
  readonly path: string
  readonly ttl: unknown
}

const marks = (path: string, value: unknown): ReadonlyArray<Mark> => {
  if (!fields.isFields(value)) return []
  const inner = value["type"] === "tool_result" ? within(`${path}.content`, value["content"]) : []
  const own = value["cache_control"]
  return fields.isFields(own) ? [...inner, { path, ttl: own["ttl"] ?? "5m" }] : inner
}

const within = (path: string, values: unknown): ReadonlyArray<Mark> =>
  fields.list(values).flatMap((value, index) => marks(`${path}.${index}`, value))

/** All marks in the order of the API; the one of the request itself stands for its last block. */
const all = (body: fields.Fields): ReadonlyArray<Mark> => [
  ...within("tools", body["tools"]),
  ...within("system", body["system"]),
  ...fields.list(body["messages"]).flatMap((message, index) =>
    fields.isFields(message) ? within(`messages.${index}.content`, message["content"]) : []
  ),
  ...marks("", { cache_control: body["cache_control"] })
]

const most = 4

/** @internal */
export const request = function*(body: fields.Fields): fields.Violations {
  const found = all(body)
  if (found.length > most) {
    yield `A maximum of ${most} blocks with cache_control may be provided. Found ${found.length}.`
  }
  const short = found.findIndex(({ ttl }) => ttl === "5m")
  const long = found.find(({ ttl }, index) => ttl === "1h" && short >= 0 && index > short)
  if (long !== undefined) {
    yield `${long.path === "" ? "" : `${long.path}.`}cache_control.ttl: a ttl='1h' cache_control block must not come ` +
      "after a ttl='5m' cache_control block. Note that blocks are processed in the following order: `tools`, `system`, " +
      "`messages`."
  }
}
