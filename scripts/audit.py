"""`make audit`: known vulnerabilities, licences, and the list of what a release is made of, all from the locks.

Exit code 1 if anything is wrong or could not be checked. With --offline no database of vulnerabilities is asked.
"""

from __future__ import annotations

import argparse
import json
import sys
from collections.abc import Iterable, Iterator

from cyclonedx.model.bom import Bom
from cyclonedx.model.component import Component
from cyclonedx.schema import SchemaVersion
from cyclonedx.validation.json import JsonStrictValidator

from scripts import advisories
from scripts.advisories import ACCEPTED, ROOT, Findings
from scripts.licences import is_allowed
from scripts.lock import LOCK, packages
from scripts.sbom import NATURAL_EARTH, as_json, bill_of_materials

DIST = ROOT / "dist"
RELEASE = "freespan.cdx.json"
TOOLS = "npm-tools.cdx.json"


def main(arguments: list[str] | None = None) -> int:
    parser = argparse.ArgumentParser(prog="make audit", description=__doc__)
    parser.add_argument("--offline", action="store_true", help="do not ask for known vulnerabilities")
    offline = parser.parse_args(arguments).offline
    lock = LOCK.read_text(encoding="utf-8")
    DIST.mkdir(exist_ok=True)
    bom = bill_of_materials(lock)
    faults = [*licences(bom), *written(bom), *tools_written()]
    if not offline:
        faults += vulnerabilities("Python", advisories.of_python(packages(lock)))
        faults += vulnerabilities("npm", advisories.of_npm())
    for fault in faults:
        print(f"audit: {fault}", file=sys.stderr)
    return 1 if faults else 0


def licences(bom: Bom) -> Iterator[str]:
    """Yield a fault for each part of a release whose licence is unknown or not allowed."""
    parts = [part for part in all_parts(bom.components) if part is not NATURAL_EARTH]
    bad = [fault for part in parts if (fault := fault_of(part))]
    print(f"licences: {len(parts) - len(bad)} of {len(parts)} parts of a release have one that is allowed")
    yield from bad


def fault_of(part: Component) -> str | None:
    """What is wrong with the licence of a part, or None."""
    named = [licence.value for licence in part.licenses if hasattr(licence, "value")]
    if not named:
        return f"{part.name} {part.version}: its licence is not known; read it, and name it in scripts/licences.py"
    bad = [expression for expression in named if not is_allowed(expression)]
    return f"{part.name} {part.version}: {bad[0]} is not among the licences in docs/dependencies.md" if bad else None


def all_parts(components: Iterable[Component]) -> Iterator[Component]:
    for component in components:
        yield component
        yield from all_parts(component.components)


def written(bom: Bom) -> Iterator[str]:
    """Write the list; yield a fault if it is not what CycloneDX prescribes."""
    text = as_json(bom)
    if wrong := JsonStrictValidator(SchemaVersion.V1_6).validate_str(text):
        yield f"{RELEASE}: {wrong}"
        return
    (DIST / RELEASE).write_text(text, encoding="utf-8")
    print(f"parts: {len(bom.components)} packages in dist/{RELEASE}")


def tools_written() -> Iterator[str]:
    """Write npm's list of the tools for JavaScript, none of which is shipped."""
    text = advisories.output_of(["npm", "sbom", "--sbom-format", "cyclonedx", "--package-lock-only"])
    try:
        count = len(json.loads(text)["components"])
    except (ValueError, KeyError):
        yield f"{TOOLS}: npm has not written it; Node.js 20.19 or newer does"
        return
    (DIST / TOOLS).write_text(text, encoding="utf-8")
    print(f"tools: {count} npm packages, none of them shipped, in dist/{TOOLS}")


def vulnerabilities(kind: str, found: Findings) -> Iterator[str]:
    """Yield a fault for each known vulnerability, and one for all packages that nobody could be asked about."""
    accepted = f", {len(ACCEPTED)} accepted" if ACCEPTED else ""
    print(f"vulnerabilities: {found.checked} {kind} packages checked, {len(found.advisories)} known{accepted}")
    yield from map(str, found.advisories)
    if found.unknown and not found.checked:
        yield f"no database of vulnerabilities can be reached from this machine, so no {kind} package was checked"
    elif found.unknown:
        yield f"no database of vulnerabilities knows {', '.join(found.unknown)}"


if __name__ == "__main__":
    sys.exit(main())
