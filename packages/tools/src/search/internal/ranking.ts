/**
 * Ranking of sections by BM25 (k1 = 1.2, b = 0.75, the idf of Lucene). Words of headings count twice more, those of the
 * path once. Equal scores are in the order of path and line, so that a result depends on the documents alone.
 *
 * @internal
 */
import type { Section } from "./sections.ts"
import { words } from "./words.ts"

/** A section with its words: numbers of the vocabulary, ascending, and how often each is in it. @internal */
export interface Indexed extends Section {
  readonly length: number
  readonly terms: Uint32Array
  readonly counts: Uint16Array
}

/** A number for each word. @internal */
export type Vocabulary = Map<string, number>

/** @internal */
export interface Ranked {
  readonly path: string
  readonly section: Indexed
  readonly score: number
}

const k1 = 1.2
const b = 0.75
const headingWeight = 2
const mostOfOne = 0xffff

/** @internal */
export const index = (vocabulary: Vocabulary, path: string, section: Section, text: string): Indexed => {
  const frequency = new Map<number, number>()
  let length = 0
  const add = (text: string, weight: number) => {
    for (const word of words(text)) {
      const known = vocabulary.get(word)
      const term = known ?? vocabulary.size
      if (known === undefined) vocabulary.set(word, term)
      frequency.set(term, (frequency.get(term) ?? 0) + weight)
      length += weight
    }
  }
  add(text, 1)
  add(path, 1)
  for (const heading of section.headings) add(heading, headingWeight)
  const terms = Uint32Array.from(frequency.keys()).toSorted()
  const counts = Uint16Array.from(terms, (term) => Math.min(mostOfOne, frequency.get(term) ?? 0))
  return { ...section, length, terms, counts }
}

const find = (terms: Uint32Array, term: number): number => {
  let low = 0
  let high = terms.length - 1
  while (low <= high) {
    const middle = (low + high) >>> 1
    const at = terms[middle] ?? 0
    if (at === term) return middle
    if (at < term) low = middle + 1
    else high = middle - 1
  }
  return -1
}

const countOf = ({ counts, terms }: Indexed, term: number): number => counts[find(terms, term)] ?? 0

const isBelow = (path: string, folder: string | undefined): boolean =>
  folder === undefined || path === folder || path.startsWith(`${folder}/`)

/** The best sections for a query; a section without any of its words is not among them. @internal */
export const rank = (
  documents: Iterable<readonly [path: string, sections: ReadonlyArray<Indexed>]>,
  vocabulary: Vocabulary,
  query: string,
  options: { readonly limit: number; readonly folder: string | undefined }
): { readonly found: number; readonly best: ReadonlyArray<Ranked> } => {
  const terms = Array.from(new Set(words(query)), (word) => vocabulary.get(word)).filter((term) => term !== undefined)
  const frequencies = terms.map(() => 0)
  const candidates: Array<
    { readonly path: string; readonly section: Indexed; readonly counts: ReadonlyArray<number> }
  > = []
  let total = 0
  let length = 0
  for (const [path, sections] of documents) {
    for (const section of sections) {
      total++
      length += section.length
      const counts = terms.map((term) => countOf(section, term))
      counts.forEach((count, i) => count > 0 && (frequencies[i] = (frequencies[i] ?? 0) + 1))
      if (counts.some((count) => count > 0) && isBelow(path, options.folder)) candidates.push({ path, section, counts })
    }
  }
  const average = length / total
  const weights = frequencies.map((frequency) => Math.log(1 + (total - frequency + 0.5) / (frequency + 0.5)))
  const ranked = candidates.map(({ counts, path, section }) => {
    const norm = k1 * (1 - b + b * section.length / average)
    const score = counts.reduce((sum, count, i) => sum + (weights[i] ?? 0) * count * (k1 + 1) / (count + norm), 0)
    return { path, section, score }
  })
  const byRank = (left: Ranked, right: Ranked) =>
    right.score - left.score || (left.path < right.path ? -1 : left.path > right.path ? 1 : 0) ||
    left.section.line - right.section.line
  return { found: ranked.length, best: ranked.toSorted(byRank).slice(0, options.limit) }
}
