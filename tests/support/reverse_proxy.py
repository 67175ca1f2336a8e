"""A small server in front of a host, which does to what it passes on what real ones do when they are set up wrong."""

from __future__ import annotations

import asyncio
import contextlib
import gzip
import re
from collections.abc import AsyncIterator, Callable
from dataclasses import dataclass
from urllib.parse import urlsplit

HEAD_END = b"\r\n\r\n"
Head = list[bytes]
"""The lines of a head, without their ends."""


def same(head: Head) -> Head:
    return head


def without(*names: str) -> Callable[[Head], Head]:
    """Takes headers away."""
    begins = tuple(f"{name.lower()}:".encode() for name in names)
    return lambda head: [line for line in head if not line.lower().startswith(begins)]


def adding(*lines: str) -> Callable[[Head], Head]:
    """Adds headers to those that are there."""
    return lambda head: [*head, *(line.encode() for line in lines)]


def replacing(*lines: str) -> Callable[[Head], Head]:
    """Puts headers in the place of those with the same names."""
    return lambda head: adding(*lines)(without(*(line.partition(":")[0] for line in lines))(head))


def answering(head: Head, status: str) -> bytes:
    body = b"<html>the reverse proxy</html>"
    return (
        f"HTTP/1.1 {status}\r\nServer: front\r\nContent-Type: text/html\r\nContent-Length: {len(body)}\r\n"
        "Connection: close\r\n\r\n"
    ).encode() + body


@dataclass(frozen=True)
class Faults:
    """What the reverse proxy does.

    Attributes:
        request, response: change the heads.
        path: changes the path.
        refuses: returns the status line for requests (path, head) that it answers itself; empty for others.
        body_max: longer bodies are answered with 413, as far as they can be told.
        buffers: answers are passed on when they are whole, and WebSockets when they end.
        quiet: a connection on which nothing passes for so many seconds is cut.
        body: changes the bodies of answers to a path.
    """

    request: Callable[[Head], Head] = same
    response: Callable[[Head], Head] = same
    path: Callable[[str], str] = str
    refuses: Callable[[str, Head], str] = lambda path, head: ""
    body_max: int | None = None
    buffers: bool = False
    buffers_sockets: bool = False
    quiet: float | None = None
    body: Callable[[str, bytes], bytes] | None = None


@contextlib.asynccontextmanager
async def reverse_proxy(host: str, faults: Faults = Faults()) -> AsyncIterator[str]:
    """Run a reverse proxy of the host at this URL for the length of the block; yields its URL, of the same path."""
    parts = urlsplit(host)
    port = parts.port or 80
    tasks: set[asyncio.Task[None]] = set()

    async def handle(reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        task = asyncio.current_task()
        assert task is not None
        tasks.add(task)
        try:
            with contextlib.suppress(OSError, EOFError, asyncio.CancelledError):
                await _serve(reader, writer, port, faults)
        finally:
            tasks.discard(task)
            writer.transport.abort()

    server = await asyncio.start_server(handle, "127.0.0.1", 0)
    try:
        yield f"http://127.0.0.1:{server.sockets[0].getsockname()[1]}{parts.path}"
    finally:
        server.close()
        for task in tasks:
            task.cancel()
        await asyncio.gather(*tasks, return_exceptions=True)


async def _serve(reader: asyncio.StreamReader, writer: asyncio.StreamWriter, port: int, faults: Faults) -> None:
    request, *lines = (await reader.readuntil(HEAD_END)).removesuffix(HEAD_END).split(b"\r\n")
    method, path, version = request.decode().split(" ")
    wants_upgrade = any(line.lower().startswith(b"upgrade:") for line in faults.request(lines))
    if refusal := faults.refuses(path, lines):
        writer.write(answering(lines, refusal))
        await _hang_up(reader, writer)
        return
    if faults.body_max is not None and method == "POST":
        body = await _chunked(reader)
        if len(body) > faults.body_max:
            writer.write(answering(lines, "413 Request Entity Too Large"))
            await _hang_up(reader, writer)
            return
    else:
        body = b""
    lines = faults.request(lines)
    if not wants_upgrade:
        lines = replacing("Connection: close")(lines)
    if body:
        lines = replacing(f"Content-Length: {len(body)}")(without("Transfer-Encoding")(lines))
    there, out = await asyncio.open_connection("127.0.0.1", port)
    try:
        first = f"{method} {faults.path(path)} {version}".encode()
        out.write(b"\r\n".join([first, *lines]) + HEAD_END + body)
        uploading = asyncio.create_task(_pass_on(reader, out, faults.quiet), name="reverse-proxy-upload")
        try:
            await _answer(there, writer, faults, path)
        finally:
            uploading.cancel()
            await asyncio.gather(uploading, return_exceptions=True)
    finally:
        out.transport.abort()


async def _answer(there: asyncio.StreamReader, writer: asyncio.StreamWriter, faults: Faults, path: str) -> None:
    status, *lines = (await there.readuntil(HEAD_END)).removesuffix(HEAD_END).split(b"\r\n")
    is_socket = b" 101 " in status
    lines = lines if is_socket else replacing("Connection: close")(faults.response(lines))
    if faults.body is not None and not is_socket:
        body = faults.body(path, await there.read())
        lines = replacing(f"Content-Length: {len(body)}")(without("Transfer-Encoding")(lines))
        writer.write(b"\r\n".join([status, *lines]) + HEAD_END + body)
    else:
        writer.write(b"\r\n".join([status, *lines]) + HEAD_END)
        if faults.buffers_sockets if is_socket else faults.buffers:
            writer.write(await there.read())
        else:
            await _pass_on(there, writer, faults.quiet)
    await writer.drain()
    writer.write_eof()
    await asyncio.sleep(0)


async def _pass_on(source: asyncio.StreamReader, sink: asyncio.StreamWriter, quiet: float | None) -> None:
    while data := await asyncio.wait_for(source.read(65_536), quiet):
        sink.write(data)
        await sink.drain()


async def _chunked(reader: asyncio.StreamReader) -> bytes:
    """The body of a request that came in chunks."""
    body = b""
    while size := int(await reader.readline(), 16):
        body += await reader.readexactly(size)
        await reader.readline()
    await reader.readline()
    return body


async def _hang_up(reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
    """Close as servers do: a client that still sends is not cut before it has read the answer."""
    await writer.drain()
    writer.write_eof()
    while await reader.read(65_536):
        pass


def refusing(status: str, *places: str) -> Callable[[str, Head], str]:
    """Answers requests for these places, by the end of their paths."""
    return lambda path, head: status if path.partition("?")[0].endswith(places) else ""


def refusing_upgrades(status: str) -> Callable[[str, Head], str]:
    """Answers every request for a WebSocket."""
    return lambda path, head: status if any(re.match(rb"(?i)upgrade:", line) for line in head) else ""


def compressed(path: str, body: bytes) -> bytes:
    return gzip.compress(body, mtime=0)


def stripping(path: str, by: str = "") -> Callable[[str], str]:
    """Takes the host's path away, or puts something in its place."""
    return lambda asked: (by + asked.removeprefix(path)) or "/"
