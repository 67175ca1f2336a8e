"""Writes the figures as a table for people, and as JSON for programs."""

from __future__ import annotations

import json
import sys
from collections.abc import Mapping
from pathlib import Path

from bench.figures import Figures, Value
from bench.targets import Verdict, verdicts

_NOT_FIGURES = {"n", "parts", "samples", "machine"}
_MARKS = {True: "met", False: "MISSED", None: "not measured"}


def write(path: Path, figures: Figures, machine: Mapping[str, object]) -> None:
    """Write the figures under their names, with their samples, their parts and the machine.

    Figures that the file holds already, and that were not measured now, are kept.
    """
    before = json.loads(path.read_text()) if path.exists() else {}
    content = {
        **{name: value for name, value in before.items() if name not in _NOT_FIGURES},
        **figures.values,
        "n": before.get("n", {}) | {name: len(samples) for name, samples in figures.samples.items()},
        "parts": before.get("parts", {}) | figures.parts,
        "samples": before.get("samples", {}) | figures.samples,
        "machine": machine,
    }
    path.write_text(json.dumps(content, indent=2) + "\n")


def show(figures: Figures) -> None:
    """Print the figures, and whether they meet their targets."""
    rows = [(name, _text(value), _about(figures, name)) for name, value in figures.values.items()]
    against = [(found.name, found.value, f"{found.target}   {_MARKS[found.met]}") for found in verdicts(figures.values)]
    if sys.stdout.isatty():
        _show_pretty(rows, verdicts(figures.values))
        return
    for name, value, note in [*rows, ("", "", ""), *against]:
        print(f"{name:32} {value:>34}  {note}".rstrip())


def _show_pretty(rows: list[tuple[str, str, str]], against: list[Verdict]) -> None:
    from rich.console import Console
    from rich.table import Table

    measured = Table("figure", "value", "n, parts", title="measured", title_justify="left")
    for row in rows:
        measured.add_row(*row)
    targets = Table("figure", "value", "target", "", title="targets", title_justify="left")
    colours = {True: "green", False: "bold red", None: "yellow"}
    for found in against:
        mark = f"[{colours[found.met]}]{_MARKS[found.met]}[/]"
        targets.add_row(found.name, found.value, found.target, mark)
    console = Console(highlight=False)
    console.print(measured, targets, sep="\n")


def _text(value: Value) -> str:
    if value is None:
        return "–"
    if isinstance(value, dict):
        return ", ".join(f"{name} {part:g}" for name, part in value.items())
    return f"{value:g}"


def _about(figures: Figures, name: str) -> str:
    """Return the number of samples, their range, and the parts."""
    notes = []
    if samples := figures.samples.get(name):
        notes.append(f"n={len(samples)}, {min(samples):g} to {max(samples):g}")
    if parts := figures.parts.get(name):
        notes.append(", ".join(f"{part} {seconds:.3f}" for part, seconds in parts.items()))
    return "; ".join(notes)
