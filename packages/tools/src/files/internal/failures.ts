/**
 * The failures that every tool of the family has, and what they mean.
 *
 * @internal
 */
import { AccessDenied, FileNotFound, IoFailed, LinkLoop, OutsideRoot, Protected } from "../FilesError.ts"

/** Of finding the place that a path names. @internal */
export const ofPlace = [FileNotFound, OutsideRoot, LinkLoop, AccessDenied, IoFailed] as const

/** @internal */
export const placeMeanings = {
  FileNotFound: "permanent",
  OutsideRoot: "permanent",
  LinkLoop: "permanent",
  AccessDenied: "permanent",
  IoFailed: "transient"
} as const

/** Of changing what is there. @internal */
export const ofChange = [...ofPlace, Protected] as const

/** @internal */
export const changeMeanings = { ...placeMeanings, Protected: "permanent" } as const
