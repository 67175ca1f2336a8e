"""QUIC connections after their handshake, copied for each input: a handshake takes a hundred times as long."""

from __future__ import annotations

import copy
from functools import cache
from types import MethodType

from aioquic.quic.crypto import CryptoPair
from aioquic.tls import Epoch, SessionTicket

from freespan.tunnel.identity import new_identity
from freespan.tunnel.quic import PEER, LinkQuic, client_quic, server_quic
from freespan.tunnel.settings import TunnelSettings

IDENTITY = new_identity()
SETTINGS = TunnelSettings()
_HANDLERS = "_QuicConnection__frame_handlers"
_NUMBER_SIZE = 4
_OVER = (Epoch.INITIAL, Epoch.HANDSHAKE)


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
        header = bytes((0x40 | _NUMBER_SIZE - 1,)) + self.quic.host_cid + self._number.to_bytes(_NUMBER_SIZE, "big")
        # an empty payload is too short for the protection of the header
        packet = self._keys.encrypt_packet(header, payload + bytes(max(0, 4 - len(payload))), self._number)
        self._number += 1
        self.quic.receive_datagram(packet, PEER, now=self.now)

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


def _forget(ticket: SessionTicket) -> None:
    """A client that takes tickets looks at them."""


def connected(*, is_client: bool, in_order: bool) -> Peer:
    """One end of a fresh connection, over a link that delivers packets in order or over another one."""
    client, server, now = _connected(in_order=in_order)
    quic, other = (client, server) if is_client else (server, client)
    return Peer(_copy(quic), other._cryptos[Epoch.ONE_RTT], other._packet_number, now)


def _copy(quic: LinkQuic) -> LinkQuic:
    """A copy that shares what no packet changes any more: settings, TLS, and what was there for the handshake."""
    handlers = getattr(quic, _HANDLERS)
    shared = [handlers, quic.tls, quic.configuration, quic._logger, quic._crypto_buffers, quic._cryptos]
    shared += quic._cryptos_initial.values()
    for epoch in _OVER:
        shared += [quic._spaces[epoch], quic._crypto_streams[epoch]]
    made = copy.deepcopy(quic, {id(one): one for one in shared})
    made.tls = copy.copy(quic.tls)
    made.tls.alpn_cb, made.tls.update_traffic_key_cb = made._alpn_handler, made._update_traffic_key
    if made.tls.new_session_ticket_cb is not None:
        made.tls.new_session_ticket_cb = made._handle_session_ticket
    made._cryptos = {epoch: _copy_keys(pair) for epoch, pair in quic._cryptos.items()}
    bound = copy.copy(handlers)
    for kind, (handler, epochs) in handlers.items():
        bound[kind] = (MethodType(handler.__func__, made), epochs)
    for name in [name for name, value in vars(made).items() if value is handlers]:
        setattr(made, name, bound)
    return made


def _copy_keys(pair: CryptoPair) -> CryptoPair:
    """The end of a connection destroys its keys."""
    made = copy.copy(pair)
    made.recv, made.send = copy.copy(pair.recv), copy.copy(pair.send)
    return made


def _pass_on(source: LinkQuic, goal: LinkQuic, now: float) -> int:
    passed = 0
    for datagram, _ in source.datagrams_to_send(now=now):
        passed += len(datagram)
        goal.receive_datagram(datagram, PEER, now=now)
    return passed
