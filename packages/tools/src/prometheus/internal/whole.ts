/**
 * Keeps the whole of a result that is told in part, so that `read_result` can give it.
 *
 * @internal
 */
import * as ResultStore from "@volley/core/ResultStore"
import * as ToolCall from "@volley/core/ToolCall"
import * as Effect from "effect/Effect"
import * as Schema from "effect/Schema"

/** In UTF-16 units: the store has room for more than one of them. */
const longest = 4 * 1024 * 1024

/** @internal */
export const Whole = Schema.optionalKey(
  Schema.Struct({
    handle: Schema.String.annotate({ description: "What read_result takes" }),
    characters: Schema.Int.annotate({ description: "How long it is" })
  }).annotate({ description: "Where all of it is kept for a while, as JSON lines, since only a part is told here" })
)

/** Not the beginning of the key, under which the dispatcher keeps what it cuts itself. */
const handleOf = ({ idempotencyKey }: ToolCall.ToolCall): string => idempotencyKey.slice(16, 32)

const linesOf = (items: ReadonlyArray<unknown>): string => items.map((item) => JSON.stringify(item)).join("\n")

/**
 * Keeps items as JSON lines for the tenant of the call. Gives nothing where there is no call, no room or no store.
 *
 * @internal
 */
export const keep = Effect.fnUntraced(function*(items: ReadonlyArray<unknown>) {
  const call = yield* ToolCall.current
  const text = linesOf(items)
  if (call === undefined || text.length > longest) return {}
  const store = yield* ResultStore.current
  const handle = handleOf(call)
  const isKept = yield* store.keep(ResultStore.key(call.tenant, handle), text).pipe(
    Effect.timeout("500 millis"),
    Effect.tapError((error) => Effect.logWarning("A whole result could not be kept", error)),
    Effect.orElseSucceed(() => false)
  )
  return isKept ? { whole: { handle, characters: text.length } } : {}
})
