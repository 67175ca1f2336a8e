"""What uv.lock says: the packages, what each of them needs, and which of them are shipped."""

from __future__ import annotations

import re
import tomllib
from collections import defaultdict
from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path
from typing import Any

LOCK = Path(__file__).parent.parent / "uv.lock"
PROJECT = "freespan"
SHIPPED_EXTRAS = ("host",)
"""The extras of a release. The others are tools, and nobody who uses freespan gets them."""


@dataclass(frozen=True)
class LockedFile:
    """A wheel or source distribution: whoever installs from the lock gets this file or none."""

    url: str
    sha256: str


@dataclass(frozen=True)
class LockedPackage:
    name: str
    version: str
    needs: tuple[str, ...]
    """Names of packages, on whatever platform."""
    files: tuple[LockedFile, ...]


def packages(lock: str) -> list[LockedPackage]:
    """All packages of the lock but the project itself. One of them may be there in several versions."""
    return [_package(found) for found in tomllib.loads(lock)["package"] if "registry" in found["source"]]


def shipped(lock: str) -> list[LockedPackage]:
    """What comes with a client, a bridge or a host, on any platform and any version of Python."""
    wanted = needs_of_a_release(lock)
    by_name: dict[str, list[LockedPackage]] = defaultdict(list)
    for package in packages(lock):
        by_name[package.name].append(package)
    reached: set[str] = set()
    while wanted:
        reached |= wanted
        wanted = {need for name in wanted for package in by_name[name] for need in package.needs} - reached
    return [package for name in sorted(reached) for package in by_name[name]]


def needs_of_a_release(lock: str) -> set[str]:
    """The names of the packages that a release itself asks for."""
    project = next(found for found in tomllib.loads(lock)["package"] if found["name"] == PROJECT)
    extras = (project["optional-dependencies"][extra] for extra in SHIPPED_EXTRAS)
    return {need["name"] for needs in (project["dependencies"], *extras) for need in needs}


def normal(name: str) -> str:
    """The one form of a package's name in which it stands in the lock."""
    return re.sub(r"[-_.]+", "-", name).lower()


def _package(found: dict[str, Any]) -> LockedPackage:
    files = [found["sdist"]] if "sdist" in found else []
    return LockedPackage(
        name=found["name"],
        version=found["version"],
        needs=tuple(sorted(set(_needs(found)))),
        files=tuple(_file(file) for file in [*files, *found.get("wheels", [])]),
    )


def _file(found: dict[str, Any]) -> LockedFile:
    return LockedFile(found["url"], found["hash"].removeprefix("sha256:"))


def _needs(found: dict[str, Any]) -> Iterator[str]:
    """Extras of other packages count as if everybody asked for them: too much here is better than too little."""
    for need in found.get("dependencies", []):
        yield need["name"]
    for needs in found.get("optional-dependencies", {}).values():
        for need in needs:
            yield need["name"]
