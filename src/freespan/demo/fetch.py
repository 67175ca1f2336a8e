"""The reader's requests: fetch a URL directly, through the censor, or through the local proxy."""

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

from freespan.demo.addresses import LOOPBACK
from freespan.demo.errors import DemoError, one_line

_CHUNK = 256 * 1024


@dataclass(frozen=True, slots=True)
class Fetched:
    """A complete response."""

    size: int
    """Of the body, in bytes."""
    sha256: str
    """Of the body, in hexadecimal."""
    first_byte_s: float
    """Seconds from the start, before connecting, to the head of the response."""
    seconds: float
    """Seconds from the start to the last byte."""

    @property
    def mb_per_s(self) -> float:
        """Millions of bytes a second, from the first byte to the last."""
        return self.size / max(self.seconds - self.first_byte_s, 1e-9) / 1e6


class CutError(DemoError):
    """The connection was reset or closed before a response came."""


class _LoopbackResolver(AbstractResolver):
    """Resolves every name to this machine, where the censor listens."""

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
    """GET `url` on a new connection and hash the body.

    Args:
        proxy: `http://host:port` of an HTTP proxy; without it, every name is resolved to loopback.
        seconds: limit for the whole request.
        size_max: limit for the body, in bytes.
        on_bytes: called after each chunk with the number of bytes so far.

    Raises:
        CutError: the connection ended before the head of a response came.
        DemoError: no complete response in time, another status than 200, or a body that is broken or too long.
    """
    connector = aiohttp.TCPConnector(resolver=_LoopbackResolver(), force_close=True)
    async with aiohttp.ClientSession(connector=connector, auto_decompress=False, trust_env=False) as session:
        try:
            async with asyncio.timeout(seconds):
                return await _get(session, url, tls, proxy, size_max, on_bytes)
        except TimeoutError:
            raise DemoError(f"{url}: no complete response within {seconds:g} s") from None


async def _get(
    session: aiohttp.ClientSession,
    url: str,
    tls: ssl.SSLContext,
    proxy: str | None,
    size_max: int,
    on_bytes: Callable[[int], None],
) -> Fetched:
    started_at = time.perf_counter()
    try:
        response = await session.get(url, ssl=tls, proxy=proxy, allow_redirects=False)
    except aiohttp.ClientHttpProxyError as error:
        raise DemoError(f"{url}: the local proxy answered {error.status} {one_line(error.message)}") from None
    except aiohttp.ClientConnectorCertificateError as error:
        raise DemoError(f"{url}: {one_line(error)}") from None
    except (aiohttp.ClientConnectionError, ConnectionError) as error:
        raise CutError(f"{url}: {one_line(error)}") from None
    except aiohttp.ClientError as error:
        raise DemoError(f"{url}: {one_line(error)}") from None
    async with response:
        first_byte_s = time.perf_counter() - started_at
        if response.status != 200:
            text = (await response.content.read(400)).decode("utf-8", "replace")
            raise DemoError(f"{url}: answered {response.status} {one_line(text)}")
        size, sha256 = await _hash_body(url, response, size_max, on_bytes)
    return Fetched(size, sha256, first_byte_s, time.perf_counter() - started_at)


async def _hash_body(
    url: str, response: aiohttp.ClientResponse, size_max: int, on_bytes: Callable[[int], None]
) -> tuple[int, str]:
    digest, size = hashlib.sha256(), 0
    try:
        async for chunk in response.content.iter_chunked(_CHUNK):
            digest.update(chunk)
            size += len(chunk)
            if size > size_max:
                raise DemoError(f"{url}: the body has more than {size_max} bytes")
            on_bytes(size)
    except (aiohttp.ClientError, ConnectionError) as error:
        raise DemoError(f"{url}: broke off after {size} bytes: {one_line(error)}") from None
    return size, digest.hexdigest()
