"""What a doctor looks at on the machine of a host: its settings, its data folder, its limits, its addresses.

Nothing is changed: what the first start makes is not made here.
"""

from __future__ import annotations

import asyncio
import os
import platform
import socket
import stat
import time
from collections.abc import Sequence
from pathlib import Path
from typing import TYPE_CHECKING
from urllib.parse import urlsplit

from freespan.api.extras import require_host_libraries
from freespan.api.memory import MEMORY_MIN, machine_memory, size_of, text_of, usual_memory
from freespan.api.open_files import hard_limit, shared_out
from freespan.api.own_path import kept_path
from freespan.api.settings import HostSettings
from freespan.doctor.findings import Check, Finding, bad, good, note
from freespan.doctor.settings import DoctorSettings
from freespan.doctor.udp import ask_stun
from freespan.link.datachannel import DataChannelLink
from freespan.link.default_route import default_routes
from freespan.wire.addresses import is_private_url, is_public, parse_address
from freespan.wire.errors import InputError, LinkError, MissingLibraryError

if TYPE_CHECKING:
    from freespan.wire.messages import IceServer

_CONNECTIONS_FEW = 2_000
_SECRETS = ("egress-key.pem", "path.txt")
_OTHERS = stat.S_IRWXG | stat.S_IRWXO


def url_of(settings: HostSettings) -> str:
    """The URL of the host with these settings, with its path.

    Raises:
        InputError: the settings do not tell; the field says what is missing.
        MissingLibraryError: the libraries of a host are not installed.
    """
    require_host_libraries()
    from freespan.api import host_plan  # loads libraries that only hosts need

    url = host_plan.public_url_of(settings)
    if urlsplit(url).path:
        return url
    if not url and not settings.port:
        raise InputError("port", "0 picks another port at each start: give the URL that freespan serve prints")
    path = kept_path(settings.data_directory)
    if not path:
        raise InputError("data", "holds no path yet: start freespan serve once, or name its folder (--data)")
    return host_plan.origin_of(settings, settings.port) + path


def stun_of(settings: HostSettings) -> list[tuple[str, ...]] | None:
    """The STUN servers of a host with these settings; None if they do not tell."""
    from freespan.api import host_plan

    try:
        port = host_plan.stun_port_of(settings, settings.port)
        own = [host_plan.stun_urls_of(settings, (port, port + 1))] if port else []
        return None if port == 0 else [*own, *host_plan.other_stun_servers(settings)]
    except InputError:  # the check of the settings says it
        return None


class Here:
    """The machine of a host with these settings."""

    def __init__(self, settings: HostSettings, patience: DoctorSettings) -> None:
        self._settings = settings
        self._patience = patience

    def checks(self) -> list[Check]:
        """All checks that need no connection to the host."""
        return [
            Check(id="version", title="Version", look=look_at_version),
            Check(id="settings", title="Settings", look=self.look_at_settings),
            Check(id="data", title="Data folder", look=self.look_at_data),
            Check(id="files", title="Open files", look=self.look_at_files),
            Check(id="memory", title="Memory", look=self.look_at_memory),
            Check(id="strangers", title="Strangers", look=self.look_at_strangers, after=("settings",)),
            Check(id="address", title="Address", look=self.look_at_address, after=("settings",)),
            Check(id="turn", title="TURN", look=self.look_at_turn, after=("settings",)),
        ]

    async def look_at_settings(self) -> Finding:
        """Whether a host could start with them."""
        try:
            require_host_libraries()
            from freespan.api.host_plan import check_settings

            await asyncio.to_thread(check_settings, self._settings)
        except (InputError, MissingLibraryError) as error:
            return bad("settings", str(error), "freespan config --check names it until it is repaired")
        return good("a host can use them")

    async def look_at_data(self) -> Finding:
        """Whether its secrets are there, and this user's alone."""
        return await asyncio.to_thread(finding_of_data, self._settings.data_directory)

    async def look_at_files(self) -> Finding:
        """How many connections the limit of open files allows."""
        most = shared_out(hard_limit()).connections
        if most < _CONNECTIONS_FEW:
            advice = "raise it: LimitNOFILE=65536 of systemd, --ulimit nofile=65536 of Docker, ulimit -n elsewhere"
            return bad("open_files", f"the limit of open files allows {most:,} connections alone", advice)
        return good(f"the limit of open files allows {most:,} connections")

    async def look_at_memory(self) -> Finding:
        """Whether the machine has what the host may use."""
        machine = machine_memory()
        wanted = size_of(self._settings.memory) if self._settings.memory is not None else usual_memory()
        if wanted is not None and wanted > machine:
            text = f"the host may use {text_of(wanted)}, and there are {text_of(machine)}"
            return bad("memory", text, "give it less with --memory, or the machine (or its service) more")
        if machine < 2 * MEMORY_MIN:
            return note("little_memory", f"there are {text_of(machine)}, which is enough for a few readers")
        return good(f"the host may use {text_of(wanted or 0)} of {text_of(machine)}")

    async def look_at_strangers(self) -> Finding:
        """Whether strangers can be told apart."""
        from freespan.api.host_plan import is_behind_unnamed_proxy

        if is_behind_unnamed_proxy(self._settings):
            text = "strangers cannot be told apart, so one of them can keep all readers out"
            advice = "let the web server in front name the sender of each request in a header, and name it"
            return bad("unnamed_proxy", text, f"{advice} (--proxy-header)")
        return good("they can be told apart")

    # --- addresses ------------------------------------------------------------------------------
    async def look_at_address(self) -> Finding:
        """Whether the name of the public URL, and that of STUN, lead to this machine."""
        from freespan.api import host_plan

        url = host_plan.public_url_of(self._settings)
        name = self._settings.stun_host.strip("[]") or urlsplit(url).hostname
        if not url or not name or is_private_url(url):
            return good("the host has no public URL: it is for this machine or its network")
        announced = await _addresses_of(name)
        if not announced:
            return bad("no_address", "the announced name leads nowhere", "repair its DNS, or the name")
        own = {route.source for route in default_routes().values()}
        seen = await self._seen_outside()
        if announced & (own | seen):
            return good("the announced name leads to this machine")
        is_own_public = any(_is_public(each) for each in own | seen)
        if self._settings.stun and not self._settings.stun_host and is_own_public:
            text = "the announced name leads to another address than this machine has, as behind a front or a CDN"
            return note("other_address", text, "such a one passes no UDP on: name this machine with --stun-host")
        text = "the announced name leads to another address than this machine's own, as behind a NAT"
        return note("other_address", text, "let the NAT pass TCP and the UDP ports of STUN on to this machine")

    async def _seen_outside(self) -> set[str]:
        """The addresses that other STUN servers see, if the host names any."""
        from freespan.api.host_plan import other_stun_servers

        urls = [group[0] for group in other_stun_servers(self._settings)]
        found = await asyncio.gather(*(ask_stun(url, self._patience.stun_seconds) for url in urls))
        return {str(each) for each in found if each is not None}

    # --- TURN -----------------------------------------------------------------------------------
    async def look_at_turn(self) -> Finding:
        """Whether each TURN URL gives a relay candidate with the credentials that the host hands out."""
        from freespan.api.host_plan import turn_servers_of

        servers = turn_servers_of(self._settings)
        if servers is None:
            return good("none is set")
        return await look_at_turn(servers.credentials(time.time()))


