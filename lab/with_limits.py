"""Runs `freespan` with some of its limits changed: `python -m lab.with_limits JSON ARGUMENTS…`.

JSON is an object of dotted names and values.
"""

from __future__ import annotations

import importlib
import json
import sys


def main(limits: str, *arguments: str) -> None:
    """Set the limits, then run."""
    for dotted, value in json.loads(limits).items():
        module, _, name = dotted.rpartition(".")
        loaded = importlib.import_module(module)
        getattr(loaded, name)  # fails if the limit has moved
        setattr(loaded, name, value)
    from freespan.cli.main import main as freespan

    sys.argv = ["freespan", *arguments]
    freespan()


if __name__ == "__main__":
    main(*sys.argv[1:])
