"""QUIC connections after their handshake, copied for each input: a handshake takes a hundred times as long."""

from __future__ import annotations

import copy
import io
import pickle
from functools import cache

from aioquic.quic.crypto import CryptoPair
from aioquic.tls import Epoch, SessionTicket

from freespan.tunnel.identity import new_identity
from freespan.tunnel.quic import PEER, LinkQuic, client_quic, server_quic
from freespan.tunnel.settings import TunnelSettings

IDENTITY = new_identity()
SETTINGS = TunnelSettings()
_NUMBER_SIZE = 4
_IN_OTHER_LANGUAGES = ("aioquic._", "cryptography.")


class Peer:
    """One end of a connection, and what the other end needs to write any packet to it."""

    def __init__(self, quic: LinkQuic, keys: CryptoPair, number: int, now: float) -> None:
        self.quic = quic
        self.now = now
        self._keys = keys
        self._number = number

    def receive(self, payload: bytes, skipped: int = 0) -> None:
        """Receive the frames of one packet; `skipped` packet numbers are left out before it."""
        self._number += skipped
        phase = self._keys.key_phase << 2
        header = (
            bytes((0x40 | phase | _NUMBER_SIZE - 1,)) + self.quic.host_cid + self._number.to_bytes(_NUMBER_SIZE, "big")
        )
        # an empty payload is too short for the protection of the header
        packet = self._keys.encrypt_packet(header, payload + bytes(max(0, 4 - len(payload))), self._number)
        self._number += 1
        self.quic.receive_datagram(packet, PEER, now=self.now)

    def change_keys(self) -> None:
        """The other end changes its keys (RFC 9001 section 6)."""
        keys = copy.copy(self._keys)
        keys.recv, keys.send = copy.copy(keys.recv), copy.copy(keys.send)
        keys._update_key("fuzz")
        self._keys = keys

    def with_quic(self, quic: LinkQuic) -> Peer:
        """The same end with another connection."""
        return Peer(quic, self._keys, self._number, self.now)

    def send(self) -> int:
        """Let this end send what it has to; returns how many bytes that were."""
        return sum(len(datagram) for datagram, _ in self.quic.datagrams_to_send(now=self.now))

    def wait(self, seconds: float) -> None:
        """Let time pass, and do what was due."""
        self.now += seconds
        at = self.quic.get_timer()
        if at is not None and at <= self.now:
            self.quic.handle_timer(now=self.now)


@cache
def _connected(*, in_order: bool) -> tuple[LinkQuic, LinkQuic, float]:
    """Both ends, and the time."""
    client, first = first_flight(in_order=in_order)
    server = server_quic(IDENTITY, first, SETTINGS, in_order=in_order)
    server.receive_datagram(first, PEER, now=0.0)
    now, silent = 1.0, 0
    while silent < 10:
        now += 0.002
        silent = 0 if _pass_on(server, client, now) + _pass_on(client, server, now) else silent + 1
    for quic in (client, server):
        while quic.next_event() is not None:
            pass
    return client, server, now


def first_flight(*, in_order: bool = True) -> tuple[LinkQuic, bytes]:
    """A client, and the datagram with which it begins."""
    client = client_quic(SETTINGS, keep_ticket=_forget, in_order=in_order)
    client.connect(PEER, now=0.0)
    return client, client.datagrams_to_send(now=0.0)[0][0]


@cache
def _template(*, is_client: bool, in_order: bool) -> tuple[_Template, Peer]:
    """The template of one end, and what else a `Peer` has."""
    client, server, now = _connected(in_order=in_order)
    quic, other = (client, server) if is_client else (server, client)
    return _Template(quic), Peer(quic, other._cryptos[Epoch.ONE_RTT], other._packet_number, now)


def _forget(ticket: SessionTicket) -> None:
    """A client that takes tickets looks at them."""


def connected(*, is_client: bool, in_order: bool) -> Peer:
    """One end of a fresh connection, over a link that delivers packets in order or over another one."""
    template, peer = _template(is_client=is_client, in_order=in_order)
    return peer.with_quic(template.make())


class _Template(pickle.Pickler):
    """A connection as it is made again and again; all of them share what no packet changes."""

    def __init__(self, quic: LinkQuic) -> None:
        self._shared: list[object] = []
        self._always = [quic.configuration, quic._logger, quic._cryptos_initial]
        for epoch in (Epoch.INITIAL, Epoch.HANDSHAKE):  # they are over
            self._always += [quic._spaces[epoch], quic._crypto_streams[epoch], quic._cryptos[epoch]]
        self._file = io.BytesIO()
        super().__init__(self._file, pickle.HIGHEST_PROTOCOL)
        self.dump(quic)

    def persistent_id(self, one: object) -> int | None:
        """The place of a shared object; None for one that is made anew."""
        if not (type(one).__module__.startswith(_IN_OTHER_LANGUAGES) or any(one is other for other in self._always)):
            return None
        self._shared.append(one)
        return len(self._shared) - 1

    def make(self) -> LinkQuic:
        """A fresh connection."""
        unpickler = _Unpickler(io.BytesIO(self._file.getvalue()))
        unpickler.shared = self._shared
        made = unpickler.load()
        assert isinstance(made, LinkQuic)
        return made


class _Unpickler(pickle.Unpickler):
    shared: list[object]

    def persistent_load(self, place: int) -> object:
        return self.shared[place]


def _pass_on(source: LinkQuic, goal: LinkQuic, now: float) -> int:
    passed = 0
    for datagram, _ in source.datagrams_to_send(now=now):
        passed += len(datagram)
        goal.receive_datagram(datagram, PEER, now=now)
    return passed
