"""The fingerprint of a connection: what its packets show to a censor, and what in them identifies freespan. Pure."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any

from lab.dissect.leaks import count_certificates, identifying_words, readable_names
from lab.dissect.stun import read_stun
from lab.dissect.tls import Handshake, Hello, read_hello, read_records, tls_messages
from lab.dissect.transport import Datagram, datagrams, streams
from lab.errors import LabError
from lab.packets import CapturedPacket

_FIRST = 8
"""How many packets of a kind are described."""
_BINDING, _BINDING_RESPONSE = 0x001, 0x101

Fingerprint = dict[str, Any]
"""Names of fields, and values that can be written as JSON."""


def describe(packets: Sequence[CapturedPacket]) -> Fingerprint:
    """Return the fingerprint of the reader's STUN, DTLS and TLS, with some fields of the volunteer's.

    Args:
        packets: captured at the border's interface towards the reader, so that those that leave are the volunteer's.

    Raises:
        LabError: there is no DTLS in them.
    """
    everything = list(datagrams(packets))
    flow = _dtls_flow(everything)
    here = [each for each in everything if each.flow == flow]
    return {
        **_stun_fields(everything, here),
        **_dtls_fields(here),
        **_https_fields(packets),
        **_other_fields(packets, here),
    }


def differences(one: Fingerprint, other: Fingerprint) -> list[str]:
    """Return the fields in which two fingerprints differ, without times, sizes and names, which always vary."""
    left_out = (" ms", " bytes", "readable names")
    return [name for name, value in one.items() if not name.endswith(left_out) and value != other.get(name)]


def identifying(packets: Sequence[CapturedPacket]) -> list[str]:
    """Return what identifies freespan, one line each; empty if nothing does."""
    found = [f"the word {word}" for word in identifying_words(packets)]
    if count := count_certificates(packets):
        found.append(f"{count} unencrypted certificates")
    setup = describe(packets)
    if setup["dtls version"] != "DTLS 1.3":
        found.append(f"{setup['dtls version']} instead of DTLS 1.3")
    if setup["neither STUN nor DTLS"]:
        found.append("packets between the two that are neither STUN nor DTLS")
    return found


def _dtls_flow(everything: Sequence[Datagram]) -> frozenset[tuple[str, int]]:
    """Return the two ends of the last DTLS connection."""
    flows = [each.flow for each in everything if read_records(each.payload)]
    if not flows:
        raise LabError("the capture has no DTLS")
    return flows[-1]


def _stun_fields(everything: Sequence[Datagram], here: Sequence[Datagram]) -> Fingerprint:
    read = [(each, message) for each in everything if (message := read_stun(each.payload))]
    queries = [(each, m) for each, m in read if not each.leaves and m.kind == _BINDING and not m.user]
    checks = [(each, m) for each, m in read if each in here and not each.leaves and m.kind == _BINDING and m.user]
    responses = [m for each, m in read if each in here and not each.leaves and m.kind == _BINDING_RESPONSE]
    users = {tuple(len(part) for part in m.user.split(b":")) for _, m in checks}
    return {
        "stun server: attributes": _distinct(m.names for _, m in queries),
        "stun server: first ms": _times([each for each, _ in queries]),
        "checks: attributes": _distinct(m.names for _, m in checks),
        "checks: lengths": _distinct([f"{length}" for _, length in m.attributes] for _, m in checks),
        "checks: ufrag lengths": sorted(users),
        "checks: first ms": _times([each for each, _ in checks]),
        "responses: attributes": _distinct(m.names for m in responses),
        "other stun": sorted({f"0x{m.kind:03x}" for _, m in read} - {"0x001", "0x101"}),
    }


def _dtls_fields(here: Sequence[Datagram]) -> Fingerprint:
    hellos: dict[bool, list[Hello]] = {True: [], False: []}
    sides = {True: Handshake(), False: Handshake()}
    flights, protected = [], []
    for each in here:
        if not (records := read_records(each.payload)):
            continue
        for kind, body in sides[each.leaves].read(records):
            if hello := read_hello(kind, body, datagrams=True):
                hellos[each.leaves].append(hello)
        flights.append(f"{'←' if each.leaves else '→'}{len(each.payload)}")
        protected += [record.kind for record in records if not record.is_clear and not each.leaves]
    chosen = [hello for hello in hellos[False] if not hello.retry]
    offered = hellos[True]
    return {
        "dtls client": "volunteer" if offered else "reader",
        "dtls version": chosen[0].version if chosen else "",
        "ServerHello: cipher": chosen[0].ciphers if chosen else (),
        "ServerHello: extensions": chosen[0].extensions if chosen else (),
        "ServerHello: group": chosen[0].shares if chosen else (),
        "HelloRetryRequest": any(hello.retry for hello in hellos[False]),
        "record header": sorted({f"0x{kind:02x}" for kind in protected}),
        "volunteer's ciphers": offered[0].ciphers if offered else (),
        "volunteer's extensions": sorted(offered[0].extensions) if offered else (),
        "volunteer's shares": offered[0].shares if offered else (),
        "flights: bytes": flights[: 2 * _FIRST],
    }


def _https_fields(packets: Sequence[CapturedPacket]) -> Fingerprint:
    """Describe the first ClientHello to a TLS server; its extensions are sorted, since browsers shuffle them."""
    hellos = (
        read_hello(kind, body, datagrams=False)
        for stream in streams(packets).values()
        for kind, body in tls_messages(stream)
    )
    hello = next((each for each in hellos if each and len(each.ciphers) > 1), None)
    if hello is None:
        return {}
    return {
        "https: ciphers": hello.ciphers,
        "https: extensions": sorted(hello.extensions),
        "https: groups": hello.groups,
        "https: shares": hello.shares,
        "https: alpn": hello.alpn,
    }


def _other_fields(packets: Sequence[CapturedPacket], here: Sequence[Datagram]) -> Fingerprint:
    unknown = sum(not read_stun(each.payload) and not read_records(each.payload) for each in here)
    return {"neither STUN nor DTLS": unknown, "readable names": readable_names(packets)}


def _distinct(lists: Any) -> list[str]:
    return list(dict.fromkeys(" ".join(each) for each in lists))


def _times(some: Sequence[Datagram]) -> list[float]:
    """Return the milliseconds since the first one, for the first few."""
    return [round((each.at - some[0].at) * 1000, 1) for each in some[:_FIRST]]
