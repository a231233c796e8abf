// Checks every relative link and anchor of the Markdown files, and that each test which a row of a table links for a guarantee or
// a threat names it: in a row that begins with G4, every linked test says "G4", or a range with it such as "G1-G9".
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

const problems = []
let links = 0
let shown = 0
for (const file of files) {
  for (const [i, line] of prose(file).split("\n").entries()) {
    const place = `${file}:${i + 1}`
    const id = /^\| ([GT]\d{1,2}) \|/.exec(line)?.[1]
    for (const [, target] of line.replaceAll(/`[^`]*`/g, "").matchAll(/\]\(([^)\s]+)\)/g)) {
      if (/^[a-z]+:/.test(target)) continue
      links++
      const [to, anchor] = target.split("#")
      const linked = to === "" ? file : path.join(path.dirname(file), to)
      if (!fs.existsSync(linked)) {
        problems.push(`${place}: there is no ${linked}`)
      } else if (anchor !== undefined && !anchorsOf(linked).includes(anchor)) {
        problems.push(`${place}: ${linked} has no heading "#${anchor}"`)
      } else if (id !== undefined && linked.endsWith(".test.ts")) {
        shown++
        if (!ids(fs.readFileSync(linked, "utf8")).has(id)) problems.push(`${place}: ${linked} does not name ${id}`)
      }
    }
  }
}

for (const problem of problems) console.error(problem)
if (problems.length > 0) process.exitCode = 1
console.log(`${links} links lead somewhere, ${shown} of them to a test that names its guarantee`)
