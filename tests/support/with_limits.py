"""Runs `freespan` with other bounds: `with_limits.py JSON ARGUMENTS…`.

The JSON is an object of dotted names and values. A name is a constant of a module, or a field of a settings class,
whose default it replaces.
"""

import importlib
import inspect
import json
import sys


def replace(dotted: str, value: object) -> None:
    """Set a constant, or the default of a keyword-only field. A name that has moved is a mistake of the test."""
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


limits, *arguments = sys.argv[1:]
for dotted, value in json.loads(limits).items():
    replace(dotted, value)

from freespan.cli.main import main  # noqa: E402

sys.argv = ["freespan", *arguments]
main()
