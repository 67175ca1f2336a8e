"""A session with the egress in the hands of an attacker: a real handshake, and then any frames at all.

It needs no event loop, and does not bind itself to anything that a client promises: it reads what comes only to learn
whether the egress has ended the session.
"""

from __future__ import annotations

import time

from aioquic.quic.events import HandshakeCompleted
from aioquic.tls import Epoch

from bench.flood.raw_socket import BINARY, ONE_SOURCE, Aim, RawWebSocket, frame
from freespan.tunnel.http3 import PlainHttp
from freespan.tunnel.quic import PEER, LinkQuic, client_quic
from freespan.tunnel.settings import TunnelSettings
from freespan.wire.bond_frames import PLAIN, PROTECTED, Frames, decode, encode, hello_head

EGRESS = "/v1/egress"
_CREDIT = 1 << 20


def first_flight() -> bytes:
    """Return the frame with the first message of a session. Sent again on another link, it begins another session."""
    quic = _new_quic()
    datagrams = quic.datagrams_to_send(time.monotonic())
    return frame(hello_head() + encode(Frames(number=0, packet=datagrams[0][0])))


class RawSession:
    """A session on one link. Methods raise `OSError` when the egress has ended it, or takes nothing for a while."""

    def __init__(self, aim: Aim, source_address: str = ONE_SOURCE) -> None:
        """Open the link and complete the handshake."""
        self._sent = 0
        self._received = 0
        self.quic = _new_quic()
        self._socket = RawWebSocket(aim, EGRESS, source_address)
        try:
            self._complete_handshake()
        except BaseException:
            self.cut()
            raise
        self._http: PlainHttp | None = None

    def send_payload(self, payload: bytes, count: int = 1) -> None:
        """Send one packet with this payload (`count` frames) to the egress."""
        quic = self.quic
        number, quic._packet_number = quic._packet_number, quic._packet_number + 1
        crypto = quic._cryptos[Epoch.ONE_RTT]
        head = bytes((0x41 | crypto.key_phase << 2,)) + quic._peer_cid.cid + (number & 0xFFFF).to_bytes(2, "big")
        self._socket.send_raw(self._message(crypto.encrypt_packet(head, payload, number)), count)

    def send_plain_frames(self, frames: Frames, count: int) -> None:
        """Send `count` messages of the bond with these frames."""
        self._socket.send_raw(frame(bytes((PLAIN,)) + encode(frames)) * count, count)

    def connect(self, target: str, first_bytes: bytes = b"") -> None:
        """Open one more stream to a target."""
        http = self._http = self._http or PlainHttp(self.quic)
        stream_id = self.quic.get_next_available_stream_id()
        http.send_headers(stream_id, [(b":method", b"CONNECT"), (b":authority", target.encode())])
        if first_bytes:
            http.send_data(stream_id, first_bytes, end_stream=False)

    def flush(self) -> None:
        """Send what QUIC has to send."""
        self.quic.control.send_credit = _CREDIT
        for datagram, _ in self.quic.datagrams_to_send(time.monotonic()):
            self._socket.send_raw(self._message(datagram))

    def take_what_came(self) -> None:
        """Hand to QUIC what has come, and acknowledge it."""
        for opcode, message in self._socket.waiting():
            self._handle(opcode, message)
        self._acknowledge()
        self.flush()

    def check(self) -> None:
        """Raise `OSError` if the egress has ended the session; what it has sent is dropped."""
        self._socket.drop_waiting()

    def end(self) -> None:
        """End the session in order, and wait until the egress has closed the link."""
        try:
            self.send_plain_frames(Frames(bye=True), 1)
            while True:
                self._socket.receive()
        except OSError:
            pass
        self.cut()

    def cut(self) -> None:
        """Close the link without a word."""
        self._socket.cut()

    def _complete_handshake(self) -> None:
        self.flush()
        while not self._is_complete():
            self._handle(*self._socket.receive())
            self.flush()
        self.flush()

    def _is_complete(self) -> bool:
        while (event := self.quic.next_event()) is not None:
            if isinstance(event, HandshakeCompleted):
                return True
        return False

    def _handle(self, opcode: int, message: bytes) -> None:
        if opcode != BINARY or message[0] not in (PLAIN, PROTECTED):
            return
        frames = decode(message[1:])
        if frames.packet:
            self.quic.receive_datagram(frames.packet, PEER, time.monotonic())
        if frames.packet or frames.ping:
            self._received += 1

    def _acknowledge(self) -> None:
        self._socket.send_raw(frame(bytes((PLAIN,)) + encode(Frames(acks=((0, self._received),)))))

    def _message(self, packet: bytes) -> bytes:
        head = hello_head() if self._sent == 0 else bytes((PLAIN,))
        number, self._sent = self._sent, self._sent + 1
        return frame(head + encode(Frames(number=number, packet=packet)))


def _new_quic() -> LinkQuic:
    quic = client_quic(TunnelSettings())
    quic.control.send_credit = _CREDIT
    quic.connect(PEER, now=time.monotonic())
    return quic
