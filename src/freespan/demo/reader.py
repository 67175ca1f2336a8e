"""What the reader's program does: ask for a URL, straight through the censor or by way of the local proxy."""

from __future__ import annotations

import asyncio
import hashlib
import socket
import ssl
import time
from collections.abc import Callable
from dataclasses import dataclass

import aiohttp
from aiohttp.abc import AbstractResolver, ResolveResult

from freespan.demo.errors import DemoError, one_line
from freespan.demo.ports import LOOPBACK

_CHUNK = 256 * 1024


@dataclass(frozen=True, slots=True)
class Fetched:
    """A whole answer: its size in bytes, its SHA-256 in hexadecimal, and how long it took."""

    size: int
    sha256: str
    first_byte_s: float
    """From asking, connections included, to the head of the answer."""
    seconds: float
    """From asking to the last byte."""

    @property
    def mb_per_s(self) -> float:
        """Millions of bytes a second, from the first byte to the last."""
        return self.size / max(self.seconds - self.first_byte_s, 1e-9) / 1e6


class CutError(DemoError):
    """The connection was reset or closed before an answer came."""


class _LoopbackResolver(AbstractResolver):
    """Every name is this machine: the reader's road to any site leads through the censor."""

    async def resolve(
        self, host: str, port: int = 0, family: socket.AddressFamily = socket.AF_INET
    ) -> list[ResolveResult]:
        return [
            ResolveResult(
                hostname=host,
                host=LOOPBACK,
                port=port,
                family=socket.AF_INET,
                proto=0,
                flags=socket.AI_NUMERICHOST,
            )
        ]

    async def close(self) -> None:
        pass


async def fetch(
    url: str,
    *,
    tls: ssl.SSLContext,
    proxy: str | None = None,
    seconds: float,
    size_max: int,
    on_bytes: Callable[[int], None] = lambda size: None,
) -> Fetched:
    """GET `url` on a new connection and hash what comes.

    Args:
        proxy: `http://host:port` of an HTTP proxy; without it, names lead to loopback.
        seconds: limit for the whole exchange.
        size_max: a longer body is an error.
        on_bytes: told the number of bytes so far, after each chunk.

    Raises:
        CutError: the connection was cut before the answer's head.
        DemoError: no answer in time, another status than 200, a broken or too long body.
    """
    connector = aiohttp.TCPConnector(resolver=_LoopbackResolver(), force_close=True)
    async with aiohttp.ClientSession(connector=connector, auto_decompress=False, trust_env=False) as session:
        try:
            async with asyncio.timeout(seconds):
                return await _get(session, url, tls, proxy, size_max, on_bytes)
        except TimeoutError:
            raise DemoError(f"{url}: no whole answer within {seconds:g} s") from None


async def _get(
    session: aiohttp.ClientSession,
    url: str,
    tls: ssl.SSLContext,
    proxy: str | None,
    size_max: int,
    on_bytes: Callable[[int], None],
) -> Fetched:
    asked_at = time.perf_counter()
    try:
        response = await session.get(url, ssl=tls, proxy=proxy, allow_redirects=False)
    except aiohttp.ClientHttpProxyError as error:
        raise DemoError(f"{url}: the local proxy said {error.status} {one_line(Exception(error.message))}") from None
    except aiohttp.ClientConnectorCertificateError as error:
        raise DemoError(f"{url}: {one_line(error)}") from None
    except (aiohttp.ClientConnectionError, ConnectionError) as error:
        raise CutError(f"{url}: {one_line(error)}") from None
    except aiohttp.ClientError as error:
        raise DemoError(f"{url}: {one_line(error)}") from None
    async with response:
        first_byte_s = time.perf_counter() - asked_at
        if response.status != 200:
            text = (await response.content.read(400)).decode("utf-8", "replace")
            raise DemoError(f"{url}: answered {response.status} {one_line(Exception(text))}")
        size, sha256 = await _hash_body(url, response, size_max, on_bytes)
    return Fetched(size, sha256, first_byte_s, time.perf_counter() - asked_at)


async def _hash_body(
    url: str, response: aiohttp.ClientResponse, size_max: int, on_bytes: Callable[[int], None]
) -> tuple[int, str]:
    digest, size = hashlib.sha256(), 0
    try:
        async for chunk in response.content.iter_chunked(_CHUNK):
            digest.update(chunk)
            size += len(chunk)
            if size > size_max:
                raise DemoError(f"{url}: more than {size_max} bytes came")
            on_bytes(size)
    except (aiohttp.ClientError, ConnectionError) as error:
        raise DemoError(f"{url}: broke off after {size} bytes: {one_line(error)}") from None
    return size, digest.hexdigest()
