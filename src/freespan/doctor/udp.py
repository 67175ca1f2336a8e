"""Looks whether the STUN servers of a host answer."""

from __future__ import annotations

import asyncio
import contextlib
import secrets
import socket
from collections.abc import Sequence

from freespan.doctor.findings import Finding, bad, good, note
from freespan.doctor.stun_question import ID_SIZE, binding_request, mapped_address
from freespan.wire.addresses import Address

_REPEAT_SECONDS = 0.5
_OPEN_UDP = "open UDP {ports} in the firewall of the machine, and in that of its provider"


async def ask_stun(url: str, seconds: float) -> Address | None:
    """The address from which a STUN server (`stun:host:port`) sees this machine's question come; None for silence."""
    host, _, port = url.removeprefix("stun:").rpartition(":")
    loop = asyncio.get_running_loop()
    transaction = secrets.token_bytes(ID_SIZE)
    answer: asyncio.Future[Address] = loop.create_future()
    with contextlib.suppress(TimeoutError, OSError):
        async with asyncio.timeout(seconds):
            found = await loop.getaddrinfo(host.strip("[]"), int(port), type=socket.SOCK_DGRAM)
            async with contextlib.AsyncExitStack() as stack:
                opened = []
                for where in dict.fromkeys(str(each[4][0]) for each in found):
                    with contextlib.suppress(OSError):  # this machine has no IPv6, or a firewall forbids it
                        transport, _ = await loop.create_datagram_endpoint(
                            lambda: _Asking(transaction, answer), remote_addr=(where, int(port))
                        )
                        stack.callback(transport.close)
                        opened.append(transport)
                while opened:
                    for transport in opened:
                        transport.sendto(binding_request(transaction))
                    await asyncio.wait({answer}, timeout=_REPEAT_SECONDS)
                    if answer.done():
                        return answer.result()
    return None


class _Asking(asyncio.DatagramProtocol):
    def __init__(self, transaction: bytes, answer: asyncio.Future[Address]) -> None:
        self._transaction = transaction
        self._answer = answer

    def datagram_received(self, data: bytes, addr: object) -> None:
        seen = mapped_address(data, self._transaction)
        if seen is not None and not self._answer.done():
            self._answer.set_result(seen)


async def look_at_stun(servers: Sequence[Sequence[str]], seconds: float, *, is_private: bool) -> Finding:
    """Whether all STUN servers that a host names answer; the first one is the host's own. Groups are servers."""
    if not servers and is_private:
        return good("none is named, and none is needed in a private network")
    if not servers:
        text = "the host names no STUN server, so only ends with a public address can be reached"
        return bad("no_stun", text, "let it run its own (--stun, --stun-port), or name another one (--stun-server)")
    answers = [await asyncio.gather(*(ask_stun(url, seconds) for url in group)) for group in servers]
    silent = [
        [url for url, address in zip(group, seen, strict=True) if address is None]
        for group, seen in zip(servers, answers, strict=True)
    ]
    if not any(silent):
        return good("answers at UDP " + _ports(servers[0]))
    if all(len(missing) == len(group) for missing, group in zip(silent, servers, strict=True)):
        text = f"no STUN server answers (UDP {_ports(servers[0])})"
        advice = _OPEN_UDP.format(ports=_ports(servers[0]))
        return bad("stun_silent", text, f"{advice}; or the network of this machine lets no UDP out")
    if silent[0] and len(silent[0]) < len(servers[0]):
        text = f"the STUN server of the host answers at one of its ports, and not at UDP {_ports(silent[0])}"
        return bad("stun_port_silent", text, _OPEN_UDP.format(ports=_ports(silent[0])))
    if silent[0]:
        advice = _OPEN_UDP.format(ports=_ports(silent[0]))
        return bad("stun_silent", "the STUN server of the host does not answer", advice)
    return note("other_stun_silent", "a further STUN server that the host names does not answer", "name another one")


def _ports(urls: Sequence[str]) -> str:
    return " and ".join(url.rpartition(":")[2] for url in urls)
