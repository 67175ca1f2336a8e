"""A list of names and networks that no reader may reach, as a file of one entry a line. Pure.

# what comes after a hash is a comment
evil.example            this name and all below it
bücher.example          the same, in the form that DNS has (IDNA)
203.0.113.0/24          a network, or a single address
2001:db8:bad::/48
"""

from __future__ import annotations

import ipaddress
import re
from collections.abc import Iterable

from freespan.wire.addresses import Address, Network
from freespan.wire.errors import InputError
from freespan.wire.names import NAME_MAX
from freespan.wire.target import parse_host

_FIELD = "block-list"
BLOCK_LIST_MAX = 64 * 1024 * 1024
"""The size of a file in bytes, at most."""
_MAPPED_BITS = 96
"""Of an IPv6 address that stands for an IPv4 one (RFC 4291 section 2.5.5.2), these bits come first."""
_LABEL = "[a-z0-9_-]{1,63}"
_PLAIN = re.compile(rf"(?=.{{1,{NAME_MAX}}}\Z)(?:{_LABEL}\.)*(?=[a-z]){_LABEL}", re.ASCII)
"""A name in the only form that it has. Most are; to find that out takes a microsecond."""
_EARLIER = str.maketrans({"ß": "ss", "ẞ": "ss", "ς": "σ", "\N{ZERO WIDTH JOINER}": "", "\N{ZERO WIDTH NON-JOINER}": ""})
"""The letters of which programs by the earlier standard (IDNA 2003) make another name."""


class BlockList:
    """Names, with all below them, and networks. To look one up takes as long for a million entries as for ten."""

    def __init__(self, names: Iterable[str] = (), networks: Iterable[Network] = ()) -> None:
        self._names = frozenset(names)
        self._networks: dict[tuple[int, int], set[int]] = {}
        """The first bits of networks, by IP version and by how many bits follow."""
        for network in networks:
            follow = network.max_prefixlen - network.prefixlen
            self._networks.setdefault((network.version, follow), set()).add(int(network.network_address) >> follow)

    def __len__(self) -> int:
        """How many entries it has; names that have two forms in DNS are two."""
        return len(self._names) + sum(map(len, self._networks.values()))

    def has_name(self, host: str) -> bool:
        """Whether a name, in the form of `parse_host`, or one above it is listed."""
        if host in self._names:
            return True
        start = host.find(".")
        while start >= 0:
            if host[start + 1 :] in self._names:
                return True
            start = host.find(".", start + 1)
        return False

    def has_address(self, address: Address) -> bool:
        """Whether a network that is listed holds an address."""
        number, version = int(address), address.version
        return any(number >> follow in starts for (of, follow), starts in self._networks.items() if of == version)


NOTHING = BlockList()


def parse_block_list(text: str) -> BlockList:
    """Read a list. Raises `InputError` that names the first line which is neither a name nor a network."""
    names: set[str] = set()
    networks: list[Network] = []
    for number, line in enumerate(text.split("\n"), 1):
        entry = line.partition("#")[0].strip()
        if not entry:
            continue
        if _PLAIN.fullmatch(entry):
            names.add(entry)
            continue
        try:
            forms = {entry} if _network(entry) else _forms_of(entry)
        except InputError:
            raise InputError(_FIELD, f"line {number} is neither a name nor a network") from None
        for form in forms:  # a name may turn out to be an address in digits of another script
            if (network := _network(form)) is not None:
                networks.append(network)
            else:
                names.add(form)
    return BlockList(names, networks)


def decode_block_list(content: bytes) -> BlockList:
    """Read the content of a file. Raises `InputError`."""
    if len(content) > BLOCK_LIST_MAX:
        raise InputError(_FIELD, f"is larger than {BLOCK_LIST_MAX // 1024**2} MiB")
    try:
        return parse_block_list(content.decode("utf-8-sig"))
    except UnicodeDecodeError as error:
        line = content.count(b"\n", 0, error.start) + 1
        raise InputError(_FIELD, f"line {line} is not UTF-8 text") from None


def _forms_of(entry: str) -> set[str]:
    """The names in DNS that may be meant, or the one address. Raises `InputError` if it is neither.

    A list that is to close something closes both names where the two standards for other scripts differ.
    """
    return {parse_host(entry), parse_host(entry.translate(_EARLIER))}


def _network(entry: str) -> Network | None:
    if "%" in entry:  # a zone is a part of one machine
        return None
    try:
        network = ipaddress.ip_network(entry)
    except ValueError:
        return None
    mapped = network.network_address.ipv4_mapped if isinstance(network, ipaddress.IPv6Network) else None
    if mapped is None or network.prefixlen < _MAPPED_BITS:
        return network
    return ipaddress.IPv4Network((mapped, network.prefixlen - _MAPPED_BITS))
