#!/bin/sh
# Prints the path of a Python that can run freespan, or says in one line what to install.
# Order: $PYTHON, the default python3, python3.14 … python3.11, pyenv's, uv's. Output: one path; exit 1 if there is none.
set -u

found_without_venv=""

# usable COMMAND: prints the interpreter's real path if it is new enough and can make a virtual environment.
# The command is run, since the pyenv shim of an inactive version exists but fails.
usable() {
    path=$("$1" -c '
import sys
if sys.version_info < (3, 11): sys.exit(1)
import ssl
print(sys.executable)' 2>/dev/null </dev/null) && [ -n "$path" ] || return 1
    # uv makes environments itself; without it Python needs ensurepip, which Debian has in another package.
    if ! command -v uv >/dev/null 2>&1 && ! "$path" -c 'import ensurepip, venv' >/dev/null 2>&1; then
        found_without_venv=$path
        return 1
    fi
    printf '%s\n' "$path"
}

candidates() {
    printf '%s\n' "${PYTHON:-}" python3 python3.14 python3.13 python3.12 python3.11
    ls -d "${PYENV_ROOT:-${HOME:-/nonexistent}/.pyenv}"/versions/*/bin/python3 2>/dev/null
    command -v uv >/dev/null 2>&1 && uv python find --no-python-downloads '>=3.11' 2>/dev/null
}

# Read line by line in this shell, not at the end of a pipe, so that found_without_venv survives the loop.
while IFS= read -r candidate; do
    [ -n "$candidate" ] && usable "$candidate" && exit 0
done <<LIST
$(candidates)
LIST

if [ -n "$found_without_venv" ]; then
    echo "freespan: $found_without_venv cannot make a virtual environment; install python3-venv (Debian, Ubuntu: sudo apt install python3-venv) or uv." >&2
else
    echo "freespan needs Python 3.11 or newer: install it (Debian, Ubuntu: sudo apt install python3 python3-venv; macOS: brew install python; anywhere with uv: uv python install 3.13) and run this again." >&2
fi
exit 1
