import * as NodeServices from "@effect/platform-node/NodeServices"
import { assert, describe, it } from "@effect/vitest"
import * as Dispatcher from "@volley/core/Dispatcher"
import { ConfigProvider, Effect, Layer, PlatformError, Redacted, Schema } from "effect"
import { Tool } from "effect/ai"
import { ChildProcessSpawner } from "effect/process"
import * as fs from "node:fs"
import { Shell } from "../../src/shell/index.ts"
import { call, type Commands, environment, within } from "./workspace.ts"

const node = { node: "effectful" } as const
const script = (code: string, ...rest: ReadonlyArray<string>) => ({ argv: ["node", "-e", code, ...rest] as const })

describe("run_command", () => {
  it.live("result - what it wrote and its exit code; one other than zero is no failure", () =>
    within({}, node, () =>
      Effect.gen(function*() {
        const result = yield* call(script("console.log('out'); console.error('err'); process.exitCode = 3"))
        assert.deepStrictEqual(result, {
          ended: "exited",
          exitCode: 3,
          stdout: "out\n",
          stdoutSize: 4,
          stderr: "err\n",
          stderrSize: 4
        })
        assert.strictEqual((yield* call(script(""))).exitCode, 0)
      })))

  it.live("argv - is given as it is: nothing is split, expanded or joined", () =>
    within({ "a.txt": "", "b.txt": "" }, node, () =>
      Effect.gen(function*() {
        const rest = ["a b", "*.txt", "$HOME", "~", "", "'", "\"", "\\", "é😀", "a\nb", "--", "{1,2}"]
        const { stdout } = yield* call(script("console.log(JSON.stringify(process.argv.slice(1)))", "--", ...rest))
        assert.deepStrictEqual(JSON.parse(stdout), rest)
      })))

  it.live("stdin - is empty: a program that reads does not wait", () =>
    within({}, { cat: "readonly" }, () =>
      Effect.gen(function*() {
        assert.deepStrictEqual(yield* call({ argv: ["cat"] }), {
          ended: "exited",
          exitCode: 0,
          stdout: "",
          stdoutSize: 0,
          stderr: "",
          stderrSize: 0
        })
      })))

  it.live("directory - the root by default, or one below it, through links inside the root too", () =>
    within({ "sub/a": "", link: { link: "sub" } }, { pwd: "readonly" }, (base) =>
      Effect.gen(function*() {
        const pwd = (directory?: string) =>
          Effect.map(call({ argv: ["pwd"], ...(directory === undefined ? {} : { directory }) }), ({ stdout }) => stdout)
        assert.deepStrictEqual(yield* Effect.all([pwd(), pwd("sub"), pwd("link"), pwd("sub/..")]), [
          `${base}/inside\n`,
          `${base}/inside/sub\n`,
          `${base}/inside/sub\n`,
          `${base}/inside\n`
        ])
      })))

  it.live("DirectoryUnusable - outside the root, missing, a file", () =>
    within(
      { "a.txt": "", out: { link: "../outside" }, loop: { link: "loop" } },
      { pwd: "readonly" },
      (base) =>
        Effect.gen(function*() {
          const cases = [
            ["..", "OutsideRoot"],
            ["/", "OutsideRoot"],
            ["out", "OutsideRoot"],
            [`${base}/outside`, "OutsideRoot"],
            ["missing", "NotFound"],
            ["loop", "NotFound"],
            ["a.txt", "NotADirectory"]
          ] as const
          for (const [directory, reason] of cases) {
            const error = yield* Effect.flip(call({ argv: ["pwd"], directory }))
            assert.deepStrictEqual<unknown>(error, new Shell.DirectoryUnusable({ directory, reason }))
          }
        })
    ))

  it.live("environment - only what is let through, and no other", () =>
    within({}, { env: "effectful" }, () =>
      Effect.gen(function*() {
        const { stdout } = yield* call({ argv: ["env"] })
        const found = Object.fromEntries(stdout.trim().split("\n").map((line) => line.split("=", 2)))
        assert.deepStrictEqual(Object.keys(found).toSorted(), ["CI", "HOME", "LANG", "PATH", "TZ"])
        assert.deepStrictEqual([found["HOME"], found["TZ"], found["CI"]], ["/home/somebody", "UTC", "1"])
        assert.strictEqual(found["PATH"], environment.PATH)
      }), {
      environment: {
        PATH: `.:${environment.PATH}:..`,
        HOME: "/home/somebody",
        TZ: "UTC",
        LANG: "C",
        CI: "1",
        LD_PRELOAD: "/evil.so",
        GIT_DIR: "/evil",
        NODE_OPTIONS: "--evil",
        ANTHROPIC_API_KEY: "sk-ant-evil"
      },
      let: ["CI"]
    }))

  it.live("program - is looked up in PATH outside the root: not in it, not through a link into it, not relative", () =>
    within({ "bin/tool": "", "bin/ls": "" }, { tool: "readonly", ls: "readonly" }, (base) =>
      Effect.gen(function*() {
        const error = yield* Effect.flip(call({ argv: ["tool"] }))
        assert.deepStrictEqual<unknown>(error, new Shell.ProgramNotFound({ program: "tool" }))
        assert.strictEqual((yield* call({ argv: ["ls"] })).stdout, "bin\n")
        assert.isFalse(fs.existsSync(`${base}/canary`))
      }), {
      prepare: (base) => {
        for (const name of ["tool", "ls"]) {
          fs.writeFileSync(`${base}/inside/bin/${name}`, `#!/bin/sh\ntouch ${base}/canary\n`)
          fs.chmodSync(`${base}/inside/bin/${name}`, 0o755)
        }
        fs.symlinkSync(`${base}/inside/bin`, `${base}/outside/door`)
        fs.mkdirSync(`${base}/outside/leaf`)
        fs.symlinkSync(`${base}/inside/bin/tool`, `${base}/outside/leaf/tool`)
        return {
          PATH: `bin:.::${base}/inside/bin:${base}/outside/door:${base}/outside/leaf:${environment.PATH}`
        }
      }
    }))

  it.live("program - what PATH has that is no program is passed over", () =>
    within({}, { tool: "readonly" }, () =>
      Effect.gen(function*() {
        assert.strictEqual((yield* call({ argv: ["tool"] })).stdout, "found\n")
      }), {
      prepare: (base) => {
        fs.mkdirSync(`${base}/outside/one/tool`, { recursive: true })
        fs.mkdirSync(`${base}/outside/two`)
        fs.writeFileSync(`${base}/outside/two/tool`, "no", { mode: 0o644 })
        fs.mkdirSync(`${base}/outside/three`)
        fs.writeFileSync(`${base}/outside/three/tool`, "#!/bin/sh\necho found\n", { mode: 0o755 })
        return { PATH: `${base}/outside/one:${base}/outside/two:${base}/outside/three:${environment.PATH}` }
      }
    }))

  it.live("StartFailed - a program whose interpreter is missing; the code and no path", () =>
    within({}, { tool: "readonly" }, (base) =>
      Effect.gen(function*() {
        const error = yield* Effect.flip(call({ argv: ["tool"] }))
        assert.deepStrictEqual<unknown>(error, new Shell.StartFailed({ program: "tool", code: "ENOENT" }))
        assert.notInclude(`${error.message}${JSON.stringify(error)}`, base)
      }), {
      prepare: (base) => {
        fs.writeFileSync(`${base}/outside/tool`, "#!/nowhere/interpreter\n", { mode: 0o755 })
        return { PATH: `${base}/outside` }
      }
    }))

  it.live("OutOfResources - no process to spare: transient, and nothing was executed", () =>
    within({}, { ls: "readonly" }, () =>
      Effect.gen(function*() {
        const error = yield* Effect.flip(call({ argv: ["ls"] }))
        assert.deepStrictEqual<unknown>(error, new Shell.OutOfResources({ program: "ls", code: "EAGAIN" }))
        assert.strictEqual("executed" in error && error.executed, false)
      }), {
      spawner: ChildProcessSpawner.make(() =>
        Effect.fail(PlatformError.systemError({
          _tag: "Unknown",
          module: "ChildProcess",
          method: "spawn",
          cause: Object.assign(new Error("spawn /usr/bin/ls EAGAIN"), { code: "EAGAIN" })
        }))
      )
    }))

  it.live("CommandRefused - what begins with no allowed command; the allowed are named", () =>
    within(
      {},
      { "git status": "readonly", "git log --oneline": "readonly", npm: "effectful" },
      () =>
        Effect.gen(function*() {
          const refused = [
            ["rm", "-rf", "."],
            ["git"],
            ["git", "push"],
            ["git", "status "],
            ["git", " status"],
            ["git", "-c", "core.pager=x", "status"],
            ["git", "log", "-p", "--oneline"],
            ["/usr/bin/git", "status"],
            ["./npm"],
            ["NPM"],
            ["npm "],
            ["git status"],
            ["", "git", "status"]
          ] as const
          for (const argv of refused) {
            const error = yield* Effect.flip(call({ argv }))
            assert.strictEqual(error._tag, "CommandRefused", JSON.stringify(argv))
            assert.deepStrictEqual("allowed" in error && error.allowed, ["git status", "git log --oneline", "npm"])
          }
        })
    ))

  it.live("redaction - secrets of the context do not appear", () =>
    within({}, node, () =>
      Effect.gen(function*() {
        const result = yield* call(script("console.log('a correct-horse b'); console.error('correct-horse')"))
        assert.deepStrictEqual([result.stdout, result.stderr], ["a [redacted] b\n", "[redacted]\n"])
      }), { secret: Redacted.make("correct-horse") }))

  it.live("signal - a program that crashes is told apart from one that exits", () =>
    within({}, node, () =>
      Effect.gen(function*() {
        const { ended, exitCode } = yield* call(script("process.kill(process.pid, 'SIGKILL')"))
        assert.deepStrictEqual([ended, exitCode], ["signalled", undefined])
      })))
})

