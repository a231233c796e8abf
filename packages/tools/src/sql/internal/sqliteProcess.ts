/**
 * The process that a SQLite database is read in: `node:sqlite` blocks its thread and cannot be interrupted, so a statement
 * is stopped by ending its process. It is started with Node's permission model and may do nothing but read the file.
 *
 * @internal
 */
import { DatabaseSync } from "node:sqlite"
import { Worker } from "node:worker_threads"
import { answer, isNoDatabase, open, type Reply, type Request } from "./sqliteStatement.ts"

/** Ends the process with the one that started it, although a statement blocks this thread. */
const watch = () =>
  new Worker(
    `const parent = ${process.ppid}; setInterval(() => process.ppid === parent || process.kill(process.pid, "SIGKILL"), 1000)`,
    { eval: true, env: {} }
  ).unref()

const main = (file: string): Reply => {
  if (typeof DatabaseSync.prototype.setAuthorizer !== "function") return { kind: "unusable", reason: "UnsupportedNode" }
  try {
    const database = open(file)
    process.on("message", (request: Request) => process.send?.(answer(database, request)))
  } catch (error) {
    return { kind: "unusable", reason: isNoDatabase(error) ? "NotADatabase" : "Unreadable" }
  }
  process.on("disconnect", () => process.exit())
  watch()
  return { kind: "ready" }
}

const file = process.argv[2]
if (file !== undefined) process.send?.(main(file))
