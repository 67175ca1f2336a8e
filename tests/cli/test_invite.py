"""`freespan invite`: what it makes, shows and revokes, and the one line for everything that cannot be done."""

from __future__ import annotations

import contextlib
import datetime
import io
import json
import sqlite3
import stat
import sys
import time
from collections.abc import Callable
from pathlib import Path

import pytest
import segno

from freespan.access.invites import DATABASE, InviteStore
from freespan.access.limits import InviteLimits
from freespan.access.records import UsageRow
from freespan.api.host_invites import today
from freespan.api.invite_writer import HostAddress, tokens_of
from freespan.tunnel.identity import load_or_create_identity
from freespan.wire.invite import parse_invite
from tests.cli.conftest import Command, Outcome

ADDRESS = HostAddress(
    "https://bridge.example/garden", ("https://cdn.example/garden",), (("stun:bridge.example:3478",),)
)
Invite = Callable[..., Outcome]


@pytest.fixture
def folder(tmp_path: Path) -> Path:
    """That of a host which has run once."""
    load_or_create_identity(tmp_path)
    with opened(tmp_path, create=True) as store:
        store.create("first", today=today())
        ADDRESS.note_in(store)
    return tmp_path


@pytest.fixture
def invite(command: Command, folder: Path) -> Invite:
    return lambda *arguments: command("invite", *arguments, "--data", str(folder))


def opened(folder: Path, *, create: bool = False) -> contextlib.closing[InviteStore]:
    return contextlib.closing(InviteStore(folder, create=create))


def as_json(outcome: Outcome) -> dict[str, object]:
    assert (outcome.code, outcome.errors) == (0, ""), outcome
    return dict(json.loads(outcome.output))


def lines_of(outcome: Outcome) -> list[str]:
    assert (outcome.code, outcome.errors) == (0, ""), outcome
    return outcome.output.splitlines()


def text_in(outcome: Outcome) -> str:
    """The invite in what people read."""
    return next(line.strip() for line in lines_of(outcome) if line.startswith("  freespan2_"))


# --- make, show, revoke -------------------------------------------------------------------------------


def test_a_made_invite_leads_to_this_host_and_has_a_token_of_its_own(invite: Invite, folder: Path) -> None:
    made = parse_invite(text_in(invite("create", "anna")))
    identity = load_or_create_identity(folder)
    assert (made.broker, made.fronts, made.stun) == (ADDRESS.url, ADDRESS.fronts, ADDRESS.stun)
    assert (made.egress_key, made.sealing_key) == (identity.pin, identity.public_sealing_key)
    with opened(folder) as store:
        assert tokens_of(identity).id_of(made.token) == store.find("anna").id
    assert made.token != parse_invite(text_in(invite("show", "first"))).token


def test_an_invite_is_shown_again_as_it_was_made(invite: Invite) -> None:
    made = text_in(invite("create", "anna"))
    shown = invite("show", "ANNA")
    assert text_in(shown) == made
    assert f"Link: https://bridge.example/garden/join#{made}" in lines_of(shown)
    assert sum(line.count("█") for line in lines_of(shown)) > 100


@pytest.mark.parametrize(("name", "word"), [("anna", "anna"), ("Anna B", "'Anna B'")])
def test_a_made_invite_says_how_to_see_and_to_revoke_it(invite: Invite, folder: Path, name: str, word: str) -> None:
    assert lines_of(invite("create", name))[-2:] == [
        f"freespan invite show {word} --data {folder} prints it again, with a QR code.",
        f"freespan invite revoke {word} --data {folder} makes it void.",
    ]


def test_limits_are_kept_and_said(invite: Invite) -> None:
    limits = ("--expires", "30d", "--quota", "20GB/month", "--rate", "2MB/s", "--sessions", "3")
    before = time.time()
    made = as_json(invite("create", "anna", *limits, "--json"))
    assert (made["quota"], made["rate"], made["sessions"]) == (20 * 10**9, 2 * 10**6, 3)
    expires = datetime.datetime.fromisoformat(str(made["expires"])).timestamp()
    assert 0 <= expires - int(before) - 30 * 86_400 < 100
    assert (made["name"], made["kind"], made["state"], made["revoked"]) == ("anna", "reader", "valid", None)
    assert made["month"] == {"up": 0, "down": 0, "sessions": 0}
    assert "20 GB a month, 2 MB/s, 3 sessions at a time" in lines_of(invite("show", "anna"))[0]


