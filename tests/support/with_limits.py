"""Runs `freespan` with some of its bounds set otherwise: `with_limits.py JSON ARGUMENTS…`, the JSON an object of
dotted names and values."""

import importlib
import json
import sys

limits, *arguments = sys.argv[1:]
for dotted, value in json.loads(limits).items():
    module, _, name = dotted.rpartition(".")
    loaded = importlib.import_module(module)
    getattr(loaded, name)  # a bound that has moved is a mistake of the test
    setattr(loaded, name, value)

from freespan.cli.main import main  # noqa: E402

sys.argv = ["freespan", *arguments]
main()
