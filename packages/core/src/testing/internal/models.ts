/**
 * What the emulated Models API says, as data.
 *
 * @internal
 */
import { version } from "../../anthropic/internal/modelId.ts"
import { refusesThinking } from "../../anthropic/internal/models.ts"

/** @internal */
export interface Model {
  readonly id: string
  readonly maxInputTokens?: number
  readonly maxTokens?: number
  readonly effort?: ReadonlyArray<string>
  readonly thinking?: ReadonlyArray<string>
}

const efforts = ["low", "medium", "high", "xhigh", "max"]

/** @internal */
export const thinkingTypes = ["adaptive", "between_tools", "disabled", "enabled"] as const

const small = { maxInputTokens: 200_000, maxTokens: 64_000 }

// Effort as measured by callers of the API: Haiku and Sonnet 4.5 have none, 4.6 lacks `xhigh`.
const unlike: { readonly [id: string]: Omit<Model, "id"> } = {
  "claude-haiku-4-5": { ...small, effort: [], thinking: ["enabled", "disabled"] },
  "claude-sonnet-4-5": { effort: [], thinking: ["enabled", "disabled"] },
  "claude-opus-4-6": { effort: efforts.filter((level) => level !== "xhigh") },
  "claude-sonnet-4-6": { effort: efforts.filter((level) => level !== "xhigh") }
}

const ids = [
  "claude-fable-5-2",
  "claude-mythos-5-2",
  "claude-haiku-5-5",
  "claude-sonnet-5-5",
  "claude-fable-5-1",
  "claude-opus-5-5",
  "claude-mythos-5-1",
  "claude-sonnet-5",
  "claude-fable-5",
  "claude-mythos-5",
  "claude-opus-5",
  "claude-opus-4-8",
  "claude-opus-4-7",
  "claude-opus-4-6",
  "claude-sonnet-4-6",
  "claude-haiku-4-5",
  "claude-opus-4-5",
  "claude-sonnet-4-5"
]

/** The models there are without a list of others. @internal */
export const known: ReadonlyArray<Model> = ids.map((id) => ({ id, ...unlike[id] }))

/** The facts of a model, whole; an id may end with a date. @internal */
export const find = (models: ReadonlyArray<Model>, id: string): Required<Model> | undefined => {
  const model = models.find((model) => model.id === id || model.id === id.replace(/-\d{8}$/, ""))
  return model === undefined ? undefined : {
    maxInputTokens: 1_000_000,
    maxTokens: 128_000,
    effort: efforts,
    thinking: thinkingTypes.filter((type) => !refusesThinking(id, type)),
    ...model,
    id
  }
}

const support = (all: ReadonlyArray<string>, supported: ReadonlyArray<string>) =>
  Object.fromEntries(all.map((name) => [name, { supported: supported.includes(name) }]))

const yes = { supported: true }

/** `Claude Opus 5.5` for `claude-opus-5-5`. */
const nameOf = (id: string): string => {
  const { family, number } = version(id) ?? { family: undefined, number: 0 }
  if (family === undefined) return id
  const minor = number % 100 === 0 ? "" : `.${number % 100}`
  return `Claude ${family.charAt(0).toUpperCase()}${family.slice(1)} ${Math.floor(number / 100)}${minor}`
}

/** A model as the API describes it. @internal */
export const describe = ({ effort, id, maxInputTokens, maxTokens, thinking }: Required<Model>) => ({
  type: "model",
  id,
  display_name: nameOf(id),
  created_at: "2026-10-21T00:00:00Z",
  deprecated_at: null,
  retires_at: null,
  lifecycle: "active",
  line: version(id)?.family ?? null,
  max_input_tokens: maxInputTokens,
  max_tokens: maxTokens,
  capabilities: {
    batch: yes,
    citations: yes,
    code_execution: yes,
    context_management: {
      clear_thinking_20251015: yes,
      clear_tool_uses_20250919: yes,
      compact_20260112: yes,
      supported: true
    },
    effort: { ...support(efforts, effort), supported: effort.length > 0 },
    image_input: yes,
    pdf_input: yes,
    server_tools: { code_execution: yes, web_search: yes, supported: true },
    structured_outputs: yes,
    thinking: { supported: thinking.length > 0, types: support(thinkingTypes, thinking) }
  }
})

/** A page of models as the API lists them. @internal */
export const list = (models: ReadonlyArray<Model>, query: URLSearchParams) => {
  const after = models.findIndex(({ id }) => id === query.get("after_id")) + 1
  const before = models.findIndex(({ id }) => id === query.get("before_id"))
  const range = models.slice(after, before < 0 ? undefined : before)
  const limit = Number(query.get("limit") ?? 20)
  const page = before < 0 ? range.slice(0, limit) : range.slice(-limit)
  return {
    data: page.map(({ id }) => describe(find(models, id)!)),
    first_id: page[0]?.id ?? null,
    last_id: page.at(-1)?.id ?? null,
    has_more: page.length < range.length
  }
}
