// Writes the API reference, docs/api/<package>/<module>.md, the names that each package exports, docs/api/<package>.txt, from the
// declarations in packages/*/dist, and what the command line takes, docs/api/cli.txt: build first. With --check it writes nothing and fails where they are not what stands there.
import { CompilerState, Extractor, ExtractorConfig } from "@microsoft/api-extractor"
import { spawnSync } from "node:child_process"
import * as fs from "node:fs"
import * as os from "node:os"
import * as path from "node:path"
import { fieldsOf, split } from "./schemaTypes.mjs"

const out = "docs/api"
const check = process.argv.includes("--check")

// ---- what is public

const read = (file) => fs.readFileSync(file, "utf8")

/** The entry points of a package: what one writes after `from`, and the source of it. */
const entriesOf = (folder) => {
  const { exports, name } = JSON.parse(read(`${folder}/package.json`))
  return Object.entries(exports).flatMap(([key, target]) => {
    const source = target?.["@volley/source"]
    if (source === undefined) return []
    if (!key.includes("*")) return [{ from: path.posix.join(name, key), source: path.posix.normalize(source) }]
    if (!source.endsWith("/index.ts")) return [] // single modules, all of them in the index as well
    return fs.globSync(source, { cwd: folder }).map((file) => ({
      from: `${name}/${path.basename(path.dirname(file))}`,
      source: path.posix.normalize(file)
    }))
  })
}

const namespaces = /^export \* as (\w+) from "(.+)\.ts"$/gm

/** The modules of a package by their sources: the name, and from where each can be imported. An index without others is one itself. */
const modulesOf = (folder) => {
  const modules = new Map()
  for (const { from, source } of entriesOf(folder)) {
    const found = [...read(`${folder}/${source}`).matchAll(namespaces)]
    const named = found.map(([, name, file]) => [name, path.posix.join(path.dirname(source), `${file}.ts`)])
    for (const [name, file] of found.length > 0 ? named : [[undefined, source]]) {
      const known = modules.get(file) ?? { file, name, from: [] }
      modules.set(file, { ...known, from: [...known.from, from] })
    }
  }
  return [...modules.values()].toSorted((left, right) => left.file < right.file ? -1 : 1)
}

// ---- what their declarations say

const declarationOf = (folder, { file }) => path.resolve(folder, file.replace(/^src/, "dist").replace(/\.ts$/, ".d.ts"))

const configOf = (folder, entry, apiJsonFilePath) =>
  ExtractorConfig.prepare({
    packageJsonFullPath: path.resolve(folder, "package.json"),
    configObjectFullPath: undefined,
    configObject: {
      projectFolder: path.resolve(folder),
      mainEntryPointFilePath: entry,
      compiler: {
        skipLibCheck: true,
        overrideTsconfig: {
          compilerOptions: {
            target: "es2024",
            module: "nodenext",
            strict: true,
            exactOptionalPropertyTypes: true,
            skipLibCheck: true,
            types: ["node"]
          },
          files: [entry]
        }
      },
      apiReport: { enabled: false, reportFileName: "none.api.md" },
      docModel: { enabled: true, apiJsonFilePath },
      dtsRollup: { enabled: false },
      tsdocMetadata: { enabled: false }
    }
  })

const itemsOf = (folder, modules) => {
  const temporary = fs.mkdtempSync(path.join(os.tmpdir(), "reference-"))
  const file = path.join(temporary, "api.json")
  const declarations = modules.map((module) => declarationOf(folder, module))
  const compilerState = CompilerState.create(configOf(folder, declarations[0], file), {
    additionalEntryPoints: declarations
  })
  try {
    return declarations.map((declaration) => {
      Extractor.invoke(configOf(folder, declaration, file), {
        compilerState,
        localBuild: true,
        messageCallback: (message) => {
          message.handled = true
        }
      })
      return JSON.parse(read(file)).members[0].members
    })
  } finally {
    fs.rmSync(temporary, { recursive: true, force: true })
  }
}

// ---- pages

const plain = (comment) =>
  comment.replace(/^\/\*\*\s*|\s*\*\/\s*$/g, "").replaceAll(/^[ \t]*\* ?/gm, "").replaceAll(
    /(\*\*.*)\n```/g,
    "$1\n\n```"
  ).trim()

