"""What a test needs to play the broker: it opens what a client has sealed, and seals what the client is to read.

Everything is sealed to `SEALING_KEY`, as in the invites of `invite_to`.
"""

from __future__ import annotations

from collections.abc import Awaitable, Callable

import msgspec
from aiohttp import web

from freespan.sealing.hpke import Opener
from freespan.sealing.requests import open_request, seal_answer
from freespan.wire.messages import (
    Asked,
    IceServer,
    Problem,
    RendezvousAnswer,
    RendezvousRequest,
    TurnCredentials,
    decode_asked,
    encode,
)
from freespan.wire.sealed_request import SealedRequest
from tests.support.invites import SEALING_KEY
from tests.support.sdp import ANSWER

Handler = Callable[[web.Request], Awaitable[web.StreamResponse]]
Said = RendezvousAnswer | TurnCredentials | Problem | bytes
"""What a broker says; bytes are sealed as they are."""

OPENER = Opener(SEALING_KEY)


async def opened(request: web.Request) -> SealedRequest:
    """What a client has sealed."""
    return open_request(OPENER, await request.read())


async def asked_in(request: web.Request) -> Asked:
    """What it asks for."""
    return decode_asked((await opened(request)).message)


async def offer_in(request: web.Request) -> str:
    """Its offer."""
    asked = await asked_in(request)
    assert isinstance(asked, RendezvousRequest)
    return asked.offer


def sealed(said: Said, reply_key: bytes) -> web.Response:
    """The response that only the client with this key can read."""
    message = said if isinstance(said, bytes) else encode(said).encode()
    return web.Response(body=seal_answer(reply_key, message), content_type="application/octet-stream")


async def answer_to(request: web.Request, said: Said) -> web.Response:
    """The sealed answer to a request."""
    return sealed(said, (await opened(request)).reply_key)


def says(said: Said) -> Handler:
    """A broker that says this to everybody."""

    async def handle(request: web.Request) -> web.Response:
        return await answer_to(request, said)

    return handle


def problem(
    status: int, code: str, detail: str = "because", retry_after: int | None = None, **more: int | str
) -> Problem:
    """A problem of the broker."""
    kind = f"urn:freespan:problem:{code}"
    said = {"type": kind, "title": code, "status": status, "detail": detail, "retry_after": retry_after, **more}
    return msgspec.convert(said, Problem)


def refuses(code: str, status: int = 503) -> Handler:
    """A broker that refuses everybody."""
    return says(problem(status, code, "none"))


def turn_servers(*servers: dict[str, object]) -> TurnCredentials:
    """What a broker answers to whoever asks for TURN servers."""
    return TurnCredentials(1, msgspec.convert(servers, list[IceServer]))


GIVEN = RendezvousAnswer(1, ANSWER, "b")
NO_TURN = TurnCredentials(1, [])


def broker(of_offers: Handler | Said = GIVEN, of_turn: Handler | Said = NO_TURN) -> list[web.RouteDef]:
    """The route of a broker: one handler for who asks for a bridge, one for who asks for TURN servers."""

    async def handle(request: web.Request) -> web.StreamResponse:
        asked = await asked_in(request)
        of_this = of_offers if isinstance(asked, RendezvousRequest) else of_turn
        return await (of_this if callable(of_this) else says(of_this))(request)

    return [web.post("/v1/rendezvous", handle)]
