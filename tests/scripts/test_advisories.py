"""What the databases say is understood, and their silence is no good news."""

import json
from collections.abc import Sequence
from pathlib import Path
from typing import Any

import pytest

from scripts import advisories
from scripts.advisories import Advisory, of_npm, of_python, output_of
from scripts.audit import vulnerabilities
from scripts.lock import LockedPackage


def package(name: str, version: str = "1") -> LockedPackage:
    return LockedPackage(name, version, (), ())


class Databases:
    """pip-audit with these answers, by service and package: ids of advisories, or None for what it does not know."""

    def __init__(self, **answers: dict[str, list[str] | None]) -> None:
        self.answers = answers
        self.asked: list[str] = []

    def __call__(self, command: Sequence[str]) -> str:
        service = command[command.index("--vulnerability-service") + 1]
        lines = Path(command[command.index("--requirement") + 1]).read_text(encoding="utf-8").split()
        self.asked += [f"{service} {line}" for line in lines]
        if service not in self.answers:
            return "Traceback: no route to the database"
        return json.dumps({"dependencies": [self._entry(service, *line.split("==")) for line in lines]})

    def _entry(self, service: str, name: str, version: str) -> dict[str, Any]:
        ids = self.answers[service].get(name)
        if ids is None:
            return {"name": name, "skip_reason": "not found"}
        return {"name": name, "version": version, "vulns": [{"id": id_, "fix_versions": ["2"]} for id_ in ids]}


def test_what_is_known_is_reported_with_what_helps() -> None:
    found = of_python([package("a"), package("b")], Databases(pypi={"a": ["PYSEC-1"], "b": []}))
    assert found.advisories == [Advisory("a", "1", "PYSEC-1", ("2",))]
    assert str(found.advisories[0]) == "a 1: PYSEC-1, fixed in 2"
    assert (found.checked, found.unknown) == (2, [])


def test_what_the_first_database_does_not_know_is_asked_of_the_second() -> None:
    databases = Databases(pypi={"a": [], "b": None}, osv={"b": ["GHSA-1"]})
    found = of_python([package("a"), package("b")], databases)
    assert [advisory.id for advisory in found.advisories] == ["GHSA-1"]
    assert databases.asked == ["pypi a==1", "pypi b==1", "osv b==1"]


def test_what_no_database_knows_is_not_good_but_unknown() -> None:
    found = of_python([package("a"), package("b")], Databases(pypi={"a": [], "b": None}))
    assert (found.checked, found.unknown) == (1, ["b 1"])
    assert list(vulnerabilities("Python", found)) == ["no database of vulnerabilities knows b 1"]


def test_a_machine_that_reaches_no_database_says_so_in_one_line(capsys: pytest.CaptureFixture[str]) -> None:
    found = of_python([package("a"), package("b")], Databases())
    assert list(vulnerabilities("Python", found)) == [
        "no database of vulnerabilities can be reached from this machine, so no Python package was checked"
    ]
    assert "0 Python packages checked" in capsys.readouterr().out


def test_two_versions_of_a_package_are_both_asked_about() -> None:
    databases = Databases(pypi={"a": ["PYSEC-1"]})
    found = of_python([package("a", "1"), package("a", "3")], databases)
    assert [advisory.version for advisory in found.advisories] == ["1", "3"]
    assert databases.asked == ["pypi a==1", "pypi a==3"]


def test_an_accepted_advisory_is_no_fault(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(advisories, "ACCEPTED", {"PYSEC-1": "a test"})
    assert of_python([package("a")], Databases(pypi={"a": ["PYSEC-1"]})).advisories == []


def test_npm_names_the_advisory_and_not_who_depends_on_it() -> None:
    entry = {"range": "<2", "via": [{"source": 7, "url": "https://example.org/advisories/GHSA-1"}, "other"]}
    report = {"vulnerabilities": {"tool": entry}, "metadata": {"dependencies": {"total": 86}}}
    found = of_npm(lambda _: json.dumps(report))
    assert found.advisories == [Advisory("tool", "<2", "GHSA-1")]
    assert found.checked == 86


@pytest.mark.parametrize("answer", ["", "{}", '{"message": "405 Method Not Allowed"}', "[]"])
def test_an_npm_that_reaches_no_database_has_checked_nothing(answer: str) -> None:
    found = of_npm(lambda _: answer)
    assert (found.checked, found.advisories) == (0, [])
    assert len(list(vulnerabilities("npm", found))) == 1


def test_a_command_that_is_not_there_says_nothing() -> None:
    assert output_of(["no-such-command"]) == ""
