"""Runs `freespan` with some of its bounds set otherwise: `python -m lab.limited JSON ARGUMENTS…`.

The JSON is an object of names in `freespan.wire.limits` and values. It is for comparisons: what would it be without?
"""

from __future__ import annotations

import json
import sys

from freespan.wire import limits


def main(bounds: str, *arguments: str) -> None:
    """Set the bounds before anything that reads them is loaded."""
    for name, value in json.loads(bounds).items():
        getattr(limits, name)  # a bound that has moved is a mistake of the lab
        setattr(limits, name, value)
    from freespan.cli.main import main as freespan

    sys.argv = ["freespan", *arguments]
    freespan()


if __name__ == "__main__":
    main(*sys.argv[1:])
