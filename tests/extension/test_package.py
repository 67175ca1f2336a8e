"""The packages hold all that is needed, nothing from elsewhere, and no permission without an explanation."""

from __future__ import annotations

import json
import posixpath
import re
import struct
import zipfile
from pathlib import Path
from typing import Any

import pytest

from scripts import make_extension

ROOT = Path(__file__).parent.parent.parent
LANGUAGES = ROOT / "src" / "freespan" / "web" / "static" / "languages"
PERMISSIONS = {"chromium": {"offscreen"}, "firefox": {"alarms"}}
MAY_ASK_FOR_MORE = {"optional_permissions", "host_permissions", "optional_host_permissions", "content_scripts"}

each_browser = pytest.mark.parametrize("kind", PERMISSIONS)


def manifest_of(files: dict[str, bytes]) -> dict[str, Any]:
    manifest: dict[str, Any] = json.loads(files["manifest.json"])
    return manifest


def names_in(value: Any) -> set[str]:
    """Everything in a manifest that looks like a file of the package."""
    if isinstance(value, dict):
        return {name for inner in value.values() for name in names_in(inner)}
    if isinstance(value, list):
        return {name for inner in value for name in names_in(inner)}
    return {value} if isinstance(value, str) and re.fullmatch(r"[\w/-]+\.(html|js|png)", value) else set()


@each_browser
def test_everything_that_is_named_is_there(kind: str) -> None:
    files = make_extension.files_of(kind)
    wanted = names_in(manifest_of(files))
    assert wanted
    for name, content in files.items():
        if name.endswith(".html"):
            wanted |= set(re.findall(r'(?:src|href)="([^"]+)"', content.decode()))
    for size in (16, 32, 48):
        wanted |= {f"icons/on-{size}.png", f"icons/off-{size}.png"}
    assert wanted <= files.keys()
    for icon in (name for name in wanted if name.endswith(".png")):
        width = height = int(re.sub(r"\D", "", icon))
        assert struct.unpack(">II", files[icon][16:24]) == (width, height), icon


@each_browser
def test_the_permissions_are_few_and_explained(kind: str) -> None:
    manifest = manifest_of(make_extension.files_of(kind))
    assert set(manifest["permissions"]) == PERMISSIONS[kind]
    assert not MAY_ASK_FOR_MORE & manifest.keys()
    explained = (ROOT / "docs" / "extension.md").read_text("utf-8")
    assert all(f"`{permission}`" in explained for permission in PERMISSIONS[kind])


@each_browser
def test_all_code_is_in_the_package(kind: str) -> None:
    files = make_extension.files_of(kind)
    policy = manifest_of(files)["content_security_policy"]["extension_pages"]
    assert "script-src 'self';" in policy
    assert "default-src 'none'" in policy
    for name in (name for name in files if name.endswith((".js", ".html"))):
        text = re.sub(r"/\*\*.*?\*/", "", files[name].decode(), flags=re.DOTALL)  # types in comments are no imports
        assert not re.search(
            r"""\beval\(|new Function|innerHTML|import\((?!"\.)|<script>|\bon\w+="|style=\"""", text
        ), name
        for module in re.findall(r'\b(?:from |import |import\()"([^"]+)"', text):
            assert posixpath.normpath(posixpath.join(posixpath.dirname(name), module)) in files, (name, module)


@each_browser
def test_what_it_shares_with_web_pages_is_the_same(kind: str) -> None:
    shared = {name: content for name, content in make_extension.files_of(kind).items() if name.startswith("static/")}
    assert {"static/volunteer/rules.js", "static/languages/fa.json"} <= shared.keys()
    assert ("static/bridge/bridge.js" in shared) == (kind == "chromium")
    assert all(content == (make_extension.WEB / name).read_bytes() for name, content in shared.items())


@each_browser
def test_the_same_source_gives_the_same_package(kind: str, tmp_path: Path) -> None:
    files = make_extension.files_of(kind)
    packages = [tmp_path / "one" / make_extension.PACKAGES[kind], tmp_path / "other" / make_extension.PACKAGES[kind]]
    for package in packages:
        make_extension.pack(files, package)
    assert packages[0].read_bytes() == packages[1].read_bytes()
    with zipfile.ZipFile(packages[0]) as archive:
        assert {name: archive.read(name) for name in archive.namelist()} == files


def test_both_browsers_have_the_same_policy() -> None:
    manifests = [manifest_of(make_extension.files_of(kind)) for kind in PERMISSIONS]
    differing = {name for name in manifests[0] | manifests[1] if manifests[0].get(name) != manifests[1].get(name)}
    assert differing == {"background", "browser_specific_settings", "key", "minimum_chrome_version", "permissions"}


@pytest.mark.parametrize("language", sorted(path.stem for path in LANGUAGES.glob("*.json")))
def test_every_language_has_every_text(language: str) -> None:
    own = json.loads((make_extension.SOURCE / "languages" / f"{language}.json").read_text("utf-8"))
    english = json.loads((make_extension.SOURCE / "languages" / "en.json").read_text("utf-8"))["texts"]
    shared = json.loads((LANGUAGES / f"{language}.json").read_text("utf-8"))
    assert {**own, "texts": 0, "checked_by_native_speaker": 0} == {**shared, "texts": 0, "checked_by_native_speaker": 0}
    assert isinstance(own["checked_by_native_speaker"], bool)
    assert [*own["texts"]] == [*english]
    for key, text in own["texts"].items():
        assert text == text.strip() != "", key
        assert language == "en" or text != english[key] or key in {"host"}, key
        assert ("https://" in text) == ("https://" in english[key]), key
    assert own["texts"]["consent_does"] != shared["texts"]["consent_does"]


@each_browser
def test_every_text_of_the_pages_exists(kind: str) -> None:
    files = make_extension.files_of(kind)
    texts = {
        key for name in ("languages/en.json", "static/languages/en.json") for key in json.loads(files[name])["texts"]
    }
    pages = "".join(content.decode() for name, content in files.items() if name.endswith(".html"))
    said = set(re.findall(r'data-(?:text|placeholder)="(\w+)"', pages))
    scripts = "".join(content.decode() for name, content in files.items() if re.fullmatch(r"[\w-]+\.js", name))
    said |= set(re.findall(r'(?:words\.say|new HostError)\("(\w+)"', scripts))
    assert said <= texts
    assert {"consent_does", "host_silent", "no_limit"} <= said
