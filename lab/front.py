"""A front: a reverse proxy under another name and at another address, as CDNs are, that leads to the host alone.

`python -m lab.front PEM HOST` serves https on port 443 and passes each request on to `https://HOST`, path, headers
and body as they are, WebSockets too. It knows nothing of freespan.
"""

from __future__ import annotations

import argparse
import asyncio
import json
import ssl
from pathlib import Path

import aiohttp
from aiohttp import web

from freespan.cli.running import run_until_stopped

_CONNECT_SECONDS = 10.0
_BODY_MAX = 1024 * 1024
_MESSAGE_MAX = 1024 * 1024
_CHUNK = 64 * 1024
# of one connection, and so no business of the next one (RFC 9110 section 7.6.1); the length follows from the body
_HOP_BY_HOP = frozenset(
    ("connection", "host", "keep-alive", "proxy-connection", "te", "trailer", "transfer-encoding", "upgrade")
)


class Front:
    """Passes requests on."""

    def __init__(self, http: aiohttp.ClientSession, host: str) -> None:
        self._http = http
        self._host = host

    async def handle(self, request: web.Request) -> web.StreamResponse:
        """Answer with what the host answers; 502 when it does not."""
        try:
            if request.headers.get("Upgrade", "").lower() == "websocket":
                return await self._pass_messages(request)
            return await self._pass_answer(request)
        except (aiohttp.ClientError, OSError, TimeoutError):
            return web.Response(status=502, text="Bad Gateway\n")

    async def _pass_answer(self, request: web.Request) -> web.StreamResponse:
        url = f"https://{self._host}{request.raw_path}"
        headers = {name: value for name, value in request.headers.items() if name.lower() not in _HOP_BY_HOP}
        body = await request.read()
        async with self._http.request(
            request.method, url, headers=headers, data=body or None, allow_redirects=False
        ) as answer:
            passed = {name: value for name, value in answer.headers.items() if name.lower() not in _HOP_BY_HOP}
            response = web.StreamResponse(status=answer.status, reason=answer.reason, headers=passed)
            await response.prepare(request)
            async for chunk in answer.content.iter_chunked(_CHUNK):
                await response.write(chunk)
            await response.write_eof()
            return response

    async def _pass_messages(self, request: web.Request) -> web.StreamResponse:
        url = f"wss://{self._host}{request.raw_path}"
        async with self._http.ws_connect(url, max_msg_size=_MESSAGE_MAX, compress=0) as behind:
            before = web.WebSocketResponse(max_msg_size=_MESSAGE_MAX, compress=False)
            await before.prepare(request)
            ways = [
                asyncio.create_task(_copy(before, behind), name="front-to-host"),
                asyncio.create_task(_copy(behind, before), name="front-from-host"),
            ]
            try:
                await asyncio.wait(ways, return_when=asyncio.FIRST_COMPLETED)
            finally:
                for way in ways:
                    way.cancel()
                await asyncio.gather(*ways, return_exceptions=True)
                await before.close(code=behind.close_code or aiohttp.WSCloseCode.GOING_AWAY)
            return before


Socket = web.WebSocketResponse | aiohttp.ClientWebSocketResponse


async def _copy(source: Socket, target: Socket) -> None:
    """Pass messages on in one direction until the source ends; sending waits when the target is slow."""
    async for message in source:
        if message.type is aiohttp.WSMsgType.BINARY:
            await target.send_bytes(message.data)
        elif message.type is aiohttp.WSMsgType.TEXT:
            await target.send_str(message.data)


async def _serve(pem: Path, host: str) -> None:
    timeout = aiohttp.ClientTimeout(total=None, sock_connect=_CONNECT_SECONDS)
    async with aiohttp.ClientSession(
        cookie_jar=aiohttp.DummyCookieJar(), auto_decompress=False, timeout=timeout
    ) as http:
        app = web.Application(client_max_size=_BODY_MAX)
        app.router.add_route("*", "/{path:.*}", Front(http, host).handle)
        tls = ssl.create_default_context(ssl.Purpose.CLIENT_AUTH)
        tls.load_cert_chain(pem)
        runner = web.AppRunner(app, access_log=None, shutdown_timeout=1.0)
        await runner.setup()
        try:
            await web.TCPSite(runner, None, 443, ssl_context=tls).start()
            print(json.dumps({"event": "ready"}), flush=True)
            await asyncio.Event().wait()
        finally:
            await runner.cleanup()


def main() -> None:
    """See above."""
    parser = argparse.ArgumentParser(prog="lab.front")
    parser.add_argument("pem", type=Path)
    parser.add_argument("host")
    given = parser.parse_args()
    run_until_stopped(_serve(given.pem, given.host), verbose=False)


if __name__ == "__main__":
    main()
