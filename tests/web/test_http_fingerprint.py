"""Answers do not identify the library that makes them, even those to requests that no client library sends."""

from __future__ import annotations

import asyncio
import gzip
import re
import zlib
from collections.abc import AsyncIterator

import aiohttp
import pytest
from aiohttp import web

from freespan.api.listening import listening
from freespan.web.bounded_heads import HEAD_MAX
from freespan.web.decoy_site import DecoySite, hide_errors

SECONDS = 20.0
TELLING = re.compile(rb"aiohttp|python|\bServer:|invalid|error|got more than|expect:", re.IGNORECASE)
HEAD = b"Host: x\r\nConnection: close\r\n"


async def _socket(request: web.Request) -> web.StreamResponse:
    socket = web.WebSocketResponse()
    await socket.prepare(request)
    return socket


async def _size_of_body(request: web.Request) -> web.StreamResponse:
    return web.Response(text=f"{len(await request.read())} bytes")


async def _failing(request: web.Request) -> web.StreamResponse:
    raise RuntimeError("never seen")


async def _failing_late(request: web.Request) -> web.StreamResponse:
    response = web.StreamResponse(headers={"Content-Length": "10"})
    await response.prepare(request)
    await response.write(b"12345")
    raise RuntimeError("never seen")


@pytest.fixture
async def port() -> AsyncIterator[int]:
    app = web.Application(middlewares=[hide_errors])
    app.add_routes([web.get("/socket", _socket), web.get("/failing", _failing), web.get("/late", _failing_late)])
    app.add_routes([web.post("/body", _size_of_body)])
    app.add_routes(DecoySite().routes())
    async with asyncio.timeout(SECONDS), listening(app, "127.0.0.1", 0) as port:
        yield port


async def ask(port: int, data: bytes) -> bytes:
    reader, writer = await asyncio.open_connection("127.0.0.1", port)
    writer.write(data)
    answer = await reader.read()
    writer.close()
    return answer


@pytest.mark.parametrize(
    ("request_", "status"),
    [
        (b"GET / HTTP/1.1\r\n" + HEAD, b"200 OK"),
        (b"GET / HTTP/1.0\r\n", b"200 OK"),
        (b"HEAD / HTTP/1.1\r\n" + HEAD, b"200 OK"),
        (b"GET http://www.example.org/ HTTP/1.1\r\n" + HEAD, b"200 OK"),
        (b"GET /nowhere HTTP/1.1\r\n" + HEAD, b"404 Not Found"),
        (b"GET /socket HTTP/1.1\r\n" + HEAD, b"400 Bad Request"),
        (b"GET /failing HTTP/1.1\r\n" + HEAD, b"500 Internal Server Error"),
        (b"GET / HTTP/1.1\r\nExpect: a-pony\r\n" + HEAD, b"417 Expectation Failed"),
        (b"POST / HTTP/1.1\r\nContent-Length: 0\r\n" + HEAD, b"405 Method Not Allowed"),
        (b"OPTIONS * HTTP/1.1\r\n" + HEAD, b"405 Method Not Allowed"),
        (b"CONNECT www.example.org:443 HTTP/1.1\r\n" + HEAD, b"405 Method Not Allowed"),
        (b"BREW / HTTP/1.1\r\n" + HEAD, b"405 Method Not Allowed"),
        (b"brew / HTTP/1.1\r\n" + HEAD, b"400 Bad Request"),
        (b"GET / HTTP/1.1\r\n", b"400 Bad Request"),
        (b"GET / HTTP/9.9\r\n" + HEAD, b"400 Bad Request"),
        (b"GET nowhere HTTP/1.1\r\n" + HEAD, b"400 Bad Request"),
        (b"GET / HTTP/1.1\r\nContent-Length: -1\r\n" + HEAD, b"400 Bad Request"),
        (b"GET / HTTP/1.1\r\nX: " + b"y" * 20_000 + b"\r\n" + HEAD, b"400 Bad Request"),
        (b"GET /" + b"a" * 9_000 + b" HTTP/1.1\r\n" + HEAD, b"414 Request-URI Too Long"),
        (b"PRI * HTTP/2.0\r\n\r\nSM\r\n", b"400 Bad Request"),
        (b"\x16\x03\x01\x02\x00\x01\x00\x01\xfc\x03\x03" + bytes(100), b"400 Bad Request"),
        (b"\x80\xff\x00" * 50, b"400 Bad Request"),
    ],
    ids=lambda value: value[:40].decode("ascii", "backslashreplace") if len(value) > 30 else None,
)
async def test_any_request(port: int, request_: bytes, status: bytes) -> None:
    answer = await ask(port, request_ + b"\r\n")
    head, _, body = answer.partition(b"\r\n\r\n")
    assert head.startswith(b"HTTP/1.1 " + status + b"\r\nDate: ")
    # the status' own words may be among them
    assert not TELLING.search(answer.replace(b"Internal Server Error", b"")), answer
    if not status.startswith(b"200"):
        assert b"\r\nContent-Type: text/html; charset=iso-8859-1\r\n" in head
        assert body.startswith(b"<!DOCTYPE HTML")


