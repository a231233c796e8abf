import { Effect, Schema } from "effect"
import { execFile } from "node:child_process"
import { connect } from "node:net"
import { fileURLToPath } from "node:url"

const [host, port] = ["127.0.0.1", 6379]

export const url = `redis://${host}:${port}`

const isUp = await new Promise<boolean>((resolve) => {
  const socket = connect(port, host)
  const end = (up: boolean) => {
    socket.destroy()
    resolve(up)
  }
  socket.once("connect", () => end(true)).once("error", () => end(false))
})

/** Without Redis its tests are skipped, but not in CI. */
export const isSkipped = !isUp && process.env["CI"] !== "true"
if (isSkipped) process.stderr.write(`no redis at ${url}: sudo apt-get install --no-install-recommends redis-server\n`)

/** Runs a fixture in a process of its own, with the address of Redis as its first argument, and reads what it prints. */
export const inProcess = <A>(fixture: string, report: Schema.Codec<A, unknown>, ...args: ReadonlyArray<string>) =>
  Effect.callback<string, Error>((resume) => {
    const script = fileURLToPath(new URL(`../fixtures/${fixture}`, import.meta.url))
    const child = execFile(
      process.execPath,
      ["--conditions=@volley/source", script, url, ...args],
      (error, stdout) => resume(error === null ? Effect.succeed(stdout) : Effect.fail(error))
    )
    return Effect.sync(() => child.kill("SIGKILL"))
  }).pipe(Effect.flatMap(Schema.decodeEffect(Schema.fromJsonString(report))))
