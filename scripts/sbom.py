"""The list of what a release is made of (a CycloneDX SBOM), from uv.lock and the packages installed here.

Versions, files with their hashes, and who needs whom are those of the lock, on all platforms together. Licences are
what the installed packages say of themselves, and so are the parts that a wheel lists (PEP 770), such as the OpenSSL
inside of cryptography. The same lock gives the same bytes: there is neither a date nor a serial number.
"""

from __future__ import annotations

import importlib.metadata
import json
from collections import defaultdict
from collections.abc import Callable, Iterator
from email import message_from_string
from email.message import Message
from typing import Any

from cyclonedx.model import ExternalReference, ExternalReferenceType, HashAlgorithm, HashType, XsUri
from cyclonedx.model.bom import Bom
from cyclonedx.model.component import Component, ComponentType
from cyclonedx.model.license import DisjunctiveLicense, LicenseExpression
from cyclonedx.output.json import JsonV1Dot6
from packageurl import PackageURL

from freespan import __version__
from scripts.licences import licence_of
from scripts.lock import PROJECT, LockedPackage, needs_of_a_release, normal, shipped

LICENCE = "Apache-2.0"

NATURAL_EARTH = Component(
    type=ComponentType.DATA,
    bom_ref="natural-earth",
    name="Natural Earth",
    version="1:110m and 1:50m",
    description="coasts and centres of countries, in web/static/globe/coastlines.js",
    licenses=[DisjunctiveLicense(name="public domain")],
)
"""All that the files of the project itself contain of others."""

Find = Callable[[LockedPackage], "Installed | None"]


class Installed:
    """What an installed package says of itself."""

    def __init__(self, distribution: importlib.metadata.Distribution) -> None:
        self._distribution = distribution
        self.metadata: Message = message_from_string(distribution.read_text("METADATA") or "")

    def parts(self) -> Iterator[dict[str, Any]]:
        """The components of the lists that it brings."""
        for file in self._distribution.files or ():
            if file.parent.name == "sboms" and file.name.endswith(".json"):
                yield from json.loads(file.read_text(encoding="utf-8")).get("components", [])


def installed(package: LockedPackage) -> Installed | None:
    """Return the package as it is installed here, in the version of the lock."""
    try:
        found = importlib.metadata.distribution(package.name)
    except importlib.metadata.PackageNotFoundError:
        return None
    return Installed(found) if found.version == package.version else None


def bill_of_materials(lock: str, find: Find = installed) -> Bom:
    """Return the list for a release that is made from this lock."""
    packages = shipped(lock)
    project = Component(
        type=ComponentType.APPLICATION,
        bom_ref=PROJECT,
        name=PROJECT,
        version=__version__,
        purl=PackageURL("pypi", name=PROJECT, version=__version__),
        licenses=[LicenseExpression(LICENCE)],
        components=[NATURAL_EARTH],
    )
    components = {package: _component(package, find(package)) for package in packages}
    bom = Bom(components=components.values())
    bom.metadata.component = project
    by_name: dict[str, list[Component]] = defaultdict(list)
    for package, component in components.items():
        by_name[package.name].append(component)
    bom.register_dependency(project, [found for name in needs_of_a_release(lock) for found in by_name[name]])
    for package, component in components.items():
        bom.register_dependency(component, [found for name in package.needs for found in by_name[name]])
    return bom


def as_json(bom: Bom) -> str:
    """Return the list as CycloneDX 1.6, without what would differ from one run to the next."""
    found = json.loads(JsonV1Dot6(bom).output_as_string())
    del found["serialNumber"], found["metadata"]["timestamp"]
    return json.dumps(found, indent=2, sort_keys=True, ensure_ascii=False) + "\n"


def _component(package: LockedPackage, found: Installed | None) -> Component:
    licence = licence_of(package.name, found.metadata if found else None)
    purl = PackageURL("pypi", name=package.name, version=package.version)
    return Component(
        bom_ref=purl.to_string(),
        name=package.name,
        version=package.version,
        purl=purl,
        description=str(found.metadata["Summary"]) if found else None,
        licenses=[LicenseExpression(licence)] if licence else (),
        external_references=[
            ExternalReference(
                type=ExternalReferenceType.DISTRIBUTION,
                url=XsUri(file.url),
                hashes=[HashType(alg=HashAlgorithm.SHA_256, content=file.sha256)],
            )
            for file in package.files
        ],
        components=[_part(purl.to_string(), part) for part in found.parts()] if found else (),
    )


def _part(of: str, part: dict[str, Any]) -> Component:
    expressions = [str(text) for entry in part.get("licenses", []) if (text := _expression(entry))]
    licence = licence_of(normal(part["name"]), None) or " AND ".join(expressions)
    return Component(
        bom_ref=f"{of}#{part['name']}@{part.get('version', '')}",
        name=part["name"],
        version=part.get("version"),
        purl=PackageURL.from_string(part["purl"]) if "purl" in part else None,
        licenses=[LicenseExpression(licence)] if licence else (),
    )


def _expression(entry: dict[str, Any]) -> str | None:
    """The licence in one entry of a component, in whichever of its three forms."""
    licence: dict[str, str] = entry.get("license", {})
    expression: str | None = entry.get("expression")
    return expression or licence.get("id") or licence.get("name")
