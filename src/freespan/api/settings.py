"""The settings of a host. Each stands here once: type, default, help and checks.

The options of `freespan serve`, the files and environment variables that it reads, `freespan config` and the table in
the docs are all made from `HostSettings`. What several settings mean together is in `host_plan.py`.
"""

from __future__ import annotations

import os
import re
import sys
from collections.abc import Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import Annotated, ClassVar

from freespan.api.options import About, Replacement, conform_fields
from freespan.wire.errors import InputError, InviteError

FRONTS_MAX = 4
"""Fronts in an invite; the same number as `freespan.wire.invite.FRONTS_MAX`."""
OTHER_STUN_SERVERS_MAX = 3
"""STUN servers in an invite, without the host's own; one less than `freespan.wire.invite.STUN_MAX`."""
OPEN, INVITED = "open", "invited"
"""Who may use a host: everybody who has its address, or nobody without an invite."""
TURN_URLS_MAX = 8
"""TURN URLs that a client is given; the same number as `freespan.broker.turn.TURN_URLS_MAX`."""

EGRESS_MODES = ("sites", "web", "open")
"""What `egress` may be, from the narrowest to the widest."""

_HEADER = re.compile(r"[A-Za-z0-9-]{0,64}")
_ORIGIN = re.compile(r"https?://(?:[A-Za-z0-9.-]{1,253}|\[[0-9A-Fa-f:.]{2,45}\])(?::[0-9]{1,5})?/?")

_ADDRESS = "Address"
_PAGES = "Pages"
_ICE = "STUN and TURN"
_READERS = "Who may use it"
_EGRESS = "What readers may reach"
_FIGURES = "Figures"
_LIMITS = "Limits"


# --- forms and checks of single values: a check returns what is wrong, or None ---------------------------------------
# They import what they need when they run: `freespan --help` loads this module, and should stay fast.


def _with_ascii_host(url: str) -> str:
    """A URL with its host in the form that DNS has, so that a name may be given in its own script."""
    from freespan.wire.target import url_with_host_in_dns

    return url_with_host_in_dns(url)


def _ascii_host(host: str) -> str:
    from freespan.wire.names import name_in_dns

    return host if host.isascii() else name_in_dns(host) or host


def _check_public_url(url: str) -> str | None:
    from freespan.api.own_path import check_path
    from freespan.wire.invite import check_broker_url

    if not url:
        return None
    try:
        return check_path(check_broker_url(url))
    except InviteError:
        return "must be the http or https URL of a host, such as https://bridge.example.org"


def _check_front(url: str) -> str | None:
    from freespan.wire.invite import check_broker_url

    try:
        check_broker_url(url)
    except InviteError:
        return "must be an http or https URL, such as https://cdn.example"
    return None


def _check_embedder(origin: str) -> str | None:
    return None if _ORIGIN.fullmatch(origin) else "must be the origin of a site, such as https://news.example"


def _check_stun_host(host: str) -> str | None:
    from freespan.wire.invite import check_stun_urls

    if not host:
        return None
    try:
        check_stun_urls([f"stun:{bracketed(host.strip('[]'))}:1"])
    except InviteError:
        return "must be the name or the address at which UDP reaches this host"
    return None


def _check_stun_server(server: str) -> str | None:
    from freespan.wire.invite import check_stun_urls

    try:
        check_stun_urls(server.split(","))
    except InviteError:
        return "must look like stun:stun.example.org:3478"
    return None


def _check_turn(url: str) -> str | None:
    from freespan.broker.turn import check_turn_url

    try:
        check_turn_url(url)
    except InputError as error:
        return error.reason
    return None


def _check_access(access: str) -> str | None:
    return None if access in (OPEN, INVITED) else f"must be {OPEN} or {INVITED}"


def _check_allowed(host: str) -> str | None:
    from freespan.wire.target import parse_host

    try:
        parse_host(host.strip("[]"))
    except InputError:
        return "must be the name or the address of a site"
    return None


def _check_contact(contact: str) -> str | None:
    from freespan.web.complaints import check_contact

    return check_contact(contact)


def _check_egress(mode: str) -> str | None:
    return None if mode in EGRESS_MODES else "must be sites, web or open"


def _check_egress_port(port: int) -> str | None:
    from freespan.egress.policy import FORBIDDEN_PORTS

    return f"{port} is never opened, since mail from here would be spam" if port in FORBIDDEN_PORTS else None


