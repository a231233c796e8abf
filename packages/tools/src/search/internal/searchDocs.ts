/**
 * The tool `search_docs` and its handler.
 *
 * @internal
 */
import * as ToolPolicy from "@volley/core/ToolPolicy"
import * as Tool from "effect/ai/Tool"
import * as Effect from "effect/Effect"
import * as Schema from "effect/Schema"
import type { Documents } from "./documents.ts"
import { rank } from "./ranking.ts"
import { snippet } from "./snippet.ts"

const maxResults = 20
const defaultResults = 8

/** @internal */
export const tool = ToolPolicy.readonly(
  Tool.make("search_docs", {
    description: [
      "Finds the sections of the documentation that say most about some words, best first, each with lines that match.",
      "Use it to answer questions from the documentation: give the few words that a good section would have.",
      "Do not use it to read a section (read_doc), nor for exact text or patterns: word forms are not folded."
    ].join("\n"),
    parameters: Schema.Struct({
      query: Schema.String.annotate({ description: "Words to look for", examples: ["rotate signing keys"] })
        .check(Schema.isPattern(/\S/, { expected: "words" }), Schema.isMaxLength(300)),
      folder: Schema.optionalKey(
        Schema.String.annotate({ description: "Only documents in this folder; default all", examples: ["guides"] })
          .check(Schema.isNonEmpty(), Schema.isMaxLength(1000))
      ),
      limit: Schema.optionalKey(
        Schema.Int.annotate({ description: `How many sections at most, 1 to ${maxResults}; default ${defaultResults}` })
          .check(Schema.isBetween({ minimum: 1, maximum: maxResults }))
      )
    }),
    success: Schema.Struct({
      sections: Schema.Array(Schema.Struct({
        path: Schema.String.annotate({ description: "Path of the document: read_doc takes it" }),
        heading: Schema.optionalKey(Schema.String.annotate({ description: "With those above it, the topmost first" })),
        line: Schema.Int.annotate({ description: "Its first line: read_doc takes it" }),
        end: Schema.Int.annotate({ description: "Its last line" }),
        score: Schema.Finite.annotate({ description: "How well it fits, above 0: comparable within this result" }),
        snippet: Schema.String.annotate({ description: "Lines with their numbers" })
      })).annotate({ description: "Best first" }),
      found: Schema.Int.annotate({ description: "Sections with any of the words" }),
      note: Schema.optionalKey(
        Schema.String.annotate({ description: "What was not searched, or why nothing was found" })
      )
    })
  }),
  { timeout: "30 seconds" }
)

const normal = (folder: string): string | undefined =>
  folder.split("/").filter((name) => name !== "" && name !== ".").join("/") || undefined

const round = (score: number): number => Math.round(score * 1000) / 1000

/** @internal */
export const handler = (documents: Documents) =>
  Effect.fnUntraced(function*({ folder, limit = defaultResults, query }: Tool.Parameters<typeof tool>) {
    const index = yield* documents.current
    const sections = Array.from(index.documents, ([path, { sections }]) => [path, sections] as const)
    const { best, found } = rank(sections, index.vocabulary, query, {
      limit,
      folder: folder === undefined ? undefined : normal(folder)
    })
    const shown = yield* Effect.forEach(
      best,
      ({ path, score, section }) =>
        Effect.map(Effect.option(documents.read(path)), (lines) => ({
          path,
          ...(section.headings.length === 0 ? {} : { heading: section.headings.join(" > ") }),
          line: section.line,
          end: section.end,
          score: round(score),
          snippet: lines._tag === "Some" ? snippet(lines.value, section.line, section.end, query) : ""
        }))
    )
    const notes = [
      ...(index.documents.size === 0 ? ["there are no documents"] : []),
      ...(index.unreadable === 0 ? [] : [`${index.unreadable} files or folders cannot be read as text`]),
      ...(index.complete ? [] : ["there are more files than can be searched"])
    ]
    return { sections: shown, found, ...(notes.length === 0 ? {} : { note: notes.join("; ") }) }
  })