describe("approval", () => {
  const commands: Commands = {
    ls: "readonly",
    "ls -l": "readonly",
    cat: "readonly",
    "git status": "readonly",
    git: "effectful",
    npm: "effectful"
  }

  it.effect("approval - commands that read run unattended, unless an option or a path asks for more", () =>
    within(
      { "a.txt": "", "sub/b": "", out: { link: "../outside" }, loop: { link: "loop" } },
      commands,
      (base) =>
        Effect.gen(function*() {
          const dispatcher = yield* Dispatcher.make([Shell.RunCommand])
          const wants = (argv: ReadonlyArray<string>, directory?: string) =>
            Dispatcher.wantsApproval(dispatcher, {
              id: "1",
              name: "run_command",
              params: { argv, ...(directory === undefined ? {} : { directory }) },
              turn: 0,
              request: 0,
              index: 0,
              key: "1"
            }, [])
          const cases: ReadonlyArray<readonly [boolean, ReadonlyArray<string>, string?]> = [
            [false, ["ls"]],
            [false, ["ls", "-l"]],
            [false, ["ls", "-l", "sub", "a.txt"]],
            [false, ["ls", "--", "sub"]],
            [false, ["ls", "sub/../a.txt"]],
            [false, ["ls", "missing/x"]],
            [false, ["ls", "b"], "sub"],
            [false, ["ls", ".."], "sub"],
            [false, ["ls", `${base}/inside/sub`]],
            [false, ["git", "status"]],
            [true, ["ls", "-la"]],
            [true, ["ls", "sub", "-l"]],
            [true, ["ls", "--", "-l"]],
            [true, ["ls", ".."]],
            [true, ["ls", "../.."], "sub"],
            [true, ["ls", "/etc"]],
            [true, ["cat", "out/secret"]],
            [true, ["cat", "a.txt", "out"]],
            [true, ["cat", "missing/../../outside/secret"]],
            [true, ["cat", "loop"]],
            [true, ["git", "status", "--porcelain"]],
            [true, ["git", "push"]],
            [true, ["npm", "test"]],
            // It is refused whatever anybody says.
            [false, ["rm", "-rf", "/"]]
          ]
          for (const [wanted, argv, directory] of cases) {
            assert.strictEqual(yield* wants(argv, directory), wanted, JSON.stringify([argv, directory]))
          }
        })
    ))

  it.effect("approval - without the family's layer every call wants it", () =>
    Effect.gen(function*() {
      const { needsApproval } = Shell.RunCommand
      const wanted = typeof needsApproval === "function"
        ? needsApproval({ argv: ["ls"] }, { toolCallId: "1", messages: [] })
        : needsApproval
      assert.isTrue(Effect.isEffect(wanted) ? yield* wanted : wanted)
    }))
})

