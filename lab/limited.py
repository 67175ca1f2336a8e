"""Runs `freespan` with some of its bounds set otherwise: `python -m lab.limited JSON ARGUMENTS…`.

The JSON is an object of dotted names and values. It is for comparisons: what would it be without?
"""

from __future__ import annotations

import importlib
import json
import sys


def main(bounds: str, *arguments: str) -> None:
    """Set the bounds, then run."""
    for dotted, value in json.loads(bounds).items():
        module, _, name = dotted.rpartition(".")
        loaded = importlib.import_module(module)
        getattr(loaded, name)  # a bound that has moved is a mistake of the lab
        setattr(loaded, name, value)
    from freespan.cli.main import main as freespan

    sys.argv = ["freespan", *arguments]
    freespan()


if __name__ == "__main__":
    main(*sys.argv[1:])
