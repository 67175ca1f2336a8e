"""The imports between the Python files of this repository, read from their source; those inside functions count."""

from __future__ import annotations

import ast
from collections.abc import Iterator, Mapping
from dataclasses import dataclass
from functools import cache
from pathlib import Path

ROOT = Path(__file__).parents[2]
PLACES = {"freespan": "src/freespan"} | {name: name for name in ("bench", "fuzz", "lab", "scripts", "tests")}
"""The folder of each top-level package."""


@dataclass(frozen=True)
class Import:
    """One import statement; `module` is absolute, such as `freespan.link.base`."""

    file: Path
    line: int
    module: str

    @property
    def top(self) -> str:
        return self.module.partition(".")[0]

    def __str__(self) -> str:
        return f"{self.file.relative_to(ROOT)}:{self.line} imports {self.module}"


@cache
def modules() -> Mapping[str, Path]:
    """Return the files of all modules by their names; a package has the name of its folder."""
    return {module_name(file): file for place in PLACES.values() for file in sorted((ROOT / place).rglob("*.py"))}


def module_name(file: Path) -> str:
    """Return the dotted name by which a file is imported."""
    parts = list(file.relative_to(ROOT).with_suffix("").parts)
    if parts[0] == "src":
        del parts[0]
    return ".".join(parts[:-1] if parts[-1] == "__init__" else parts)


def imports_of(file: Path, source: str | None = None) -> Iterator[Import]:
    """Yield the imports of a file, or of other source that would stand in its place."""
    tree = ast.parse(file.read_text(encoding="utf-8") if source is None else source, filename=str(file))
    parts = module_name(file).split(".")
    package = parts if file.name == "__init__.py" else parts[:-1]
    for node in ast.walk(tree):
        if isinstance(node, ast.Import):
            for alias in node.names:
                yield Import(file, node.lineno, alias.name)
        elif isinstance(node, ast.ImportFrom):
            base = package[: len(package) - node.level + 1] if node.level else []
            module = ".".join([*base, *([node.module] if node.module else [])])
            for alias in node.names:
                name = f"{module}.{alias.name}"
                # `from package import name` imports a module if there is one of that name.
                yield Import(file, node.lineno, name if name in modules() or module == "freespan" else module)


def graph() -> dict[str, set[str]]:
    """Return for each module of this repository the modules of this repository that it imports."""
    known = modules()
    return {
        name: {found.module for found in imports_of(file) if found.module in known and found.module != name}
        for name, file in known.items()
    }


def circle_in(edges: Mapping[str, set[str]]) -> list[str]:
    """Return the modules of a circle of imports, the first one again at the end; empty if there is none."""
    finished: set[str] = set()

    def visit(name: str, path: list[str]) -> list[str]:
        if name in path:
            return [*path[path.index(name) :], name]
        if name not in finished:
            for following in sorted(edges.get(name, ())):
                if found := visit(following, [*path, name]):
                    return found
            finished.add(name)
        return []

    return next((found for name in sorted(edges) if (found := visit(name, []))), [])
