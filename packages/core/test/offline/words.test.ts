import { assert, describe, it } from "@effect/vitest"
import { lex } from "../../src/offline/internal/question.ts"
import { terms } from "../../src/offline/internal/terms.ts"
import { split, stem } from "../../src/offline/internal/words.ts"

const tokens: ReadonlyArray<readonly [question: string, tokens: ReadonlyArray<readonly [string, string]>]> = [
  ["it's 'a b' and don't", [["word", "it"], ["quoted", "a b"], ["word", "and"], ["word", "don't"]]],
  ["see https://a.io/b?c=1, ok", [["word", "see"], ["url", "https://a.io/b?c=1"], ["word", "ok"]]],
  ["/etc/hosts ../a.ts src/ ~/x *.ts", [
    ["path", "/etc/hosts"],
    ["path", "../a.ts"],
    ["path", "src/"],
    ["path", "~/x"],
    ["glob", "*.ts"]
  ]],
  ["README.md, 10.0.0.1.", [["file", "README.md"], ["identifier", "10.0.0.1"]]],
  ["1,200 -3.5 api-7f9c PROJ-12 #42", [["number", "1,200"], ["number", "-3.5"], ["identifier", "api-7f9c"], [
    "identifier",
    "PROJ-12"
  ], ["number", "42"]]],
  ["5m 2 hours last week", [["duration", "5m"], ["duration", "2 hours"], ["word", "last"], ["duration", "1 week"]]],
  ["2026-03-01T10:00Z March 3rd, 2026 31 Dec 2025", [["date", "2026-03-01T10:00Z"], ["date", "2026-03-03"], [
    "date",
    "2025-12-31"
  ]]]
]

describe("words", () => {
  it("split - folds case and accents, splits camelCase and snake_case", () => {
    assert.deepStrictEqual(split("getHTTPStatus_of São-Paulo"), ["get", "http", "status", "of", "sao", "paulo"])
  })

  it("stem - brings forms of a word together", () => {
    const forms = ["pods", "cities", "scheduling", "files", "logged", "addresses"]
    const words = ["pod", "city", "schedule", "file", "log", "address"]
    assert.deepStrictEqual(forms.map(stem), words.map(stem))
  })

  it("stem - leaves an ending that is no plural", () => {
    assert.deepStrictEqual(["status", "news", "bus", "is"].map(stem), ["status", "news", "bus", "is"])
  })

  it("terms - leaves out words that say nothing, and joins camelCase as well", () => {
    assert.deepStrictEqual([...terms("What is the GitHub status?")], ["git", "hub", "github", "status"])
  })
})

describe("question", () => {
  it.each(tokens)("lex - %s", (question, expected) => {
    assert.deepStrictEqual(lex(question).map(({ kind, text }) => [kind, text]), expected.map((it) => [...it]))
  })

  it("lex - reads the first 20,000 characters", () => {
    assert.strictEqual(lex("x ".repeat(20_000)).length, 10_000)
  })
})
