/**
 * Where the tools of a command come from.
 *
 * @internal
 */
import type * as Tool from "effect/ai/Tool"
import type * as FileSystem from "effect/FileSystem"
import type * as Layer from "effect/Layer"
import type * as Path from "effect/Path"
import type { ChildProcessSpawner } from "effect/process/ChildProcessSpawner"
import type * as Scope from "effect/Scope"

/** What a source has and does not offer, or only with approval, and why. @internal */
export interface Withheld {
  readonly name: string
  readonly reason: string
}

/** Tools with the layer of their handlers; `name` is what messages call the source. @internal */
export interface Source {
  readonly name: string
  readonly tools: ReadonlyArray<Tool.Any>
  readonly layer: Layer.Layer<never, unknown, unknown>
  readonly isModule: boolean
  readonly withheld: ReadonlyArray<Withheld>
}

/** What opening a source may need. @internal */
export type Platform = ChildProcessSpawner | FileSystem.FileSystem | Path.Path | Scope.Scope

/** A source as it was asked for: `name=place`, or the place alone. @internal */
export const parse = (text: string): { readonly name: string | undefined; readonly place: string } => {
  const [, name, place] = /^([A-Za-z][\w-]*)=(\S.*)$/s.exec(text) ?? []
  return name === undefined || place === undefined ? { name: undefined, place: text } : { name, place }
}

/** @internal */
export const isUrl = (place: string): boolean => /^https?:\/\//i.test(place)
