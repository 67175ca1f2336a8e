"""Says which variable of the environment names a proxy that freespan does not use.

Most programs that speak HTTP go through the proxy that `http_proxy` and its like name. freespan goes to its host
directly, and whoever relies on such a proxy, to reach anything at all or not to be seen, has to know that.
"""

from __future__ import annotations

import ipaddress
import os
import re
from collections.abc import Iterable, Mapping
from urllib.parse import urlsplit

from freespan.terminal.output import print_error
from freespan.wire.addresses import Address, parse_address
from freespan.wire.target import is_loopback

_FOR_ALL = ("all_proxy", "socks_proxy")
_DEFAULT_PORTS = {"http": 80, "https": 443}


def say_unused_proxy(urls: Iterable[str], environment: Mapping[str, str] = os.environ) -> None:
    """Say so in one line on standard error if other programs would reach one of these URLs through a proxy."""
    if name := unused_proxy(urls, environment):
        print_error(f"{name} names a proxy, which freespan does not use: it connects to the host directly")


def unused_proxy(urls: Iterable[str], environment: Mapping[str, str]) -> str | None:
    """The variable that names a proxy for one of these http and https URLs; None if there is none for any."""
    exceptions = _value(environment, "no_proxy")[1]
    for url in urls:
        parts = urlsplit(url)
        host = (parts.hostname or "").removesuffix(".")
        port = parts.port or _DEFAULT_PORTS.get(parts.scheme, 0)
        if is_loopback(host) or _is_excepted(host, port, exceptions):
            continue
        for variable in (f"{parts.scheme}_proxy", *_FOR_ALL):
            name, value = _value(environment, variable)
            if value:
                return name
    return None


def _value(environment: Mapping[str, str], name: str) -> tuple[str, str]:
    """A variable by the name in which it stands, in lower case or in capitals, and its value."""
    for written in (name, name.upper()):
        if value := environment.get(written, "").strip():
            return written, value
    return name, ""


def _is_excepted(host: str, port: int, exceptions: str) -> bool:
    """Whether `no_proxy` names a host: a name with all below it, an address, a network, or `*` for all."""
    address = parse_address(host)
    return any(_matches(entry.lower(), host, port, address) for entry in re.split(r"[\s,]+", exceptions) if entry)


def _matches(entry: str, host: str, port: int, address: Address | None) -> bool:
    if entry == "*":
        return True
    if address is not None and (network := _network(entry)) is not None:
        return address in network
    name, colon, only_port = entry.rpartition(":")
    if colon and only_port.isdigit() and "]" not in only_port and (":" not in name or name.endswith("]")):
        if int(only_port) != port:
            return False
        entry = name
    entry = entry.strip("[]").removeprefix("*").strip(".")
    return bool(entry) and (host == entry or (address is None and host.endswith(f".{entry}")))


def _network(entry: str) -> ipaddress.IPv4Network | ipaddress.IPv6Network | None:
    try:
        return ipaddress.ip_network(entry.strip("[]"), strict=False)
    except ValueError:
        return None
