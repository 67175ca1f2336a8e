"""Runs `freespan` with other limits: `python -m lab.with_limits JSON ARGUMENTS…`. The tests use it as well.

JSON is an object of dotted names and values. A name is a constant of a module, or a field of a settings class, whose
default it replaces.
"""

from __future__ import annotations

import importlib
import inspect
import json
import sys


def replace(dotted: str, value: object) -> None:
    """Set a constant, or the default of a keyword-only field. Raises `AttributeError` or `KeyError` if it has moved."""
    place, _, name = dotted.rpartition(".")
    module, _, cls = place.rpartition(".")
    if cls[:1].isupper():
        owner = getattr(importlib.import_module(module), cls)
        defaults = inspect.unwrap(owner.__init__).__kwdefaults__
        defaults[name]
        defaults[name] = value
    else:
        loaded = importlib.import_module(place)
        getattr(loaded, name)
        setattr(loaded, name, value)


def main(limits: str, *arguments: str) -> None:
    """Set the limits, then run."""
    for dotted, value in json.loads(limits).items():
        replace(dotted, value)
    from freespan.cli.main import main as freespan

    sys.argv = ["freespan", *arguments]
    freespan()


if __name__ == "__main__":
    main(*sys.argv[1:])
