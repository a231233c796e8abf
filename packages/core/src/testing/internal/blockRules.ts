/**
 * What one message, and each block of it, must look like by itself.
 *
 * @internal
 */
import * as cacheRules from "./cacheRules.ts"
import * as fields from "./fields.ts"
import * as mediaRules from "./mediaRules.ts"
import { generalServerResults, serverResults } from "./schemas.ts"

/** @internal */
export interface Message {
  readonly index: number
  readonly role: unknown
  readonly blocks: ReadonlyArray<fields.Fields>
}

/** The messages of a request with every content as blocks; what is no message or block is left out. @internal */
export const messages = (body: fields.Fields): ReadonlyArray<Message> =>
  fields.list(body["messages"]).map((message, index) => ({
    index,
    role: fields.isFields(message) ? message["role"] : undefined,
    blocks: fields.isFields(message) ? blocks(message["content"]) : []
  }))

const blocks = (content: unknown): ReadonlyArray<fields.Fields> =>
  typeof content === "string"
    ? (content === "" ? [] : [{ type: "text", text: content }])
    : fields.list(content).filter(fields.isFields)

const roles = new Set(["user", "assistant", "system"])
const messageKeys = new Set(["role", "content"])

/**
 * @param betas - types of blocks that only a beta header allows
 * @internal
 */
export const message = function*(index: number, value: unknown, betas: ReadonlySet<string>): fields.Violations {
  const path = `messages.${index}`
  if (!fields.isFields(value)) {
    yield `${path}: Input should be a valid dictionary or object to extract fields from`
    return
  }
  yield* fields.only(path, value, messageKeys)
  const { content, role } = value
  if (typeof role !== "string" || !roles.has(role)) {
    yield `${path}.role: Input should be 'user', 'assistant' or 'system'`
  }
  if (content === undefined) yield `${path}.content: Field required`
  else if (typeof content !== "string" && !Array.isArray(content)) {
    yield `${path}.content: Input should be a valid string or list`
  } else if (content.length === 0) yield emptyContent(path, role)
  if (Array.isArray(content)) {
    for (const [position, block] of content.entries()) {
      yield* messageBlock(`${path}.content.${position}`, block, { role, betas })
    }
  }
  yield* texts("messages", blocks(content))
  yield* lastBlock(path, blocks(content), role)
}

const emptyContent = (path: string, role: unknown): string =>
  role === "assistant"
    ? `${path}: all messages must have non-empty content except for the optional final assistant message`
    : `${path}: ${fields.show(role)} messages must have non-empty content`

/** Blank text is accepted beside text that is not. @internal */
export const texts = function*(path: string, blocks: ReadonlyArray<fields.Fields>): fields.Violations {
  const texts = blocks.flatMap((block) =>
    block["type"] === "text" && typeof block["text"] === "string" ? [block["text"]] : []
  )
  if (texts.includes("")) yield `${path}: text content blocks must be non-empty`
  else if (texts.length > 0 && texts.every((text) => text.trim() === "")) {
    yield `${path}: text content blocks must contain non-whitespace text`
  }
}

const lastBlock = function*(path: string, blocks: ReadonlyArray<fields.Fields>, role: unknown): fields.Violations {
  const type = blocks.at(-1)?.["type"]
  if (role === "assistant" && (type === "thinking" || type === "redacted_thinking")) {
    yield `${path}: The final block in an assistant message cannot be \`${type}\`.`
  }
}

const userBlocks = ["image", "document", "search_result", "tool_result"]
const assistantBlocks = ["thinking", "redacted_thinking", "tool_use", "server_tool_use"]
const eitherBlocks = ["text", ...generalServerResults, "container_upload"]
const blockTypes = new Set([...eitherBlocks, ...userBlocks, ...assistantBlocks])
const resultBlockTypes = new Set(["text", "image", "search_result", "document", "tool_reference", "browser_state"])

const serverResultKeys = new Set(["type", "tool_use_id", "content", "caller", "is_error", "cache_control"])

const blockKeys: { readonly [type: string]: ReadonlySet<string> } = {
  text: new Set(["type", "text", "cache_control", "citations"]),
  thinking: new Set(["type", "thinking", "signature"]),
  redacted_thinking: new Set(["type", "data"]),
  tool_use: new Set(["type", "id", "name", "input", "caller", "cache_control", "toolset_name"]),
  tool_result: new Set(["type", "tool_use_id", "content", "is_error", "cache_control", "toolset_name"]),
  server_tool_use: new Set(["type", "id", "name", "input", "caller", "cache_control"]),
  ...Object.fromEntries(serverResults.map((type) => [type, serverResultKeys])),
  container_upload: new Set(["type", "file_id", "cache_control"]),
  image: new Set(["type", "source", "cache_control", "transformations"]),
  document: new Set(["type", "source", "cache_control", "citations", "context", "title"]),
  search_result: new Set(["type", "content", "source", "title", "cache_control", "citations"]),
  tool_reference: new Set(["type", "tool_name", "cache_control"])
}