def test_an_invite_may_be_for_a_page(invite: Invite) -> None:
    assert as_json(invite("create", "news", "--kind", "page", "--json"))["kind"] == "page"
    assert "for a page" in lines_of(invite("show", "news"))[0]


def test_a_revoked_invite_is_said_to_be_so(invite: Invite) -> None:
    invite("create", "anna")
    assert "is revoked" in invite("revoke", "anna").output
    assert "[revoked]" in lines_of(invite("show", "anna"))[0]
    assert as_json(invite("show", "anna", "--json"))["revoked"] == today().isoformat()


@pytest.mark.parametrize(("access", "lines"), [("open", 2), ("invited", 1)])
def test_revoke_says_whether_people_can_still_come_without_an_invite(
    invite: Invite, folder: Path, access: str, lines: int
) -> None:
    with opened(folder) as store:
        store.note("access", access)
    assert len(lines_of(invite("revoke", "first"))) == lines


def test_revoke_for_programs(invite: Invite) -> None:
    assert as_json(invite("revoke", "first", "--json"))["state"] == "revoked"


def test_the_folder_may_come_from_the_environment_or_a_file(
    command: Command, folder: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    (tmp_path / "host.toml").write_text(f'data = "{folder}"\nport = 8443\n')
    assert as_json(command("invite", "list", "--json", "--config", str(tmp_path / "host.toml")))["name"] == "first"
    monkeypatch.setenv("FREESPAN_DATA", str(folder))
    assert as_json(command("invite", "list", "--json"))["name"] == "first"


@pytest.mark.parametrize(("name", "begins"), [("code.png", b"\x89PNG"), ("code.SVG", b"<?xml")])
def test_the_qr_code_is_written_to_a_file_for_its_owner(
    invite: Invite, tmp_path: Path, name: str, begins: bytes
) -> None:
    picture = tmp_path / name
    shown = invite("show", "first", "--qr", str(picture))
    assert "█" not in shown.output
    assert lines_of(shown)[-1] == f"QR code: {picture}"
    assert picture.read_bytes().startswith(begins)
    if sys.platform != "win32":
        assert stat.S_IMODE(picture.stat().st_mode) == 0o600


@pytest.mark.skipif(sys.platform == "win32", reason="permissions of POSIX")
def test_the_qr_code_takes_the_place_of_a_file_that_others_can_read(invite: Invite, tmp_path: Path) -> None:
    """Such a file may even be open at somebody else's, or lead to a place where they can read."""
    picture, theirs = tmp_path / "code.png", tmp_path / "theirs"
    theirs.touch()
    picture.symlink_to(theirs)
    assert invite("show", "first", "--qr", str(picture)).code == 0
    assert theirs.read_bytes() == b""
    picture.unlink()
    picture.touch(mode=0o644)
    with picture.open("rb") as opened:
        assert invite("show", "first", "--qr", str(picture)).code == 0
        assert opened.read() == b""
    assert stat.S_IMODE(picture.stat().st_mode) == 0o600
    assert {file.name for file in tmp_path.iterdir()} >= {"code.png", "theirs"}
    assert not list(tmp_path.glob("code.png.*"))


def test_the_qr_code_holds_the_invite(invite: Invite, tmp_path: Path) -> None:
    text = text_in(invite("show", "first"))
    assert invite("show", "first", "--json", "--qr", str(tmp_path / "code.svg")).code == 0
    segno.make_qr(text, error="l", boost_error=False).save(str(tmp_path / "wanted.svg"), scale=6)
    assert (tmp_path / "code.svg").read_bytes() == (tmp_path / "wanted.svg").read_bytes()


# --- lists ----------------------------------------------------------------------------------------------


def test_all_invites_are_listed_with_their_states(invite: Invite, folder: Path) -> None:
    with opened(folder) as store:
        store.create("anna", InviteLimits(quota=10**9, sessions=2), today=today())
        store.create("读者", InviteLimits(expires=1), today=today())
        store.create("gone", today=today())
        store.revoke("gone", today=today())
        used = UsageRow(invite=store.find("anna").id, day=today().isoformat(), up=10**8, down=10**9, sessions=4)
        store.exchange([used], today=today())
    rows = lines_of(invite("list"))
    assert [row.split()[:2] for row in rows[1:]] == [
        ["first", "valid"],
        ["anna", "used"],
        ["读者", "expired"],
        ["gone", "revoked"],
    ]
    assert rows[0].split() == "NAME STATE CREATED EXPIRES QUOTA RATE SESSIONS THIS MONTH".split()  # noqa: SIM905
    assert "1 GB" in rows[2]
    assert rows[2].endswith("1.1 GB")
    shown = [json.loads(line) for line in lines_of(invite("list", "--json"))]
    assert [each["state"] for each in shown] == ["valid", "used up", "expired", "revoked"]
    assert "invite" not in shown[0]


def test_usage_is_shown_by_invite_and_by_day(invite: Invite, folder: Path) -> None:
    before = (today() - datetime.timedelta(days=40)).isoformat()
    with opened(folder) as store:
        first = store.create("anna", InviteLimits(quota=10**9), today=today()).id
        rows = [
            UsageRow(invite=first, day=before, up=1, down=2, sessions=1),
            UsageRow(invite=first, day=today().isoformat(), up=10**6, down=10**8, sessions=2),
            UsageRow(invite=b"", day=today().isoformat(), up=5, down=6, sessions=1),
        ]
        store.exchange(rows, today=today())
    table = [line.split("  ") for line in lines_of(invite("usage"))]
    cells = [[cell.strip() for cell in line if cell.strip()] for line in table]
    assert cells[2] == ["anna", "valid", "101 MB of 1 GB", "101 MB", "3"]
    assert cells[3] == ["(no invite)", "11 bytes", "11 bytes", "1"]
    shown = [json.loads(line) for line in lines_of(invite("usage", "--json"))]
    assert shown[1] == {
        "name": "anna",
        "month": {"up": 10**6, "down": 10**8, "sessions": 2},
        "total": {"up": 10**6 + 1, "down": 10**8 + 2, "sessions": 3},
    }
    assert shown[2]["name"] is None
    days = [json.loads(line) for line in lines_of(invite("usage", "anna", "--json"))]
    assert [(each["day"], each["sessions"]) for each in days] == [(before, 1), (today().isoformat(), 2)]
    assert lines_of(invite("usage", "anna"))[1].split() == [before, "1", "byte", "2", "bytes", "1"]
    assert lines_of(invite("usage", "first")) == ['Invite "first" has not been used.']


# --- what cannot be done --------------------------------------------------------------------------------


@pytest.mark.parametrize(
    ("arguments", "message"),
    [
        (("create", "a", "--expires", "soon"), "--expires: must be a time such as 30d, 12h or 2w, or a day such as"),
        (("create", "a", "--expires", "2020-01-01"), "--expires: must be in the future"),
        (("create", "a", "--quota", "20GB"), "--quota: must be a size for each month, such as 20GB/month"),
        (("create", "a", "--rate", "2MB"), "--rate: must be a size for each second, such as 2MB/s or 500kB/s"),
        (("create", "a", "--sessions", "0"), "--sessions: must be from 1 to 10000"),
        (("create", "a", "--sessions", "two"), "--sessions: must be a whole number"),
        (("create", "a", "--kind", "robot"), "--kind: must be reader or page, not 'robot'"),
        (("create", ""), "name: must not be empty"),
        (("create", "a\nb"), "name: must not have characters that cannot be seen"),
        (("create", "a" * 65), "name: must have at most 64 characters"),
        (("create", "FIRST"), 'name: "first" is taken: choose another name, or revoke that invite first'),
        (("create",), "missing argument NAME; see freespan invite create --help"),
        (("show", "frist"), 'name: no invite has this name; did you mean "first"?'),
        (("revoke", "zoe"), "name: no invite has this name; freespan invite list shows all"),
        (("usage", "zoe"), "name: no invite has this name; freespan invite list shows all"),
        (("show", "first", "--qr", "code.gif"), "--qr: must be the name of a file that ends in .svg or .png"),
        (("show", "first", "--qr", "/nowhere/at/all.png"), "--qr: cannot be written: no such file or directory"),
        (("crate", "a"), "no such command 'crate'; did you mean 'create'?"),
    ],
)
def test_a_wrong_value_is_one_line(invite: Invite, arguments: tuple[str, ...], message: str) -> None:
    assert invite(*arguments).fails(2).startswith(message)


def test_revoking_twice_is_said(invite: Invite) -> None:
    invite("revoke", "first")
    assert invite("revoke", "first").fails(2) == f'name: "first" was revoked on {today()} already'


@pytest.mark.parametrize("arguments", [("list",), ("create", "a"), ("show", "a"), ("revoke", "a"), ("usage",)])
def test_a_folder_of_no_host_is_one_line_and_stays_as_it_is(
    command: Command, tmp_path: Path, arguments: tuple[str, ...]
) -> None:
    message = command("invite", *arguments, "--data", str(tmp_path / "none")).fails(2)
    assert message == "--data: invites.sqlite is not there: freespan serve makes it when it first runs with this folder"
    assert not list(tmp_path.iterdir())


def test_the_origin_of_a_bad_folder_is_named(command: Command, monkeypatch: pytest.MonkeyPatch, tmp_path: Path) -> None:
    monkeypatch.setenv("FREESPAN_DATA", str(tmp_path))
    assert command("invite", "list").fails(2).startswith("FREESPAN_DATA: invites.sqlite is not there")


def test_an_address_that_nobody_has_noted_is_one_line_and_makes_nothing(invite: Invite, folder: Path) -> None:
    with sqlite3.connect(folder / DATABASE) as database:
        database.execute("DELETE FROM facts")
    database.close()
    assert "no host has run with this folder yet" in invite("create", "anna").fails(2)
    assert len(lines_of(invite("list"))) == 2


@pytest.mark.parametrize("value", ["", "[]", "{}", "[1, 2, 3]", '["http://a", "b", 5]'])
def test_a_damaged_address_is_one_line(invite: Invite, folder: Path, value: str) -> None:
    with sqlite3.connect(folder / DATABASE) as database:
        database.execute("UPDATE facts SET value = ?", (value,))
    database.close()
    assert invite("show", "first").fails(2) == "--data: the address of the host is damaged: start the host again"


def test_a_locked_database_is_one_line(invite: Invite, folder: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    defaults = InviteStore.__init__.__kwdefaults__ or {}
    monkeypatch.setattr(InviteStore.__init__, "__kwdefaults__", {**defaults, "patience": 0})
    other = sqlite3.connect(folder / DATABASE, isolation_level=None)
    other.execute("BEGIN EXCLUSIVE")
    assert invite("list").fails(2) == (
        "--data: invites.sqlite is locked by another program: end that one, and try again"
    )
    other.close()


def test_a_damaged_database_is_one_line(invite: Invite, folder: Path) -> None:
    (folder / DATABASE).write_bytes(b"garbage" * 99)
    assert invite("list").fails(2).startswith("--data: invites.sqlite is damaged: put a copy of it back")


def test_a_damaged_key_is_one_line(invite: Invite, folder: Path) -> None:
    (folder / "egress-key.pem").write_text("nothing")
    assert "egress-key.pem is not a private key" in invite("show", "first").fails(2)


def test_a_terminal_without_these_letters_gets_no_traceback(
    invite: Invite, folder: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    with opened(folder) as store:
        store.create("读者", today=today())
    written = io.BytesIO()
    monkeypatch.setattr(sys, "stdout", io.TextIOWrapper(written, "latin-1"))
    assert invite("list").code == 0
    assert invite("show", "读者").code == 0
    sys.stdout.flush()
    assert b"This terminal cannot show a QR code" in written.getvalue()
