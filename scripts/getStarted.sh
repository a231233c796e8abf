#!/usr/bin/env bash
# Types the commands of docs/get-started.md, exactly, into an empty folder with an empty HOME, and checks that an answer is
# printed. The address of the repository alone is put in: this checkout, as committed.
set -euo pipefail
shopt -s inherit_errexit

root=$(cd "$(dirname "$0")/.." && pwd)
work=$(mktemp -d)
trap 'rm -rf "$work"' EXIT
mkdir "$work/bin" "$work/home" "$work/folder"
ln -s "$root/node_modules/node/bin/node" "$work/bin/node"
# npm alone of what this machine has beside the system
for command in npm npx; do ln -s "$(realpath "$(command -v "$command")")" "$work/bin/$command"; done

# Each sh fence as it stands; the first program is saved under the name that the page gives it.
awk -v repository="file://$root" '
  /^```ts$/ && !saved { saved = 1; inside = 1; end = "END OF PROGRAM"; print "cat > hello.ts <<'\''" end "'\''"; next }
  /^```sh$/ { inside = 1; end = ""; next }
  /^```$/ && inside { inside = 0; if (end != "") print end; next }
  inside { sub(/<repository>/, repository); print }
' "$root/docs/get-started.md" > "$work/commands.sh"
sed 's/^/getStarted: $ /' "$work/commands.sh"

# Nothing of this shell but the way to the registry.
way=(npm_config_registry="$(npm config get registry)")
cafile=$(npm config get cafile)
[[ "$cafile" == null ]] || way+=(npm_config_cafile="$cafile")
for name in HTTP_PROXY HTTPS_PROXY NO_PROXY http_proxy https_proxy no_proxy NODE_EXTRA_CA_CERTS; do
  [[ -z "${!name:-}" ]] || way+=("$name=${!name}")
done

printed=$(
  cd "$work/folder"
  env -i "${way[@]}" HOME="$work/home" PATH="$work/bin:/usr/bin:/bin" bash -eu "$work/commands.sh"
)

for expected in "wall " 'get_weather(city: "Bergen")' "Oslo: 7 °C, light rain"; do
  [[ "$printed" == *"$expected"* ]] && continue
  printf '%s\ngetStarted: "%s" was not printed\n' "$printed" "$expected" >&2
  exit 1
done
echo "getStarted: the demo and the program of the page answered"
