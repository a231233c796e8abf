import { assert, describe, it } from "@effect/vitest"
import { argumentsFor, ended } from "./kits.ts"

const string = { type: "string" }

const sources: ReadonlyArray<
  readonly [fact: string, question: string, properties: Record<string, object>, found: ReadonlyArray<unknown>]
> = [
  ["an enum member", "lookup the widgets in progress", { status: { enum: ["open", "in progress"] } }, [{
    status: "in progress"
  }]],
  ["two enum members", "lookup open and closed widgets", { status: { enum: ["open", "closed"] } }, [
    { status: "open" },
    {
      status: "closed"
    }
  ]],
  ["a negated enum member", "lookup widgets, not closed ones", { status: { enum: ["open", "closed"] } }, []],
  ["a constant", "lookup the widget", { version: { const: 2 } }, [{ version: 2 }]],
  ["a number among an enum", "lookup the widget at 5", { level: { enum: [1, 5] } }, [{ level: 5 }]],
  ["a quoted string", "lookup the widget “the red one”", { label: string }, [{ label: "the red one" }]],
  ["two quoted strings in order", "lookup the widget 'a b' with 'c d'", { first_part: string, second_part: string }, [{
    first_part: "a b",
    second_part: "c d"
  }]],
  ["a word before the name", "lookup the widgets of the billing region", { region: string }, [{ region: "billing" }]],
  ["a word after the name", "lookup widgets in region north", { region: string }, [{ region: "north" }]],
  ["a word after a colon", "lookup the widget, region: north", { region: string }, [{ region: "north" }]],
  ["a name after of", "lookup the widget in the region of West Agder", { region: string }, [{ region: "West Agder" }]],
  ["a camelCase name", "lookup widgets of cost center 42", { costCenter: string }, [{ costCenter: "42" }]],
  ["an adjective before the name", "lookup the failing region", { region: string }, []],
  ["an id named by the tool", "lookup widget T-9", { id: string }, [{ id: "T-9" }]],
  ["a path", "lookup the widget in ./a/b.txt, please.", { file: string }, [{ file: "./a/b.txt" }]],
  ["a URL", "lookup the widget at https://example.com/a?b=c.", { link: string }, [{
    link: "https://example.com/a?b=c"
  }]],
  ["a URL by format", "lookup the widget at https://example.com", { where: { type: "string", format: "uri" } }, [{
    where: "https://example.com"
  }]],
  ["an email", "lookup the widget of a.b@example.com", { email: string }, [{ email: "a.b@example.com" }]],
  ["a date", "lookup the widget of 3 March 2026", { date: { type: "string", format: "date" } }, [{
    date: "2026-03-03"
  }]],
  ["a date as date-time", "lookup the widget since 2026-03-03", { since: { type: "string", format: "date-time" } }, [{
    since: "2026-03-03T00:00:00Z"
  }]],
  ["a relative day where no format is asked", "lookup the widget of tomorrow", { day: string }, [{ day: "tomorrow" }]],
  [
    "a relative day where a date is asked",
    "lookup the widget of tomorrow",
    { date: { type: "string", format: "date" } },
    []
  ],
  ["a duration", "lookup the widget of the last 30 minutes", { window: string }, [{ window: "30 minutes" }]],
  ["a duration as its description writes it", "lookup the widget of the last 30 minutes", {
    window: { type: "string", description: "like 5m" }
  }, [{ window: "30m" }]],
  ["a duration as a number of a unit", "lookup the widget of the last 2 hours", { minutes: { type: "integer" } }, [{
    minutes: 120
  }]],
  ["a number", "lookup widget number 1,200.5", { amount: { type: "number" } }, [{ amount: 1200.5 }]],
  ["a number out of range", "lookup widget with amount 12", { amount: { type: "integer", maximum: 10 } }, []],
  ["a fraction for an integer", "lookup widget with amount 1.5", { amount: { type: "integer" } }, []],
  ["a word for a number", "lookup widget with amount Alice", { amount: { type: "number" } }, []],
  ["a flag", "lookup the archived widget", { includeArchived: { type: "boolean" } }, [{ includeArchived: true }]],
  ["a denied flag", "lookup the widget without details", { details: { type: "boolean" } }, [{ details: false }]],
  ["a list", "lookup the widgets tagged \"a\" and \"b\"", { tags: { type: "array", items: string } }, [{
    tags: ["a", "b"]
  }]],
  ["a nullable value", "lookup the widget \"a\"", { label: { anyOf: [{ type: "null" }, string] } }, [{ label: "a" }]],
  ["an object", "lookup the widget with \"a\"", {
    filter: { type: "object", properties: { label: string }, required: ["label"] }
  }, [{ filter: { label: "a" } }]],
  ["a value that breaks a pattern", "lookup the widget \"abc\"", { label: { type: "string", pattern: "^\\d+$" } }, []],
  [
    "search words",
    "lookup widgets about slow checkouts",
    { query: string },
    [{ query: "slow checkouts" }]
  ],
  ["search words that describe", "lookup widgets for errors", { query: string }, [{ query: "errors" }]],
  ["a duration beside search words", "lookup widgets for errors in the last hour", { query: string, since: string }, [{
    query: "errors",
    since: "1 hour"
  }]],
  ["two words after a preposition", "lookup widgets in staging and production", { region: string }, [{
    region: "staging"
  }, { region: "production" }]],
  ["an adverbial after a preposition", "lookup widgets in detail", { region: string }, []],
  [
    "a formal query",
    "lookup widgets about slow checkouts",
    { query: { type: "string", description: "SQL query" } },
    []
  ],
  ["one word as a pattern", "lookup the widget named retry budget", { regex: string }, [{ regex: "budget" }]],
  ["a proper name", "lookup the widget Tom saw", { who: string }, [{ who: "Tom" }]],
  ["one proper name for two parameters", "lookup the widget Tom saw", { who: string, whom: string }, []],
  ["an example", "lookup the widget", { label: { type: "string", examples: [7, "a"] } }, [{ label: "a" }]],
  ["a default", "lookup the widget", { size: { type: "integer", default: 3 } }, [{ size: 3 }]],
  ["a default of the wrong type", "lookup the widget", { size: { type: "integer", default: "3" } }, []],
  ["the question before an example", "lookup the widget \"b\"", { label: { type: "string", examples: ["a"] } }, [{
    label: "b"
  }]]
]

