// The map of the code: every room, the files in it and what they may import. Arrows point down only.
import * as path from "node:path"

const core = "packages/core/src"
const effect = /^effect\/./
const node = /^node:/
const sdk = /^@anthropic-ai\/sdk(\/|$)/
const coreRooms = /^@volley\/core(?!\/testing)(\/|$)/

// The root of core; a room may import from itself and from the rooms it names.
const stack = [
  {
    name: "tool",
    files: [`${core}/{ToolFailure,ToolPolicy,ToolCall,Redactor,ModelSettings}.ts`, `${core}/internal/*.ts`],
    below: []
  },
  {
    name: "fold",
    files: [
      `${core}/{Limits,RunEvent,RunState,Check,PartialFailure,PriceTable,PrepareTurn}.ts`,
      `${core}/internal/fold/**`
    ],
    below: ["tool"]
  },
  {
    name: "stores",
    files: [
      `${core}/{Journal,Threads,ResultStore,ToolCache,Dependencies,Approval}.ts`,
      `${core}/internal/{journal,dependency,store}/**`
    ],
    below: ["tool", "fold"]
  },
  { name: "outcome", files: [`${core}/Outcome.ts`], below: ["tool", "fold", "stores"] },
  {
    name: "stages",
    files: [`${core}/internal/dispatch/**`],
    below: ["tool", "fold", "stores"],
    packages: [/^@cfworker\/json-schema$/]
  },
  { name: "dispatcher", files: [`${core}/Dispatcher.ts`], below: ["tool", "fold", "stores", "stages"] },
  { name: "run", files: [`${core}/internal/run/**`], below: ["tool", "fold", "stores", "outcome", "dispatcher"] },
  { name: "agent", files: [`${core}/Agent.ts`], below: ["tool", "fold", "stores", "outcome", "dispatcher", "run"] }
]
const root = stack.map((room) => room.name)

const rooms = [
  ...stack.map(({ below, files, name, packages = [] }) => ({
    name,
    files,
    rooms: [name, ...below],
    packages: [effect, ...packages]
  })),
  { name: "index", files: [`${core}/index.ts`], rooms: root, packages: [] },
  {
    name: "anthropic",
    files: [`${core}/anthropic/**`, `${core}/internal/anthropic/**`],
    rooms: [...root, "anthropic"],
    packages: [effect, sdk]
  },
  { name: "offline", files: [`${core}/offline/**`], rooms: [...root, "offline"], packages: [effect] },
  {
    name: "testing",
    files: [`${core}/testing/*.ts`, `${core}/testing/internal/**`],
    rooms: [...root, "anthropic", "testing"],
    packages: [effect, node, sdk]
  },
  {
    name: "matchers",
    files: [`${core}/testing/vitest/**`],
    rooms: [...root, "testing", "matchers"],
    packages: [effect, /^vitest$/]
  },
  {
    name: "tools testing",
    files: ["packages/tools/src/testing/**"],
    rooms: ["tools", "tools testing"],
    packages: [effect, node, coreRooms, /^@volley\/core\/testing(\/|$)/]
  },
  {
    name: "tools",
    files: ["packages/tools/src/**"],
    rooms: ["tools"],
    packages: [
      effect,
      node,
      coreRooms,
      /^(undici|ipaddr\.js|htmlparser2|re2js|libpg-query|@effect\/sql-pg(\/.+)?|@modelcontextprotocol\/client(\/.+)?)$/
    ]
  },
  {
    name: "cli",
    files: ["packages/cli/src/**"],
    rooms: ["cli"],
    packages: [effect, node, /^@volley\/(core|tools)(\/|$)/, /^@effect\/platform-node\/./]
  }
]

// The fold is pure: it may use effect's data and schemas, not its services or its machinery.
const fold = [`${core}/{RunEvent,RunState,Check,PartialFailure,PrepareTurn}.ts`, `${core}/internal/fold/**`]
const impure = new RegExp(
  "^effect/(Effect|Context|Layer|ManagedRuntime|Stream|Channel|Sink|Fiber.*|Scope|Clock|Random|Ref|.+Ref|Queue|PubSub|Deferred|"
    + "Semaphore|Latch|Console|Logger|Tracer|Metric|Config.*|FileSystem|Crypto|persistence/.*|http.*|testing/.*|ai/LanguageModel)$"
)

// Where an Effect may be run without the caller's context: the promise door of the library and Node's callbacks.
const runners = new Map([
  [`${core}/Agent.ts`, /^runPromise$/],
  [`${core}/testing/Emulator.ts`, /^run/]
])

const within = (file, globs) => globs.some((glob) => path.posix.matchesGlob(file, glob))
const roomOf = (file) => rooms.find((room) => within(file, room.files))
const packageOf = (file) => /^packages\/[^/]+/.exec(file)?.[0] ?? file.split("/")[0]

const refusedFromSource = (file, specifier, target) => {
  const room = roomOf(file)
  if (!room) return "this file belongs to no room of lint/rooms.js"
  if (target === undefined) {
    if (!room.packages.some((pattern) => pattern.test(specifier))) return `"${room.name}" may not import "${specifier}"`
    return within(file, fold) && impure.test(specifier)
      ? `the fold is pure and may not import "${specifier}"`
      : undefined
  }
  const to = roomOf(target)
  if (!to) return `"${target}" belongs to no room of lint/rooms.js`
  return room.rooms.includes(to.name) ? undefined : `"${room.name}" may not import from "${to.name}"`
}

/** Why `file` (path from the root) may not import `specifier`, or undefined when it may. */
export const refusedImport = (file, specifier) => {
  if (/^@volley\/[^/]+\/(src|dist|internal|.+\/internal)(\/|$)/.test(specifier)) {
    return "import another package by its public name"
  }
  const target = specifier.startsWith(".") ? path.posix.join(path.posix.dirname(file), specifier) : undefined
  if (target !== undefined && packageOf(target) !== packageOf(file)) return "import another package by its public name"
  return /^packages\/[^/]+\/src\//.test(file) ? refusedFromSource(file, specifier, target) : undefined
}

/** Whether `file` may call `Effect.<member>` although it leaves the caller's context behind. */
export const refusedRun = (file, member) =>
  /^packages\/(core|tools)\/src\//.test(file)
  && /^run(Fork|Promise|Sync|Callback)(Exit)?$/.test(member)
  && !runners.get(file)?.test(member)
