#!/bin/sh
# Fills .venv with freespan and what it needs, as a host too: make-venv.sh [dev | docs]
# With uv when it is there, else with the standard venv and pip; both install the versions that uv.lock names.
set -eu
cd "$(dirname "$0")/.."

extra=${1:-}
unset VIRTUAL_ENV # an active environment must not be used instead

say() { printf '%s\n' "freespan: $*" >&2; }

python=.venv/bin/python
if ! "$python" -c 'import sys; sys.exit(sys.version_info < (3, 11))' >/dev/null 2>&1; then
    base=$(scripts/find-python.sh)
    rm -rf .venv # missing, too old, or without its Python
else
    base=$python
fi

with_uv() {
    [ -d .venv ] || uv venv --quiet --no-python-downloads --python "$base" .venv || return 1
    # --inexact: "make setup" after "make test" removes nothing.
    UV_PROJECT_ENVIRONMENT=.venv uv sync --quiet --locked --inexact --no-python-downloads \
        --extra host ${extra:+--extra "$extra"}
}

with_pip() {
    if ! "$python" -m pip --version >/dev/null 2>&1; then # as in an environment that uv has made
        rm -rf .venv
        if [ "$base" = "$python" ]; then base=$(scripts/find-python.sh) || return 1; fi
        "$base" -m venv .venv || return 1
    fi
    "$python" scripts/locked_versions.py >.venv/constraints.txt &&
        "$python" -m pip install --quiet --disable-pip-version-check \
            --constraint .venv/constraints.txt --editable ".[host${extra:+,$extra}]"
}

if command -v uv >/dev/null 2>&1; then
    say "filling .venv with uv${extra:+ ($extra)}"
    with_uv && exit 0
    say "uv failed; trying pip"
fi
say "filling .venv with pip${extra:+ ($extra)}; the first time takes a minute"
with_pip || { say "pip could not install the dependencies: see above (no network, or no wheel for this Python?)"; exit 1; }
