"""Where a command takes its invite from: what comes first in this list, and is given.

    1. --invite-file FILE, or - for standard input; or the argument INVITE, with a warning
    2. FREESPAN_INVITE
    3. a prompt that does not show what is typed, if a person sits at a terminal

Each of them may hold more than the invite, such as the message that it came in: `find_invite` finds it.

What stands on a command line can be read by every user of a machine while the command runs, and by whoever reads the
shell's history later.
"""

from __future__ import annotations

import os
import re
import shlex
import sys
from collections.abc import Mapping, Sequence
from pathlib import Path

from freespan.cli.secret_files import warn_if_others_can_read
from freespan.terminal.output import print_error
from freespan.wire.errors import InputError, InviteError
from freespan.wire.invite import format_invite
from freespan.wire.pasted_invite import SEVERAL, find_invite, looks_like_invite

OPTION = "--invite-file"
VARIABLE = "FREESPAN_INVITE"
STANDARD_INPUT = "-"
_SOURCES = f"{OPTION} FILE or {VARIABLE}"
_WARNING = (
    "every user of this machine can read an invite that stands on the command line, and so can whoever reads the"
    f" history of this shell: give it with {_SOURCES}, or to the prompt"
)
_FILE_MAX = 1_048_576
"""Bytes: an invite is 2,048 at most, and may be in a mail or in a page that was saved."""
_ENCODINGS = (
    (b"\xff\xfe\0\0", "utf-32"),
    (b"\0\0\xfe\xff", "utf-32"),
    (b"\xff\xfe", "utf-16"),
    (b"\xfe\xff", "utf-16"),
)
"""What editors and shells of Windows write, by its first bytes."""
_URL = re.compile(r"[a-z][a-z0-9+.-]*:/", re.IGNORECASE)


def invite_and_urls(words: Sequence[str]) -> tuple[str | None, tuple[str, ...]]:
    """Tell the arguments of a command apart: the invite, which a shell may have cut into words, and the URLs.

    None stands for no invite. Where nothing is a URL, the last word was meant to be one, unless it is of the invite.
    """
    is_url = [_URL.match(word) is not None and not looks_like_invite(word) for word in words]
    begin = is_url.index(True) if True in is_url else len(words)
    if any(is_url) and not looks_like_invite(" ".join(words[begin:])):
        return " ".join(words[:begin]) or None, tuple(words[begin:])
    urls = [word for word, is_one in zip(words, is_url, strict=True) if is_one]
    rest = [word for word, is_one in zip(words, is_url, strict=True) if not is_one]
    is_no_invite = bool(rest) and not looks_like_invite(rest[-1])
    if not urls and is_no_invite and (_is_invite(" ".join(rest[:-1])) or not _is_invite(" ".join(rest))):
        urls = [rest.pop()]
    return " ".join(rest) or None, tuple(urls)


def _is_invite(text: str) -> bool:
    try:
        find_invite(text)
    except InviteError:
        return False
    return True


def read_invite(argument: str | None, file: Path | None, environment: Mapping[str, str] = os.environ) -> str:
    """Return the invite as text, as `format_invite` writes it.

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
        return _from_command_line(argument)
    if file is not None and not (str(file) == STANDARD_INPUT and _is_at_terminal()):
        place = "standard input" if str(file) == STANDARD_INPUT else str(file)
        return _from_file(file, place)
    if file is None and (text := environment.get(VARIABLE)):
        return _checked(text, VARIABLE)
    return _ask()


def _from_command_line(argument: str) -> str:
    try:
        invite = format_invite(find_invite(argument))
    except InviteError:
        if argument == STANDARD_INPUT or _is_file(argument):
            raise InputError(
                "invite", f"is the name of a file: give it with {OPTION} {shlex.quote(argument)}"
            ) from None
        raise
    print_error(_WARNING)
    return invite


def _is_file(name: str) -> bool:
    try:
        return Path(name).is_file()
    except (OSError, ValueError):  # too long for a name, or with a NUL in it
        return False


def _checked(text: str, place: str) -> str:
    try:
        return format_invite(find_invite(text))
    except InviteError as error:
        raise InputError(place, error.reason) from None


def _ask() -> str:
    if not _is_at_terminal():
        raise InputError("invite", f"is missing: give it with {_SOURCES}, or at a terminal, which asks for it")
    from freespan.terminal.hidden_input import hidden_lines  # only a person at a terminal needs it

    lines: list[str] = []
    fault = InputError("invite", "none was given")
    with hidden_lines("Invite (not shown): ") as more:
        for line in more:
            lines.append(line)
            try:
                return format_invite(find_invite("\n".join(lines)))
            except InviteError as error:
                if any(each.strip() for each in lines):
                    fault = error
    raise fault


def _is_at_terminal() -> bool:
    return sys.stdin is not None and sys.stdin.isatty()


def _from_file(file: Path, place: str) -> str:
    """The invite in a file, outside the lines that are comments.

    Raises:
        InputError: it cannot be read, or does not hold one invite.
    """
    text = _read_file(file, place)
    invite = "\n".join(line for line in text.splitlines() if not line.lstrip().startswith("#")).strip()
    if not invite:
        raise InputError(place, "holds comments and no invite" if text.strip() else "is empty")
    try:
        return format_invite(find_invite(invite))
    except InviteError as error:
        more = ", or put # before the others" if error.reason == SEVERAL else ""
        raise InputError(place, error.reason + more) from None


def _read_file(file: Path, place: str) -> str:
    try:
        content = _first_bytes(file)
    except OSError as error:
        if looks_like_invite(str(file)):
            raise InputError(OPTION, "takes the name of a file with the invite, and not the invite itself") from None
        raise InputError(place, f"cannot be read: {(error.strerror or 'input/output error').lower()}") from None
    if len(content) > _FILE_MAX:
        raise InputError(place, "is too large for a file with an invite")
    text = _decoded(content)
    if "\0" in text:
        raise InputError(place, "is not text")
    return text


def _decoded(content: bytes) -> str:
    """A text in whatever encoding it has; of those of one byte for a letter, an invite is the same in all."""
    encoding = next((name for mark, name in _ENCODINGS if content.startswith(mark)), None)
    if encoding is None and 0 in content:
        even, odd = content[::2].count(0), content[1::2].count(0)
        if len(content) < 8 * max(even, odd) and not min(even, odd):  # half of an invite's bytes are zeros
            encoding = "utf-16-le" if odd else "utf-16-be"
    try:
        return content.decode(encoding or "utf-8-sig")
    except UnicodeDecodeError:
        return content.decode(encoding or "latin-1", "replace")


def _first_bytes(file: Path) -> bytes:
    """What a file, a pipe or a device begins with: one byte more than there may be, if there is more."""
    if str(file) == STANDARD_INPUT:
        return b"" if sys.stdin is None else sys.stdin.buffer.read(_FILE_MAX + 1)
    warn_if_others_can_read(file)
    with file.open("rb") as opened:
        return opened.read(_FILE_MAX + 1)
