// Which modules an import loads. Without an argument: checks that nothing loads the SDK or a Node module that need not;
// with a specifier: prints what it loads as JSON.
import { spawnSync } from "node:child_process"
import { registerHooks } from "node:module"

const isSdk = (url) => url.includes("/@anthropic-ai/sdk/")
const isNode = (url) => url.startsWith("node:")

// The SDK is loaded when a client is made, not before. The last row shows that the check can see it.
const expected = [
  { specifier: "@volley/core", sdk: false, node: false },
  { specifier: "@volley/core/offline", sdk: false, node: false },
  { specifier: "@volley/tools", sdk: false },
  { specifier: "@volley/core/anthropic", sdk: false, node: false },
  { specifier: "@anthropic-ai/sdk", sdk: true }
]

const record = async (specifier) => {
  const urls = new Set()
  registerHooks({
    resolve: (request, context, next) => {
      const resolved = next(request, context)
      urls.add(resolved.url)
      return resolved
    }
  })
  await import(specifier)
  const all = [...urls]
  console.log(JSON.stringify({ modules: all.length, node: all.filter(isNode), sdk: all.some(isSdk) }))
}

const check = ({ node, sdk, specifier }) => {
  const child = spawnSync(process.execPath, [...process.execArgv, import.meta.filename, specifier], {
    encoding: "utf8"
  })
  if (child.status !== 0) throw new Error(`import of ${specifier} failed\n${child.stderr}`)
  const loaded = JSON.parse(child.stdout)
  const wrong = [
    ...(loaded.sdk === sdk ? [] : [sdk ? "does not load the SDK" : "loads the SDK"]),
    ...(node === false && loaded.node.length > 0 ? [`loads ${loaded.node.join(", ")}`] : [])
  ]
  console.log(`${specifier}: ${wrong.join("; ") || "ok"} (${loaded.modules} modules)`)
  return wrong.length === 0
}

const [specifier] = process.argv.slice(2)
if (specifier) await record(specifier)
else if (expected.map(check).includes(false)) process.exitCode = 1
