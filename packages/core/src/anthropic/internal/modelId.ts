/**
 * What the id of a Claude model tells of its abilities, also with the prefixes and suffixes of Bedrock and Vertex.
 *
 * @internal
 */

/** @internal */
export interface Version {
  readonly family: string | undefined
  readonly number: number
}

// `claude-opus-5-5`, `claude-3-5-haiku-20241022`, `anthropic.claude-opus-4-5-20251101-v1:0`; a date is no version.
const pattern = /claude-(?:([a-z]+)-)?(\d{1,2})(?:[-.](\d{1,2}))?(?!\d)/

/** Major × 100 + minor, so that 4.10 comes after 4.9. @internal */
export const version = (model: string): Version | undefined => {
  const match = pattern.exec(model)
  return match === null ? undefined : { family: match[1], number: Number(match[2]) * 100 + Number(match[3] ?? 0) }
}

/**
 * Whether a model follows `output_config.format`: Claude 4.5 and later.
 *
 * @internal
 */
export const followsFormat = (model: string): boolean => (version(model)?.number ?? 0) >= 405
