"""`freespan config`: what a host would use, where that comes from, and what is wrong with it."""

from __future__ import annotations

import json
import tomllib
from pathlib import Path

import pytest

from freespan.api.settings import default_data_directory
from tests.cli.conftest import Command
from tests.support.laboratory import laboratory
from tests.support.programs import Programs


@pytest.fixture
def file(tmp_path: Path) -> Path:
    file = tmp_path / "host.toml"
    file.write_text('public-url = "https://bridge.example/garden"\nport = 8443\n')
    return file


def test_it_shows_the_settings_and_where_each_comes_from(
    command: Command, file: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv("FREESPAN_ALLOW_PRIVATE", "yes")
    outcome = command("config", "--config", str(file), "--port", "443")
    assert (outcome.code, outcome.errors) == (0, "")
    rows = {line.split()[0]: line.split(maxsplit=2)[1:] for line in outcome.output.splitlines()}
    assert rows["public-url"] == ['"https://bridge.example/garden"', f"{file}: public-url"]
    assert rows["port"] == ["443", "--port"]
    assert rows["allow-private"] == ["true", "FREESPAN_ALLOW_PRIVATE"]
    assert rows["host"] == ['"127.0.0.1"', "default"]
    assert rows["site"] == ["-", "default"]
    assert rows["data"] == [json.dumps(str(default_data_directory())), "default"]


def test_output_for_programs(command: Command, file: Path) -> None:
    outcome = command("config", "--config", str(file), "--front", "https://cdn.example", "--json")
    shown = json.loads(outcome.output)
    assert shown["port"] == {"value": 8443, "from": f"{file}: port"}
    assert shown["front"] == {"value": ["https://cdn.example"], "from": "--front"}
    assert shown["site"] == {"value": None, "from": "default"}
    assert shown["data"] == {"value": str(default_data_directory()), "from": "default"}


def test_the_template(command: Command) -> None:
    outcome = command("config", "--template")
    assert (outcome.code, outcome.errors, tomllib.loads(outcome.output)) == (0, "", {})
    assert '#public-url = "https://bridge.example.org"' in outcome.output


def test_check_prints_nothing_for_settings_that_can_be_used(command: Command, file: Path) -> None:
    outcome = command("config", "--check", "--config", str(file))
    assert (outcome.code, outcome.output, outcome.errors) == (0, "", "")


def test_a_variable_that_is_no_setting_is_named(command: Command, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("FREESPAN_PRT", "443")
    outcome = command("config", "--check")
    warning = "freespan: FREESPAN_PRT: no such setting; did you mean FREESPAN_PORT?\n"
    assert (outcome.code, outcome.output, outcome.errors) == (0, "", warning)


@pytest.mark.parametrize("name", ["serve", "config"])
def test_each_source_is_named_when_its_value_is_wrong(
    command: Command, file: Path, monkeypatch: pytest.MonkeyPatch, name: str
) -> None:
    file.write_text('site = "/nowhere"\n')
    assert command(name, "--config", str(file)).fails(2) == f"{file}: site: not a directory"
    monkeypatch.setenv("FREESPAN_SITE", "/nowhere")
    assert command(name, "--config", str(file)).fails(2) == "FREESPAN_SITE: not a directory"
    assert command(name, "--config", str(file), "--site", "/nowhere").fails(2) == "--site: not a directory"
    file.write_text("sight = 1\n")
    monkeypatch.setenv("FREESPAN_CONFIG", str(file))
    assert command(name).fails(2) == f"{file}: sight: no such setting; did you mean site?"


def test_a_host_with_a_file_of_settings(tmp_path: Path, file: Path) -> None:
    file.write_text('public-url = "https://bridge.example/garden"\nno-such-thing = 1\n')
    with laboratory(tmp_path / "data", "--config", str(file)) as lab:
        assert "did you mean" not in lab.host.fails(2)
    file.write_text('public-url = "https://bridge.example/garden"\nstun = false\n')
    with laboratory(tmp_path / "data", "--config", str(file)) as lab:
        assert (lab.url, lab.ready["stun"]) == ("https://bridge.example/garden", [])


def test_a_demo_does_not_take_the_settings_of_the_environment(
    programs: Programs, monkeypatch: pytest.MonkeyPatch, tmp_path: Path
) -> None:
    monkeypatch.setenv("FREESPAN_PORT", "not a number")
    host = programs("serve", "--port", "0", "--json", "--data", str(tmp_path))
    assert host.event(lambda event: event["event"] == "ready")["url"]