async def look_at_version() -> Finding:
    """What runs here."""
    from freespan import __version__

    system = f"{platform.system()} {platform.machine()}"
    return good(f"freespan {__version__}, Python {platform.python_version()}, {system}")


async def look_at_turn(servers: Sequence[IceServer]) -> Finding:
    """Whether TURN servers give relay candidates, each by each of its URLs."""
    from freespan.wire.messages import IceServer as Server

    each_alone = [Server([url], server.username, server.credential) for server in servers for url in server.urls]
    works = [await _relays(each) for each in each_alone]
    if all(works):
        return good("it relays, by each of its URLs")
    silent = [each.urls[0] for each, relays in zip(each_alone, works, strict=True) if not relays]
    kinds = ", ".join(dict.fromkeys(map(_kind, silent)))
    advice = (
        "look whether it runs, whether it has the same secret (static-auth-secret), and whether its ports are open;"
        " for turns, whether WebRTC trusts its certificate"
    )
    if any(works):
        return bad("turn_partly_silent", f"it gives no relay by some of its URLs ({kinds})", advice)
    return bad("turn_silent", f"it gives no relay ({kinds})", advice)


async def _relays(server: IceServer) -> bool:
    try:
        link = DataChannelLink([server], relay_only=True)
    except LinkError:
        return False
    try:
        return " typ relay" in await link.offer()
    except LinkError:
        return False
    finally:
        link.close("the doctor has seen it")


def _kind(url: str) -> str:
    """`turn over tcp` and the like, which names nobody."""
    scheme, _, rest = url.partition(":")
    return f"{scheme} over {'tcp' if 'transport=tcp' in rest or scheme == 'turns' else 'udp'}"


def finding_of_data(folder: Path) -> Finding:
    """Whether a data folder has what a host needs, readable by this user and nobody else."""
    try:
        now = folder.stat()
        missing = [name for name in _SECRETS if not (folder / name).exists()]
        unreadable = [name for name in _SECRETS if name not in missing and not os.access(folder / name, os.R_OK)]
    except FileNotFoundError:
        return bad("no_data", "there is no data folder yet", "start freespan serve once, or name its folder (--data)")
    except OSError as error:
        reason = (error.strerror or "input/output error").lower()
        return bad("data_closed", f"it cannot be read: {reason}", "run this as the user that runs the host, or as root")
    if unreadable or not os.access(folder, os.R_OK | os.W_OK | os.X_OK):
        return bad("data_closed", "this user may not use it", "run this as the user that runs the host, or as root")
    if "egress-key.pem" in missing:
        return bad("no_key", "it holds no key of an egress", "bring back the backup, or make new invites after a start")
    if os.name != "nt" and _is_open_to_others(folder, now.st_mode):
        text = "other users of this machine can look into it, and see when readers read"
        return bad("data_open", text, "chmod 700 the folder, and chmod 600 the files in it")
    return good("it has what a host needs, and nobody else can read it")


def _is_open_to_others(folder: Path, mode: int) -> bool:
    return bool(mode & _OTHERS) or any(
        (folder / name).stat().st_mode & _OTHERS for name in _SECRETS if (folder / name).exists()
    )


async def _addresses_of(name: str) -> set[str]:
    try:
        found = await asyncio.get_running_loop().getaddrinfo(name, None, type=socket.SOCK_STREAM)
    except OSError:
        return set()
    return {str(each[4][0]).partition("%")[0] for each in found}


def _is_public(text: str) -> bool:
    address = parse_address(text)
    return address is not None and is_public(address)