async def test_the_stock_page_is_served_like_a_file(port: int) -> None:
    head = (await ask(port, b"GET / HTTP/1.1\r\n" + HEAD + b"\r\n")).partition(b"\r\n\r\n")[0]
    for name in (b"ETag", b"Last-Modified", b"Accept-Ranges"):
        assert b"\r\n" + name + b": " in head


async def test_an_answer_that_fails_in_the_middle_is_cut_off(port: int) -> None:
    answer = await ask(port, b"GET /late HTTP/1.1\r\n" + HEAD + b"\r\n")
    assert answer.endswith(b"12345")
    assert answer.count(b"HTTP/1.1") == 1


async def test_websockets_open_without_a_name(port: int) -> None:
    async with aiohttp.ClientSession() as client, client.ws_connect(f"http://127.0.0.1:{port}/socket") as socket:
        assert "Server" not in socket._response.headers


async def test_connections_are_kept(port: int) -> None:
    reader, writer = await asyncio.open_connection("127.0.0.1", port)
    for _ in range(3):
        writer.write(b"GET / HTTP/1.1\r\nHost: x\r\n\r\n")
        head = await reader.readuntil(b"\r\n\r\n")
        assert head.startswith(b"HTTP/1.1 200 OK\r\n")
        await reader.readexactly(45)
    writer.close()


@pytest.mark.parametrize("coding", ["gzip", "deflate"])
async def test_the_body_of_a_request_is_not_decompressed(port: int, coding: str) -> None:
    """A few kilobytes that decompress to megabytes would hold the event loop meanwhile."""
    body = gzip.compress(bytes(5_000_000)) if coding == "gzip" else zlib.compress(bytes(5_000_000))
    head = f"POST /body HTTP/1.1\r\nContent-Encoding: {coding}\r\nContent-Length: {len(body)}\r\n".encode()
    assert f"\r\n\r\n{len(body)} bytes".encode() in await ask(port, head + HEAD + b"\r\n" + body)


@pytest.mark.parametrize("line", [b"X-A: " + bytes(4_000).replace(b"\0", b"a") + b"\r\n", b"A: b\r\n"])
async def test_a_head_may_not_be_long(port: int, line: bytes) -> None:
    """Only the bytes count: many short lines are no better than a few long ones."""
    short, long = 8_000 // len(line), 2 + HEAD_MAX // len(line)
    if short <= 100:  # aiohttp bounds the number of lines
        assert (await ask(port, b"GET / HTTP/1.1\r\n" + HEAD + short * line + b"\r\n")).startswith(b"HTTP/1.1 200 OK")
    answer = await ask(
        port, b"GET / HTTP/1.1\r\n" + HEAD + long * line
    )  # without an end, which would be read in one go
    assert answer.startswith((b"HTTP/1.1 431 ", b"HTTP/1.1 400 "))
    assert not TELLING.search(answer)


async def test_a_head_that_comes_in_one_piece_with_a_request_may_not_be_long_either(port: int) -> None:
    head = b"GET / HTTP/1.1\r\nHost: x\r\n"
    answer = await ask(port, head + b"\r\n" + head + 10 * (b"X-A: " + bytes(4_000).replace(b"\0", b"a") + b"\r\n"))
    assert answer.startswith(b"HTTP/1.1 200 OK\r\n")
    assert b"HTTP/1.1 431 " in answer
