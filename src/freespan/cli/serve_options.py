"""The options of `freespan serve`, and what each of them means; raises `InputError` that names the option."""

from __future__ import annotations

import ipaddress
import re
import ssl
from dataclasses import dataclass
from pathlib import Path
from urllib.parse import urlsplit

from freespan.broker.live_picture import LivePicture
from freespan.broker.turn import TurnServers
from freespan.egress.policy import Policy
from freespan.web.ordinary import OrdinarySite
from freespan.wire.addresses import Address, is_private_url
from freespan.wire.errors import InputError, InviteError, MessageError
from freespan.wire.ice import check_stun, check_turn_servers
from freespan.wire.invite import FRONTS_MAX, STUN_MAX, check_broker_url, check_stun_urls
from freespan.wire.messages import IceServer
from freespan.wire.target import parse_host

_HEADER = re.compile(r"[A-Za-z0-9-]{0,64}")
_ORIGIN = re.compile(r"https?://(?:[A-Za-z0-9.-]{1,253}|\[[0-9A-Fa-f:.]{2,45}\])(?::[0-9]{1,5})?")


@dataclass(frozen=True)
class ServeOptions:
    """As `--help` describes them; empty or None where one was not given."""

    host: str
    port: int
    public_url: str
    tls_cert: Path | None
    tls_key: Path | None
    data: Path
    site: Path | None
    redirect_port: int | None
    fronts: tuple[str, ...]
    embedders: tuple[str, ...]
    stun_port: int | None
    stun_host: str
    no_stun: bool
    stun_servers: tuple[str, ...]
    turn: tuple[str, ...]
    turn_secret_file: Path | None
    allow_hosts: tuple[str, ...]
    allow_private: bool
    resolve: tuple[str, ...]
    countries: Path | None
    proxy_header: str
    metrics: bool
    as_json: bool
    verbose: bool


def tls_of(options: ServeOptions) -> ssl.SSLContext | None:
    """The certificate; None for http."""
    if options.tls_cert is None and options.tls_key is None:
        return None
    if options.tls_cert is None or options.tls_key is None:
        raise InputError("tls", "needs both --tls-cert and --tls-key")
    context = ssl.create_default_context(ssl.Purpose.CLIENT_AUTH)
    context.set_alpn_protocols(["http/1.1"])
    try:
        context.load_cert_chain(options.tls_cert, options.tls_key, password="")  # rather than ask for one
    except OSError as error:
        is_tls = isinstance(error, ssl.SSLError)
        reason = "no matching pair in PEM form" if is_tls else (error.strerror or "input/output error").lower()
        raise InputError("tls", f"certificate and key cannot be used: {reason}") from None
    return context


def public_url_of(options: ServeOptions) -> str:
    """The URL that was given, with its path if it has one; empty if none was given."""
    if not options.public_url:
        return ""
    try:
        return check_broker_url(options.public_url)
    except InviteError:
        raise InputError("public-url", "must be an http or https URL of a host") from None


def origin_of(options: ServeOptions, port: int) -> str:
    """Scheme, host and port by which others reach the host that listens at `port`."""
    if url := public_url_of(options):
        parts = urlsplit(url)
        return f"{parts.scheme}://{parts.netloc}"
    scheme = "https" if options.tls_cert else "http"
    host = {"": "127.0.0.1", "0.0.0.0": "127.0.0.1", "::": "::1"}.get(options.host, options.host).strip("[]")
    return f"{scheme}://{_bracketed(host)}:{port}"


def fronts_of(options: ServeOptions, path: str) -> tuple[str, ...]:
    """Base URLs of the fronts; one that was given without a path leads to the host's own, `path`."""
    if len(options.fronts) > FRONTS_MAX:
        raise InputError("front", f"may be given {FRONTS_MAX} times at most")
    try:
        urls = [check_broker_url(front) for front in options.fronts]
    except InviteError:
        raise InputError("front", "must be an http or https URL") from None
    return tuple(url if urlsplit(url).path else url + path for url in urls)


def redirects(options: ServeOptions) -> bool:
    """Whether a second port sends browsers on to https."""
    if options.redirect_port is None:
        return False
    if not origin_of(options, 0).startswith("https://"):
        raise InputError("redirect-port", "leads to https, so this host needs a certificate or an https --public-url")
    return True


def site_of(options: ServeOptions) -> OrdinarySite:
    """What strangers see."""
    if options.site is not None and not options.site.is_dir():
        raise InputError("site", "is no folder")
    return OrdinarySite(options.site)


def embedders_of(options: ServeOptions) -> tuple[str, ...]:
    """Origins of the only sites that may embed the switch; none for any."""
    origins = tuple(embedder.removesuffix("/") for embedder in options.embedders)
    if not all(_ORIGIN.fullmatch(origin) for origin in origins):
        raise InputError("embedder", "must be the origin of a site, such as https://news.example")
    return origins


