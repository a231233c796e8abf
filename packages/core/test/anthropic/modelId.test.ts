import { assert, describe, it } from "@effect/vitest"
import * as ModelId from "../../src/anthropic/internal/modelId.ts"

const split = (ids: ReadonlyArray<string>, holds: (id: string) => boolean) => ({
  yes: ids.filter(holds),
  no: ids.filter((id) => !holds(id))
})

describe("modelId", () => {
  it("followsFormat - holds for Claude 4.5 and later, whatever the platform calls it", () => {
    const yes = [
      "claude-sonnet-4-5",
      "claude-haiku-4-5-20251001",
      "claude-opus-4-8",
      "claude-opus-4-10",
      "claude-opus-5",
      "claude-sonnet-5-5",
      "claude-fable-5-2",
      "claude-novel-6",
      "us.anthropic.claude-opus-4-5-20251101-v1:0",
      "claude-opus-4-5@20251101",
      "anthropic/claude-sonnet-4.5"
    ]
    const no = [
      "claude-3-5-sonnet-20241022",
      "claude-sonnet-4-20250514",
      "claude-opus-4-1-20250805",
      "anthropic.claude-sonnet-4-20250514-v1:0",
      "claude-2.1",
      "claude-instant-1",
      "claude-mythos-preview",
      "claude-test",
      "other-5-5"
    ]
    assert.deepStrictEqual(split([...yes, ...no], ModelId.followsFormat), { yes, no })
  })
})
