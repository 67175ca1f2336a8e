"""What a person can try while the demo stays up: addresses and commands to copy. Pure."""

from __future__ import annotations

import json
import shlex
from collections.abc import Mapping
from dataclasses import dataclass
from pathlib import Path

from freespan.browsers.proxy_settings import chromium_flags, firefox_preferences
from freespan.demo.addresses import BLOCKED, LOOPBACK, NEWS, Addresses


@dataclass(frozen=True, slots=True)
class Suggestion:
    """One thing to try."""

    what: str
    """What it shows."""
    copy: str
    """The command or address, to be copied whole."""


def suggestions(addresses: Addresses, browsers: Mapping[str, Path], *, as_root: bool = False) -> list[Suggestion]:
    """Return what to try, in a sensible order.

    Args:
        addresses: where everything listens.
        browsers: the programs of the installed browsers, by kind.
        as_root: whether the commands will be run by root, for whom Chromium needs an option.
    """
    censored = f"--connect-to ::{LOOPBACK}:{addresses.censor_port}"
    trust = f"--cacert {_quoted(addresses.authority_file)}"
    through = f"curl -x socks5h://{addresses.proxy} {trust}"
    found = [
        Suggestion("Flip the switch yourself: open the news page", addresses.news),
        Suggestion("The host's own page: what publishers and helpers see", addresses.host),
        Suggestion("Directly: the censor resets the connection", f"curl {censored} http://{BLOCKED}/"),
        Suggestion("Directly, another name: it passes", f"curl -sI {censored} http://{NEWS}/"),
        Suggestion("Through the bridge: it arrives", f"curl -x http://{addresses.proxy} {addresses.blocked}small"),
        Suggestion("The same over https", f"{through} {addresses.blocked_tls}small"),
    ]
    if "chromium" in browsers:
        command = _chromium(addresses, browsers["chromium"], as_root)
        found.append(Suggestion("In Chromium, through the bridge", command))
    if "firefox" in browsers:
        found.append(Suggestion("In Firefox, through the bridge", _firefox(addresses, browsers["firefox"])))
    if not browsers:
        what = f"In your browser: set {addresses.proxy} as its HTTP or SOCKS5 proxy, then open"
        found.append(Suggestion(what, addresses.blocked))
    return found


def firefox_settings(proxy: str) -> str:
    """Return the `user.js` of a Firefox profile that uses the local proxy for everything."""
    settings = {
        **firefox_preferences(proxy),
        "browser.aboutwelcome.enabled": False,
        "datareporting.policy.dataSubmissionEnabled": False,
    }
    return "".join(f"user_pref({json.dumps(name)}, {json.dumps(value)});\n" for name, value in settings.items())


def firefox_profile(addresses: Addresses) -> Path:
    """Return the profile folder that the command for Firefox names."""
    return addresses.folder / "firefox"


def _chromium(addresses: Addresses, program: Path, as_root: bool) -> str:
    sandbox = " --no-sandbox" if as_root else ""
    return (
        f"{_quoted(program)}{sandbox} --no-first-run --user-data-dir={_quoted(addresses.folder / 'chromium')}"
        f" {' '.join(chromium_flags(addresses.proxy))} {addresses.blocked}"
    )


def _firefox(addresses: Addresses, program: Path) -> str:
    return f"{_quoted(program)} --no-remote --profile {_quoted(firefox_profile(addresses))} {addresses.blocked}"


def _quoted(path: Path) -> str:
    return shlex.quote(str(path))
