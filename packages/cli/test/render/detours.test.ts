import { assert, describe, it } from "@effect/vitest"
import type { RunEvent } from "@volley/core"
import * as Timeline from "../../src/render/timeline.ts"

const key = { turn: 1, request: 1, index: 0, at: 0 }

const timeline = (...detours: ReadonlyArray<RunEvent.RunEvent>) =>
  Timeline.fromEvents([
    { _tag: "ModelRequested", turn: 1, request: 1, at: 0 },
    { _tag: "ToolCallRequested", ...key, id: "a", name: "look", params: {} },
    ...detours,
    { _tag: "ToolCallAnswered", ...key, ok: true, result: "here", attempts: 0 }
  ])

const detours = (...events: ReadonlyArray<RunEvent.RunEvent>) =>
  Timeline.detours(timeline(...events).requests[0]!.calls[0]!)

const failure = { kind: "transient", reason: "Unavailable", message: "down", executed: true } as const

describe("how a call came to its result", () => {
  it("is told where it was not by its own attempts", () => {
    assert.deepStrictEqual(detours(), [])
    assert.deepStrictEqual(detours({ _tag: "CallJoined", ...key, leader: 1 }), ["joined"])
    assert.deepStrictEqual(detours({ _tag: "CacheHit", ...key, age: 5, stale: false }), ["cached"])
    assert.deepStrictEqual(detours({ _tag: "CacheHit", ...key, age: 5, stale: true }), ["stale"])
    const hedge: RunEvent.RunEvent = { _tag: "HedgeStarted", ...key, after: 5 }
    const fallback: RunEvent.RunEvent = { _tag: "FallbackStarted", ...key, tool: "glance", failure }
    assert.deepStrictEqual(detours(hedge, hedge, fallback), ["hedged", "by glance"])
  })
})
