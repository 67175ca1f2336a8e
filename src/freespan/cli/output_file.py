"""The file that a download is written to: it has its name only when it is whole.

    page.html.part        what has come so far. It is deleted when the download fails, unless that is to be continued
    page.html.part.tag    by what the site knows the file, for a download that is to be continued

To continue is also to go on behind a file that has its name already, as another program may have left it.
"""

from __future__ import annotations

import contextlib
import hashlib
import os
import stat
import sys
from collections.abc import Iterator
from pathlib import Path
from typing import BinaryIO

from freespan.cli.exchange import FetchError
from freespan.cli.file_names import name_in_url, shortened
from freespan.cli.resuming import Kept, Plan
from freespan.terminal.output import writing
from freespan.terminal.text import one_line
from freespan.wire.errors import InputError

_OPTION = "--output"
_PART, _TAG = ".part", ".tag"
_NAME_MAX = 255 - len(_PART) - len(_TAG)
_READ = 1 << 20
_TAG_MAX = 1_000


def output_path(output: str, url_path: str, *, continues: bool = False) -> Path | None:
    """Return the path that was asked for, or else the last name in the URL; None for standard output.

    Raises:
        InputError: the name in the URL is taken by another file, and that is not to be continued.
    """
    if output == "-":
        return None
    if output:
        if output.endswith(("/", os.sep)) and not Path(output).is_dir():
            raise InputError(_OPTION, "cannot be written: there is no such folder")
        return Path(output)
    path = Path(name_in_url(url_path))
    if path.exists() and not continues:
        raise InputError(_OPTION, _taken(path))
    return path


class Output:
    """Where a download goes; `kept` is what an earlier one has left of it."""

    def __init__(self, file: BinaryIO, path: Path | None = None) -> None:
        self.path = path
        self.kept = Kept()
        self.digest = hashlib.sha256()
        self._file = file

    def begin(self, plan: Plan, tag: str) -> None:
        """Decide what becomes of what is kept; `tag` is by what the site knows the file."""

    def write(self, data: bytes) -> None:
        """Write what comes next."""
        self._file.write(data)
        self.digest.update(data)

    def close(self) -> None:
        """Close the file, so that all of it is written."""
        self._file.close()

    def take_name(self, name: str) -> None:
        """Take the name that the site suggests, or keep its own. Raises `FetchError`: it is taken."""
        if self.path is not None:
            self.path = self.path.with_name(name or self.path.name)
            if self.path.exists():
                raise FetchError(_taken(self.path))


class _Continued(Output):
    """A file that goes on where an earlier download has ended."""

    def __init__(self, file: BinaryIO, path: Path, part: Path) -> None:
        super().__init__(file, path)
        self._part, self._tag = part, _tag_of(part)
        size = os.fstat(file.fileno()).st_size
        self._goes_on_behind = part if size or not path.is_file() else path
        if size:
            self.kept = Kept(size, self._tag_kept())
        elif path.is_file():
            self.kept = Kept(path.stat().st_size)

    def begin(self, plan: Plan, tag: str) -> None:
        if plan is Plan.WHOLE:
            self.kept = Kept()
            self._file.truncate(0)
        else:
            self._take_file_that_has_its_name()
            self._note_content()
        self._tag.unlink(missing_ok=True)
        if tag:
            self._tag.write_text(tag, "ascii")

    def _take_file_that_has_its_name(self) -> None:
        if self.path is not None and self._goes_on_behind == self.path:
            self.path.replace(self._part)
            self._file.close()
            self._file = self._part.open("ab")

    def _note_content(self) -> None:
        with self._part.open("rb") as file:
            while data := file.read(_READ):
                self.digest.update(data)

    def _tag_kept(self) -> str:
        try:
            with self._tag.open("rb") as file:
                return file.read(_TAG_MAX).decode("ascii").strip()
        except (OSError, UnicodeDecodeError):
            return ""


@contextlib.contextmanager
def written_file(path: Path | None, *, continues: bool = False) -> Iterator[Output]:
    """Write beside the wanted name, and rename when all is there. A device or a pipe is written directly.

    Raises:
        InputError: it cannot be written.
        FetchError: it could not be written to its end.
    """
    if path is None:
        with writing():
            yield Output(sys.stdout.buffer)
            sys.stdout.buffer.flush()
        return
    with _explained_as_input():
        is_file = path.is_file() or not path.exists()
        part = path.with_name(shortened(path.name, _NAME_MAX) + _PART) if is_file else path
        file = _opened(part, is_file=is_file, continues=continues)
        output = _Continued(file, path, part) if is_file and continues else Output(file, path)
    try:
        try:
            yield output
        finally:
            output.close()
        if is_file and output.path is not None:
            part.replace(output.path)
            _tag_of(part).unlink(missing_ok=True)
    except OSError as error:
        raise FetchError(f"the output cannot be written: {_reason(error)}") from None
    finally:
        if is_file and not (continues and _has_content(part)):
            part.unlink(missing_ok=True)
            _tag_of(part).unlink(missing_ok=True)


def _opened(part: Path, *, is_file: bool, continues: bool) -> BinaryIO:
    if not is_file:
        return part.open("wb")
    if not (continues and _is_our_own(part)):  # it may be somebody else's, or lead elsewhere
        part.unlink(missing_ok=True)
        _tag_of(part).unlink(missing_ok=True)
        return part.open("xb")
    return part.open("ab")


def _is_our_own(part: Path) -> bool:
    try:
        found = part.lstat()
    except FileNotFoundError:
        return False
    return stat.S_ISREG(found.st_mode) and (os.name == "nt" or found.st_uid == os.geteuid())


def _has_content(part: Path) -> bool:
    with contextlib.suppress(OSError):
        return part.stat().st_size > 0
    return False


def _tag_of(part: Path) -> Path:
    return part.with_name(part.name + _TAG)


def _taken(path: Path) -> str:
    return f"{one_line(str(path))} exists already; name another file with -o"


@contextlib.contextmanager
def _explained_as_input() -> Iterator[None]:
    try:
        yield
    except OSError as error:
        raise InputError(_OPTION, f"cannot be written: {_reason(error)}") from None


def _reason(error: OSError) -> str:
    return (error.strerror or "input/output error").lower()
