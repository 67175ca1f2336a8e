"""Who may use the local proxy, by the options of `freespan connect`: nobody's password is on a command line."""

from __future__ import annotations

import os
import re
import subprocess
import sys
import time
from pathlib import Path

import pytest

from freespan.cli.proxy_options import ProxyOptions, proxy_options
from freespan.client.local_proxy.credentials import Credentials
from freespan.client.local_proxy.peers import EVERYBODY, own_users
from freespan.demo.programs import environment, freespan_command
from freespan.wire.errors import InputError
from freespan.wire.invite import format_invite
from tests.cli.conftest import Command
from tests.support import readers
from tests.support.invites import invite_to
from tests.support.laboratory import Lab, proxy_of
from tests.support.loopback import IPV6
from tests.support.programs import ENVIRONMENT, SECONDS
from tests.support.site import Site

INVITE = format_invite(invite_to("http://127.0.0.1:1"))
POSIX = pytest.mark.skipif(sys.platform == "win32", reason="POSIX users and terminals")


def options(
    users: tuple[str, ...] = (), file: Path | None = None, *, makes: bool = False, variable: str = ""
) -> ProxyOptions:
    return proxy_options(
        8118,
        "127.0.0.1",
        users=users,
        password_file=file,
        makes_password=makes,
        as_json=False,
        environment={"FREESPAN_PROXY_PASSWORD": variable},
    )


# --- the password ----------------------------------------------------------------------------------


def test_by_default_there_is_none() -> None:
    assert options() == ProxyOptions(8118, "127.0.0.1", own_users())


def test_a_file_comes_before_the_environment(tmp_path: Path) -> None:
    file = tmp_path / "password"
    file.write_text("reader:secret\n")
    assert options(file=file, variable="other:word").credentials == Credentials("reader", "secret")
    assert options(variable="other:word").credentials == Credentials("other", "word")


@pytest.mark.parametrize("content", [b"", b"hello", b"a:", b"\xff\xfe\x00", b"a:b\nc:d", b"a:" + b"x" * 3_000])
def test_a_file_that_holds_none_is_never_quoted(command: Command, tmp_path: Path, content: bytes) -> None:
    file = tmp_path / "password"
    file.write_bytes(content)
    message = command("connect", "--proxy-password-file", str(file), invite=INVITE).fails(2)
    assert message.startswith("--proxy-password-file: ")
    assert "hello" not in message


def test_a_file_that_is_not_there(command: Command, tmp_path: Path) -> None:
    message = command("connect", "--proxy-password-file", str(tmp_path / "none"), invite=INVITE).fails(2)
    assert message == "--proxy-password-file: cannot be read: no such file or directory"


def test_a_variable_that_holds_none(command: Command, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("FREESPAN_PROXY_PASSWORD", "hello")
    message = command("connect", invite=INVITE).fails(2)
    assert message == "FREESPAN_PROXY_PASSWORD: must be a user name, a colon and a password, in one line"


@pytest.mark.parametrize("more", [(), ("--json",)], ids=["to a file", "as JSON"])
def test_a_new_password_is_shown_on_a_terminal_or_not_made(command: Command, more: tuple[str, ...]) -> None:
    message = command("connect", "--proxy-password", *more, invite=INVITE).fails(2)
    assert message == "--proxy-password: shows the password on a terminal only: give one with --proxy-password-file"


def test_a_new_password_beside_a_given_one(command: Command, tmp_path: Path) -> None:
    message = command("connect", "--proxy-password", "--proxy-password-file", str(tmp_path), invite=INVITE).fails(2)
    assert message == "--proxy-password: is of no use with --proxy-password-file: give one of the two"


@POSIX
def test_a_new_password_is_another_one_each_time(tmp_path: Path) -> None:
    """On a terminal, where its person reads it."""
    shown = {_shown_at_a_terminal() for _ in range(2)}
    assert len(shown) == 2
    assert all(len(password) >= 16 for password in shown)


def _shown_at_a_terminal() -> str:
    ours, theirs = os.openpty()
    line = freespan_command(("connect", "--port", "0", "--proxy-password"))
    with subprocess.Popen(
        line, stdin=subprocess.DEVNULL, stdout=theirs, stderr=theirs, env={**environment(INVITE), **ENVIRONMENT}
    ) as program:
        os.close(theirs)
        said, until = b"", time.monotonic() + SECONDS
        while not (found := re.search(rb"User name: freespan   Password: (\S+)\r?\n", said)):
            assert time.monotonic() < until, said
            said += os.read(ours, 4_096)
        program.terminate()
    os.close(ours)
    return found[1].decode()


def test_programs_must_give_the_password(lab: Lab, site: Site, tmp_path: Path) -> None:
    file = tmp_path / "password"
    file.write_text("reader:secret")
    client = lab.start_client("--proxy-password-file", str(file))
    proxy = proxy_of(client)
    url = f"http://site.test:{site.port}/"
    assert readers.get(proxy, url).status == 407
    head = f"GET {url} HTTP/1.1\r\nProxy-Authorization: Basic cmVhZGVyOnNlY3JldA==\r\n"
    head += "Connection: close\r\n\r\n"
    assert readers.parse(readers.exchange(proxy, head.encode())).status == 200
    client.stop()
    assert "secret" not in client.said


# --- where, and whose programs -----------------------------------------------------------------------


@pytest.mark.skipif(sys.platform == "darwin", reason="macOS has 127.0.0.1 alone")
def test_an_address_that_pages_do_not_guess(lab: Lab) -> None:
    client = lab.start_client("--address", "127.83.200.14")
    proxy = proxy_of(client)
    assert proxy.startswith("127.83.200.14:")
    readers.dial(proxy).close()
    with pytest.raises(ConnectionRefusedError):
        readers.dial(f"127.0.0.1:{proxy.rpartition(':')[2]}")
    client.stop()


@IPV6
@pytest.mark.parametrize(
    ("options", "written"), [("", "127.0.0.1"), ("--address localhost", "127.0.0.1"), ("--address ::1", "[::1]")]
)
def test_programs_find_it_by_ipv6(lab: Lab, options: str, written: str) -> None:
    client = lab.start_client(*options.split())
    proxy = proxy_of(client)
    assert proxy.startswith(f"{written}:")
    readers.dial(f"[::1]:{proxy.rpartition(':')[2]}").close()
    client.stop()


@pytest.mark.parametrize(
    "address", ["0.0.0.0", "192.0.2.1", "::", "localhost.example", "127.1", "10.0.0.1", "::ffff:127.0.0.1", "[::1"]
)
def test_an_address_of_another_kind(command: Command, address: str) -> None:
    message = command("connect", "--address", address, invite=INVITE).fails(2)
    assert message == "--address: must be localhost, ::1 or an address of 127.0.0.0/8"


@POSIX
def test_users_by_name_and_by_number() -> None:
    assert options(("root", "1234")).users == own_users() | {0, 1234}
    assert options(("1234", "*")).users is EVERYBODY


@pytest.mark.parametrize("user", ["nobody-of-this-name", "-1", "4294967295", "1.5", "", "ä", "x\0y"])
def test_a_user_who_is_none(user: str) -> None:
    with pytest.raises(InputError) as caught:
        options((user,))
    assert str(caught.value) == "--proxy-user: must be the name or the number of a user of this machine, or *"
