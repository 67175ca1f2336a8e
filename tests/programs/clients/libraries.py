"""What a client library of Python does through a proxy: `python libraries.py LIBRARY PROXY SITE AUTHORITY SIZE`.

It runs with the Python of `scripts/install-programs.sh`, not with that of freespan. For each library: several requests
over kept connections, an upload without a length, a response that comes little by little, and a download.
"""

from __future__ import annotations

import asyncio
import json
import ssl
import sys
from collections.abc import AsyncIterator, Iterator
from urllib.parse import urlsplit

REQUESTS = 5
PIECES = [b"x" * 1000] * 50


def requests_(proxy: str, site: str, authority: str) -> int:
    import requests

    with requests.Session() as session:
        session.proxies, session.verify, session.trust_env = {"http": proxy, "https": proxy}, authority, False
        for number in range(REQUESTS):
            check(session.get(f"{site}/echo?n={number}").json(), "GET", f"/echo?n={number}")
        check(session.post(f"{site}/echo", data=iter(PIECES)).json(), "POST", "/echo", 50_000)
        assert sum(1 for line in session.get(f"{site}/ticks", stream=True).iter_lines() if line) == 5
        return len(session.get(f"{site}/file.bin").content)


def httpx_(proxy: str, site: str, authority: str) -> int:
    import httpx

    context = ssl.create_default_context(cafile=authority)
    with httpx.Client(proxy=proxy, verify=context, trust_env=False) as client:
        for number in range(REQUESTS):
            check(client.get(f"{site}/echo?n={number}").json(), "GET", f"/echo?n={number}")
        check(client.post(f"{site}/echo", content=iter(PIECES)).json(), "POST", "/echo", 50_000)
        with client.stream("GET", f"{site}/ticks") as response:
            assert sum(1 for line in response.iter_lines() if line) == 5
        return len(client.get(f"{site}/file.bin").content)


def urllib3_(proxy: str, site: str, authority: str) -> int:
    import urllib3
    from urllib3.contrib.socks import SOCKSProxyManager

    manager = (SOCKSProxyManager if proxy.startswith("socks") else urllib3.ProxyManager)(proxy, ca_certs=authority)
    for number in range(REQUESTS):
        check(manager.request("GET", f"{site}/echo?n={number}").json(), "GET", f"/echo?n={number}")
    check(manager.request("POST", f"{site}/echo", body=iter(PIECES)).json(), "POST", "/echo", 50_000)
    ticks = manager.request("GET", f"{site}/ticks", preload_content=False)
    assert b"".join(ticks.stream()).count(b"data:") == 5
    return len(manager.request("GET", f"{site}/file.bin").data)


def aiohttp_(proxy: str, site: str, authority: str) -> int:
    return asyncio.run(_aiohttp(proxy, site, authority))


async def _aiohttp(proxy: str, site: str, authority: str) -> int:
    import aiohttp
    from aiohttp_socks import ProxyConnector

    context = ssl.create_default_context(cafile=authority)
    if proxy.startswith("socks"):
        connector = ProxyConnector.from_url(proxy.replace("socks5h", "socks5"), rdns=True, ssl=context)
        session = aiohttp.ClientSession(connector=connector)
    else:
        session = aiohttp.ClientSession(connector=aiohttp.TCPConnector(ssl=context), proxy=proxy)

    async def pieces() -> AsyncIterator[bytes]:
        for piece in PIECES:
            yield piece

    async with session:
        for number in range(REQUESTS):
            async with session.get(f"{site}/echo?n={number}") as response:
                check(await response.json(), "GET", f"/echo?n={number}")
        async with session.post(f"{site}/echo", data=pieces()) as response:
            check(await response.json(), "POST", "/echo", 50_000)
        async with session.get(f"{site}/ticks") as response:
            assert (await response.read()).count(b"data:") == 5
        async with session.ws_connect(f"{site}/ws") as socket:
            await socket.send_str("hello")
            assert await socket.receive_str() == "hello"
        async with session.get(f"{site}/file.bin") as response:
            return len(await response.read())


def h11_(proxy: str, site: str, authority: str) -> int:
    """By absolute-form over one connection, each event as h11 gives it."""
    import socket

    import h11

    address, host = urlsplit(proxy), urlsplit(site).netloc
    with socket.create_connection((address.hostname or "", address.port or 0)) as connection:
        client = h11.Connection(h11.CLIENT)

        def ask(method: str, path: str, body: Iterator[bytes] | None = None) -> bytes:
            headers = [("Host", host)] + ([("Transfer-Encoding", "chunked")] if body else [])
            connection.sendall(client.send(h11.Request(method=method, target=site + path, headers=headers)) or b"")
            for piece in body or ():
                connection.sendall(client.send(h11.Data(piece)) or b"")
            connection.sendall(client.send(h11.EndOfMessage()) or b"")
            received = b""
            while not isinstance(event := client.next_event(), h11.EndOfMessage):
                if event is h11.NEED_DATA:
                    client.receive_data(connection.recv(65_536))
                elif isinstance(event, h11.Data):
                    received += event.data
                else:
                    assert isinstance(event, h11.Response), event
                    assert event.status_code == 200
            client.start_next_cycle()
            return received

        for number in range(REQUESTS):
            check(json.loads(ask("GET", f"/echo?n={number}")), "GET", f"/echo?n={number}")
        check(json.loads(ask("POST", "/echo", iter(PIECES))), "POST", "/echo", 50_000)
        assert ask("GET", "/ticks").count(b"data:") == 5
        return len(ask("GET", "/file.bin"))


def check(said: dict[str, object], method: str, path: str, size: int = 0) -> None:
    assert (said["method"], said["path"], said["size"]) == (method, path, size), said


if __name__ == "__main__":
    library, proxy, site, authority, size = sys.argv[1:]
    assert globals()[f"{library}_"](proxy, site, authority) == int(size)
