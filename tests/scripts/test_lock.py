"""What uv.lock says is read whole, and what is shipped follows from it on every platform."""

from scripts.lock import LOCK, LockedFile, needs_of_a_release, normal, packages, shipped

A_LOCK = """
[[package]]
name = "freespan"
source = { editable = "." }
dependencies = [{ name = "link" }]

[package.optional-dependencies]
dev = [{ name = "tool" }]
host = [{ name = "server", extra = ["fast"] }]

[[package]]
name = "link"
version = "1"
source = { registry = "…" }
dependencies = [{ name = "colour", marker = "sys_platform == 'win32'" }, { name = "server" }]
sdist = { url = "link.tar.gz", hash = "sha256:aa" }
wheels = [{ url = "link.whl", hash = "sha256:bb" }]

[[package]]
name = "colour"
version = "1"
source = { registry = "…" }

[[package]]
name = "colour"
version = "2"
source = { registry = "…" }

[[package]]
name = "server"
version = "3"
source = { registry = "…" }
dependencies = [{ name = "link" }]

[package.optional-dependencies]
fast = [{ name = "speed" }]

[[package]]
name = "speed"
version = "4"
source = { registry = "…" }

[[package]]
name = "tool"
version = "5"
source = { registry = "…" }
"""


def test_what_other_platforms_and_extras_need_is_shipped_and_tools_are_not() -> None:
    assert [(package.name, package.version) for package in shipped(A_LOCK)] == [
        ("colour", "1"),
        ("colour", "2"),
        ("link", "1"),
        ("server", "3"),
        ("speed", "4"),
    ]
    assert needs_of_a_release(A_LOCK) == {"link", "server"}


def test_all_packages_but_the_project_itself_are_audited() -> None:
    assert {package.name for package in packages(A_LOCK)} == {"link", "colour", "server", "speed", "tool"}


def test_files_have_their_hashes() -> None:
    (link,) = [package for package in packages(A_LOCK) if package.name == "link"]
    assert link.files == (LockedFile("link.tar.gz", "aa"), LockedFile("link.whl", "bb"))


def test_a_name_has_one_form() -> None:
    assert normal("Typing_Extensions") == normal("typing.extensions") == "typing-extensions"


def test_every_file_of_the_real_lock_is_pinned_by_its_hash() -> None:
    found = packages(LOCK.read_text(encoding="utf-8"))
    assert [package.name for package in found if not package.files] == []
    assert {len(file.sha256) for package in found for file in package.files} == {64}
