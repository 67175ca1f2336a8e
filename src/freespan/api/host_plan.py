"""What the settings of a host mean together: where it listens, what it is called, which servers it names.

The functions open nothing but files. Each raises `InputError` whose field is the name of a setting; `check_settings`
calls all of them. What is wrong with a single setting has been found before, by `HostSettings` itself.
"""

from __future__ import annotations

import ipaddress
import ssl
from pathlib import Path
from typing import TYPE_CHECKING
from urllib.parse import urlsplit

from freespan.api.extras import require_host_libraries
from freespan.api.memory import ledger_limit, size_of, usual_memory
from freespan.api.options import RelatedSettingError
from freespan.api.settings import HostSettings, bracketed
from freespan.broker.turn import TurnServers
from freespan.egress.block_list import NOTHING
from freespan.egress.block_list_file import read_block_list
from freespan.egress.policy import WEB_PORTS, Policy
from freespan.egress.settings import EgressSettings
from freespan.observe.ledger import Ledger
from freespan.sources.rate import Rate
from freespan.wire.addresses import Address, is_private_url
from freespan.wire.errors import InputError, InviteError, MessageError
from freespan.wire.ice import check_stun, check_turn_servers
from freespan.wire.invite import check_broker_url, check_stun_urls
from freespan.wire.messages import IceServer
from freespan.wire.target import parse_host

if TYPE_CHECKING:
    from freespan.api.open_files import OpenFiles
    from freespan.broker.reader_statistics import ReaderStatistics
    from freespan.web.decoy_site import DecoySite

_CONNECTIONS_BURST, _DESTINATION_BURST = 20, 50
"""How many seconds' worth of new connections a session may open at once: in all, and to one destination."""


def check_settings(settings: HostSettings) -> None:
    """Raise `InputError` for the first setting that a host could not use."""
    tls_of(settings)
    fronts_of(settings, "/path")
    redirects(settings)
    site_of(settings)
    if (port := stun_port_of(settings, settings.port)) is not None:
        stun_urls_of(settings, (port or 1, (port or 1) + 1))
    other_stun_servers(settings)
    turn_servers_of(settings)
    policy_of(settings)
    names_of(settings)
    reader_statistics_of(settings)


def tls_of(settings: HostSettings) -> ssl.SSLContext | None:
    """The certificate; None for http."""
    if settings.tls_cert is None and settings.tls_key is None:
        return None
    if settings.tls_cert is None:
        raise RelatedSettingError("tls-key", "is of no use without {}", "tls-cert")
    if settings.tls_key is None:
        raise RelatedSettingError("tls-cert", "needs {} as well", "tls-key")
    context = ssl.create_default_context(ssl.Purpose.CLIENT_AUTH)
    context.set_alpn_protocols(["http/1.1"])
    try:
        context.load_cert_chain(settings.tls_cert, settings.tls_key, password="")  # rather than ask for one
    except OSError as error:
        is_tls = isinstance(error, ssl.SSLError)
        reason = "not a matching pair in PEM form" if is_tls else (error.strerror or "input/output error").lower()
        raise InputError("tls-cert", f"certificate and key cannot be used: {reason}") from None
    return context


def public_url_of(settings: HostSettings) -> str:
    """The public URL without a trailing slash, with its path if it has one; empty if none was given."""
    return check_broker_url(settings.public_url) if settings.public_url else ""


def origin_of(settings: HostSettings, port: int) -> str:
    """Scheme, host and port by which others reach the host that listens on `port`."""
    if url := public_url_of(settings):
        parts = urlsplit(url)
        return f"{parts.scheme}://{parts.netloc}"
    scheme = "https" if settings.tls_cert else "http"
    host = {"": "127.0.0.1", "0.0.0.0": "127.0.0.1", "::": "::1"}.get(settings.host, settings.host).strip("[]")
    return f"{scheme}://{bracketed(host)}:{port}"


