import { spawnSync } from "node:child_process"

export const title =
  "Cold start of the built packages: wall time of a process that only imports (ms, 15 interleaved rounds)"

const rounds = 15
const specifiers = ["effect/Effect", "@volley/core", "@volley/core/offline", "@volley/core/anthropic"]

const node = (args: ReadonlyArray<string>): string => {
  const child = spawnSync(process.execPath, args, { encoding: "utf8", cwd: import.meta.dirname })
  if (child.status !== 0) throw new Error(child.stderr)
  return child.stdout
}

const milliseconds = (code: string): number => {
  const started = performance.now()
  node(["--input-type=module", "--eval", code])
  return performance.now() - started
}

const median = (values: ReadonlyArray<number>): number => values.toSorted((a, b) => a - b)[values.length >> 1] ?? NaN

const loaded = (
  specifier: string
): { readonly modules: number; readonly node: ReadonlyArray<string>; readonly sdk: boolean } =>
  JSON.parse(node([`${import.meta.dirname}/../scripts/loads.mjs`, specifier]))

export const run = () => {
  const programs = [
    { name: "node alone", code: "", times: Array.of<number>() },
    ...specifiers.map((name) => ({ name, code: `import ${JSON.stringify(name)}`, times: Array.of<number>() }))
  ]
  for (let round = 0; round < rounds; round++) {
    for (const program of programs) program.times.push(milliseconds(program.code))
  }
  const bare = median(programs[0]?.times ?? [])
  return programs.map(({ name, times }, at) => ({
    import: name,
    median: Math.round(median(times)),
    fastest: Math.round(Math.min(...times)),
    "over node": Math.round(median(times) - bare),
    ...(at === 0 ? {} : {
      modules: loaded(name).modules,
      "node: modules": loaded(name).node.length,
      SDK: loaded(name).sdk
    })
  }))
}
