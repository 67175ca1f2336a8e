"""What a person can do by hand while the demo stays up: addresses and commands to copy. Pure."""

from __future__ import annotations

import shlex
from collections.abc import Mapping
from dataclasses import dataclass
from pathlib import Path

from freespan.demo.ports import LOOPBACK
from freespan.demo.sites import BLOCKED, NEWS


@dataclass(frozen=True, slots=True)
class Stage:
    """Where everything listens, on loopback."""

    host: str
    """URL of the host: landing page, switch, broker and egress."""
    proxy: str
    """`address:port` of the client's local proxy."""
    news_port: int
    blocked_port: int
    blocked_tls_port: int
    censor_port: int
    authority_file: Path
    """The demo authority's certificate, PEM."""
    folder: Path
    """A folder that is gone when the demo ends."""

    @property
    def news(self) -> str:
        """URL of the news page as it is open to this machine's browsers."""
        return f"http://{LOOPBACK}:{self.news_port}/"

    @property
    def blocked(self) -> str:
        """URL of the blocked page, over http: nobody's own browser trusts the demo authority."""
        return f"http://{BLOCKED}:{self.blocked_port}/"

    @property
    def blocked_tls(self) -> str:
        """URL of the blocked page over https."""
        return f"https://{BLOCKED}:{self.blocked_tls_port}/"

    def direct(self, name: str, scheme: str) -> str:
        """URL of `name` on the reader's road, through the censor."""
        return f"{scheme}://{name}:{self.censor_port}/"

    def addresses(self) -> dict[str, str]:
        """Return what `--json` tells those who stay."""
        return {
            "host": self.host,
            "news": self.news,
            "proxy": self.proxy,
            "blocked": self.blocked,
            "blocked_tls": self.blocked_tls,
            "censor": f"{LOOPBACK}:{self.censor_port}",
            "ca_file": str(self.authority_file),
        }


@dataclass(frozen=True, slots=True)
class Try:
    """One thing to try: what it shows, and the command or address, to be copied whole."""

    what: str
    copy: str


def things_to_try(stage: Stage, browsers: Mapping[str, Path], *, as_root: bool = False) -> list[Try]:
    """Return what to try, in a good order; `browsers` are those that this machine has."""
    road = f"--connect-to ::{LOOPBACK}:{stage.censor_port}"
    trust = f"--cacert {_quoted(stage.authority_file)}"
    tries = [
        Try("Flip the switch yourself: open the news page", stage.news),
        Try("The host's own page: what publishers and helpers see", stage.host),
        Try("Directly: the censor cuts it", f"curl {road} http://{BLOCKED}/"),
        Try("Directly, another name: it passes", f"curl -sI {road} http://{NEWS}/"),
        Try("Through the bridge: it arrives", f"curl -x http://{stage.proxy} {stage.blocked}small"),
        Try("The same over https", f"curl -x socks5h://{stage.proxy} {trust} {stage.blocked_tls}small"),
    ]
    if "chromium" in browsers:
        tries.append(Try("In Chromium, through the bridge", _chromium(stage, browsers["chromium"], as_root)))
    if "firefox" in browsers:
        tries.append(Try("In Firefox, through the bridge", _firefox(stage, browsers["firefox"])))
    if not browsers:
        tries.append(Try(f"In your browser: set {stage.proxy} as its HTTP or SOCKS5 proxy, then open", stage.blocked))
    return tries


def firefox_settings(proxy: str) -> str:
    """Return the `user.js` of a Firefox profile that uses the local proxy for everything."""
    address, _, port = proxy.rpartition(":")
    settings = {
        "network.proxy.type": "1",
        "network.proxy.socks": f'"{address}"',
        "network.proxy.socks_port": port,
        "network.proxy.socks_version": "5",
        "network.proxy.socks_remote_dns": "true",
        "browser.aboutwelcome.enabled": "false",
        "datareporting.policy.dataSubmissionEnabled": "false",
    }
    return "".join(f'user_pref("{name}", {value});\n' for name, value in settings.items())


def firefox_profile(stage: Stage) -> Path:
    """Where the profile of the command for Firefox lies."""
    return stage.folder / "firefox"


def _chromium(stage: Stage, program: Path, as_root: bool) -> str:
    sandbox = " --no-sandbox" if as_root else ""
    return (
        f"{_quoted(program)}{sandbox} --no-first-run --user-data-dir={_quoted(stage.folder / 'chromium')}"
        f" --proxy-server=http://{stage.proxy} {stage.blocked}"
    )


def _firefox(stage: Stage, program: Path) -> str:
    return f"{_quoted(program)} --no-remote --profile {_quoted(firefox_profile(stage))} {stage.blocked}"


def _quoted(path: Path) -> str:
    return shlex.quote(str(path))