def fronts_of(settings: HostSettings, path: str) -> tuple[str, ...]:
    """Base URLs of the fronts; one that was given without a path leads to the host's own, `path`."""
    urls = [check_broker_url(front) for front in settings.front]
    return tuple(url if urlsplit(url).path else url + path for url in urls)


def redirects(settings: HostSettings) -> bool:
    """Whether a second port redirects browsers to https."""
    if settings.redirect_port is None:
        return False
    if not origin_of(settings, 0).startswith("https://"):
        raise RelatedSettingError(
            "redirect-port", "redirects to https, so this host needs {} or an https {}", "tls-cert", "public-url"
        )
    return True


def site_of(settings: HostSettings, complaints: Path | None = None) -> DecoySite:
    """What strangers see; `complaints` is the page for them, if there is one."""
    from freespan.web.decoy_site import DecoySite

    if settings.site is not None and not settings.site.is_dir():
        raise InputError("site", "not a directory")
    if settings.abuse_explain and not settings.abuse_contact:
        raise RelatedSettingError("abuse-explain", "needs {}, so that people can reach you", "abuse-contact")
    return DecoySite(settings.site, complaints)


def kept_complaints_page(settings: HostSettings) -> Path | None:
    """Write the page for complaints into the data directory; None without a contact."""
    from freespan.web.complaints import keep_complaints_page

    if not settings.abuse_contact:
        return None
    return keep_complaints_page(settings.data_directory, settings.abuse_contact, explained=settings.abuse_explain)


def embedders_of(settings: HostSettings) -> tuple[str, ...]:
    """Origins of the only sites that may embed the switch; none if any site may."""
    return tuple(embedder.removesuffix("/") for embedder in settings.embedder)


# --- STUN and TURN -----------------------------------------------------------------------------


def stun_port_of(settings: HostSettings, port: int) -> int | None:
    """The first port of the host's STUN server, 0 for any; None for no server. `port` is the one for HTTP."""
    if not settings.stun:
        for name, given in (("stun-port", settings.stun_port is not None), ("stun-host", bool(settings.stun_host))):
            if given:
                raise InputError(name, "is of no use while STUN is off")
        return None
    if settings.stun_port is None and is_private_url(origin_of(settings, port)):
        if settings.stun_host:
            raise RelatedSettingError("stun-host", "needs {} on a host that is not public", "stun-port")
        return None
    if settings.stun_port is None and settings.port == 0:
        return 0
    return port if settings.stun_port is None else settings.stun_port


def stun_address_of(settings: HostSettings) -> str:
    """The address on which the STUN server listens: that of HTTP, or every one behind a web server on this machine.

    A web server passes HTTP on, and never STUN.
    """
    host = settings.host.strip("[]")
    return "" if _is_loopback(host) and not is_private_url(origin_of(settings, 1)) else host


def stun_urls_of(settings: HostSettings, ports: tuple[int, int]) -> tuple[str, ...]:
    """The host's own STUN server, as one group of an invite."""
    host = settings.stun_host or urlsplit(origin_of(settings, 1)).hostname or ""
    try:
        urls = check_stun_urls([f"stun:{bracketed(host.strip('[]'))}:{port}" for port in ports])
        check_stun([IceServer(list(urls))], allow_private=_is_private(settings))
        return urls
    except (InviteError, MessageError):
        raise InputError("stun-host", "must be the name or the address at which UDP reaches this host") from None


def other_stun_servers(settings: HostSettings) -> list[tuple[str, ...]]:
    """Groups of URLs, each one server; its ports are separated by commas."""
    groups = [check_stun_urls(server.split(",")) for server in settings.stun_server]
    try:
        check_stun([IceServer(list(group)) for group in groups], allow_private=_is_private(settings))
    except MessageError as error:
        raise InputError("stun-server", error.reason) from None
    return groups


