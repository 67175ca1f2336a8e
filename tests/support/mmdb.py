"""Writes small MMDB files (MaxMind DB 2.0), with the part of the format that a database of countries needs."""

from __future__ import annotations

import ipaddress
from typing import Any

Node = list[Any]
_RECORD_BYTES = 4  # records of 32 bits
_MAP, _UINT16, _UINT32, _UINT64, _ARRAY = 7, 5, 6, 9, 11


def database(records: dict[str, dict[str, Any]], *, ip_version: int = 6) -> bytes:
    """Return a database with a record for each network; IPv4 networks are in ::/96, as usual."""
    root: Node = [None, None]
    for network, record in records.items():
        _insert(root, _bits(network, ip_version), record)
    nodes = _numbered(root)
    data, places = b"", {}
    for record in {id(record): record for record in records.values()}.values():
        places[id(record)] = len(data)
        data += _encoded(record)

    def pointer(child: Any) -> int:
        if child is None:
            return len(nodes)
        if isinstance(child, list):
            return next(i for i, node in enumerate(nodes) if node is child)
        return len(nodes) + 16 + places[id(child)]

    tree = b"".join(pointer(child).to_bytes(_RECORD_BYTES) for node in nodes for child in node)
    metadata = {
        "binary_format_major_version": 2,
        "binary_format_minor_version": 0,
        "build_epoch": 0,
        "database_type": "Test-Country",
        "description": {"en": "for a test"},
        "ip_version": ip_version,
        "languages": ["en"],
        "node_count": len(nodes),
        "record_size": 8 * _RECORD_BYTES,
    }
    return tree + bytes(16) + data + b"\xab\xcd\xefMaxMind.com" + _encoded(metadata)


def _bits(network: str, ip_version: int) -> str:
    parsed = ipaddress.ip_network(network)
    bits = format(int(parsed.network_address), f"0{parsed.max_prefixlen}b")[: parsed.prefixlen]
    return "0" * 96 + bits if parsed.version == 4 and ip_version == 6 else bits


def _insert(root: Node, bits: str, record: dict[str, Any]) -> None:
    node = root
    for bit in bits[:-1]:
        if node[int(bit)] is None:
            node[int(bit)] = [None, None]
        node = node[int(bit)]
    node[int(bits[-1])] = record


def _numbered(root: Node) -> list[Node]:
    nodes = [root]
    for node in nodes:
        nodes.extend(child for child in node if isinstance(child, list))
    return nodes


def _encoded(value: Any) -> bytes:
    match value:
        case str():
            return _control(2, len(value.encode())) + value.encode()
        case int():
            kind = _UINT16 if value < 1 << 16 else _UINT32
            content = value.to_bytes(4).lstrip(b"\0")
            return _control(kind, len(content)) + content
        case list():
            return _control(_ARRAY, len(value)) + b"".join(map(_encoded, value))
        case dict():
            pairs = b"".join(_encoded(key) + _encoded(part) for key, part in value.items())
            return _control(_MAP, len(value)) + pairs
    raise TypeError(value)


def _control(kind: int, size: int) -> bytes:
    assert size < 285
    first, more = (size, b"") if size < 29 else (29, bytes([size - 29]))
    return bytes([kind << 5 | first]) + more if kind <= 7 else bytes([first, kind - 7]) + more
