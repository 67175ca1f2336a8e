#!/bin/sh
# Fills build/fuzz-venv with freespan, as a host, and the fuzzer atheris, which needs CPython 3.12 to 3.14 on Linux.
set -eu
cd "$(dirname "$0")/.."

python=build/fuzz-venv/bin/python
unset VIRTUAL_ENV # an active environment must not be used instead

# The shim of an inactive version of pyenv exists but fails, so the command is run.
fits() {
    "$1" -c 'import ensurepip, sys, venv; sys.exit(not (3, 12) <= sys.version_info[:2] <= (3, 14))' >/dev/null 2>&1
}

if ! fits "$python"; then
    base=""
    for candidate in "${PYTHON:-}" python3 python3.14 python3.13 python3.12 \
        "${PYENV_ROOT:-${HOME:-/nonexistent}/.pyenv}"/versions/3.1[234]*/bin/python3; do
        if [ -n "$candidate" ] && fits "$candidate"; then base=$candidate && break; fi
    done
    if [ -z "$base" ]; then
        echo "freespan: fuzzing needs Python 3.12, 3.13 or 3.14, for atheris; make test runs its targets on any Python" >&2
        exit 1
    fi
    rm -rf build/fuzz-venv
    "$base" -m venv build/fuzz-venv
fi
echo "freespan: filling build/fuzz-venv with pip; the first time takes a minute" >&2
"$python" scripts/locked_versions.py >build/fuzz-venv/constraints.txt
"$python" -m pip install --quiet --disable-pip-version-check \
    --constraint build/fuzz-venv/constraints.txt --editable ".[fuzz]"
