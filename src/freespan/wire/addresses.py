"""Addresses: read strictly, written in one form, and judged. Nothing is resolved or connected to.

An address is parsed to a number, and what is passed on is written from that number. So no parser behind these checks
can see another address than they did: some take `0177.0.0.1`, `127.1` or full-width digits for an address. The twin in
JavaScript is bridge/addresses.js; tests/web/test_twins.py holds both to the same results, for any text.
"""

from __future__ import annotations

import ipaddress
import re
from bisect import bisect_right
from collections.abc import Iterable, Iterator
from typing import Literal
from urllib.parse import urlsplit

from freespan.wire.special_purpose import METADATA_NAMES, METADATA_NETWORKS, SPECIAL_PURPOSE

Address = ipaddress.IPv4Address | ipaddress.IPv6Address
Network = ipaddress.IPv4Network | ipaddress.IPv6Network

_Verdict = Literal["yes", "no", "ipv4"]
_VERDICTS: dict[str, _Verdict] = {"yes": "yes", "no": "no", "ipv4": "ipv4"}

_BYTES = {str(number): number for number in range(256)}
"""Every byte by the one way to write it."""
_IPV4_BYTES = 4
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
    numbers = [_BYTES.get(part) for part in text.split(".", _IPV4_BYTES)]
    return bytes(numbers) if len(numbers) == _IPV4_BYTES and None not in numbers else None  # type: ignore[arg-type]


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
        return is_public(_last_32(int(address)))
    return verdict == "yes" and _is_public_tunnel(address)


def is_end(address: Address) -> bool:
    """Whether it is the address of an end on the open internet. One that leads to a translator is not."""
    return _verdict(address) == "yes" and _is_public_tunnel(address)


def is_metadata(address: Address) -> bool:
    """Whether a cloud's metadata service has this address; what is inside it is not looked at."""
    return any(address in network for network in _METADATA[address.version])


def is_metadata_name(name: str) -> bool:
    """Whether a cloud's metadata service has this name, in lower case and without a final dot."""
    return name in _METADATA_NAMES


def ipv4_inside(address: Address, nat64: Iterable[ipaddress.IPv6Network] = ()) -> Iterator[ipaddress.IPv4Address]:
    """Yield the IPv4 addresses to which some tunnel or translator may bring what is sent to an IPv6 address.

    They are the mapped one, that of NAT64 (RFC 6052, by the well-known prefix, the one for local use and those given),
    of 6to4 (RFC 3056), of Teredo (RFC 4380; its server and its client) and of ISATAP (RFC 5214), and two old forms.
    """
    if isinstance(address, ipaddress.IPv4Address):
        return
    number = int(address)
    if number >> 32 in _LAST_32 or _is_isatap(number):
        yield _last_32(number)
    if number >> 112 == _SIX_TO_FOUR:
        yield _last_32(number >> 80)
    if number >> 96 == _TEREDO:
        yield _last_32(number >> 64)
        yield _last_32(~number)
    if number >> 80 == _NAT64_LOCAL:
        for length in (48, 56, 64, 96):
            yield _translated(number, length)
    for network in nat64:
        if address in network:
            yield _translated(number, network.prefixlen)


def nat64_networks(answer: Address) -> Iterator[ipaddress.IPv6Network]:
    """Yield the networks of the translator that has made up an address for `ipv4only.arpa` (RFC 7050 section 3)."""
    if isinstance(answer, ipaddress.IPv6Address):
        for length in NAT64_LENGTHS:
            if _translated(int(answer), length) in _IPV4_ONLY:
                yield ipaddress.IPv6Network((int(answer) >> 128 - length << 128 - length, length))


def _translated(number: int, length: int) -> ipaddress.IPv4Address:
    """The IPv4 address behind a NAT64 prefix of so many bits (RFC 6052 section 2.2), which leaves out bits 64 to 71."""
    if length == 96:
        return _last_32(number)
    without = number >> 64 << 56 | number & (1 << 56) - 1
    return _last_32(without >> 88 - length)


def _last_32(number: int) -> ipaddress.IPv4Address:
    return ipaddress.IPv4Address(number & 0xFFFF_FFFF)


def _is_isatap(number: int) -> bool:
    """Whether the last 64 bits name the IPv4 address of a tunnel's end (RFC 5214 section 6.1)."""
    return number >> 32 & 0xFDFF_FFFF == 0x5EFE


def _is_public_tunnel(address: Address) -> bool:
    """Whether it leads out of no network by ISATAP: there, what is sent to the address goes to the IPv4 one in it."""
    number = int(address)
    return address.version == 4 or not _is_isatap(number) or is_public(_last_32(number))


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


def _first_words(table: str) -> list[str]:
    return [line.partition(" ")[0] for line in table.split("\n") if line]


_RANGES = {version: _ranges(version) for version in (4, 6)}

_METADATA = {
    version: [
        network for network in map(ipaddress.ip_network, _first_words(METADATA_NETWORKS)) if network.version == version
    ]
    for version in (4, 6)
}
_METADATA_NAMES = frozenset(_first_words(METADATA_NAMES))

NAT64_LENGTHS = (32, 40, 48, 56, 64, 96)
"""The lengths that a prefix of NAT64 may have (RFC 6052 section 2.2)."""
_IPV4_ONLY = {ipaddress.IPv4Address("192.0.0.170"), ipaddress.IPv4Address("192.0.0.171")}
"""What `ipv4only.arpa` stands for (RFC 7050 section 8.2)."""
_LAST_32 = {0, 0xFFFF, 0xFFFF_0000, 0x64_FF9B << 64}
"""The first 96 bits of addresses that end in an IPv4 one: compatible, mapped, translated (RFC 2765), NAT64."""
_SIX_TO_FOUR = 0x2002
_TEREDO = 0x2001_0000
_NAT64_LOCAL = 0x64_FF9B_0001
"""The first 48 bits of the prefix for translators of one's own (RFC 8215)."""