def _check_resolved(entry: str) -> str | None:
    import ipaddress

    from freespan.wire.target import parse_host

    name, equals, address = entry.partition("=")
    try:
        parse_host(name)
        ipaddress.ip_address(address)
    except (ValueError, InputError):
        equals = ""
    return None if equals else "must be NAME=ADDRESS, with an IP address"


def _check_memory(text: str) -> str | None:
    from freespan.api.memory import MEMORY_MIN, size_of

    size = size_of(text)
    if size is None:
        return "must be a size such as 2GB or 700MB"
    return None if size >= MEMORY_MIN else f"must be at least {MEMORY_MIN // 10**6}MB"


def _check_daily(text: str) -> str | None:
    from freespan.api.memory import size_of

    return None if size_of(text) else "must be a size such as 200GB"


def _usual_memory() -> str:
    from freespan.api.memory import text_of, usual_memory

    return text_of(usual_memory())


def _check_header(name: str) -> str | None:
    return None if _HEADER.fullmatch(name) else "must be the name of a header, such as X-Forwarded-For"


# --- the settings -----------------------------------------------------------------------------------------------------


def default_data_directory() -> Path:
    """The directory in which the system keeps a user's settings of freespan."""
    home = Path.home()
    if sys.platform == "win32":
        return Path(os.environ.get("APPDATA", home)) / "freespan"
    if sys.platform == "darwin":
        return home / "Library" / "Application Support" / "freespan"
    return Path(os.environ.get("XDG_CONFIG_HOME", home / ".config")) / "freespan"