describe("layer", () => {
  const build = (options: Shell.Options) =>
    Effect.flip(Effect.provide(Effect.void, Shell.layer(options))).pipe(Effect.provide(NodeServices.layer))

  it.effect("OptionUnusable - a command that is a path, a line for a shell or nothing", () =>
    Effect.gen(function*() {
      for (
        const command of [
          "",
          " ",
          "/bin/ls",
          "./ls",
          "a/b",
          "git  status",
          " git",
          "git ",
          "git\tstatus",
          "-x",
          "ls\n",
          "a;b"
        ]
      ) {
        const error = yield* build({ root: ".", commands: { [command]: "readonly" } })
        assert.strictEqual(error._tag, "OptionUnusable", JSON.stringify(command))
      }
    }))

  it.effect("OptionUnusable - a variable that is none", () =>
    Effect.gen(function*() {
      for (const name of ["", "A=1", "1A", "A B"]) {
        const error = yield* build({ root: ".", commands: {}, environment: [name] })
        assert.strictEqual(error._tag, "OptionUnusable", name)
      }
    }))

  it.effect("RootUnusable - a root that does not exist", () =>
    Effect.gen(function*() {
      assert.strictEqual((yield* build({ root: "/nowhere", commands: {} }))._tag, "RootUnusable")
    }))

  const fromEnv = (variables: { readonly [name: string]: string }) =>
    Shell.layerFromEnv({ root: "." }).pipe(
      Layer.provide([
        NodeServices.layer,
        ConfigProvider.layer(ConfigProvider.fromEnv({ env: { ...environment, ...variables } }))
      ])
    )

  it.live("layerFromEnv - lists of commands, and what is missing or wrong is named", () =>
    Effect.gen(function*() {
      const { stdout } = yield* Effect.provide(
        call({ argv: ["printf", "%s", "x"] }),
        fromEnv({ SHELL_READONLY: "ls, printf %s", SHELL_EFFECTFUL: "git" })
      )
      assert.strictEqual(stdout, "x")
      const missing = yield* Effect.flip(Effect.provide(Effect.void, fromEnv({})))
      assert.deepStrictEqual<unknown>(missing, new Shell.NoCommands())
      const wrong = yield* Effect.flip(Effect.provide(Effect.void, fromEnv({ SHELL_READONLY: "ls,/bin/sh" })))
      assert.match(wrong.message, /SHELL_READONLY.*"\/bin\/sh"/)
    }))

  it.effect("layerFromEnv - a command in both lists wants approval", () =>
    Effect.gen(function*() {
      const dispatcher = yield* Dispatcher.make([Shell.RunCommand])
      const asked = { id: "1", name: "run_command", params: { argv: ["ls"] }, turn: 0, request: 0, index: 0, key: "1" }
      assert.isTrue(yield* Dispatcher.wantsApproval(dispatcher, asked, []))
    }).pipe(Effect.provide(fromEnv({ SHELL_READONLY: "ls", SHELL_EFFECTFUL: "ls" })), Effect.scoped))
})

