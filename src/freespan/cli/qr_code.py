"""The QR code of an invite: for the terminal, or as a picture in a file."""

from __future__ import annotations

import importlib.util
import io
import os
import tempfile
from pathlib import Path

from freespan.terminal.output import print_squares
from freespan.wire.errors import InputError, MissingLibraryError

_BORDER = 2
_KINDS = (".svg", ".png")


class QrCode:
    """A QR code with the least correction of errors, since screens do not get dirty.

    Raises:
        MissingLibraryError: the library that draws it is not installed.
    """

    def __init__(self, text: str) -> None:
        if importlib.util.find_spec("segno") is None:
            raise MissingLibraryError("freespan[host]", ["segno"])
        import segno

        self._code = segno.make_qr(text, error="l", boost_error=False)

    def print(self) -> str:
        """Draw the code on the terminal. Returns why that cannot be done: empty if it was."""
        return print_squares([[not is_dark for is_dark in row] for row in self._code.matrix_iter(border=_BORDER)])

    def write(self, path: Path) -> None:
        """Write a picture for its owner alone. Raises `InputError`, field `qr`."""
        if path.suffix.lower() not in _KINDS:
            raise InputError("qr", f"must be the name of a file that ends in {' or '.join(_KINDS)}")
        drawn = io.BytesIO()
        self._code.save(drawn, kind=path.suffix.lower()[1:], scale=6)
        try:
            _write_for_owner(path, drawn.getvalue())
        except OSError as error:
            raise InputError("qr", f"cannot be written: {(error.strerror or 'input/output error').lower()}") from None


def _write_for_owner(path: Path, content: bytes) -> None:
    """Write a new file and put it in place: one that was there may be open to others, or may be somebody else's."""
    handle, name = tempfile.mkstemp(dir=path.parent, prefix=f"{path.name}.")  # 0600
    try:
        with os.fdopen(handle, "wb") as file:
            file.write(content)
        Path(name).replace(path)
    finally:
        Path(name).unlink(missing_ok=True)
