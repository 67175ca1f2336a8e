#!/bin/sh
# Fills build/audit-venv with freespan, as a host, and pip-audit, in the versions that uv.lock names.
set -eu
cd "$(dirname "$0")/.."

python=build/audit-venv/bin/python
unset VIRTUAL_ENV # an active environment must not be used instead

if ! "$python" -m pip --version >/dev/null 2>&1; then
    rm -rf build/audit-venv
    "$(scripts/find-python.sh)" -m venv build/audit-venv
fi
echo "freespan: filling build/audit-venv with pip; the first time takes a minute" >&2
"$python" scripts/locked_versions.py >build/audit-venv/constraints.txt
"$python" -m pip install --quiet --disable-pip-version-check \
    --constraint build/audit-venv/constraints.txt --editable ".[audit]"
