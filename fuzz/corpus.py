"""The inputs that are kept for each target: a text file of base64, one input a line, the shortest first.

`corpora` has inputs that reach each branch that fuzzing has reached so far; `crashers` those that have found a fault.
"""

from __future__ import annotations

import base64
from collections.abc import Iterable
from pathlib import Path

_HERE = Path(__file__).parent
CORPORA = _HERE / "corpora"
CRASHERS = _HERE / "crashers"


def read(folder: Path, name: str) -> list[bytes]:
    """The inputs of a target; none if there is no file."""
    file = folder / f"{name}.txt"
    return [base64.b64decode(line) for line in file.read_text(encoding="ascii").splitlines()] if file.exists() else []


def write(folder: Path, name: str, inputs: Iterable[bytes]) -> None:
    """Keep inputs, each once."""
    lines = [base64.b64encode(data).decode() for data in sorted(set(inputs), key=lambda data: (len(data), data))]
    folder.mkdir(exist_ok=True)
    (folder / f"{name}.txt").write_text("".join(f"{line}\n" for line in lines), encoding="ascii")


def kept(name: str) -> list[bytes]:
    """All inputs that are kept for a target."""
    return [*read(CORPORA, name), *read(CRASHERS, name)]