/** A doc comment: its text, and its tags in order. */
const docOf = (comment = "") => {
  const [text, ...tags] = plain(comment).split(/^@(?=\w)/m)
  const linked = (words) => words.replaceAll(/\{@link (\w[\w.]*)\}/g, "`$1`").trim()
  return {
    text: linked(text),
    tags: tags.map((tag) => {
      const [, name, rest] = /^(\w+)\s*([\s\S]*)$/.exec(tag)
      return { name, text: linked(rest).replaceAll(/\s*\n\s*/g, " ") }
    })
  }
}

const tagged = ({ tags }, name) => tags.filter((tag) => tag.name === name).map(({ text }) => text)

/** The declaration as the compiler writes it, with the indentation of this repository. */
const textOf = ({ excerptTokens }) => {
  const text = excerptTokens.map(({ text }) => text).join("").replace(/^export (declare )?/, "")
  return text.replaceAll(/^ +/gm, (spaces) => spaces.slice(spaces.length / 2)).replaceAll(/;$/gm, "").trim()
}

const commentOf = ({ docComment }, indent) => {
  const { text } = docOf(docComment)
  return text === "" ? "" : text.split("\n").map((line) => `${indent}// ${line}`.trimEnd() + "\n").join("")
}

/** The fields of a class of a schema, which its declaration keeps in a base without a name. */
const fieldsOfClass = (declaration, { name }) => {
  const [, base = ""] = declaration.split(`declare const ${name}_base: `)
  const [type = ""] = split(base.replaceAll(/\/\*\*[\s\S]*?\*\//g, ""), ";")
  const [, struct] = /^Schema\.Class<\w+, Schema\.TaggedStruct<"[^"]*", (\{[\s\S]*\})>, /.exec(type) ?? []
  return struct === undefined ? [] : fieldsOf(struct)
}

/** The members of the interface of another module that one without any extends. */
const membersOfBase = (file, declaration, { excerptTokens }) => {
  const head = excerptTokens.map(({ text }) => text).join("")
  const [, module, name] = /extends (\w+)\.(\w+)\s*$/.exec(head.replace(/\{[\s\S]*$/, "").trim()) ?? []
  const [, from] = new RegExp(`import (?:type )?\\* as ${module} from "([^"]+)"`).exec(declaration) ?? []
  if (from === undefined) return []
  const base = read(path.join(path.dirname(file), from.replace(/(?:\.d)?\.(?:ts|js)$/, ".d.ts")))
  const [, body = ""] = base.split(`export interface ${name} {`)
  return split(body.slice(0, body.indexOf("\n}")).replaceAll(/\/\*\*[\s\S]*?\*\//g, ""), ";")
}

/** The declaration, with what stands in an interface or a class. */
const signatureOf = (item, more) => {
  const head = textOf(item)
  if (item.members === undefined) {
    return item.kind === "Function"
      ? `const ${head}`
      : head.replace(/^(?=\w+: )/, "const ")
  }
  const found = more(item)
  const members = [
    ...found.map((text) => `  ${text.replaceAll(/^ +/gm, (spaces) => spaces.slice(spaces.length / 2))}`),
    ...item.members.map((member) => `${commentOf(member, "  ")}  ${textOf(member)}`)
  ]
  return `${head.replace(found.length === 0 ? / extends \w+_base\b/ : / extends \S+$/, "")} {\n${members.join("\n")}\n}`
    .replace("{\n\n}", "{}")
}

const nameOf = ({ name }) => name.replace(/_\d+$/, "")

const sectionOf = (items, more) => {
  const docs = items.map(({ docComment }) => docOf(docComment))
  const list = (title, lines) =>
    lines.length === 0 ? [] : [`${title}\n\n${lines.map((line) => `- ${line}`).join("\n")}`]
  return [
    `### ${nameOf(items[0])}`,
    ...items.flatMap((item, index) => [
      `\`\`\`ts\n${signatureOf(item, more)}\n\`\`\``,
      ...docs[index].text === "" || docs[index - 1]?.text === docs[index].text ? [] : [docs[index].text],
      ...list(
        "**Parameters**",
        tagged(docs[index], "param").map((text) => text.replace(/^(?:- )?([\w.]+)\s+-\s+/, "`$1`: "))
      ),
      ...tagged(docs[index], "returns").map((text) => `**Returns** ${text}`),
      ...list("**Throws**", tagged(docs[index], "throws"))
    ]),
    ...new Set(docs.flatMap((doc) => tagged(doc, "since"))).values().take(1).map((since) => `Since ${since}`)
  ].join("\n\n")
}

const grouped = (items, key) => {
  const groups = Object.entries(Object.groupBy(items, key))
  return groups.toSorted(([left], [right]) => left < right ? -1 : 1)
}

const categoryOf = ({ docComment }) => tagged(docOf(docComment), "category")[0] ?? "models"

const titleOf = ({ from, name }) => name ?? from[0]

const pageOf = (folder, module, items) => {
  const source = read(`${folder}/${module.file}`)
  const file = declarationOf(folder, module)
  const declaration = read(file)
  const more = (item) =>
    item.kind === "Class"
      ? fieldsOfClass(declaration, item)
      : item.kind === "Interface" && item.members.length === 0
      ? membersOfBase(file, declaration, item)
      : []
  const { text } = docOf(/^\/\*\*[\s\S]*?\*\//.exec(source)?.[0])
  const imports = module.from.map((from) => `import { ${module.name ?? nameOf(items[0])} } from "${from}"`)
  return [
    `# ${titleOf(module)}`,
    `\`\`\`ts\n${imports.toReversed().join("\n// or\n")}\n\`\`\``,
    text,
    ...grouped(items, categoryOf).flatMap(([category, members]) => [
      `## ${category}`,
      ...grouped(members, nameOf).map(([, same]) => sectionOf(same, more))
    ])
  ].join("\n\n") + "\n"
}

const kinds = { Variable: "const", Function: "function", Interface: "interface", TypeAlias: "type", Class: "class" }

const namesOf = (modules, items) =>
  modules.flatMap(({ from, name }, index) =>
    items[index].map((item) =>
      `${from.toReversed().join(", ")} ${name === undefined ? "" : `${name}.`}${nameOf(item)}: ${
        kinds[item.kind] ?? item.kind
      }`
    )
  ).toSorted().join("\n") + "\n"

const fileOf = ({ file }) => file.replace(/^src\//, "").replace(/(\/index)?\.ts$/, "").replaceAll("/", "-")

/** The files of a package by their paths. */
const filesOf = (name) => {
  const folder = `packages/${name}`
  const modules = modulesOf(folder)
  const items = itemsOf(folder, modules)
  return [
    [`${out}/${name}.txt`, namesOf(modules, items)],
    ...modules.map((module, index) => [`${out}/${name}/${fileOf(module)}.md`, pageOf(folder, module, items[index])]),
    [
      `${out}/${name}/README.md`,
      `# API of @volley/${name}\n\n${
        modules.map((module) => {
          const [first] = docOf(/^\/\*\*[\s\S]*?\*\//.exec(read(`${folder}/${module.file}`))?.[0]).text.split("\n\n")
          return `- [${titleOf(module)}](${fileOf(module)}.md) of \`${module.from.at(-1)}\`: ${
            first.replaceAll("\n", " ")
          }`
        }).join("\n")
      }\n`
    ]
  ]
}

// ---- the command line

const helpOf = (command) => {
  const { status, stderr, stdout } = spawnSync(process.execPath, ["packages/cli/dist/bin.js", ...command, "--help"], {
    encoding: "utf8",
    env: { ...process.env, NO_COLOR: "1" }
  })
  if (status !== 0) throw new Error(`volley ${command.join(" ")} --help failed\n${stderr}`)
  return stdout
}

const subcommands = (help) => {
  const [, list = ""] = help.split("\nSUBCOMMANDS\n")
  return [...list.matchAll(/^ {2}(\w+)/gm)].map(([, name]) => name)
}

/** The help of a command and of all below it. */
const commandsOf = (command) => {
  const help = helpOf(command)
  const title = ["volley", ...command, "--help"].join(" ")
  return [`$ ${title}\n\n${help.trim()}\n`, ...subcommands(help).flatMap((name) => commandsOf([...command, name]))]
}

const files = new Map([
  ...["core", "tools"].flatMap(filesOf),
  [`${out}/cli.txt`, commandsOf([]).join("\n\n")]
])

if (check) {
  const there = fs.globSync(`${out}/**/*.{md,txt}`)
  const stale = [...files].filter(([file, text]) => !fs.existsSync(file) || read(file) !== text).map(([file]) => file)
  const differing = [...stale, ...there.filter((file) => !files.has(file))]
  for (const file of differing) console.error(`${file} is not what the declarations say; run npm run reference`)
  if (differing.length > 0) process.exitCode = 1
  else console.log(`${files.size} files of the reference are up to date`)
} else {
  fs.rmSync(out, { recursive: true, force: true })
  for (const [file, text] of files) {
    fs.mkdirSync(path.dirname(file), { recursive: true })
    fs.writeFileSync(file, text)
  }
  console.log(`${files.size} files written below ${out}`)
}
