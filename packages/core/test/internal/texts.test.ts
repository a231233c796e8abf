import { assert, describe, it } from "@effect/vitest"
import type { RunEvent, ToolPolicy } from "@volley/core"
import { Effect } from "effect"
import { failureText, nearest, unknownTool } from "../../src/internal/dispatch/texts.ts"
import { integer, oneOf, utf16 } from "../support/arbitraries.ts"

const failure = (
  kind: RunEvent.Failure["kind"],
  executed: boolean,
  more: Partial<RunEvent.Failure> = {}
): RunEvent.Failure => ({ kind, reason: "Unavailable", message: "the door is shut.", executed, ...more })

type Case = [effectClass: ToolPolicy.EffectClass, attempts: number, failure: RunEvent.Failure, text: string]

describe("failureText", () => {
  const cases: ReadonlyArray<Case> = [
    [
      "readonly",
      3,
      failure("transient", true),
      "Transient failure (Unavailable): the door is shut. Tried 3 times. The same call may succeed later."
    ],
    [
      "readonly",
      1,
      failure("transient", false, { reason: "RateLimited", retryAfter: 12_340 }),
      "Transient failure (RateLimited): the door is shut. Tried once. The same call may succeed after 12.3 s."
    ],
    [
      "effectful",
      0,
      failure("transient", false, { reason: "CircuitOpen" }),
      "Transient failure (CircuitOpen): the door is shut. It was not executed. The same call may succeed later."
    ],
    [
      "readonly",
      1,
      failure("transient", false, { reason: "RateLimited", retryAfter: 0 }),
      "Transient failure (RateLimited): the door is shut. Tried once. The same call may succeed later."
    ],
    [
      "effectful",
      3,
      failure("transient", false, { reason: "RateLimited" }),
      "Transient failure (RateLimited): the door is shut. Tried 3 times, nothing was executed. The same call may succeed later."
    ],
    [
      "effectful",
      1,
      failure("transient", true, { reason: "Timeout", retryAfter: 1000 }),
      "Outcome unknown (Timeout): the door is shut. Tried once. It may have taken effect: verify before you repeat it."
    ],
    [
      "idempotent",
      2,
      failure("transient", true),
      "Outcome unknown (Unavailable): the door is shut. Tried 2 times. It may have taken effect: verify before you repeat it."
    ],
    [
      "effectful",
      1,
      failure("permanent", true, { reason: "NotFound" }),
      "Permanent failure (NotFound): the door is shut. Tried once. The same call will fail again."
    ],
    [
      "readonly",
      0,
      failure("permanent", false, { reason: "InvalidArguments" }),
      "Permanent failure (InvalidArguments): the door is shut. It was not executed. The same call will fail again: correct the arguments."
    ],
    [
      "effectful",
      0,
      failure("permanent", false, { reason: "DependencyFailed" }),
      "Permanent failure (DependencyFailed): the door is shut. It was not executed. Call it again once that has succeeded."
    ],
    [
      "readonly",
      1,
      failure("permanent", true, { reason: "FailedPrecondition" }),
      "Permanent failure (FailedPrecondition): the door is shut. Tried once. The same call will fail again until that is resolved."
    ],
    [
      "readonly",
      1,
      failure("permanent", true, { reason: "Cancelled" }),
      "Permanent failure (Cancelled): the door is shut. Tried once. Whether the same call may succeed is not known."
    ],
    [
      "effectful",
      1,
      failure("permanent", true, { reason: "Cancelled" }),
      "Outcome unknown (Cancelled): the door is shut. Tried once. It may have taken effect: verify before you repeat it."
    ],
    [
      "readonly",
      0,
      failure("transient", true),
      "Transient failure (Unavailable): the door is shut. The same call may succeed later."
    ],
    [
      "readonly",
      1,
      failure("permanent", true, { reason: "NotFound", message: "which door?" }),
      "Permanent failure (NotFound): which door? Tried once. The same call will fail again."
    ],
    [
      "readonly",
      1,
      failure("permanent", true, { reason: "constructor" }),
      "Permanent failure (constructor): the door is shut. Tried once. The same call will fail again."
    ],
    [
      "readonly",
      2,
      failure("unknown", true),
      "Unknown failure: the door is shut. Tried 2 times. Whether the same call may succeed is not known."
    ],
    [
      "effectful",
      1,
      failure("unknown", true),
      "Outcome unknown: the door is shut. Tried once. It may have taken effect: verify before you repeat it."
    ],
    [
      "readonly",
      1,
      failure("defect", true, { message: "ReferenceError in /srv/app/pay.ts" }),
      "Internal error: the tool gave no result. Tried once. Repeating the call will hardly help."
    ],
    [
      "effectful",
      1,
      failure("defect", true, { message: "ReferenceError in /srv/app/pay.ts" }),
      "Outcome unknown: the tool had an internal error. Tried once. It may have taken effect: verify before you repeat it."
    ],
    [
      "effectful",
      0,
      failure("defect", false, { message: "ReferenceError in /srv/app/pay.ts" }),
      "Internal error: the tool gave no result. It was not executed. Repeating the call will hardly help."
    ],
    [
      "readonly",
      1,
      failure("fatal", true, { message: "password of the ledger is wrong" }),
      "Internal error: the tool gave no result. Tried once. Repeating the call will hardly help."
    ]
  ]
  it.each(cases)("failureText - %s tool after %d attempts, case %#", (effectClass, attempts, found, text) => {
    assert.strictEqual(failureText(found, attempts, effectClass), text)
  })

  const kinds = oneOf(["transient", "permanent", "unknown", "fatal", "defect"] as const)
  const classes = oneOf(["readonly", "idempotent", "effectful"] as const)

  it.effect.prop("T5 - a defect or a fatal failure never shows its message or reason", [classes, integer(0, 9)], (
    [effectClass, attempts]
  ) =>
    Effect.sync(() => {
      for (const kind of ["defect", "fatal"] as const) {
        const text = failureText(failure(kind, true, { message: "canary", reason: "canary" }), attempts, effectClass)
        assert.notInclude(text, "canary")
      }
    }))

  it.effect.prop(
    "an outcome that is unknown is never called a failure",
    [kinds, integer(1, 9)],
    ([kind, attempts]) =>
      Effect.sync(() => {
        for (const effectClass of ["idempotent", "effectful"] as const) {
          const text = failureText(
            failure(kind, true, kind === "permanent" ? { reason: "Cancelled" } : {}),
            attempts,
            effectClass
          )
          assert.notMatch(text, /fail/i)
          assert.match(text, /^Outcome unknown/)
        }
      })
  )

  it.effect.prop("T10 - is never empty, and says whether it was executed and what to do", [
    kinds,
    classes,
    integer(0, 9),
    utf16()
  ], ([kind, effectClass, attempts, message]) =>
    Effect.sync(() => {
      const text = failureText(failure(kind, attempts > 0, { message }), attempts, effectClass)
      assert.match(
        text,
        /^(?:(?:Transient|Permanent|Unknown) failure|Outcome unknown|Internal error)(?: \(Unavailable\))?: /
      )
      assert.match(text, /(?:It was not executed|Tried once|Tried \d times)\. \w[^.]*(?:\.\d s)?\.$/)
    }))
})

