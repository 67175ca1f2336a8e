"""Where a command takes its invite from: what comes first in this list, and is given.

    1. --invite-file FILE, or - for standard input; or the argument INVITE, with a warning
    2. FREESPAN_INVITE
    3. a prompt that does not show what is typed, if a person sits at a terminal

What stands on a command line can be read by every user of a machine while the command runs, and by whoever reads the
shell's history later.
"""

from __future__ import annotations

import os
import re
import sys
from collections.abc import Mapping
from pathlib import Path

from freespan.cli.secret_files import warn_if_others_can_read
from freespan.terminal.output import print_error
from freespan.wire.errors import InputError, InviteError
from freespan.wire.invite import parse_invite

OPTION = "--invite-file"
VARIABLE = "FREESPAN_INVITE"
STANDARD_INPUT = "-"
_SOURCES = f"{OPTION} FILE or {VARIABLE}"
_WARNING = (
    "every user of this machine can read an invite that stands on the command line, and so can whoever reads the"
    f" history of this shell: give it with {_SOURCES}, or to the prompt"
)
_FILE_MAX = 16_384
"""Bytes: an invite is 2,048 at most, and may have comments around it."""
_BEGIN = re.compile(r"freespan[0-9]{1,4}_")
_ENCODINGS = ((b"\xff\xfe", "utf-16"), (b"\xfe\xff", "utf-16"))
"""What editors and shells of Windows write, by its first bytes."""


def looks_like_invite(text: str) -> bool:
    """Whether somebody has meant this to be an invite."""
    return _BEGIN.match(text.strip()) is not None


def read_invite(argument: str | None, file: Path | None, environment: Mapping[str, str] = os.environ) -> str:
    """Return an invite that `parse_invite` takes.

    Args:
        argument: what stands on the command line; None for nothing.
        file: what stands behind `--invite-file`.
        environment: the environment variables; an empty one counts as not given.

    Raises:
        InputError: there is none, or it cannot be used; the field names the place.
    """
    if argument is not None and file is not None:
        raise InputError(OPTION, "is of no use with an invite on the command line: give one of the two")
    if argument is not None:
        parse_invite(argument)
        print_error(_WARNING)
        return argument
    if file is not None and not (str(file) == STANDARD_INPUT and _is_at_terminal()):
        place = "standard input" if str(file) == STANDARD_INPUT else str(file)
        return _checked(_read_file(file, place), place)
    if file is None and (text := environment.get(VARIABLE)):
        return _checked(text, VARIABLE)
    return _ask()


def _checked(text: str, place: str) -> str:
    try:
        parse_invite(text)
    except InviteError as error:
        raise InputError(place, error.reason) from None
    return text


def _ask() -> str:
    if not _is_at_terminal():
        raise InputError("invite", f"is missing: give it with {_SOURCES}, or at a terminal, which asks for it")
    import getpass  # only a person at a terminal needs it

    try:
        text = getpass.getpass("Invite (not shown): ")
    except EOFError:
        text = ""
    if not text.strip():
        raise InputError("invite", "none was given")
    try:
        parse_invite(text)
    except InviteError as error:
        is_a_part = error.reason.endswith("copy the whole invite again")
        hint = f". Here it must be one line; {OPTION} takes several" if is_a_part else ""
        raise InputError("invite", f"{error.reason}{hint}") from None
    return text


def _is_at_terminal() -> bool:
    return sys.stdin is not None and sys.stdin.isatty()


def _read_file(file: Path, place: str) -> str:
    """The invite in a file, without the lines that are comments.

    Raises:
        InputError: it cannot be read, or does not hold one invite.
    """
    try:
        content = _first_bytes(file)
    except OSError as error:
        if looks_like_invite(str(file)):
            raise InputError(OPTION, "takes the name of a file with the invite, and not the invite itself") from None
        raise InputError(place, f"cannot be read: {(error.strerror or 'input/output error').lower()}") from None
    if len(content) > _FILE_MAX:
        raise InputError(place, "is too large for a file with an invite")
    encoding = next((name for mark, name in _ENCODINGS if content.startswith(mark)), "utf-8-sig")
    try:
        text = content.decode(encoding)
    except UnicodeDecodeError:
        raise InputError(place, "is not text") from None
    invite = "\n".join(line for line in text.splitlines() if not line.lstrip().startswith("#")).strip()
    if "\0" in invite:
        raise InputError(place, "is not text")
    if not invite:
        raise InputError(place, "holds comments and no invite" if text.strip() else "is empty")
    if len(_BEGIN.findall("".join(invite.split()))) > 1:
        raise InputError(place, "holds several invites: leave one, or put # before the others")
    return invite


def _first_bytes(file: Path) -> bytes:
    """What a file, a pipe or a device begins with: one byte more than there may be, if there is more."""
    if str(file) == STANDARD_INPUT:
        return b"" if sys.stdin is None else sys.stdin.buffer.read(_FILE_MAX + 1)
    warn_if_others_can_read(file)
    with file.open("rb") as opened:
        return opened.read(_FILE_MAX + 1)
