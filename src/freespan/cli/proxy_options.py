"""What the options of `freespan connect` say of the local proxy: where it listens, and who may use it.

A password is never on the command line, where every user of the machine can read it:

    1. --proxy-password-file FILE
    2. FREESPAN_PROXY_PASSWORD
    3. --proxy-password makes one at the start, and shows it on the terminal
"""

from __future__ import annotations

import os
import secrets
from collections.abc import Collection, Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path

from freespan.cli.secret_files import warn_if_others_can_read
from freespan.client.local_proxy.credentials import Credentials, parse_credentials
from freespan.client.local_proxy.peers import EVERYBODY, own_users
from freespan.terminal.output import abilities
from freespan.wire.errors import InputError

VARIABLE = "FREESPAN_PROXY_PASSWORD"
_FILE_OPTION, _USER_OPTION, _MAKE_OPTION = "--proxy-password-file", "--proxy-user", "--proxy-password"
_USER = "freespan"
_PASSWORD_BYTES = 12
_FILE_MAX = 2_048
_ID_MAX = 0xFFFF_FFFE
_ALL = "*"


@dataclass(frozen=True)
class ProxyOptions:
    """`users` are numbers. `is_new` tells whether the credentials were made now, so that their person must see them."""

    port: int
    address: str
    users: Collection[int]
    credentials: Credentials | None = None
    is_new: bool = False


def proxy_options(
    port: int,
    address: str,
    *,
    users: Sequence[str],
    password_file: Path | None,
    makes_password: bool,
    as_json: bool,
    environment: Mapping[str, str] = os.environ,
) -> ProxyOptions:
    """Read the options. Raises `InputError`, with the name of the option or variable that cannot be used."""
    allowed = _users(users)
    if password_file is not None:
        if makes_password:
            raise InputError(_MAKE_OPTION, f"is of no use with {_FILE_OPTION}: give one of the two")
        return ProxyOptions(port, address, allowed, _parsed(_read(password_file), _FILE_OPTION))
    if not makes_password:
        text = environment.get(VARIABLE)
        return ProxyOptions(port, address, allowed, _parsed(text, VARIABLE) if text else None)
    if as_json or not abilities().is_terminal:
        raise InputError(_MAKE_OPTION, f"shows the password on a terminal only: give one with {_FILE_OPTION}")
    made = Credentials(_USER, secrets.token_urlsafe(_PASSWORD_BYTES))
    return ProxyOptions(port, address, allowed, made, is_new=True)


def _users(names: Sequence[str]) -> Collection[int]:
    """The users who may use the proxy: that of this process, and those who are named."""
    if _ALL in names:
        return EVERYBODY
    return own_users() | {_number_of(name) for name in names}


def _number_of(name: str) -> int:
    if name.isascii() and name.isdigit() and int(name) <= _ID_MAX:
        return int(name)
    try:
        import pwd

        return pwd.getpwnam(name).pw_uid
    except (ImportError, KeyError, ValueError):
        raise InputError(_USER_OPTION, "must be the name or the number of a user of this machine, or *") from None


def _read(file: Path) -> str:
    try:
        warn_if_others_can_read(file)
        with file.open("rb") as opened:
            content = opened.read(_FILE_MAX + 1)
        if len(content) > _FILE_MAX:
            raise InputError(_FILE_OPTION, "is too large for a file with a password")
        return content.decode("utf-8-sig")
    except OSError as error:
        reason = (error.strerror or "input/output error").lower()
        raise InputError(_FILE_OPTION, f"cannot be read: {reason}") from None
    except UnicodeDecodeError:
        raise InputError(_FILE_OPTION, "is not text") from None


def _parsed(text: str, place: str) -> Credentials:
    try:
        return parse_credentials(text)
    except InputError as error:
        raise InputError(place, error.reason) from None