const messageBlock = function*(
  path: string,
  block: unknown,
  { betas, role }: { readonly role: unknown; readonly betas: ReadonlySet<string> }
): fields.Violations {
  yield* typed(path, block, betas.size === 0 ? blockTypes : new Set([...blockTypes, ...betas]))
  if (!fields.isFields(block)) return
  const type = fields.show(block["type"])
  if (role !== "assistant" && assistantBlocks.includes(type)) {
    yield `${path}: \`${type}\` blocks can only be in \`assistant\` messages`
  }
  if (role !== "user" && userBlocks.includes(type)) yield `${path}: \`${type}\` blocks can only be in \`user\` messages`
  if (role === "system" && type !== "text" && eitherBlocks.includes(type)) {
    yield `${path}: \`${type}\` blocks cannot be in \`system\` messages`
  }
  // Citations belong to what the model said.
  if (type === "text" && role !== "assistant" && block["citations"] !== undefined) {
    yield `${path}.text.citations: Extra inputs are not permitted`
  }
}

const typed = function*(path: string, block: unknown, expected: ReadonlySet<string>): fields.Violations {
  if (!fields.isFields(block)) {
    yield `${path}: Input should be a valid dictionary or object to extract fields from`
    return
  }
  yield* fields.oneOf(path, block["type"], expected)
  const type = fields.show(block["type"])
  if (!expected.has(type) || !Object.hasOwn(blockKeys, type)) return
  const inside = `${path}.${type}`
  yield* fields.only(inside, block, blockKeys[type]!)
  if (Object.hasOwn(shapes, type)) yield* shapes[type]!(inside, block, path)
  if (blockKeys[type]!.has("cache_control")) yield* cacheRules.control(inside, block)
}

const idPattern = /^[a-zA-Z0-9_-]+$/

const textOnly = new Set(["text"])

const serverTools = [
  "web_search",
  "web_fetch",
  "code_execution",
  "bash_code_execution",
  "text_editor_code_execution",
  "tool_search_tool_regex",
  "tool_search_tool_bm25"
]

const serverResult = function*(inside: string, block: fields.Fields): fields.Violations {
  yield* fields.required(inside, block, "tool_use_id", "string")
  if (block["content"] === undefined) yield `${inside}.content: Field required`
}

const shapes: {
  readonly [type: string]: (inside: string, block: fields.Fields, path: string) => fields.Violations
} = {
  *text(inside, block) {
    yield* fields.required(inside, block, "text", "string")
    if (block["text"] === "" && fields.isFields(block["cache_control"])) {
      yield `${inside}: cache_control cannot be set for empty text blocks`
    }
  },
  image: mediaRules.image,
  document: mediaRules.document,
  *search_result(inside, block) {
    yield* fields.required(inside, block, "source", "string")
    yield* fields.required(inside, block, "title", "string")
    yield* fields.required(inside, block, "content", "list")
    for (const [position, inner] of fields.list(block["content"]).entries()) {
      yield* typed(`${inside}.content.${position}`, inner, textOnly)
    }
  },
  *server_tool_use(inside, block) {
    yield* fields.required(inside, block, "id", "string")
    yield* fields.required(inside, block, "name", "string")
    yield* fields.literal(inside, block, "name", serverTools)
    yield* fields.required(inside, block, "input", "object")
  },
  ...Object.fromEntries(serverResults.map((type) => [type, serverResult])),
  *container_upload(inside, block) {
    yield* fields.required(inside, block, "file_id", "string")
  },
  *tool_reference(inside, block) {
    yield* fields.required(inside, block, "tool_name", "string")
  },
  *thinking(inside, block, path) {
    yield* fields.required(inside, block, "thinking", "string")
    yield* fields.required(inside, block, "signature", "string")
    if (block["signature"] === "") yield `${path}: Invalid \`signature\` in \`thinking\` block`
  },
  *redacted_thinking(inside, block, path) {
    yield* fields.required(inside, block, "data", "string")
    if (block["data"] === "") yield `${path}: Invalid \`data\` in \`redacted_thinking\` block`
  },
  *tool_use(inside, block) {
    yield* fields.required(inside, block, "id", "string")
    yield* fields.matches(inside, block, "id", idPattern)
    yield* fields.required(inside, block, "name", "string")
    yield* nameLength(inside, block["name"])
    yield* fields.required(inside, block, "input", "object")
  },
  *tool_result(inside, block) {
    yield* fields.required(inside, block, "tool_use_id", "string")
    yield* fields.optional(inside, block, "is_error", "boolean")
    yield* resultContent(inside, block)
  }
}

// The model may invent a name that no definition could have, so that only its length counts here.
const nameLength = function*(inside: string, name: unknown): fields.Violations {
  if (typeof name !== "string") return
  if (name === "") yield `${inside}.name: String should have at least 1 character`
  if (name.length > 200) yield `${inside}.name: String should have at most 200 characters`
}

const resultContent = function*(inside: string, block: fields.Fields): fields.Violations {
  const { content } = block
  const none = content === undefined || content === "" || (Array.isArray(content) && content.length === 0)
  if (none && block["is_error"] === true) yield `${inside}: content cannot be empty if \`is_error\` is true`
  else if (Array.isArray(content)) {
    if (none) yield `${inside}.content: List should have at least 1 item after validation, not 0`
    for (const [position, inner] of content.entries()) {
      yield* typed(`${inside}.content.${position}`, inner, resultBlockTypes)
    }
    yield* texts("messages", blocks(content))
  } else if (content !== undefined && typeof content !== "string") {
    yield `${inside}.content: Input should be a valid string or list`
  }
}
