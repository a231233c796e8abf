/**
 * The ready-made tools by family, for programs that choose them by name.
 *
 * @since 0.1.0
 */
import type * as Toolkit from "effect/ai/Toolkit"
import * as FetchHttpClient from "effect/http/FetchHttpClient"
import * as Layer from "effect/Layer"
import * as Files from "./files/Files.ts"
import * as Weather from "./weather/Weather.ts"

/**
 * A family of tools: what it is for, its tools, and its handlers for a root directory.
 *
 * @category models
 * @since 0.1.0
 */
export interface Family {
  readonly description: string
  readonly toolkit: Toolkit.Any
  readonly layer: (options: { readonly root: string }) => Layer.Any
}

/**
 * Every family by its name.
 *
 * @category models
 * @since 0.1.0
 */
export const all = {
  files: {
    description: "Read, list and search the files below a directory",
    toolkit: Files.toolkit,
    layer: Files.layer
  },
  weather: {
    description: "Tell the current weather of a city and its forecast",
    toolkit: Weather.toolkit,
    layer: () => Layer.provide(Weather.layerFromEnv, FetchHttpClient.layer)
  }
} as const satisfies { readonly [name: string]: Family }

/**
 * The name of a family.
 *
 * @category models
 * @since 0.1.0
 */
export type Name = keyof typeof all

/**
 * The names of all families.
 *
 * @category models
 * @since 0.1.0
 */
export const names: ReadonlyArray<Name> = Object.keys(all) as Array<Name>

/**
 * Whether a text is the name of a family.
 *
 * @category guards
 * @since 0.1.0
 */
export const isName = (text: string): text is Name => Object.hasOwn(all, text)
