import { assert, describe, it } from "@effect/vitest"
import * as ModelInfo from "../../src/anthropic/internal/modelInfo.ts"
import * as Models from "../../src/anthropic/internal/models.ts"

const split = (ids: ReadonlyArray<string>, holds: (id: string) => boolean) => ({
  yes: ids.filter(holds),
  no: ids.filter((id) => !holds(id))
})

describe("models", () => {
  it("refusesForcedTools - holds for Opus and Sonnet from 5.5, Fable and Mythos from 5.1", () => {
    const yes = [
      "claude-opus-5-5",
      "claude-sonnet-5-5",
      "claude-fable-5-1",
      "claude-mythos-5-2",
      "claude-opus-6",
      "eu.anthropic.claude-sonnet-5-5-v1:0"
    ]
    const no = [
      "claude-opus-5",
      "claude-sonnet-5",
      "claude-fable-5",
      "claude-mythos-5",
      "claude-mythos-preview",
      "claude-haiku-5-5",
      "claude-opus-4-8",
      "claude-3-5-sonnet-20241022",
      "claude-test"
    ]
    assert.deepStrictEqual(split([...yes, ...no], Models.refusesForcedTools), { yes, no })
  })

  it("refusesThinking - holds for the types that a model is known to refuse, and for no model that is not known", () => {
    for (const model of ["claude-opus-5-5", "claude-fable-5", "us.anthropic.claude-fable-5-1-v1:0"]) {
      assert.isTrue(Models.refusesThinking(model, "disabled"), model)
      assert.isTrue(Models.refusesThinking(model, "enabled"), model)
      assert.isFalse(Models.refusesThinking(model, "adaptive"), model)
    }
    for (const model of ["claude-opus-5", "claude-opus-6", "claude-sonnet-5-5", "claude-test", "other"]) {
      assert.isFalse(Models.refusesThinking(model, "disabled"), model)
    }
  })

  it("facts - each says of which day it is and where it is from", () => {
    for (const { asOf, source } of Models.facts) {
      assert.match(asOf, /^20\d\d-[01]\d-[0-3]\d$/)
      assert.notStrictEqual(source, "")
    }
  })

  it("read - takes sizes and thinking types, and leaves out what the answer does not say", () => {
    const types = { adaptive: { supported: true }, disabled: { supported: false }, between_tools: { supported: true } }
    assert.deepStrictEqual(
      ModelInfo.read({ max_input_tokens: 1_000_000, max_tokens: 128_000, capabilities: { thinking: { types } } }),
      { window: 1_000_000, maxTokens: 128_000, thinking: ["adaptive", "between_tools"] }
    )
    for (const answer of [{}, null, "x", { max_tokens: null, max_input_tokens: -1, capabilities: null }]) {
      assert.deepStrictEqual(ModelInfo.read(answer), {})
    }
  })
})
