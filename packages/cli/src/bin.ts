#!/usr/bin/env node
// No static import: a Node that is too old must get as far as the message.
const [major = 0, minor = 0] = process.versions.node.split(".").map(Number)

if (major > 22 || (major === 22 && minor >= 19)) {
  const { enableCompileCache } = await import("node:module")
  // half of a start is compiling what was compiled the last time
  enableCompileCache()
  await import("./main.ts")
} else {
  process.stderr.write(`volley needs Node 22.19 or newer; this is ${process.versions.node}\n`)
  process.exitCode = 2
}