describe("parameters: from the question and the schema", () => {
  it.each(sources)("%s", (_, question, properties, found) => {
    assert.deepStrictEqual(argumentsFor(question, properties), found)
  })

  it("optional - is filled from the question, not from examples, defaults or guesses", () => {
    const properties = {
      label: { type: "string", examples: ["a"] },
      size: { type: "integer", default: 3 },
      who: string,
      region: string
    }
    assert.deepStrictEqual(argumentsFor("lookup the widget Tom saw 7 times in region north", properties, []), [{
      region: "north"
    }])
  })
})

describe("parameters: from earlier results", () => {
  const after = (result: unknown, properties: Record<string, object>, required?: ReadonlyArray<string>) =>
    argumentsFor("lookup the widget", properties, required, [[ended("list_widgets", {}, result)]])

  it("a field - of the same name, however deep and however written", () => {
    assert.deepStrictEqual(after({ a: { b: [{ "region-code": "x" }] } }, { regionCode: string }), [{ regionCode: "x" }])
  })

  it("a field - of a noun gives its name or id", () => {
    assert.deepStrictEqual(after({ regions: [{ name: "x", size: 1 }] }, { region: string }), [{ region: "x" }])
    assert.deepStrictEqual(after({ regions: [{ name: "x", id: 4 }] }, { region_id: { type: "integer" } }), [{
      region_id: 4
    }])
  })

  it("a generic field - counts only where it names the tool's own noun", () => {
    assert.deepStrictEqual(after({ widgets: [{ id: 1 }], others: [{ key: 2 }] }, { id: { type: "integer" } }), [{
      id: 1
    }])
    const other = argumentsFor("lookup the widget", { id: string }, ["id"], [[ended("list_people", {}, [{ id: "p" }])]])
    assert.deepStrictEqual(other, [])
  })

  it("a field - of the wrong type is not taken", () => {
    assert.deepStrictEqual(after({ region: "north" }, { region: { type: "integer" } }), [])
  })

  it("an example - waits for the results", () => {
    const properties = { region: { type: "string", examples: ["a"] } }
    assert.deepStrictEqual(after([{ region: "x" }], properties), [{ region: "x" }])
  })

  it("optional - is filled from the record that fills a required one", () => {
    const result = [{ region: "x", zone: "z" }]
    assert.deepStrictEqual(after(result, { region: string, zone: string }, ["region"]), [{ region: "x", zone: "z" }])
    assert.deepStrictEqual(after(result, { zone: string }, []), [{}])
  })

  it("a list - takes the values of all records", () => {
    const properties = { regions: { type: "array", items: string } }
    assert.deepStrictEqual(after([{ region: "x" }, { region: "y" }], properties), [{ regions: ["x", "y"] }])
  })
})
