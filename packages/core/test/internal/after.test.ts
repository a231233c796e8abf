import { assert, describe, it } from "@effect/vitest"
import { Agent, Dependencies, ToolFailure, ToolPolicy } from "@volley/core"
import { Simulation } from "@volley/core/testing"
import { Clock, Effect, Exit, Schema } from "effect"
import { inTime, ofTag } from "../support/observe.ts"
import { dispatchTurn } from "../support/turn.ts"

const world = () => {
  const log: Array<string> = []
  const tool = (name: string, after: ReadonlyArray<string>, effectClass: ToolPolicy.EffectClass = "effectful") =>
    ToolPolicy.set(
      Agent.tool(name, {
        description: name,
        class: effectClass,
        parameters: { millis: Schema.Int, fail: Schema.optionalKey(Schema.Boolean) },
        failure: ToolFailure.ToolFailure,
        run: ({ fail, millis }) =>
          Effect.gen(function*() {
            log.push(`${name} ${yield* Clock.currentTimeMillis}`)
            yield* Effect.sleep(millis)
            if (fail) return yield* ToolFailure.permanent({ reason: "NotFound", message: "none" })
            return name
          })
      }),
      after.length === 0 ? {} : { after }
    )
  return { log, tool }
}

const ask = (name: string, millis = 10, fail = false) => ({ name, params: { millis, ...(fail ? { fail } : {}) } })

describe("after", () => {
  it.effect("waits for every call of the named tools, wherever they stand in the turn", () =>
    Effect.gen(function*() {
      const { log, tool } = world()
      const tools = [tool("search", []), tool("read", ["search"]), tool("sum", ["search", "read"])]
      const { answers } = yield* inTime(
        dispatchTurn(tools, [ask("sum"), ask("read", 20), ask("search", 50), ask("search", 30)])
      )
      assert.deepStrictEqual(log, ["search 0", "search 0", "read 50", "sum 70"])
      assert.deepStrictEqual(answers.map(({ at }) => at), [80, 70, 50, 30])
    }))

  it.effect("five dependents ahead of their dependency, concurrency 5: no place is held while they wait", () =>
    Effect.gen(function*() {
      const { tool } = world()
      const calls = [...Array.from({ length: 5 }, () => ask("read")), ask("search", 100)]
      const { answers, events } = yield* inTime(
        dispatchTurn([tool("search", []), tool("read", ["search"])], calls, { concurrency: 5 })
      )
      assert.deepStrictEqual(answers.map(({ ok }) => ok), Array.from(calls, () => true))
      assert.deepStrictEqual(answers.map(({ at }) => at), [110, 110, 110, 110, 110, 100])
      assert.deepStrictEqual(ofTag(events, "CallQueued").map(({ behind }) => behind), Array(5).fill("dependency"))
    }))

  it.effect("without a call of the named tool there is nothing to wait for", () =>
    Effect.gen(function*() {
      const { tool } = world()
      const { answers, events } = yield* inTime(
        dispatchTurn([tool("search", []), tool("read", ["search"])], [ask("read")])
      )
      assert.deepStrictEqual(answers.map(({ at }) => at), [10])
      assert.deepStrictEqual(ofTag(events, "CallQueued"), [])
    }))

  it.effect("a failed dependency answers its dependents, and theirs, without running them", () =>
    Effect.gen(function*() {
      const { log, tool } = world()
      const tools = [tool("search", []), tool("read", ["search"]), tool("sum", ["read"]), tool("other", [])]
      const { answers } = yield* inTime(
        dispatchTurn(tools, [ask("sum"), ask("read"), ask("search", 30, true), ask("search"), ask("other")])
      )
      assert.deepStrictEqual(log, ["search 0", "search 0", "other 0"])
      assert.deepStrictEqual(answers.map(({ failure }) => failure?.reason), [
        "DependencyFailed",
        "DependencyFailed",
        "NotFound",
        undefined,
        undefined
      ])
      assert.deepStrictEqual(answers.map(({ attempts }) => attempts), [0, 0, 1, 1, 1])
      assert.isFalse(answers[0]?.failure?.executed)
      assert.include(String(answers[1]?.result), "it comes after \"search\", which did not succeed")
    }))

  it.effect("a dependency that is withheld, or whose arguments are wrong, has failed", () =>
    Effect.gen(function*() {
      const { log, tool } = world()
      const tools = [tool("search", []), tool("read", ["search"])]
      const withheld = yield* inTime(dispatchTurn(tools, [ask("read"), ask("search")], { withheld: ["search"] }))
      const invalid = yield* inTime(dispatchTurn(tools, [ask("read"), { name: "search", params: {} }]))
      assert.strictEqual(withheld.answers[0]?.failure?.reason, "DependencyFailed")
      assert.deepStrictEqual(invalid.answers.map(({ failure }) => failure?.reason), [
        "DependencyFailed",
        "InvalidArguments"
      ])
      assert.deepStrictEqual(log, ["search 0"])
    }))

  it.effect("equal read-only dependents share one execution, serial ones keep their order", () =>
    Effect.gen(function*() {
      const { log, tool } = world()
      const serial = ToolPolicy.set(tool("write", ["search"]), { serial: true })
      const tools = [tool("search", []), tool("read", ["search"], "readonly"), serial]
      const { answers } = yield* inTime(
        dispatchTurn(tools, [ask("write"), ask("read"), ask("write", 5), ask("read"), ask("search")])
      )
      assert.deepStrictEqual(log, ["search 0", "write 10", "read 10", "write 20"])
      assert.deepStrictEqual(answers.map(({ ok }) => ok), [true, true, true, true, true])
    }).pipe(Effect.provide(Dependencies.layerMemory)))

  it("holds under every order of fibers, with any mix of failures", () => {
    for (let seed = 1; seed <= 500; seed++) {
      const random = Simulation.randomNumbers(seed)
      const { log, tool } = world()
      const tools = [tool("search", []), tool("read", ["search"]), tool("sum", ["search", "read"])]
      const calls = Array.from(
        { length: 1 + Math.floor(random() * 8) },
        () => ask(["search", "read", "sum"][Math.floor(random() * 3)]!, Math.floor(random() * 3) * 10, random() < 0.15)
      )
      const { stop } = Simulation.simulate(dispatchTurn(tools, calls, { concurrency: 1 + Math.floor(random() * 3) }), {
        seed
      })
      if (stop._tag !== "Done" || Exit.isFailure(stop.exit)) assert.fail(`seed ${seed}: ${stop._tag}`)
      const { answers } = stop.exit.value
      const failed = new Set(calls.flatMap(({ name }, i) => answers[i]?.ok ? [] : [name]))
      for (const [i, { name }] of calls.entries()) {
        const { after = [] } = ToolPolicy.get(tools.find((one) => one.name === name)!)
        const dependent = after.some((other) => failed.has(other))
        assert.strictEqual(answers[i]?.failure?.reason === "DependencyFailed", dependent, `seed ${seed}, call ${i}`)
      }
      const order = log.map((line) => line.split(" ")[0])
      assert.isBelow(order.lastIndexOf("search"), order.indexOf("sum") >>> 0, `seed ${seed}`)
      assert.isBelow(order.lastIndexOf("search"), order.indexOf("read") >>> 0, `seed ${seed}`)
    }
  })
})
