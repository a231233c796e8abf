import { assert, describe, it } from "@effect/vitest"
import { Config, ConfigProvider, Effect } from "effect"
import * as Exit from "../src/exit.ts"

const messageFor = <A>(config: Config.Config<A>, env: Record<string, string>) =>
  config.parse(ConfigProvider.fromEnv({ env })).pipe(Effect.flip, Effect.map(Exit.messageOf))

describe("messageOf", () => {
  it.effect("a setting that is missing is named", () =>
    Effect.gen(function*() {
      assert.strictEqual(yield* messageFor(Config.String("DATABASE_URL"), {}), "DATABASE_URL is not set")
    }))

  it.effect("a setting that is wrong is named, and its value, which may be a secret, is not told", () =>
    Effect.gen(function*() {
      const message = yield* messageFor(Config.Int("PORT"), { PORT: "hunter2" })
      assert.strictEqual(message, "PORT is not valid")
    }))

  it("the first paragraph of an error, without control characters", () => {
    assert.strictEqual(Exit.messageOf(new Error("no \u001b[31mway\n\nadvice")), "no way")
  })
})
