"""A domain front: a reverse proxy at another name and address, as a CDN is, that leads to the host.

`python -m lab.front PEM HOST` serves https on port 443 and forwards each request to `https://HOST` with its path,
headers and body, and WebSockets as well. It knows nothing of freespan.
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
# Headers of one connection are not forwarded to the next one (RFC 9110 section 7.6.1).
_HOP_BY_HOP = frozenset(
    ("connection", "host", "keep-alive", "proxy-connection", "te", "trailer", "transfer-encoding", "upgrade")
)


class Front:
    """Forwards requests."""

    def __init__(self, http: aiohttp.ClientSession, host: str) -> None:
        self._http = http
        self._host = host

    async def handle(self, request: web.Request) -> web.StreamResponse:
        """Answer with the host's response, or with 502 if there is none."""
        try:
            if request.headers.get("Upgrade", "").lower() == "websocket":
                return await self._forward_messages(request)
            return await self._forward_request(request)
        except (aiohttp.ClientError, OSError, TimeoutError):
            return web.Response(status=502, text="Bad Gateway\n")

    async def _forward_request(self, request: web.Request) -> web.StreamResponse:
        url = f"https://{self._host}{request.raw_path}"
        headers = {name: value for name, value in request.headers.items() if name.lower() not in _HOP_BY_HOP}
        body = await request.read()
        async with self._http.request(
            request.method, url, headers=headers, data=body or None, allow_redirects=False
        ) as answer:
            forwarded = {name: value for name, value in answer.headers.items() if name.lower() not in _HOP_BY_HOP}
            response = web.StreamResponse(status=answer.status, reason=answer.reason, headers=forwarded)
            await response.prepare(request)
            async for chunk in answer.content.iter_chunked(_CHUNK):
                await response.write(chunk)
            await response.write_eof()
            return response

    async def _forward_messages(self, request: web.Request) -> web.StreamResponse:
        url = f"wss://{self._host}{request.raw_path}"
        async with self._http.ws_connect(url, max_msg_size=_MESSAGE_MAX, compress=0) as upstream:
            downstream = web.WebSocketResponse(max_msg_size=_MESSAGE_MAX, compress=False)
            await downstream.prepare(request)
            directions = [
                asyncio.create_task(_copy(downstream, upstream), name="front-to-host"),
                asyncio.create_task(_copy(upstream, downstream), name="front-from-host"),
            ]
            try:
                await asyncio.wait(directions, return_when=asyncio.FIRST_COMPLETED)
            finally:
                for direction in directions:
                    direction.cancel()
                await asyncio.gather(*directions, return_exceptions=True)
                await downstream.close(code=upstream.close_code or aiohttp.WSCloseCode.GOING_AWAY)
            return downstream


Socket = web.WebSocketResponse | aiohttp.ClientWebSocketResponse


async def _copy(source: Socket, target: Socket) -> None:
    """Forward messages in one direction until the source ends; sending waits while the target is slow."""
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
    """Run the command that the module documents."""
    parser = argparse.ArgumentParser(prog="lab.front")
    parser.add_argument("pem", type=Path)
    parser.add_argument("host")
    given = parser.parse_args()
    run_until_stopped(_serve(given.pem, given.host), verbose=False)


if __name__ == "__main__":
    main()
