/**
 * Ids that name files.
 *
 * @internal
 */

/** What names a file in a directory: nothing that leads out of it or is hidden. */
const safe = /^[A-Za-z0-9_-][A-Za-z0-9._-]{0,127}$/

/** Why an id cannot name a file. @internal */
export const rule = "is not 1 to 128 of A-Z, a-z, 0-9, \"_\", \"-\" and, after the first, \".\""

/** @internal */
export const isSafe = (id: string): boolean => safe.test(id)

/** The file of an id in a directory, if the id is one. @internal */
export const inDirectory = (directory: string, id: string): string | undefined =>
  isSafe(id) ? `${directory}/${id}.ndjson` : undefined

/** An id as it is named in a message. @internal */
export const shown = (id: string): string => JSON.stringify(id.length > 128 ? `${id.slice(0, 128)}…` : id)