describe("toolkit", () => {
  it("tool - each parameter has an example", () => {
    const { properties } = Tool.getJsonSchema(Shell.RunCommand) as {
      readonly properties: { readonly [name: string]: { readonly description?: string; readonly examples?: unknown } }
    }
    for (const [name, property] of Object.entries(properties)) {
      assert.isString(property.description, name)
      assert.isArray(property.examples, name)
    }
  })

  it.effect("parameters - refuse what no handler should see", () =>
    Effect.gen(function*() {
      const schema = Shell.RunCommand.parametersSchema as Schema.Codec<unknown>
      const refused: ReadonlyArray<unknown> = [
        {},
        { argv: [] },
        { argv: "ls" },
        { argv: ["a\0b"] },
        { argv: ["\ud800"] },
        { argv: ["x".repeat(8193)] },
        { argv: Array.from({ length: 129 }, () => "x") },
        { argv: ["ls"], directory: "" },
        { argv: ["ls"], timeout: 0 },
        { argv: ["ls"], timeout: 601 },
        { argv: ["ls"], timeout: 1.5 }
      ]
      for (const parameters of refused) {
        const error = yield* Effect.flip(Schema.decodeUnknownEffect(schema)(parameters))
        assert.isTrue(Schema.isSchemaError(error), JSON.stringify(parameters).slice(0, 80))
      }
    }))

  it.effect("errors - survive encoding and are well-formed", () =>
    Effect.gen(function*() {
      const text = "a \"b\"\u001b[31m\ud800"
      const errors = [
        new Shell.CommandRefused({ command: text, allowed: ["ls"] }),
        new Shell.ProgramNotFound({ program: text }),
        new Shell.DirectoryUnusable({ directory: text, reason: "NotFound" }),
        new Shell.StartFailed({ program: text, code: "EACCES" }),
        new Shell.OutOfResources({ program: text, code: "EAGAIN" })
      ]
      for (const error of errors) {
        const encoded = yield* Schema.encodeUnknownEffect(Shell.RunCommand.failureSchema)(error)
        const decoded = yield* Schema.decodeEffect(Shell.RunCommand.failureSchema)(encoded)
        assert.deepStrictEqual(decoded, error)
        assert.include(error.message, "a \\\"b\\\"\\u001b[31m\uFFFD")
      }
    }))
})