# --- STUN and TURN -----------------------------------------------------------------------------


def stun_port_of(options: ServeOptions, port: int) -> int | None:
    """The first port of the host's STUN server, 0 for any; None for no server. `port` is the one for HTTP."""
    if options.no_stun:
        if options.stun_port is not None or options.stun_host:
            raise InputError("no-stun", "and the options of that server exclude each other")
        return None
    if options.stun_port is None and is_private_url(origin_of(options, port)):
        if options.stun_host:
            raise InputError("stun-host", "needs --stun-port on a host that is not public")
        return None
    if options.stun_port is None and options.port == 0:
        return 0
    return port if options.stun_port is None else options.stun_port


def stun_address_of(options: ServeOptions) -> str:
    """Where the STUN server listens: as HTTP does; but no web server that passes HTTP on passes STUN on."""
    host = options.host.strip("[]")
    return "" if _is_loopback(host) and not is_private_url(origin_of(options, 1)) else host


def stun_urls_of(options: ServeOptions, ports: tuple[int, int]) -> tuple[str, ...]:
    """The host's own STUN server, as one group of an invite."""
    host = options.stun_host or urlsplit(origin_of(options, 1)).hostname or ""
    try:
        urls = check_stun_urls([f"stun:{_bracketed(host.strip('[]'))}:{port}" for port in ports])
        check_stun([IceServer(list(urls))], allow_private=_is_private(options))
        return urls
    except (InviteError, MessageError):
        raise InputError("stun-host", "must be the name or the address at which UDP reaches this host") from None


def other_stun_servers(options: ServeOptions) -> list[tuple[str, ...]]:
    """Groups of URLs, each one server; its ports are separated by commas."""
    if len(options.stun_servers) >= STUN_MAX:
        raise InputError("stun-server", f"may be given {STUN_MAX - 1} times at most")
    try:
        groups = [check_stun_urls(server.split(",")) for server in options.stun_servers]
    except InviteError:
        raise InputError("stun-server", "must look like stun:stun.example.org:3478") from None
    try:
        check_stun([IceServer(list(group)) for group in groups], allow_private=_is_private(options))
    except MessageError as error:
        raise InputError("stun-server", error.reason) from None
    return groups


def relays_of(options: ServeOptions) -> TurnServers | None:
    """The relays; None without any."""
    if not options.turn and options.turn_secret_file is None:
        return None
    if options.turn_secret_file is None:
        raise InputError("turn", "needs --turn-secret-file, the secret that relay and host share")
    if not options.turn:
        raise InputError("turn-secret-file", "is of no use without --turn")
    try:
        secret = options.turn_secret_file.read_text(encoding="utf-8").strip()
    except OSError as error:
        reason = (error.strerror or "input/output error").lower()
        raise InputError("turn-secret-file", f"cannot be read: {reason}") from None
    except UnicodeDecodeError:
        raise InputError("turn-secret-file", "is no text") from None
    if not secret:
        raise InputError("turn-secret-file", "is empty")
    relays = TurnServers(options.turn, secret)
    try:
        check_turn_servers(relays.credentials(0), allow_private=_is_private(options))
    except MessageError as error:
        raise InputError("turn", error.reason) from None
    return relays


def live_picture_of(options: ServeOptions) -> LivePicture:
    """Where readers are, as far as it is told."""
    if not _HEADER.fullmatch(options.proxy_header):
        raise InputError("proxy-header", "must be the name of a header, such as X-Forwarded-For")
    if options.countries is None:
        return LivePicture(None, options.proxy_header)
    from freespan.broker.country_database import CountryDatabase  # loads a library that most hosts do not need

    return LivePicture(CountryDatabase(options.countries), options.proxy_header)


def _is_private(options: ServeOptions) -> bool:
    """Whether the ends may be led to private addresses: they refuse them of a host that is public itself."""
    return is_private_url(origin_of(options, 1))


# --- what readers may reach --------------------------------------------------------------------


def policy_of(options: ServeOptions) -> Policy:
    """What the egress dials."""
    try:
        return Policy.of(options.allow_hosts, allow_private=options.allow_private)
    except InputError:
        raise InputError("allow-host", "must be the name or the address of a site") from None


def names_of(options: ServeOptions) -> dict[str, Address]:
    """What the egress resolves without DNS."""
    names: dict[str, Address] = {}
    for entry in options.resolve:
        name, equals, address = entry.partition("=")
        try:
            if not equals:
                raise ValueError
            names[parse_host(name)] = ipaddress.ip_address(address)
        except (ValueError, InputError):
            raise InputError("resolve", "must be NAME=ADDRESS, with an IP address") from None
    return names


def _bracketed(host: str) -> str:
    return f"[{host}]" if ":" in host else host


def _is_loopback(host: str) -> bool:
    try:
        return ipaddress.ip_address(host).is_loopback
    except ValueError:
        return host == "localhost"