def turn_servers_of(settings: HostSettings) -> TurnServers | None:
    """The TURN servers and their secret; None without any."""
    if not settings.turn and settings.turn_secret_file is None:
        return None
    if settings.turn_secret_file is None:
        raise RelatedSettingError(
            "turn", "needs {}, the secret that the TURN server and this host share", "turn-secret-file"
        )
    if not settings.turn:
        raise RelatedSettingError("turn-secret-file", "is of no use without {}", "turn")
    try:
        secret = settings.turn_secret_file.read_text(encoding="utf-8").strip()
    except OSError as error:
        reason = (error.strerror or "input/output error").lower()
        raise InputError("turn-secret-file", f"cannot be read: {reason}") from None
    except UnicodeDecodeError:
        raise InputError("turn-secret-file", "is not text") from None
    if not secret:
        raise InputError("turn-secret-file", "is empty")
    servers = TurnServers(settings.turn, secret)
    try:
        check_turn_servers(servers.credentials(0), allow_private=_is_private(settings))
    except MessageError as error:
        raise InputError("turn", error.reason) from None
    return servers


def _is_private(settings: HostSettings) -> bool:
    """Whether clients and bridges may be led to private addresses: they refuse these of a host that is public."""
    return is_private_url(origin_of(settings, 1))


def is_behind_unnamed_proxy(settings: HostSettings) -> bool:
    """Whether some web server must speak TLS for this host, and it is not said how that one names its clients."""
    is_https = urlsplit(settings.public_url).scheme == "https"
    return is_https and settings.tls_cert is None and not settings.proxy_header


# --- readers ----------------------------------------------------------------------------------


def reader_statistics_of(settings: HostSettings) -> ReaderStatistics:
    """Counts the countries of readers, if there is a database of countries.

    Raises:
        MissingLibraryError: there is one, and the library that reads it is not installed.
    """
    from freespan.broker.reader_statistics import ReaderStatistics

    if settings.countries is None:
        return ReaderStatistics(None, settings.proxy_header)
    require_host_libraries()
    from freespan.broker.country_database import CountryDatabase  # loads a library that most hosts do not need

    return ReaderStatistics(CountryDatabase(settings.countries), settings.proxy_header)


def egress_mode_of(settings: HostSettings) -> str:
    """What readers may reach, as one of `EGRESS_MODES`."""
    mode = settings.egress or ("sites" if settings.allow_host else "web")
    if mode == "sites" and not settings.allow_host:
        raise RelatedSettingError("egress", "sites needs {}, once for each site that readers may reach", "allow-host")
    if mode != "web" and settings.egress_port:
        raise RelatedSettingError("egress-port", "adds to the ports of {} web, and is of no use without it", "egress")
    return mode


def policy_of(settings: HostSettings) -> Policy:
    """Where the egress may connect."""
    is_web = egress_mode_of(settings) == "web"
    return Policy.of(
        settings.allow_host,
        allow_private=settings.allow_private,
        ports=WEB_PORTS.union(settings.egress_port) if is_web else None,
        blocked=read_block_list(settings.block_list) if settings.block_list is not None else NOTHING,
    )


def egress_settings_of(settings: HostSettings, files: OpenFiles) -> EgressSettings:
    """How much readers may have at once, and spend."""
    a_second, to_one = settings.session_connections, settings.session_destination
    return EgressSettings(
        sockets_max=files.sockets,
        dials_max=files.dials,
        connections=Rate(a_second, a_second * _CONNECTIONS_BURST),
        connections_to_one=Rate(to_one, to_one * _DESTINATION_BURST),
        bytes_a_day=size_of(settings.session_daily) or 0,
    )


def names_of(settings: HostSettings) -> dict[str, Address]:
    """The names that the egress resolves without DNS."""
    entries = [entry.partition("=") for entry in settings.resolve]
    return {parse_host(name): ipaddress.ip_address(address) for name, _, address in entries}


def _is_loopback(host: str) -> bool:
    try:
        return ipaddress.ip_address(host).is_loopback
    except ValueError:
        return host == "localhost"


def ledger_of(settings: HostSettings) -> Ledger:
    """Counts what is held for strangers, up to a part of the memory that the process may use."""
    memory = size_of(settings.memory) if settings.memory is not None else None
    return Ledger(ledger_limit(memory or usual_memory()))
