#!/bin/sh
# Builds wheel and sdist and tries them in empty environments, outside of the clone: try-wheel.sh [DIRECTORY]
# DIRECTORY gets both files; without it they are thrown away.
set -eu
cd "$(dirname "$0")/.."
clone=$PWD
work=$(mktemp -d)
trap 'rm -rf "$work"' EXIT
unset VIRTUAL_ENV PYTHONPATH
base=$(scripts/find-python.sh)
version=$("$base" -c 'import re; print(re.search(r"__version__ = \"(.*)\"", open("src/freespan/__init__.py").read())[1])')
"$base" scripts/locked_versions.py >"$work/constraints.txt"

say() { printf '%s\n' "wheel: $*" >&2; }
fail() { say "FAILED: $*"; exit 1; }
new_environment() { "$base" -m venv "$work/$1"; }
install() { # install ENVIRONMENT ARGUMENTS…
    environment=$1
    shift
    "$work/$environment/bin/python" -m pip install --quiet --disable-pip-version-check \
        --constraint "$work/constraints.txt" "$@"
}

say "building"
new_environment tools
install tools build
# The wheel is built from the sdist, so the sdist has all that a wheel needs.
"$work/tools/bin/python" -m build --outdir "$work/dist" . >"$work/build.log" 2>&1 || { cat "$work/build.log"; exit 1; }
wheel=$work/dist/freespan-$version-py3-none-any.whl
sdist=$work/dist/freespan-$version.tar.gz

say "looking into them"
tar tzf "$sdist" >"$work/files.txt"
for file in LICENSE README.md CHANGELOG.md pyproject.toml src/freespan/py.typed tests/conftest.py docs/library.md; do
    grep -qx "freespan-$version/$file" "$work/files.txt" || fail "the sdist has no $file"
done
if grep -qE '(__pycache__|node_modules|\.venv|\.pyc$)' "$work/files.txt"; then fail "the sdist has files that are made"; fi
"$base" -m zipfile -l "$wheel" >"$work/files.txt"
for file in freespan/py.typed freespan/web/static/switch.js freespan/web/stock/index.html licenses/LICENSE; do
    grep -q "$file" "$work/files.txt" || fail "the wheel has no $file"
done

cd "$work" # nothing of the clone is in the way
freespan=$work/reader/bin/freespan

say "a reader's: the wheel alone"
new_environment reader
install reader "$wheel"
[ "$("$freespan" --version)" = "$version" ] || fail "freespan --version is not $version"
"$freespan" connect --help >/dev/null || fail "freespan connect --help"
"$freespan" bridge --help >/dev/null || fail "freespan bridge --help"
"$work/reader/bin/python" -c 'import freespan; freespan.connect, freespan.Bridge, freespan.HostSettings()' ||
    fail "import freespan"
for command in serve demo; do
    if "$freespan" "$command" >out.txt 2>err.txt; then fail "freespan $command works without its libraries"; fi
    [ "$(wc -l <err.txt)" -eq 1 ] && grep -q 'install "freespan\[host\]"' err.txt ||
        { cat err.txt; fail "freespan $command does not say what to install"; }
done

say "a host's: the wheel with [host], and the demo"
install reader "$wheel[host]"
"$freespan" demo --once --bridge headless --json >demo.json || { cat demo.json; fail "freespan demo"; }

say "the sdist"
new_environment source
install source --no-deps "$sdist"
[ "$("$work/source/bin/python" -c 'import freespan; print(freespan.__version__)')" = "$version" ] || fail "the sdist"

if [ $# -gt 0 ]; then
    cd "$clone"
    mkdir -p "$1"
    cp "$wheel" "$sdist" "$1"
fi
say "all of it works"
