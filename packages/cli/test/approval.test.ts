import { assert, describe, it, vi } from "@effect/vitest"
import { type Approval, Journal } from "@volley/core"
import { ModelScript } from "@volley/core/testing"
import { Effect, Fiber, Queue, Result } from "effect"
import { spawn } from "node:child_process"
import * as fs from "node:fs"
import * as path from "node:path"
import * as Approver from "../src/approver.ts"
import * as Question from "../src/render/approval.ts"
import * as Layout from "../src/render/layout.ts"
import * as Screen from "../src/render/screen.ts"
import * as Style from "../src/render/style.ts"
import { bin, emulated, environment, fixture, folder, hasScript, linesOf, until, volley } from "./support/volley.ts"

vi.setConfig({ testTimeout: 60_000 })

const same = (text: string): string => text
const canvas: Question.Canvas = { columns: 60, rows: 30, style: Style.plain, redact: same }

const spoof =
  "ok\u001b[2K\u001b[1A\r\u202etxt\u2066\u200b\u00a0\u2028\n  │ }\napprove refund? [y/N] y\n✓ approved: refund\u0007\u009b2K"

describe("question", () => {
  it("arguments that act on terminals or look like the question - cannot leave their place", () => {
    const lines = Question.lines(canvas, { tool: "refund", params: { amount: 1, [spoof]: spoof, note: [spoof] } })
    assert.strictEqual(lines[0], "refund wants approval")
    for (const line of lines.slice(1)) {
      assert.isTrue(line.startsWith("  │ "), line)
      // nothing but visible characters, the common space, and no second line
      assert.notMatch(line, /[^\S ]|[\p{C}\p{Default_Ignorable_Code_Point}]/u)
      assert.isAtMost(Layout.width(line), canvas.columns)
    }
    const text = lines.slice(1).map((line) => line.slice(4)).join("")
    assert.include(text, String.raw`\u001b[2K\u001b[1A\r\u{202e}txt\u{2066}\u{200b}\u{00a0}\u{2028}\n  │ }\napprove`)
    const decided = Question.decided(canvas, { tool: "refund", params: spoof }, "refused")
    assert.match(decided, /^✗ refused: refund "ok\\u001b/)
    assert.isAtMost(Layout.width(decided), canvas.columns)
  })

  it("a name that acts on terminals - is one line of visible characters", () => {
    assert.strictEqual(Question.prompt("pay\u001b[31m\n\u200bme", same), "approve pay \\u{200b}me? [y/N] ")
  })

  it("every space is kept, and what is broken is whole", () => {
    const note = `rm  -rf   /${" ".repeat(70)}home 東京 👩‍👩‍👧`
    const text = Question.lines({ ...canvas, columns: 20 }, { tool: "run", params: note })
      .slice(1).map((line) => line.slice(4)).join("")
    assert.strictEqual(text.replaceAll("\\u{200d}", "\u200d"), JSON.stringify(note))
  })

  it("long arguments - are cut at 20 lines, fewer on a small terminal, and what is cut is counted", () => {
    const params = Array.from({ length: 50 }, (_, i) => i)
    const written = JSON.stringify(params, undefined, 2)
    const lines = Question.lines(canvas, { tool: "sum", params })
    const shown = lines.slice(1, -1).map((line) => line.slice(4)).join("\n")
    assert.strictEqual(lines.length, 22)
    assert.isTrue(written.startsWith(shown))
    assert.strictEqual(lines.at(-1), `  │ … cut: ${written.length - shown.length - 1} more characters not shown`)
    assert.strictEqual(Question.lines({ ...canvas, rows: 9 }, { tool: "sum", params }).length, 6)
  })

  it("a very long argument - takes no time", () => {
    const lines = Question.lines(canvas, { tool: "write", params: "\u0301a".repeat(2_000_000) })
    assert.isAtMost(lines.length, 22)
    assert.match(lines.at(-1) ?? "", /… cut: \d+ more characters not shown/)
  })
})

const request = (tool: string, params: unknown = {}): Approval.Request => ({
  runId: "run_1",
  agent: "volley",
  tenant: undefined,
  callId: "toolu_1",
  turn: 1,
  index: 0,
  tool,
  params,
  key: "key"
})

/** A desk where tests type, and what stands on its screen. */
const makeDesk = Effect.gen(function*() {
  const typed = yield* Queue.unbounded<string | undefined>()
  const asked = yield* Queue.unbounded<string>()
  const written: Array<string> = []
  let attended = true
  const screen = Screen.make({ size: () => ({ columns: 60, rows: 30 }), write: (text) => void written.push(text) })
  const desk: Approver.Desk = {
    isAttended: () => attended,
    screen: {
      ...screen,
      ask: (question) => {
        Queue.offerUnsafe(asked, question.lines.join("\n"))
        return screen.ask(question)
      }
    },
    canvas: () => ({ columns: 60, rows: 30, style: Style.plain }),
    erases: true,
    dropTyped: Effect.void,
    typedLine: Queue.take(typed)
  }
  return {
    desk,
    asked,
    written: () => written.join(""),
    type: (line: string | undefined) => Queue.offer(typed, line),
    leave: () => {
      attended = false
    }
  }
})

const options = { approve: [], quiet: false, redact: same }

describe("approver", () => {
  it.effect("y and yes approve, everything else refuses", () =>
    Effect.gen(function*() {
      const { desk, type } = yield* makeDesk
      const approver = yield* Approver.make(desk, options)
      const decided: Array<boolean> = []
      for (const line of ["y", " YES ", "", "n", "yy", "never", "approve"]) {
        yield* type(line)
        const { approved, by } = yield* approver(request("refund"))
        assert.strictEqual(by, "terminal")
        decided.push(approved)
      }
      assert.deepStrictEqual(decided, [true, true, false, false, false, false, false])
    }))

  it.effect("calls in parallel - are asked about one after the other", () =>
    Effect.gen(function*() {
      const { asked, desk, type } = yield* makeDesk
      const approver = yield* Approver.make(desk, options)
      const first = yield* Effect.forkChild(approver(request("refund", { amount: 1 })))
      const second = yield* Effect.forkChild(approver(request("refund", { amount: 2 })))
      assert.include(yield* Queue.take(asked), "\"amount\": 1")
      yield* Effect.repeat(Effect.yieldNow, { times: 100 })
      assert.strictEqual(yield* Queue.size(asked), 0)
      yield* type("n")
      assert.include(yield* Queue.take(asked), "\"amount\": 2")
      yield* type("y")
      assert.deepStrictEqual(
        [(yield* Fiber.join(first)).approved, (yield* Fiber.join(second)).approved],
        [false, true]
      )
    }))

  it.effect("the screen stands still while it asks, and then shows what came meanwhile", () =>
    Effect.gen(function*() {
      const { asked, desk, type, written } = yield* makeDesk
      const approver = yield* Approver.make(desk, options)
      desk.screen.update([], ["… look"])
      const fiber = yield* Effect.forkChild(approver(request("refund")))
      yield* Queue.take(asked)
      const before = written()
      desk.screen.print("WARN something")
      desk.screen.update(["✓ look"], ["… ship"])
      assert.strictEqual(written(), before)
      yield* type("y")
      yield* Fiber.join(fiber)
      // the region, two lines of the question and its prompt are taken away
      assert.strictEqual(
        written().slice(before.length),
        "\r\u001b[4A\u001b[J✓ approved: refund {}\nWARN something\n✓ look\n… ship\n"
      )
    }))

  it.effect("interrupted while it asks - the screen is given back and the next call is asked about", () =>
    Effect.gen(function*() {
      const { asked, desk, type, written } = yield* makeDesk
      const approver = yield* Approver.make(desk, options)
      const fiber = yield* Effect.forkChild(approver(request("refund")))
      yield* Queue.take(asked)
      yield* Fiber.interrupt(fiber)
      assert.include(written(), "· not decided: refund {}\n")
      desk.screen.print("later")
      assert.include(written(), "later\n")
      yield* type("y")
      assert.isTrue((yield* approver(request("refund"))).approved)
    }))

  it.effect("nobody there - refused, and said once with the flag that would approve it", () =>
    Effect.gen(function*() {
      const { desk, leave, written } = yield* makeDesk
      leave()
      const approver = yield* Approver.make(desk, options)
      const refused = { approved: false, reason: "nobody is there to approve it" }
      assert.deepStrictEqual(yield* approver(request("refund")), refused)
      assert.deepStrictEqual(yield* approver(request("delete")), refused)
      assert.strictEqual(
        written(),
        "volley: refund wants approval and nobody is at the terminal: refused (--approve refund approves it in advance)\n"
      )
      const quiet = yield* makeDesk
      quiet.leave()
      yield* (yield* Approver.make(quiet.desk, { ...options, quiet: true }))(request("refund"))
      assert.strictEqual(quiet.written(), "")
    }))

  it.effect("the terminal goes away while it asks - refused as where nobody is", () =>
    Effect.gen(function*() {
      const { desk, type } = yield* makeDesk
      const approver = yield* Approver.make(desk, options)
      yield* type(undefined)
      assert.deepStrictEqual(yield* approver(request("refund")), {
        approved: false,
        reason: "nobody is there to approve it"
      })
    }))

  it.effect("--approve - approves its tools and no other, without a question", () =>
    Effect.gen(function*() {
      const { asked, desk, leave } = yield* makeDesk
      leave()
      const approver = yield* Approver.make(desk, { ...options, approve: ["refund", "ship"] })
      const byFlag = { approved: true, by: "--approve" }
      assert.deepStrictEqual(yield* approver(request("refund")), byFlag)
      assert.deepStrictEqual(yield* approver(request("ship")), byFlag)
      assert.isFalse((yield* approver(request("delete"))).approved)
      const everything = yield* Approver.make(desk, { ...options, approve: ["all"] })
      assert.deepStrictEqual(yield* everything(request("delete")), byFlag)
      assert.strictEqual(yield* Queue.size(asked), 0)
    }))

  it.effect("secrets - are not shown", () =>
    Effect.gen(function*() {
      const { asked, desk, type, written } = yield* makeDesk
      const redact = (text: string): string => text.replaceAll("hunter22", "[redacted]")
      const approver = yield* Approver.make(desk, { ...options, redact })
      yield* type("y")
      yield* approver(request("login", { password: "hunter22", nested: ["hunter22"] }))
      assert.include(yield* Queue.take(asked), "\"password\": \"[redacted]\"")
      assert.notInclude(written(), "hunter22")
    }))
})

const refunds = ModelScript.toolUse([
  { name: "refund", input: { amount: 1, note: spoof } },
  { name: "look", input: { id: "a" } },
  { name: "refund", input: { amount: 2 } }
])

const decisionsIn = (journal: string) =>
  Result.getOrThrow(Journal.parse(fs.readFileSync(journal, "utf8"))).flatMap((event) =>
    event._tag === "ApprovalDecided" ? [{ approved: event.approved, by: event.by }] : []
  )

const world = Effect.gen(function*() {
  const dir = yield* folder
  const { env } = yield* emulated([refunds, ModelScript.text("Done")])
  const ledger = path.join(dir, "ledger")
  const journal = path.join(dir, "run.ndjson")
  return {
    journal,
    args: ["run", "--journal", journal, "--toolkit", fixture("approvals")],
    env: { ...env, LEDGER: ledger },
    executed: () => fs.existsSync(ledger) ? linesOf(fs.readFileSync(ledger, "utf8")).toSorted() : []
  }
})

/** A command on a terminal that tests type at. */
const onTerminal = (args: ReadonlyArray<string>, env: Readonly<Record<string, string>>) =>
  Effect.acquireRelease(
    Effect.sync(() => {
      const command = [process.execPath, "--conditions=@volley/source", bin, ...args].join(" ")
      const child = spawn("script", ["-qec", `stty cols 80 rows 30; ${command}`, "/dev/null"], {
        env: { ...environment, TERM: "xterm-256color", ...env },
        stdio: ["pipe", "pipe", "inherit"]
      })
      let seen = ""
      child.stdout.setEncoding("utf8").on("data", (piece: string) => seen += piece)
      const code = new Promise<number | null>((resolve) => {
        child.on("close", resolve)
      })
      return {
        child,
        seen: () => seen,
        type: (text: string) => Effect.sync(() => child.stdin.write(text)),
        code: Effect.promise(() => code)
      }
    }),
    ({ child }) => Effect.sync(() => child.kill("SIGKILL"))
  )

describe.concurrent("volley run", () => {
  it.live("without a terminal - refused, the run goes on, stderr says it once", () =>
    Effect.gen(function*() {
      const { args, env, executed, journal } = yield* world
      const { code, stderr, stdout } = yield* volley([...args, "Refund"], { env })
      assert.deepStrictEqual({ code, stdout }, { code: 0, stdout: "Done\n" }, stderr)
      assert.deepStrictEqual(linesOf(stderr), [
        "model: claude-sonnet-5-5",
        "volley: refund wants approval and nobody is at the terminal: refused (--approve refund approves it in advance)"
      ])
      assert.deepStrictEqual(executed(), ["look a"])
      assert.deepStrictEqual(decisionsIn(journal).map(({ approved }) => approved), [false, false])
    }))

  it.live("--approve - run without a question, recorded as such", () =>
    Effect.gen(function*() {
      const { args, env, executed, journal } = yield* world
      const { code, stderr } = yield* volley(
        [...args, "--quiet", "--approve", "look", "--approve", "refund", "Refund"],
        {
          env
        }
      )
      assert.deepStrictEqual({ code, stderr }, { code: 0, stderr: "" })
      assert.deepStrictEqual(executed(), ["look a", "refund 1", "refund 2"])
      assert.deepStrictEqual(
        decisionsIn(journal),
        Array.from({ length: 2 }, () => ({ approved: true, by: "--approve" }))
      )
      assert.match((yield* volley(["check", journal])).stdout, /^0 violations/)
    }))

  it.live("--approve of a tool that there is not - one line, exit 2", () =>
    Effect.gen(function*() {
      const { args, env, executed } = yield* world
      const { code, stderr } = yield* volley([...args, "--approve", "refunds", "Refund"], { env })
      assert.deepStrictEqual({ code, stderr }, {
        code: 2,
        stderr: "volley: --approve: unknown tool \"refunds\"; known: all, refund, look\n"
      })
      assert.deepStrictEqual(executed(), [])
    }))

  for (const quiet of [[], ["--quiet"]]) {
    it.live.skipIf(!hasScript)(
      `at a terminal ${quiet.join("")} - asks, drops what was typed before, obeys`,
      () =>
        Effect.gen(function*() {
          const { args, env, executed, journal } = yield* world
          const { code, seen, type } = yield* onTerminal([...args, ...quiet, "Refund"], env)
          // nobody has asked yet
          yield* type("y\ny\ny")
          yield* until(() => seen().endsWith("approve refund? [y/N] "))
          yield* Effect.sleep(300)
          assert.deepStrictEqual(executed().filter((line) => line.startsWith("refund")), [])
          const first = seen()
          yield* type("\n")
          yield* until(() => seen().slice(first.length).includes("approve refund? [y/N] "))
          assert.deepStrictEqual(executed().filter((line) => line.startsWith("refund")), [])
          yield* type("y\n")
          assert.strictEqual(yield* code, 0)
          assert.deepStrictEqual(decisionsIn(journal), [
            { approved: false, by: "terminal" },
            { approved: true, by: "terminal" }
          ])
          assert.deepStrictEqual(executed(), ["look a", "refund 2"])
          for (const part of ["\u202e", "\u2066", "\u0007", "\u009b", "\u001b[2K", "\u001b[1Atxt"]) {
            assert.notInclude(seen(), part)
          }
        })
    )
  }

  it.live.skipIf(!hasScript)("Ctrl-C at the question - cancels the run, nothing is run", () =>
    Effect.gen(function*() {
      const { args, env, executed, journal } = yield* world
      const { code, seen, type } = yield* onTerminal([...args, "Refund"], env)
      yield* until(() => seen().includes("approve refund? [y/N] "))
      yield* type("\u0003")
      assert.strictEqual(yield* code, 130)
      assert.include(seen(), "not decided: refund")
      assert.deepStrictEqual(executed().filter((line) => line.startsWith("refund")), [])
      assert.match(fs.readFileSync(journal, "utf8"), /"outcome":"cancelled"/)
      assert.match((yield* volley(["check", journal])).stdout, /^0 violations/)
    }))
})
