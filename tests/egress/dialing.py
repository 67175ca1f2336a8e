"""DNS that a test answers, and dials that succeed or fail."""

from __future__ import annotations

import ipaddress
import socket
import threading
from typing import Any

import pytest

from freespan.egress.dialer import Dialer
from freespan.egress.policy import Policy
from freespan.wire.errors import StreamError
from freespan.wire.target import Target

LOOPBACK = ipaddress.ip_address("127.0.0.1")
PRIVATE = Policy(allow_private=True)


class Names:
    """Stands in for DNS: `answers` by name; who is not there is not known."""

    def __init__(self) -> None:
        self.answers: dict[str, list[str]] = {}
        self.asked: list[str] = []
        self.slow = threading.Event()
        self.slow.set()

    def getaddrinfo(self, host: str, port: Any, **_: Any) -> list[tuple[Any, ...]]:
        self.asked.append(host)
        self.slow.wait(20)
        return self.answer(host)

    def answer(self, host: str, *_: Any, **__: Any) -> list[tuple[Any, ...]]:
        if host not in self.answers:
            raise socket.gaierror(socket.EAI_NONAME, "unknown")
        return [(socket.AF_INET, socket.SOCK_STREAM, 6, "", (address, 0)) for address in self.answers[host]]


async def failure(dialer: Dialer, host: str, port: int = 80) -> str:
    """The error of a dial that must fail."""
    try:
        with pytest.raises(StreamError) as caught:
            await dialer.dial(Target(host, port))
    finally:
        dialer.close()
    return caught.value.status.error


async def request(dialer: Dialer, host: str, port: int) -> bytes:
    reader, writer = await dialer.dial(Target(host, port))
    writer.write(b"GET / HTTP/1.0\r\n\r\n")
    answer = await reader.readuntil(b"\r\n")
    writer.close()
    await writer.wait_closed()
    dialer.close()
    return answer
