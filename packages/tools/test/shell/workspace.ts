import * as NodeServices from "@effect/platform-node/NodeServices"
import * as Redactor from "@volley/core/Redactor"
import { ConfigProvider, type Duration, Effect, Layer, Option, type Redacted, Stream } from "effect"
import type { Tool } from "effect/ai"
import { ChildProcessSpawner } from "effect/process"
import * as path from "node:path"
import { Shell } from "../../src/shell/index.ts"
import { Grace } from "../../src/shell/internal/run.ts"
import { type Tree, workspace } from "../files/workspace.ts"

export type Commands = Shell.Options["commands"]

/** Where the programs of the tests are: this node among them. */
export const environment = { PATH: `${path.dirname(process.execPath)}:/usr/local/bin:/usr/bin:/bin` }

/** Calls the tool as a model would: arguments are decoded, the result is checked and encoded by its schema. */
export const call = (
  parameters: Tool.ParametersEncoded<typeof Shell.RunCommand>
) =>
  Effect.gen(function*() {
    const toolkit = yield* Shell.toolkit
    const last = yield* Stream.runLast(yield* toolkit.handle("run_command", parameters))
    // A result is a failure only where the tool returns its failures.
    return Option.getOrThrow(last).result as Tool.Success<typeof Shell.RunCommand>
  })

/** Runs a test with the handlers of a fresh workspace. */
export const within = <A, E, R>(
  tree: Tree,
  commands: Commands,
  test: (base: string) => Effect.Effect<A, E, R>,
  options: {
    readonly environment?: { readonly [name: string]: string }
    readonly let?: ReadonlyArray<string>
    readonly prepare?: (base: string) => { readonly [name: string]: string }
    readonly secret?: Redacted.Redacted
    /** Between SIGTERM and SIGKILL. */
    readonly grace?: Duration.Input
    readonly spawner?: typeof ChildProcessSpawner.ChildProcessSpawner.Service
  } = {}
) =>
  Effect.gen(function*() {
    const base = yield* workspace(tree)
    const env = { ...environment, ...options.environment, ...options.prepare?.(base) }
    if (options.secret !== undefined) (yield* Redactor.current).add(options.secret)
    const layer = Shell.layer({
      root: `${base}/inside`,
      commands,
      ...(options.let === undefined ? {} : { environment: options.let })
    }).pipe(
      Layer.provide(ConfigProvider.layer(ConfigProvider.fromEnv({ env }))),
      Layer.provide(
        options.spawner === undefined
          ? Layer.empty
          : Layer.succeed(ChildProcessSpawner.ChildProcessSpawner)(options.spawner)
      )
    )
    const tested = Effect.provide(test(base), layer)
    return yield* options.grace === undefined ? tested : Effect.provideService(tested, Grace, options.grace)
  }).pipe(Effect.scoped, Effect.provide(NodeServices.layer))
