import { assert, describe, it } from "@effect/vitest"
import { Redactor } from "@volley/core"
import { ConfigProvider, Effect, Redacted } from "effect"
import * as Arbitrary from "effect/Arbitrary"
import { integer, oneOf, textOf, utf16 } from "./support/arbitraries.ts"

const knowing = (...secrets: ReadonlyArray<string>): Redactor.Redactor =>
  Redactor.make(secrets.map((secret) => Redacted.make(secret)))

const streamed = (redactor: Redactor.Redactor, pieces: ReadonlyArray<string>): string => {
  const { end, push } = redactor.stream()
  return pieces.map(push).join("") + end()
}

const pieces = (text: string, cuts: ReadonlyArray<number>): ReadonlyArray<string> => {
  const sorted = cuts.map((cut) => cut % (text.length + 1)).toSorted((left, right) => left - right)
  return [0, ...sorted].map((start, i) => text.slice(start, sorted[i] ?? text.length))
}

// with characters that JSON, URLs and both base64 alphabets write differently
const password = "p?~ß \"w\\o/r+d=\n>>>???"

describe("redact", () => {
  const { redact } = knowing(password)
  const forms: ReadonlyArray<[string, (text: string) => string]> = [
    ["plain", (text) => text],
    ["JSON", (text) => JSON.stringify({ text })],
    ["URL component", encodeURIComponent],
    ["query", (text) => new URLSearchParams({ q: text }).toString()]
  ]
  it.each(forms)("T5 - takes a value out in its %s form, and nothing else", (_, write) => {
    assert.strictEqual(redact(write(`a${password}b`)), write("a#b").replace(/#|%23/, Redactor.mask))
    assert.strictEqual(redact(write(`a${password}${password}b`)), write("a#b").replace(/#|%23/, Redactor.mask))
    assert.strictEqual(redact(write(`${password}-${password}`)), write("#-#").replaceAll(/#|%23/g, Redactor.mask))
    assert.strictEqual(redact(write("nothing")), write("nothing"))
  })

  it.effect.prop("T5 - takes a value out of base64 and base64url at each alignment", [
    oneOf(["base64", "base64url"] as const),
    utf16(12),
    utf16(12)
  ], ([encoding, before, after]) =>
    Effect.sync(() => {
      const text = Buffer.from(`${before}${password}${after}`)
      const start = Buffer.byteLength(before)
      const stop = start + Buffer.byteLength(password)
      const encoded = text.toString(encoding)
      // the characters that carry bits of the secret only
      const inner = encoded.slice(Math.ceil(start * 8 / 6), Math.floor(stop * 8 / 6))
      assert.isAbove(inner.length, 20)
      assert.strictEqual(redact(`x ${encoded} y`), `x ${encoded.replace(inner, Redactor.mask)} y`)
    }))

  it("redact - where secrets overlap, all of both is taken out", () => {
    assert.strictEqual(knowing("abcdef123", "f123xyz").redact("-abcdef123-f123xyz-"), "-[redacted]-[redacted]-")
    assert.strictEqual(knowing("abcdef", "abcdef123").redact("abcdef123 abcdef"), "[redacted] [redacted]")
    const key = `sk-ant-${"A".repeat(20)}`
    assert.strictEqual(knowing("AAA$secret").redact(`${key}$secret!`), "[redacted]!")
    assert.strictEqual(knowing("sk-ant-AAAA").redact(`${key}!`), "[redacted]!")
    assert.strictEqual(knowing("my:sk-ant-AAAA").redact(`my:${key}!`), "[redacted]!")
  })

  it("redact - values shorter than six characters are not learnt", () => {
    assert.strictEqual(knowing("12345", "").redact("12345"), "12345")
    assert.strictEqual(knowing("123456").redact("1234567"), "[redacted]7")
  })

  it("redact - a value is taken literally, not as a pattern", () => {
    assert.strictEqual(knowing("a.c*(d)[e]").redact("a.c*(d)[e] abcd(d)[e]"), "[redacted] abcd(d)[e]")
    assert.strictEqual(knowing("$&$1$`x").redact("-$&$1$`x-"), "-[redacted]-")
  })

  it.effect.prop("T5 - the value of any secret is gone from any text", [
    Arbitrary.map(utf16(20), (secret) => `${secret}#secret`),
    utf16(20),
    utf16(20)
  ], ([secret, before, after]) =>
    Effect.sync(() => {
      const out = knowing(secret).redact(`${before}${secret}${after}${secret}`)
      assert.notInclude(out, secret)
      assert.include(out, Redactor.mask)
    }))
})

describe("known keys", () => {
  const { redact } = knowing()
  const tail = (length: number) => "aB3_".repeat(100).slice(0, length)
  const keys: ReadonlyArray<[string, number]> = [
    ["sk-ant-", 16],
    ["sk-proj-", 16],
    ["sk-", 32],
    ["ghp_", 30],
    ["gho_", 30],
    ["ghu_", 30],
    ["ghs_", 30],
    ["ghr_", 30],
    ["github_pat_", 30],
    ["glpat-", 16],
    ["xoxb-", 16],
    ["xoxp-", 16],
    ["xoxa-", 16],
    ["xapp-", 16],
    ["AKIA", 16],
    ["ASIA", 16],
    ["AIza", 32],
    ["ya29.", 20],
    ["npm_", 30],
    ["pypi-", 30],
    ["hf_", 30],
    ["dop_v1_", 30],
    ["shpat_", 30],
    ["sk_live_", 16],
    ["rk_live_", 16],
    ["whsec_", 16],
    ["SG.", 40]
  ]
  it.each(keys)("T5 - %s and %d characters or more", (prefix, least) => {
    for (const length of [least, least + 1, 400]) {
      assert.strictEqual(redact(`key: ${prefix}${tail(length)}!`), "key: [redacted]!")
    }
    const short = `${prefix}${tail(least - 1)} !`
    assert.strictEqual(redact(short), short)
  })

  it("T5 - however long it is, no part of it stays", () => {
    assert.strictEqual(redact(`Bearer ya29.${tail(300)}${tail(300)}${tail(300)}, next`), "Bearer [redacted], next")
  })

  it("redact - a word that contains a prefix is no key", () => {
    for (const text of ["task-force-of-the-united-nations-in-geneva", "xAKIAAAAAAAAAAAAAAAAAAAAAA", "disk-usage"]) {
      assert.strictEqual(redact(text), text)
    }
  })

  it("T5 - a key after a line break is one, in JSON text too, however often it is escaped", () => {
    const key = `sk-ant-${tail(40)}`
    for (const gap of ["\n", "\t", "\r\n"]) {
      const once = JSON.stringify(`keys:${gap}${key}`)
      assert.notInclude(redact(`keys:${gap}${key}`), key)
      assert.notInclude(redact(once), key)
      assert.notInclude(redact(JSON.stringify({ output: once })), key)
    }
  })
})

describe("stream", () => {
  const key = `sk-ant-${"a1B2".repeat(8)}`
  const redactor = knowing(password, "hunter22", "hunter22-of-the-house", "aaaaaaaab", "B2a1B2$overlap")
  const text = [
    "start ",
    password,
    " mid hunter22-of-the-hous",
    " hunter22-of-the-house hunter22",
    ` task-${"x".repeat(30)}`,
    JSON.stringify({ password, lines: `a\n${key}` }),
    key,
    ".$overlap ",
    `${key}$overlap `,
    Buffer.from(`xy${password}z`).toString("base64"),
    "aaaaaaaaaaaaaaaaaaaaab 😀 sk-ant-short sk-",
    ` AKIA${"Z".repeat(500)} ghp_${"q".repeat(29)} ghp_${"q".repeat(30)} sk-a`
  ].join("")
  const whole = redactor.redact(text)

  it("T5 - split at every offset, the output is that of the whole", () => {
    assert.notInclude(whole, "hunter22")
    assert.notInclude(whole, "a1B2")
    assert.notInclude(whole, "$overlap ghp")
    for (let cut = 0; cut <= text.length; cut++) {
      assert.strictEqual(streamed(redactor, [text.slice(0, cut), text.slice(cut)]), whole, `cut at ${cut}`)
    }
  })

  it("T5 - one character at a time, the output is that of the whole and no prefix of it shows a secret", () => {
    assert.strictEqual(streamed(redactor, text.split("")), whole)
    const { push } = redactor.stream()
    let out = ""
    for (const character of text.split("")) {
      out += push(character)
      assert.isTrue(whole.startsWith(out))
    }
  })

  it.effect.prop(
    "T5 - any pieces of any text give the output of the whole",
    [
      textOf([
        "hunter22",
        "hunter22-of-the-house",
        "aaaaaaaa",
        "b",
        "sk-",
        "sk-ant-",
        "AKIA",
        "B2a1B2$overlap",
        "a1B2".repeat(5),
        "ghp_",
        "x",
        "\\n",
        "%0A",
        "\\u0020",
        "n",
        " ",
        "\n",
        "-",
        "😀",
        password,
        password.slice(0, 9),
        encodeURIComponent(password)
      ], 14),
      Arbitrary.array(integer(0, 400), { maxLength: 12 })
    ],
    ([random, cuts]) =>
      Effect.sync(() => {
        assert.strictEqual(streamed(redactor, pieces(random, cuts)), redactor.redact(random))
      }),
    { arbitrary: { runs: 1000 } }
  )

  it("T5 - a key after an escaped character is masked, one inside a word is none", () => {
    const key = `ghp_${"a1B2".repeat(10)}`
    for (const before of ["\\n", "\\u000a", "%0A", "%20", "/x%0a", "?k="]) {
      assert.strictEqual(redactor.redact(before + key), before + Redactor.mask)
      for (let at = 0; at < before.length; at++) {
        assert.strictEqual(streamed(redactor, [before.slice(0, at), before.slice(at) + key]), before + Redactor.mask)
      }
    }
    for (const word of ["n", "0A", "u000a"]) assert.strictEqual(redactor.redact(word + key), word + key)
  })

  it("stream - what cannot be the beginning of a secret is not held back", () => {
    const { push } = redactor.stream()
    assert.strictEqual(push("Hello, world. "), "Hello, world. ")
    assert.strictEqual(push("Three tools, six hats"), "Three tools, six hats")
    assert.strictEqual(push(" hunt"), " ")
    assert.strictEqual(push("ing for"), "hunting for")
    assert.strictEqual(push(" hunter22-"), " ")
    assert.strictEqual(push("z"), "[redacted]-z")
    assert.strictEqual(push(" sk-ant-abc"), " ")
    assert.strictEqual(push("!"), "sk-ant-abc!")
    assert.strictEqual(push(` ${key}`), " [redacted]")
    assert.strictEqual(push("morekey"), "")
    assert.strictEqual(push(" done"), " done")
  })

  it("stream - holds back no more than the longest form of a secret, however long a key is", () => {
    const { end, push } = knowing().stream()
    assert.strictEqual(push("sk-ant-"), "")
    let out = ""
    for (let i = 0; i < 1000; i++) out += push("a1B2c3D4")
    assert.strictEqual(out, "[redacted]")
    assert.strictEqual(push(" over"), " over")
    assert.strictEqual(end(), "")
  })

  it("stream - learns a secret while it streams, and begins anew after its end", () => {
    const late = knowing()
    const { end, push } = late.stream()
    assert.strictEqual(push("first hunter22 "), "first hunter22 ")
    late.add(Redacted.make("hunter22"))
    assert.strictEqual(push("hunter"), "")
    assert.strictEqual(end(), "hunter")
    assert.strictEqual(push("22 then hunter22"), "22 then [redacted]")
    assert.strictEqual(end(), "")
  })
})

describe("hostile input of a megabyte is handled in linear time (a quadratic one would not end)", () => {
  const megabyte = (text: string): string => text.repeat(Math.ceil(1_000_000 / text.length))
  const redactor = knowing("a".repeat(40) + "b", password)
  const inputs: ReadonlyArray<[string, string]> = [
    ["prefixes without end", "sk-"],
    ["keys one character short", "sk-ant-AAAAAAAAAAAAAAA "],
    ["beginnings of keys", "github_pa"],
    ["escapes", "\\n"],
    ["long escapes", "\\u0020"],
    ["escapes of a URL", "%0A"],
    ["backslashes", "\\"],
    ["almost a secret", "a"],
    ["one letter", "s"],
    ["spaces", " "],
    ["percent signs", "%"]
  ]
  it.each(inputs)("T7 - %s", (_, unit) => {
    const text = megabyte(unit)
    const out = redactor.redact(text)
    if (unit === "sk-") assert.strictEqual(out, Redactor.mask)
    else assert.strictEqual(out, text)
    const half = text.length / 2
    assert.strictEqual(streamed(redactor, [text.slice(0, half), text.slice(half)]), out)
  })

  it("T7 - a long key in small pieces", () => {
    const { end, push } = redactor.stream()
    let out = push("sk-ant-")
    for (let i = 0; i < 30_000; i++) out += push("-sk-ant-")
    assert.strictEqual(out + end(), Redactor.mask)
  })
})

describe("services", () => {
  it.effect("redacted - a secret read from the configuration is learnt", () =>
    Effect.gen(function*() {
      const redactor = knowing()
      const secret = yield* Redactor.redacted("DATABASE_PASSWORD", redactor).pipe(
        Effect.provide(ConfigProvider.layer(ConfigProvider.fromUnknown({ DATABASE_PASSWORD: "correct-horse" })))
      )
      assert.strictEqual(Redacted.value(secret), "correct-horse")
      assert.strictEqual(redactor.redact("is correct-horse?"), "is [redacted]?")
    }))

  it.effect("current - is one for the process; a layer brings its own", () =>
    Effect.gen(function*() {
      const shared = yield* Redactor.current
      shared.add(Redacted.make("process-wide-canary"))
      assert.strictEqual((yield* Redactor.current).redact("process-wide-canary"), Redactor.mask)
      const own = yield* Effect.provide(Redactor.current, Redactor.layer([Redacted.make("own-canary")]))
      assert.strictEqual(own.redact("own-canary process-wide-canary"), "[redacted] process-wide-canary")
      assert.strictEqual(shared.redact("own-canary"), "own-canary")
    }))
})
