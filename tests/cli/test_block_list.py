"""The block list of `freespan serve`: at the start, and read again while it runs."""

from __future__ import annotations

import signal
import sys
from pathlib import Path

import pytest

from tests.cli.conftest import Command
from tests.support import readers
from tests.support.laboratory import laboratory, url_of
from tests.support.site import SMALL, Site

BLOCKED = 'freespan; error=http_request_denied; details="blocked"'


def test_a_host_does_not_start_with_nonsense_in_its_list(command: Command, tmp_path: Path) -> None:
    file = tmp_path / "blocked.txt"
    file.write_text("evil.example\nhttp://evil.example/\n")
    options = ("--data", str(tmp_path / "data"), "--block-list", str(file))
    why = "--block-list: line 2 is neither a name nor a network"
    assert command("serve", "--port", "0", *options).fails(2) == why
    assert command("config", "--check", *options).fails(2) == why
    file.unlink()
    assert (
        command("serve", "--port", "0", *options).fails(2) == "--block-list: cannot be read: no such file or directory"
    )


@pytest.mark.skipif(sys.platform == "win32", reason="POSIX signals")
def test_a_list_is_read_again_at_a_signal_and_what_it_names_is_cut(tmp_path: Path, site: Site) -> None:
    file = tmp_path / "blocked.txt"
    file.write_text("# nothing yet\n")
    site.hold.clear()
    with laboratory(tmp_path / "data", "--block-list", str(file), "--verbose") as lab:
        lab.bridge()
        _, proxy = lab.client()
        with readers.dial(proxy) as held:
            held.sendall(f"GET {url_of(site, '/held')} HTTP/1.1\r\nHost: x\r\n\r\n".encode())
            readers.read_exactly(held, 15)
            assert readers.get(proxy, url_of(site)).body == SMALL

            file.write_text("site.test\n")
            lab.host.send_signal(signal.SIGHUP)
            lab.host.line("the block list has been read again: 1 entries")
            with pytest.raises(ConnectionResetError):
                readers.read_all(held)
        reply = readers.get(proxy, url_of(site))
        assert (reply.status, reply.header("Proxy-Status")) == (403, BLOCKED)
        assert b"the host blocks this site" in reply.body

        file.write_text("a b\n")
        lab.host.send_signal(signal.SIGHUP)
        lab.host.line("the block list of before stays: line 1 is neither a name nor a network")
        assert readers.get(proxy, url_of(site)).header("Proxy-Status") == BLOCKED

        file.write_text("\n")  # and without a signal, within seconds
        lab.host.line("the block list has been read again: 0 entries")
        assert readers.get(proxy, url_of(site)).body == SMALL
    site.hold.set()
