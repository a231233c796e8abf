/**
 * Toolkits that a user brings as a module.
 *
 * **Details**
 *
 * Two copies of `effect` do not understand each other's schemas (a decoded string arrives as a symbol), and two copies of
 * `@volley/core` do not know each other's secrets. So whatever a toolkit imports of them is resolved from here, not from
 * its own folder; a single file works without any installation. Exports are judged by their shape all the same, since a
 * bundled toolkit may carry copies within it.
 *
 * @internal
 */
import * as Redactor from "@volley/core/Redactor"
import type * as Tool from "effect/ai/Tool"
import * as Effect from "effect/Effect"
import * as FileSystem from "effect/FileSystem"
import * as Layer from "effect/Layer"
import * as Path from "effect/Path"
import * as Predicate from "effect/Predicate"
import { registerHooks } from "node:module"
import { pathToFileURL } from "node:url"
import { type Exit, messageOf, usage } from "./exit.ts"
import { redirect } from "./toolkitConsole.ts"

/** Tools with the layer of their handlers. @internal */
export interface Handled {
  readonly tools: ReadonlyArray<Tool.Any>
  readonly layer: Layer.Layer<never, unknown, unknown>
}

const isTool = (value: unknown): value is Tool.Any =>
  Predicate.hasProperty(value, "name") && typeof value.name === "string" &&
  Predicate.hasProperty(value, "parametersSchema") && Predicate.hasProperty(value, "annotations")

/** The tools of a tool or a toolkit; `undefined` for anything else. */
const toolsOf = (value: unknown): ReadonlyArray<Tool.Any> | undefined => {
  if (isTool(value)) return [value]
  if (!Predicate.hasProperty(value, "tools") || !Predicate.isObject(value.tools)) return undefined
  const tools: ReadonlyArray<unknown> = Object.values(value.tools)
  return tools.every(isTool) ? tools : undefined
}

/** What a toolkit module gives, or what is wrong with its exports. @internal */
export const fromExports = (name: string, exports: Readonly<Record<string, unknown>>): Handled | Exit => {
  const { layer, toolkit, tools } = exports
  const listed: ReadonlyArray<unknown> = Array.isArray(tools) ? tools : []
  const wrong = (problem: string): Exit => usage(`${name} ${problem}`)
  if (toolkit === undefined && tools === undefined) {
    return wrong("must export \"toolkit\" and \"layer\", or \"tools\"")
  }
  if (layer !== undefined && !Layer.isLayer(layer)) return wrong("exports a \"layer\" that is not an effect Layer")
  if (tools !== undefined && (!Array.isArray(tools) || listed.some((item) => toolsOf(item) === undefined))) {
    return wrong("exports \"tools\" that are not an array of tools and toolkits")
  }
  if (toolkit !== undefined && (isTool(toolkit) || toolsOf(toolkit) === undefined)) {
    return wrong("exports a \"toolkit\" that is not a Toolkit of effect/ai")
  }
  if (toolkit !== undefined && layer === undefined) {
    return wrong("exports \"toolkit\" but no \"layer\" with its handlers")
  }
  const found = [...(toolkit === undefined ? [] : [toolkit]), ...listed].flatMap((item) => toolsOf(item) ?? [])
  return found.length === 0 ? wrong("exports no tools") : { tools: found, layer: layer ?? Layer.empty }
}

const shared = /^(?:effect|@volley\/(?:core|tools))(?:\/|$)/

const shareModules = (): void => {
  registerHooks({
    resolve: (specifier, context, next) =>
      next(specifier, shared.test(specifier) ? { ...context, parentURL: import.meta.url } : context)
  })
}

/** Loads a toolkit module. @internal */
export const load = Effect.fnUntraced(function*(
  name: string,
  file: string
): Effect.fn.Return<Handled, Exit, FileSystem.FileSystem | Path.Path> {
  const fs = yield* FileSystem.FileSystem
  const path = yield* Path.Path
  const info = yield* Effect.mapError(
    fs.stat(file),
    ({ reason }) => usage(`${name} ${reason._tag === "NotFound" ? "does not exist" : "cannot be read"}`)
  )
  if (info.type !== "File") return yield* usage(`${name} is not a file`)
  shareModules()
  redirect((yield* Redactor.current).redact)
  const exports = yield* Effect.tryPromise({
    try: () => import(pathToFileURL(path.resolve(file)).href) as Promise<Record<string, unknown>>,
    catch: (error) => usage(`${name} cannot be loaded: ${messageOf(error)}`)
  })
  const handled = fromExports(name, exports)
  return "_tag" in handled ? yield* handled : handled
})
