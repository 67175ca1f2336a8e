"""Measures how many branches of each parser's module the kept inputs reach: `python -m fuzz.coverage_table`."""

from __future__ import annotations

import json
import logging
import sys
import tempfile
from pathlib import Path

import coverage

BRANCHES_MIN = 95.0
"""Per cent of the branches of each module that must be reached."""


def measure() -> dict[str, float]:
    """Per cent of the branches that are reached, by module."""
    measured = coverage.Coverage(branch=True, source_pkgs=["freespan"], data_file=None, config_file=True)
    logging.disable()
    measured.start()
    from fuzz.catalog import TARGETS  # what a module does when it is imported counts as well
    from fuzz.corpus import kept

    for target in TARGETS.values():
        for data in (*target.seeds, *kept(target.name)):
            target.run(data)
    measured.stop()
    modules = sorted({module for target in TARGETS.values() for module in target.modules})
    files = {str(Path(sys.modules[module].__file__ or "").resolve()): module for module in modules}
    with tempfile.TemporaryDirectory() as folder:
        report = Path(folder) / "coverage.json"
        measured.json_report(outfile=str(report), include=list(files))
        found = json.loads(report.read_text(encoding="utf-8"))["files"]
    return {files[str(Path(name).resolve())]: _branches(one["summary"]) for name, one in found.items()}


def _branches(summary: dict[str, float]) -> float:
    return 100 * summary["covered_branches"] / summary["num_branches"] if summary["num_branches"] else 100.0


def main() -> int:
    """Print the table; 1 if a module is below `BRANCHES_MIN`."""
    found = measure()
    for module, branches in found.items():
        print(f"{branches:6.1f} %  {module}")
    return int(min(found.values()) < BRANCHES_MIN)


if __name__ == "__main__":
    sys.exit(main())
