import os
import stat
from pathlib import Path

import pytest

from freespan.tunnel.kept_file import read_or_create
from freespan.wire.errors import InputError


def never() -> bytes:
    raise AssertionError("the file is there already")


def test_a_file_is_made_once(tmp_path: Path) -> None:
    assert read_or_create(tmp_path / "secret", lambda: b"first") == b"first"
    assert read_or_create(tmp_path / "secret", never) == b"first"
    assert [file.name for file in tmp_path.iterdir()] == ["secret"]


@pytest.mark.skipif(os.name == "nt", reason="permissions of POSIX")
def test_only_its_owner_can_read_it(tmp_path: Path) -> None:
    path = tmp_path / "a" / "secret"
    read_or_create(path, lambda: b"x")
    assert stat.S_IMODE(path.stat().st_mode) == 0o600
    assert stat.S_IMODE(path.parent.stat().st_mode) == 0o700


def test_the_content_of_a_process_that_was_faster_counts(tmp_path: Path) -> None:
    path = tmp_path / "secret"

    def make_too_late() -> bytes:
        path.write_bytes(b"theirs")
        return b"ours"

    assert read_or_create(path, make_too_late) == b"theirs"
    assert [file.name for file in tmp_path.iterdir()] == ["secret"]


@pytest.mark.parametrize("below", ["secret", "a/secret"])
def test_a_file_in_place_of_the_directory(tmp_path: Path, below: str) -> None:
    (tmp_path / "file").touch()
    with pytest.raises(InputError, match=r"^data: not a directory$"):
        read_or_create(tmp_path / "file" / below, never)


def test_a_directory_in_place_of_the_file(tmp_path: Path) -> None:
    with pytest.raises(InputError, match=r"^data: the directory cannot be used: is a directory$"):
        read_or_create(tmp_path, never)


def test_a_file_that_could_not_be_made_leaves_nothing(tmp_path: Path) -> None:
    with pytest.raises(AssertionError):
        read_or_create(tmp_path / "secret", never)
    assert not list(tmp_path.iterdir())
