#!/usr/bin/env bash
# What a user gets: packs the built packages, installs the tarballs in an empty folder, starts `volley` there and
# type-checks the first program of the README and libraries. Needs `npm run build` before.
set -euo pipefail
shopt -s inherit_errexit

root=$(cd "$(dirname "$0")/.." && pwd)
bin="$root/node_modules/.bin"
work=$(mktemp -d)
trap 'rm -rf "$work"' EXIT

fail() {
  echo "smoke: $*" >&2
  exit 1
}

version_of() {
  node -p 'require(process.argv[1]).devDependencies[process.argv[2]]' "$root/package.json" "$1"
}

mkdir "$work/tarballs" "$work/app"
npm pack --silent --workspaces --prefix "$root" --pack-destination "$work/tarballs" > /dev/null
cd "$work/app"
echo '{ "private": true, "type": "module" }' > package.json
npm install --silent --no-audit --no-fund --prefer-offline "$work"/tarballs/*.tgz \
  "effect@$(version_of effect)" "@types/node@$(version_of @types/node)"

# What no index names cannot be imported.
for specifier in core/internal/sha256 core/anthropic/internal/sse core/offline/internal/words core/testing/internal/player \
  core/testing/vitest/matchers tools/internal/boundedText tools/files/internal/root; do
  refused=$("$bin/node" -e 'import(process.argv[1]).catch(({ code }) => console.log(code))' "@volley/$specifier")
  [[ "$refused" == ERR_PACKAGE_PATH_NOT_EXPORTED || "$refused" == ERR_MODULE_NOT_FOUND ]] || fail "@volley/$specifier can be imported"
done
echo "smoke: internal modules cannot be imported"

# The newest Node the repository brings, then the machine's own.
volley=node_modules/.bin/volley
expected=$(node -p 'require("@volley/cli/package.json").version')
printed=$(PATH="$bin:$PATH" "$volley" --version)
[[ "$printed" == *"$expected"* ]] || fail "volley --version printed \"$printed\", not $expected"
echo "smoke: volley --version prints $printed"

outside=$(PATH=$(tr : '\n' <<< "$PATH" | grep -v node_modules | paste -sd :) command -v node || true)
if [[ -n "$outside" && "$("$outside" -p 'process.versions.node.split(".")[0]')" -lt 22 ]]; then
  status=0
  said=$("$outside" "$volley" --version 2>&1) || status=$?
  [[ "$status" == 2 && "$said" == "volley needs Node 22.19 or newer; this is "* && "$said" != *$'\n'* ]] \
    || fail "on an old Node volley exits $status and says: $said"
  echo "smoke: $said (exit $status)"
fi

awk '/^```ts/ { inside = 1; next } /^```/ && inside { exit } inside' "$root/README.md" > program.ts
[[ -s program.ts ]] || fail "the README has no ts program"
tsc=("$bin/tsc" --strict --target es2022 --module nodenext --types node)
"${tsc[@]}" --noEmit program.ts
echo "smoke: the README's first program ($(wc -l < program.ts) lines) compiles under --strict"

# A library for each module, which imports it alone and exports its values, and one of what is made with them: what TypeScript writes into
# their declarations can be imported, and compiles where declarations are checked as well.
mkdir library
awk '
  $NF !~ /^(class|const|function)$/ { next }
  {
    sub(/,$/, "", $1)
    sub(/:$/, "", $(NF - 1))
    parts = split($(NF - 1), name, ".")
    module = parts == 1 ? $1 : $1 "/" name[1]
    file = module
    gsub("/", "-", file)
    file = "library/" file ".ts"
  }
  !(file in known) {
    known[file]
    if (parts == 1 || $1 == "@volley/core") print "import * as m from \"" module "\"" > file
    else print "import { " name[1] " as m } from \"" $1 "\"" > file
  }
  { print "export const v" ++values " = m." name[parts] > file }
' "$root"/docs/api/{core,tools}.txt
values=$(cat library/*.ts | grep -c ^export)
modules=$(ls library | wc -l)
cat > library/made.ts << 'end'
import { Agent, ResultStore } from "@volley/core"
import { Http } from "@volley/tools"
import { Layer } from "effect"
import { Toolkit } from "effect/ai"

export const reader = Agent.make("reader", {
  tools: [Http.toolkit, ResultStore.readResult],
  layer: Layer.orDie(Http.layer())
})
export const ask = Agent.asTool(reader, { name: "ask", description: "Looks one thing up" })
export const toolkit = Toolkit.make(ask, ResultStore.readResult)
export const answer = Agent.run(Agent.make("editor", { tools: [ask] }), "What is new?")
end
cat > library.json << 'end'
{
  "compilerOptions": {
    "strict": true,
    "target": "es2022",
    "module": "nodenext",
    "types": ["node"],
    "skipLibCheck": true,
    "declaration": true,
    "emitDeclarationOnly": true
  }
}
end
for file in library/*.ts; do
  echo "{ \"extends\": \"../library.json\", \"files\": [\"$(basename "$file")\"] }" > "${file%.ts}.json"
done
"$bin/tsc" -b library/*.json
"${tsc[@]}" --noEmit library/*.d.ts
echo "smoke: the declarations of libraries that export $values values of $modules modules, each alone, and what is made with them compile"
