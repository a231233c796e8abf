// Checks every relative link and anchor of the Markdown files. Where a column of a table is headed "shown by", each of its rows has to
// link tests there and nothing else, or say "-" or "none". Where a row begins with guarantees or threats, such as "G1, G4", every
// linked test has to name one of them, and each of them has to be named; "G1-G9" names nine.
import * as fs from "node:fs"
import * as path from "node:path"

const files = fs.globSync(["*.md", "docs/**/*.md", "packages/*/*.md"]).toSorted()
const withoutCode = (text) => text.replace(/^```[\s\S]*?^```/gm, (code) => code.replaceAll(/[^\n]/g, ""))
const prose = (file) => withoutCode(fs.readFileSync(file, "utf8"))

// As GitHub makes them: the second of two equal ones gets a number.
const anchorOf = (heading) =>
  heading.replaceAll(/\[([^\]]*)\]\([^)]*\)/g, "$1").trim().toLowerCase().replaceAll(/[^\p{L}\p{N}_ -]/gu, "")
    .replaceAll(" ", "-")
const anchorsOf = (file) => {
  const seen = new Map()
  return [...prose(file).matchAll(/^#+ (.+)$/gm)].map(([, heading]) => {
    const anchor = anchorOf(heading)
    const before = seen.get(anchor) ?? 0
    seen.set(anchor, before + 1)
    return before === 0 ? anchor : `${anchor}-${before}`
  })
}

const ids = (text) =>
  new Set(
    [...text.matchAll(/\b([GT])(\d{1,2})(?:-\1(\d{1,2}))?\b/g)].flatMap(([, letter, first, last = first]) =>
      Array.from({ length: last - first + 1 }, (_, i) => `${letter}${Number(first) + i}`)
    )
  )

const isTest = (target) => /\.test(-d)?\.ts$/.test(target)
const targetsOf = (text) =>
  [...text.replaceAll(/`[^`]*`/g, "").matchAll(/\]\(([^)\s]+)\)/g)].map(([, target]) => target)
const cellsOf = (line) => line.startsWith("|") ? line.split("|").slice(1, -1).map((cell) => cell.trim()) : []

let shown = 0

/** What is wrong with the tests that a row of a table links in one of its columns. */
const problemsOfRow = (file, cells, column) => {
  const cell = cells[column] ?? "-"
  if (/^(-|none)/.test(cell)) return []
  const targets = targetsOf(cell)
  if (targets.length === 0) return ["no test shows it"]
  const others = targets.filter((target) => !isTest(target)).map((target) => `${target} is no test`)
  const wanted = /^[GT]\d/.test(cells[0]) ? ids(cells[0]) : new Set()
  if (wanted.size === 0) return others
  const tests = targets.map((target) => path.join(path.dirname(file), target)).filter((test) => fs.existsSync(test))
  const named = tests.map((test) => wanted.intersection(ids(fs.readFileSync(test, "utf8"))))
  shown += tests.length
  return [
    ...others,
    ...tests.filter((_, i) => named[i].size === 0).map((test) => `${test} does not name ${cells[0]}`),
    ...[...wanted].filter((id) => !named.some((some) => some.has(id))).map((id) => `no linked test names ${id}`)
  ]
}

const problems = []
let links = 0
for (const file of files) {
  // of the table that the line stands in: the column of its tests
  let column = -1
  for (const [i, line] of prose(file).split("\n").entries()) {
    const place = `${file}:${i + 1}`
    const cells = cellsOf(line)
    if (column < 0 || cells.length === 0) column = cells.indexOf("shown by")
    else if (!/^[| -]+$/.test(line)) {
      problems.push(...problemsOfRow(file, cells, column).map((problem) => `${place}: ${problem}`))
    }
    for (const target of targetsOf(line)) {
      if (/^[a-z]+:/.test(target)) continue
      links++
      const [to, anchor] = target.split("#")
      const linked = to === "" ? file : path.join(path.dirname(file), to)
      if (!fs.existsSync(linked)) {
        problems.push(`${place}: there is no ${linked}`)
      } else if (anchor !== undefined && !anchorsOf(linked).includes(anchor)) {
        problems.push(`${place}: ${linked} has no heading "#${anchor}"`)
      }
    }
  }
}

for (const problem of problems) console.error(problem)
if (problems.length > 0) process.exitCode = 1
console.log(`${links} links lead somewhere, ${shown} of them to a test that names its guarantee`)
