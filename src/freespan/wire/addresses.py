"""Addresses: read strictly, written in one form, and judged. Nothing is resolved or connected to.

An address is parsed to a number, and what is passed on is written from that number. So no parser behind these checks
can see another address than they did: some take `0177.0.0.1`, `127.1` or full-width digits for an address. The twin in
JavaScript is bridge/addresses.js; tests/web/test_twins.py holds both to the same results, for any text.
"""

from __future__ import annotations

import ipaddress
import re
from bisect import bisect_right
from typing import Literal
from urllib.parse import urlsplit

from freespan.wire.special_purpose import SPECIAL_PURPOSE

Address = ipaddress.IPv4Address | ipaddress.IPv6Address

_Verdict = Literal["yes", "no", "ipv4"]
_VERDICTS: dict[str, _Verdict] = {"yes": "yes", "no": "no", "ipv4": "ipv4"}

_BYTE = r"(?:25[0-5]|2[0-4][0-9]|1[0-9][0-9]|[1-9]?[0-9])"
_IPV4 = re.compile(rf"({_BYTE})\.({_BYTE})\.({_BYTE})\.({_BYTE})")
_GROUP = re.compile("[0-9A-Fa-f]{1,4}")
_IPV6_LENGTH_MAX = 45
_GROUPS = 8
_ZEROS = re.compile(r"(?:^|:)0(?::0)+(?:$|:)")


# --- text and numbers --------------------------------------------------------------------------
def parse_address(text: str) -> Address | None:
    """Return the address that a text is, or None.

    IPv4 addresses are four decimal numbers without leading zeros (RFC 6943 section 3.1.1), IPv6 addresses those of RFC
    4291 section 2.2. There are no zones, brackets or white space.
    """
    if (ipv4 := _ipv4_bytes(text)) is not None:
        return ipaddress.IPv4Address(int.from_bytes(ipv4, "big"))  # twice as fast as from bytes
    groups = _ipv6_groups(text)
    return None if groups is None else ipaddress.IPv6Address(b"".join(group.to_bytes(2) for group in groups))


def address_text(address: Address) -> str:
    """Return the one form in which an address is passed on (RFC 5952), the same in every version of Python."""
    if isinstance(address, ipaddress.IPv4Address):
        return str(address)
    packed = address.packed
    text = ":".join(f"{int.from_bytes(packed[i : i + 2]):x}" for i in range(0, 16, 2))
    longest = max(_ZEROS.finditer(text), key=lambda zeros: len(zeros[0].strip(":")), default=None)
    return text if longest is None else f"{text[: longest.start()]}::{text[longest.end() :]}"


def _ipv4_bytes(text: str) -> bytes | None:
    found = _IPV4.fullmatch(text)
    return bytes(map(int, found.groups())) if found else None


def _ipv6_groups(text: str) -> list[int] | None:
    """The eight 16-bit numbers of an IPv6 address."""
    if len(text) > _IPV6_LENGTH_MAX:
        return None
    before, gap, after = text.partition("::")
    head, tail = _groups(before, may_end_in_ipv4=not gap), _groups(after, may_end_in_ipv4=True)
    if head is None or tail is None:
        return None
    missing = _GROUPS - len(head) - len(tail)
    if (missing < 1) if gap else missing:
        return None
    return [*head, *[0] * missing, *tail]


def _groups(text: str, *, may_end_in_ipv4: bool) -> list[int] | None:
    if not text:
        return []
    *parts, last = text.split(":")
    ends_in_ipv4 = may_end_in_ipv4 and "." in last
    if not ends_in_ipv4:
        parts.append(last)
    if not all(_GROUP.fullmatch(part) for part in parts):
        return None
    groups = [int(part, 16) for part in parts]
    if ends_in_ipv4:
        if (ipv4 := _ipv4_bytes(last)) is None:
            return None
        groups += (ipv4[0] << 8 | ipv4[1], ipv4[2] << 8 | ipv4[3])
    return groups


# --- what they lead to -------------------------------------------------------------------------
def is_public(address: Address) -> bool:
    """Whether a connection to an address stays on the open internet; an IPv4 address in it decides in its place."""
    verdict = _verdict(address)
    if verdict == "ipv4":
        return is_public(ipaddress.IPv4Address(int(address) & 0xFFFF_FFFF))
    return verdict == "yes"


def is_end(address: Address) -> bool:
    """Whether it is the address of an end on the open internet. One that leads to a translator is not."""
    return _verdict(address) == "yes"


def is_private_url(url: str) -> bool:
    """Whether the host of a URL is private."""
    return is_private_host(urlsplit(url).hostname or "")


def is_private_host(host: str) -> bool:
    """Whether a host is `localhost`, a name of the local link (RFC 6762), or an address that is not public.

    Any other name counts as public. `host` has no brackets.
    """
    address = parse_address(host.partition("%")[0])  # a zone is that of a link-local address
    if address is not None:
        return not is_public(address)
    name = host.lower().removesuffix(".")
    return name == "localhost" or name.endswith((".localhost", ".local"))


def _verdict(address: Address) -> _Verdict:
    starts, verdicts = _RANGES[address.version]
    return verdicts[bisect_right(starts, int(address)) - 1]


def _ranges(version: int) -> tuple[list[int], list[_Verdict]]:
    """Where ranges of addresses begin that have one verdict, from the address 0 on, and these verdicts."""
    networks = _networks(version)
    edges = {edge << shift for network, shift, _ in networks for edge in (network, network + 1)}
    starts = sorted({0, *edges})
    return starts, [_verdict_by_table(networks, start) for start in starts]


def _verdict_by_table(networks: list[tuple[int, int, _Verdict]], number: int) -> _Verdict:
    return next((verdict for network, shift, verdict in networks if number >> shift == network), "no")


def _networks(version: int) -> list[tuple[int, int, _Verdict]]:
    """The table for one IP version, longest networks first: their leading bits, how many bits follow, the verdict."""
    found: list[tuple[int, int, _Verdict]] = []
    for line in SPECIAL_PURPOSE.split("\n"):
        text, _, verdict = line.partition(" ")
        start, _, length = text.partition("/")
        address = parse_address(start)
        if address is not None and address.version == version:
            shift = address.max_prefixlen - int(length)
            found.append((int(address) >> shift, shift, _VERDICTS[verdict]))
    return sorted(found, key=lambda network: network[1])


_RANGES = {version: _ranges(version) for version in (4, 6)}
