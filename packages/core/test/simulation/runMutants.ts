// Plants each named bug in turn and runs the simulation on it: `npm run mutants -- [--agents] [--list | name]`.
// With --agents `Simulation` runs sample agents, and nothing else judges them.
// All: exit 0 when every one is caught. One: exit 0 = caught, 1 = survived, 2 = no such mutant.
import { spawn } from "node:child_process"
import * as path from "node:path"
import { type Mutant, mutants } from "./mutants.ts"

const atOnce = 2

const agents = process.argv.includes("--agents")
const names = process.argv.slice(2).filter((argument) => argument !== "--agents")

interface Verdict {
  readonly name: string
  readonly caught: boolean
  readonly by: string
}

/** In as many worlds as `npm run sim -- --mutant name` runs. */
const judge = ({ name }: Mutant): Promise<Verdict> =>
  new Promise((resolve) => {
    const main = path.join(import.meta.dirname, "main.ts")
    const args = ["--conditions=@volley/source", main, "--mutant", name, ...(agents ? ["--agents"] : [])]
    const child = spawn(process.execPath, args, { stdio: ["ignore", "pipe", "pipe"] })
    let output = ""
    const collect = (chunk: Buffer) => {
      output += chunk.toString()
    }
    child.stdout.on("data", collect)
    child.stderr.on("data", collect)
    child.on("close", (code) => {
      const first = output.split("\n").find((line) => line.startsWith("seed ")) ?? output.trim().split("\n").at(-1) ??
        ""
      const caught = code === 1 && first.startsWith("seed ")
      const broken = code === 0 || caught ? "" : "the simulation itself failed: "
      resolve({ name, caught, by: caught ? first : `${broken}${first}` })
    })
  })

const row = (verdict: string, name: string, by: string): void =>
  console.log(`${verdict.padEnd(8)}  ${name.padEnd(26)}  ${by}`)

const print = ({ by, caught, name }: Verdict): void => row(caught ? "caught" : "SURVIVED", name, by)

const judgeAll = async (): Promise<number> => {
  const waiting = [...mutants]
  let caught = 0
  row(
    "verdict",
    "mutant",
    agents ? "the seed that shows it, the agent, the law and how it is broken" : "the seed that shows it, and how"
  )
  const work = async (): Promise<void> => {
    for (let next = waiting.shift(); next !== undefined; next = waiting.shift()) {
      // oxlint-disable-next-line no-await-in-loop -- one after another in each of the lanes
      const verdict = await judge(next)
      if (verdict.caught) caught++
      print(verdict)
    }
  }
  await Promise.all(Array.from({ length: atOnce }, work))
  console.log(`${caught}/${mutants.length} mutants caught`)
  return caught === mutants.length ? 0 : 1
}

const judgeOne = async (name: string): Promise<number> => {
  const mutant = mutants.find((one) => one.name === name)
  if (mutant === undefined) {
    console.error(`no mutant is named "${name}"; npm run mutants -- --list names them`)
    return 2
  }
  const verdict = await judge(mutant)
  print(verdict)
  return verdict.caught ? 0 : 1
}

const [argument, ...more] = names
if (more.length > 0) {
  console.error("give one name, --list, or nothing")
  process.exitCode = 2
} else if (argument === "--list") {
  for (const { name } of mutants) console.log(name)
} else {
  process.exitCode = argument === undefined ? await judgeAll() : await judgeOne(argument)
}