@dataclass(frozen=True, kw_only=True)
class HostSettings:
    """The settings of a `Host`; every field has a default.

    A path may be given as text, and a list in place of a tuple.

    Raises:
        InputError: a value has the wrong type or form; `field` is its name, with hyphens.
    """

    host: Annotated[
        str,
        About(
            "Address to listen on; 0.0.0.0 for all.",
            _ADDRESS,
            metavar="ADDRESS",
            details="On a machine with several addresses name one, so that STUN answers from it",
        ),
    ] = "127.0.0.1"
    port: Annotated[int, About("Port to listen on; 0 picks a free one.", _ADDRESS, low=0, high=65_535)] = 8787
    public_url: Annotated[
        str,
        About(
            "URL at which readers and bridges reach this host.",
            _ADDRESS,
            metavar="URL",
            default_text="made of --host and --port",
            details="It goes into the invite. If it has a path, that is the host's own path",
            example='"https://bridge.example.org"',
            convert=_with_ascii_host,
            check=_check_public_url,
        ),
    ] = ""
    tls_cert: Annotated[
        Path | None,
        About(
            "Certificate chain (PEM), to serve https.",
            _ADDRESS,
            metavar="FILE",
            details=(
                "Needs `tls-key`. Not needed behind a web server that speaks TLS. Both files are read again when they"
                " change, and at SIGHUP"
            ),
            example='"/etc/letsencrypt/live/bridge.example.org/fullchain.pem"',
        ),
    ] = None
    tls_key: Annotated[
        Path | None,
        About(
            "Private key of the certificate (PEM).",
            _ADDRESS,
            metavar="FILE",
            example='"/etc/letsencrypt/live/bridge.example.org/privkey.pem"',
        ),
    ] = None
    redirect_port: Annotated[
        int | None,
        About("Redirect HTTP on this port to HTTPS; usually 80.", _ADDRESS, low=0, high=65_535, example="80"),
    ] = None
    self_check: Annotated[
        bool,
        About(
            "Look at this host from outside when it has started, by its public URL.",
            _ADDRESS,
            details="It says what a web server in front spoils, as `freespan doctor` does. Needs `public-url`",
        ),
    ] = True
    front: Annotated[
        tuple[str, ...],
        About(
            "Another URL that leads to this host, for the invite.",
            _ADDRESS,
            metavar="URL",
            details="A front without a path leads to the host's own path",
            example='["https://cdn.example"]',
            most=FRONTS_MAX,
            convert=_with_ascii_host,
            check=_check_front,
        ),
    ] = ()
    data: Annotated[
        Path | None,
        About(
            "Directory of the egress key, the host's path and its invites.",
            _ADDRESS,
            metavar="DIRECTORY",
            default_text="the user's directory for settings",
            computed=default_data_directory,
            details=(
                "Holds `egress-key.pem`, `path.txt` and `invites.sqlite` (0600), made at the first start, and"
                " is closed to other users (0700). **Back it up: with another key, or another path, every invite is"
                " void**"
            ),
            example='"/var/lib/freespan"',
        ),
    ] = None
    site: Annotated[
        Path | None,
        About(
            "Directory of the web site that strangers see at this address.",
            _PAGES,
            metavar="DIRECTORY",
            default_text="one stock page",
            details=(
                "Static files; `index.html` stands for its directory. There is no listing, nothing outside the"
                " directory is served, and no name that begins with a dot except `.well-known`"
            ),
            example='"/var/www/garden"',
        ),
    ] = None
    abuse_contact: Annotated[
        str,
        About(
            "What the page for complaints says, in your own words: how to reach you.",
            _PAGES,
            metavar="TEXT",
            details=(
                "Served as plain text at `/abuse`, and as the front page of a host without a site. Whoever gets"
                " something unwanted from this address looks there. An `abuse` of your own site goes first"
            ),
            example='"Unwanted traffic from this address? abuse@example.org"',
            check=_check_contact,
        ),
    ] = ""
    abuse_explain: Annotated[
        bool,
        About(
            "Say on that page that this is a host of freespan, and what that means.",
            _PAGES,
            details="Then everybody who asks this address knows it, censors included",
        ),
    ] = False
    embedder: Annotated[
        tuple[str, ...],
        About(
            "Site that may embed the switch; no other site may then.",
            _PAGES,
            metavar="ORIGIN",
            default_text="any site",
            details="Sent with `/embed` and with `/bridge`, which every switch needs",
            example='["https://news.example"]',
            convert=_with_ascii_host,
            check=_check_embedder,
        ),
    ] = ()
    stun: Annotated[bool, About("Run a STUN server beside the host.", _ICE)] = True
    stun_port: Annotated[
        int | None,
        About(
            "UDP port for STUN; the next one is used too.",
            _ICE,
            low=0,
            high=65_534,
            default_text="the number of --port",
            details="A host whose URL is private answers STUN only if this is given",
            example="3478",
        ),
    ] = None
    stun_host: Annotated[
        str,
        About(
            "Name at which UDP reaches this host.",
            _ICE,
            metavar="NAME",
            default_text="that of the public URL",
            details="For a host behind a front or a CDN, which carries no UDP",
            example='"udp.example.org"',
            convert=_ascii_host,
            check=_check_stun_host,
        ),
    ] = ""
    stun_server: Annotated[
        tuple[str, ...],
        About(
            "Another STUN server, which is asked after the host's own.",
            _ICE,
            metavar="stun:HOST:PORT",
            details=(
                "Two ports of one server, separated by a comma, let clients find out their NAT mapping. Its owner sees"
                " the addresses of all who ask"
            ),
            example='["stun:stun.example.org:3478"]',
            most=OTHER_STUN_SERVERS_MAX,
            convert=_with_ascii_host,
            check=_check_stun_server,
            separator=r"\s+",  # a comma joins the ports of one server
        ),
    ] = ()
    turn: Annotated[
        tuple[str, ...],
        About(
            "TURN server for peers that cannot connect directly.",
            _ICE,
            metavar="turn:HOST:PORT",
            details="`turn:HOST:3478?transport=udp`, `turns:HOST:443?transport=tcp`. Needs `turn-secret-file`",
            example='["turn:turn.example.org:3478?transport=udp"]',
            most=TURN_URLS_MAX,
            convert=_with_ascii_host,
            check=_check_turn,
        ),
    ] = ()
    turn_secret_file: Annotated[
        Path | None,
        About(
            "File with the secret that the TURN servers share with this host.",
            _ICE,
            metavar="FILE",
            example='"/etc/freespan-turn-secret"',
        ),
    ] = None
    access: Annotated[
        str,
        About(
            "Who may use this host: open (everybody who has its address) or invited.",
            _READERS,
            metavar="WHO",
            details=(
                "On an open host, readers with an invite go first when it is crowded. Whoever has a public switch's"
                " line has the address. A host that was open says what stops working when it becomes `invited`"
            ),
            example='"invited"',
            check=_check_access,
        ),
    ] = OPEN
    egress: Annotated[
        str | None,
        About(
            "What readers may reach: sites, web or open.",
            _EGRESS,
            metavar="WHAT",
            default_text="sites with --allow-host, else web",
            details=(
                "`sites`: those of `allow-host`. `web`: public addresses at the ports 80, 443, 853, 993, 995, 5222,"
                " 5223, 5228, 8080 and 8443. `open`: public addresses at any port but 25. With `allow-host`, `web` and"
                " `open` reach no other site either"
            ),
            example='"web"',
            check=_check_egress,
        ),
    ] = None
    egress_port: Annotated[
        tuple[int, ...],
        About(
            "Port that readers may reach besides those of the web.",
            _EGRESS,
            low=1,
            high=65_535,
            details="For `egress` `web`",
            example="[6697]",
            check=_check_egress_port,
        ),
    ] = ()
    allow_host: Annotated[
        tuple[str, ...],
        About(
            "Site that readers may reach, with its subdomains; no other site then.",
            _EGRESS,
            metavar="NAME",
            default_text="all public ones",
            details="An IP address in this list may be private",
            example='["news.example"]',
            check=_check_allowed,
        ),
    ] = ()
    block_list: Annotated[
        Path | None,
        About(
            "File with names and networks that readers may not reach.",
            _EGRESS,
            metavar="FILE",
            details=(
                "One a line, names with their subdomains; `#` begins a comment. It is read again when it changes, and"
                " at SIGHUP"
            ),
            example='"/etc/freespan/blocked.txt"',
        ),
    ] = None
    allow_private: Annotated[
        bool,
        About(
            "Let readers reach private and loopback addresses: for tests and demos only.",
            _EGRESS,
            details="Never on a real host. The metadata services of clouds stay closed",
        ),
    ] = False
    resolve: Annotated[
        tuple[str, ...],
        About(
            "Address of a name that is not looked up in DNS.",
            _EGRESS,
            metavar="NAME=ADDRESS",
            example='["news.example=192.0.2.7"]',
            check=_check_resolved,
        ),
    ] = ()
    countries: Annotated[
        Path | None,
        About(
            "Database of countries (MMDB) for the globe of the switch.",
            _FIGURES,
            metavar="FILE",
            example='"/var/lib/freespan/countries.mmdb"',
        ),
    ] = None
    metrics_port: Annotated[
        int | None,
        About(
            "Serve counters at http://127.0.0.1:NUMBER/metrics (Prometheus); 0 picks a free port.",
            _FIGURES,
            low=0,
            high=65_535,
            details=(
                "Only this machine can read them. Bytes that pass and sockets are exact. What counts readers"
                " changes every ten minutes, in steps of 8, and what is held for them in steps of 16 MB; no label names"
                " anybody"
            ),
            example="9464",
        ),
    ] = None
    proxy_header: Annotated[
        str,
        About(
            "Header in which the web server in front names the client, such as X-Forwarded-For.",
            _LIMITS,
            metavar="NAME",
            details=(
                "Its last address counts. Behind such a server a host cannot tell strangers apart without it. Never"
                " give it on another host: whoever can write this header can pretend to be anybody"
            ),
            example='"X-Forwarded-For"',
            check=_check_header,
        ),
    ] = ""
    session_connections: Annotated[
        int,
        About(
            "New connections a second that a session may open.",
            _LIMITS,
            low=1,
            high=100_000,
            details=(
                "Twenty times as many at once. All sessions from one network, or of one proved bridge, have 16 times as"
                " much, and those of one invite 32 times"
            ),
        ),
    ] = 50
    session_destination: Annotated[
        int,
        About(
            "New connections a second that a session may open to one destination.",
            _LIMITS,
            low=1,
            high=100_000,
            details="Fifty times as many at once. An IPv4 address, or an IPv6 /64, is a destination",
        ),
    ] = 10
    session_daily: Annotated[
        str,
        About(
            "Bytes that a session may carry in a day, such as 200GB.",
            _LIMITS,
            metavar="SIZE",
            details="In both directions together, and with the same multiples for networks and invites",
            example='"200GB"',
            check=_check_daily,
        ),
    ] = "200GB"
    memory: Annotated[
        str | None,
        About(
            "Memory that this process may use, such as 2GB.",
            _LIMITS,
            metavar="SIZE",
            default_text="three quarters of the machine's",
            computed=_usual_memory,
            details=(
                "At this limit the sessions that hold the most end. The machine's memory is that of the container or"
                " the service (cgroup) where it has less"
            ),
            example='"2GB"',
            check=_check_memory,
        ),
    ] = None

    REPLACED: ClassVar[Mapping[str, Replacement]] = {
        "metrics": Replacement("metrics_port", "the counters have a port of their own, on 127.0.0.1 alone")
    }
    """Settings of earlier versions by the names of their fields."""

    def __post_init__(self) -> None:
        conform_fields(self)

    @property
    def data_directory(self) -> Path:
        """Where the egress key and the host's path are kept."""
        return self.data or default_data_directory()


def bracketed(host: str) -> str:
    """The host as it stands in a URL: an IPv6 address has brackets around it."""
    return f"[{host}]" if ":" in host else host
