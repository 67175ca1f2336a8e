"""The list of what a release is made of: pinned by the lock, with licences, the same in every run."""

import json
from email.message import EmailMessage, Message
from typing import Any

from scripts.audit import all_parts, fault_of
from scripts.lock import LOCK, LockedPackage, shipped
from scripts.sbom import Installed, as_json, bill_of_materials

A_LOCK = """
[[package]]
name = "freespan"
source = { editable = "." }
dependencies = [{ name = "sealer" }]

[package.optional-dependencies]
host = []

[[package]]
name = "sealer"
version = "1"
source = { registry = "…" }
dependencies = [{ name = "helper" }]
sdist = { url = "https://example.org/sealer.tar.gz", hash = "sha256:aa" }

[[package]]
name = "helper"
version = "2"
source = { registry = "…" }
"""


class Sealer(Installed):
    """A package whose wheel lists what is inside."""

    def __init__(self, licence: str, inside: list[dict[str, Any]]) -> None:
        self.metadata: Message = EmailMessage()
        self.metadata["License-Expression"] = licence
        self.metadata["Summary"] = "Seals"
        self._inside = inside

    def parts(self) -> Any:
        return iter(self._inside)


def found_here(package: LockedPackage) -> Installed | None:
    inside = [{"name": "core", "version": "3", "licenses": [{"license": {"id": "GPL-3.0-only"}}]}]
    return Sealer("MIT", inside) if package.name == "sealer" else None


def test_it_has_versions_hashes_licences_and_who_needs_whom() -> None:
    bom = json.loads(as_json(bill_of_materials(A_LOCK, found_here)))
    helper, sealer = sorted(bom["components"], key=lambda component: component["name"])
    assert sealer["purl"] == "pkg:pypi/sealer@1"
    assert sealer["licenses"] == [{"expression": "MIT"}]
    assert sealer["externalReferences"][0]["hashes"] == [{"alg": "SHA-256", "content": "aa"}]
    assert [part["name"] for part in sealer["components"]] == ["core"]
    assert helper["version"] == "2"
    needs = {entry["ref"]: entry.get("dependsOn", []) for entry in bom["dependencies"]}
    assert needs["freespan"] == ["pkg:pypi/sealer@1"]
    assert needs["pkg:pypi/sealer@1"] == ["pkg:pypi/helper@2"]


def test_unknown_and_forbidden_licences_are_faults_also_inside_of_a_wheel() -> None:
    parts = {part.name: fault_of(part) for part in all_parts(bill_of_materials(A_LOCK, found_here).components)}
    assert parts["sealer"] is None
    assert "not known" in (parts["helper"] or "")
    assert "GPL-3.0-only is not among" in (parts["core"] or "")


def test_the_same_lock_gives_the_same_bytes() -> None:
    assert as_json(bill_of_materials(A_LOCK, found_here)) == as_json(bill_of_materials(A_LOCK, found_here))


def test_all_that_is_shipped_has_a_licence_that_is_allowed() -> None:
    """As it is installed here; `make audit` says the same with the database of vulnerabilities."""
    lock = LOCK.read_text(encoding="utf-8")
    bom = bill_of_materials(lock)
    assert len(bom.components) == len(shipped(lock)) > 30
    assert [fault for part in all_parts(bom.components) if (fault := fault_of(part))] == []