describe("nearest", () => {
  const names = ["get_weather", "get_pod_status", "list_pods", "restart_pod", "search"]

  it("nearest - finds a misspelt name, the nearest first, at most three", () => {
    assert.deepStrictEqual(nearest("get_wheather", names), ["get_weather"])
    assert.strictEqual(nearest("list_pod", names)[0], "list_pods")
    assert.strictEqual(nearest("GET_WEATHER", names)[0], "get_weather")
    assert.deepStrictEqual(nearest("aaaa", ["aaa1", "aaa2", "aaa3", "aaa4"]), ["aaa1", "aaa2", "aaa3"])
  })

  it("nearest - finds nothing where nothing is near", () => {
    assert.deepStrictEqual(nearest("quux", names), [])
    assert.deepStrictEqual(nearest("", names), [])
    assert.deepStrictEqual(nearest("get_weather", []), [])
  })

  it.effect.prop("nearest - one changed character leaves the name the nearest", [integer(0, 4), integer(0, 10)], (
    [which, where]
  ) =>
    Effect.sync(() => {
      const name = names[which] ?? ""
      const at = where % name.length
      assert.strictEqual(nearest(`${name.slice(0, at)}#${name.slice(at + 1)}`, names)[0], name)
    }))

  it("nearest - the work is bounded for a hostile name", () => {
    const long = `get_weather${"!".repeat(1_000_000)}`
    assert.deepStrictEqual(nearest(long, names), [])
    assert.isAtMost(unknownTool(long, names).length, 300)
  })
})

describe("unknownTool", () => {
  const cases: ReadonlyArray<[string, ReadonlyArray<string>, string]> = [
    ["get_wheather", ["get_weather", "search"], "no tool is named \"get_wheather\"; did you mean \"get_weather\"?"],
    ["pod_a", ["pod_b", "pod_c"], "no tool is named \"pod_a\"; did you mean \"pod_b\" or \"pod_c\"?"],
    ["quux", ["get_weather", "search"], "no tool is named \"quux\"; there are: get_weather, search"],
    ["constructor", ["get_weather", "search"], "no tool is named \"constructor\"; there are: get_weather, search"],
    ["__proto__", [], "no tool is named \"__proto__\"; there are no tools"],
    ["", ["search"], "no tool is named \"\"; there are: search"],
    ["\ud83d", ["search"], "no tool is named \"\ufffd\"; there are: search"]
  ]
  it.each(cases)("T6 - %j is no tool", (name, names, text) => {
    assert.strictEqual(unknownTool(name, names), text)
  })

  it("unknownTool - names at most twenty tools", () => {
    const names = Array.from({ length: 50 }, (_, i) => `tool_number_${i}`)
    const text = unknownTool("x", names)
    assert.include(text, "tool_number_19")
    assert.notInclude(text, "tool_number_20")
  })
})
