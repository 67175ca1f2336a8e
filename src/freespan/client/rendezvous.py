"""Asks the broker for a bridge: one request, one answer (docs/protocol.md)."""

from __future__ import annotations

import asyncio

import aiohttp

from freespan.wire.errors import MessageError, RendezvousError, VersionError
from freespan.wire.limits import PROTOCOL_VERSION, RENDEZVOUS_BODY_MAX, RENDEZVOUS_SECONDS
from freespan.wire.messages import (
    RendezvousRequest,
    decode_problem,
    decode_rendezvous_answer,
    encode,
)
from freespan.wire.sdp import check_answer

_SECONDS = RENDEZVOUS_SECONDS + 8.0
"""The broker's own limit, and time for the network."""
_UNREACHABLE = "the broker cannot be reached: is the invite still good, is this machine online?"
_RUBBISH = "the broker's address answers something else than a broker: the invite may be out of date"
_RETRY_CODES = {"no_bridge", "busy", "bridge_silent"}


async def ask_for_bridge(http: aiohttp.ClientSession, broker: str, offer: str) -> str:
    """Send an offer, return a bridge's answer (both SDP).

    Raises:
        RendezvousError: `retry` tells whether asking again can help.
    """
    body = encode(RendezvousRequest(PROTOCOL_VERSION, offer))
    try:
        async with asyncio.timeout(_SECONDS):
            async with http.post(
                f"{broker}/v1/rendezvous",
                data=body,
                headers={"Content-Type": "application/json"},
                allow_redirects=False,
            ) as response:
                answer = await _read_bounded(response.content)
                return _understand(response.status, answer, response.headers.get("Retry-After", ""))
    except TimeoutError:
        raise RendezvousError("unreachable", "the broker took too long to answer", retry=True) from None
    except (aiohttp.ClientError, OSError, ValueError):
        raise RendezvousError("unreachable", _UNREACHABLE, retry=True) from None


def _understand(status: int, body: bytes, retry_after: str) -> str:
    try:
        if status == 200:
            return check_answer(decode_rendezvous_answer(body).answer)
        problem = decode_problem(body)
    except VersionError as error:
        raise RendezvousError("version", f"the broker's version {error.reason}", retry=False) from None
    except MessageError:
        raise RendezvousError("rubbish", _RUBBISH, retry=True) from None
    seconds = float(retry_after) if retry_after.isascii() and retry_after.isdigit() and len(retry_after) < 4 else None
    retry = problem.code in _RETRY_CODES or status >= 500
    raise RendezvousError(problem.code, _one_line(problem.detail), retry=retry, after=seconds)


def _one_line(text: str) -> str:
    """A stranger's sentence, fit for a terminal."""
    return "".join(c if c.isprintable() else " " for c in text)[:200] or "the broker gave no reason"


async def _read_bounded(content: aiohttp.StreamReader) -> bytes:
    body = bytearray()
    async for chunk in content.iter_chunked(RENDEZVOUS_BODY_MAX):
        body += chunk
        if len(body) > RENDEZVOUS_BODY_MAX:
            raise RendezvousError("rubbish", _RUBBISH, retry=True)
    return bytes(body)
