"""Known vulnerabilities of the packages in uv.lock and package-lock.json, as pip-audit and npm know them.

Both ask the databases of their registries. A package that a database does not know counts as not checked, not as
good: pip-audit itself would report no vulnerability then.
"""

from __future__ import annotations

import json
import subprocess
import sys
import tempfile
from collections import defaultdict
from collections.abc import Callable, Iterable, Mapping, Sequence
from dataclasses import dataclass, field
from pathlib import Path

from scripts.lock import LockedPackage

ROOT = Path(__file__).parent.parent
SERVICES = ("pypi", "osv")
"""The databases of pip-audit, in the order in which they are asked."""
SECONDS = 300

ACCEPTED: Mapping[str, str] = {}
"""Advisories that do no harm here, by their id, each with the reason."""

Run = Callable[[Sequence[str]], str]
"""Runs a command and returns what it has written to its standard output."""


@dataclass(frozen=True)
class Advisory:
    package: str
    version: str
    id: str
    fixed_in: tuple[str, ...] = ()

    def __str__(self) -> str:
        fixed = f"fixed in {', '.join(self.fixed_in)}" if self.fixed_in else "not fixed yet"
        return f"{self.package} {self.version}: {self.id}, {fixed}"


@dataclass
class Findings:
    advisories: list[Advisory] = field(default_factory=list)
    checked: int = 0
    unknown: list[str] = field(default_factory=list)
    """Packages about which no database has said anything."""


def of_python(packages: Iterable[LockedPackage], run: Run | None = None) -> Findings:
    """Ask about these packages; what one database does not know is asked of the next."""
    found = Findings()
    left = list(packages)
    for service in SERVICES:
        unknown = []
        for several in _one_version_each(left):
            answer = _asked(several, service, run or output_of)
            for package in several:
                if (advisories := answer.get(package.name)) is None:
                    unknown.append(package)
                else:
                    found.checked += 1
                    found.advisories += advisories
        left = unknown
    found.unknown = [f"{package.name} {package.version}" for package in left]
    return found


def of_npm(run: Run | None = None) -> Findings:
    """Ask about the tools for JavaScript, all of them for development alone."""
    found = Findings()
    try:
        report = json.loads((run or output_of)(["npm", "audit", "--json"]))
        metadata = report["metadata"]
    except (ValueError, KeyError, TypeError):
        found.unknown = ["the tools in package-lock.json"]
        return found
    found.checked = metadata["dependencies"]["total"]
    for name, entry in sorted(report["vulnerabilities"].items()):
        ids = [str(via.get("url") or via["source"]).rpartition("/")[2] for via in entry["via"] if isinstance(via, dict)]
        found.advisories += [Advisory(name, entry["range"], id_) for id_ in ids]
    return found


def output_of(command: Sequence[str]) -> str:
    """Return what the command writes; nothing of it if it is not there or takes too long."""
    try:
        done = subprocess.run(command, cwd=ROOT, capture_output=True, text=True, timeout=SECONDS, check=False)
    except (OSError, subprocess.TimeoutExpired):
        return ""
    return done.stdout


def _asked(packages: Sequence[LockedPackage], service: str, run: Run) -> dict[str, list[Advisory]]:
    """What a database says, by the name of the package; nothing about those that it does not know."""
    with tempfile.TemporaryDirectory() as folder:
        file = Path(folder) / "requirements.txt"
        file.write_text("".join(f"{package.name}=={package.version}\n" for package in packages), encoding="utf-8")
        command = [sys.executable, "-m", "pip_audit", "--requirement", str(file), "--no-deps", "--disable-pip"]
        command += ["--vulnerability-service", service, "--format", "json", "--progress-spinner", "off"]
        answer = run(command)
    try:
        report = json.loads(answer)
    except ValueError:
        return {}
    return {
        entry["name"]: [
            Advisory(entry["name"], entry["version"], vuln["id"], tuple(vuln["fix_versions"]))
            for vuln in entry["vulns"]
            if vuln["id"] not in ACCEPTED
        ]
        for entry in report["dependencies"]
        if "skip_reason" not in entry
    }


def _one_version_each(packages: Iterable[LockedPackage]) -> list[list[LockedPackage]]:
    """Groups in which each name occurs once, since pip-audit takes no more."""
    seen: dict[str, int] = defaultdict(int)
    groups: list[list[LockedPackage]] = []
    for package in packages:
        number = seen[package.name]
        seen[package.name] += 1
        if number == len(groups):
            groups.append([])
        groups[number].append(package)
    return groups
