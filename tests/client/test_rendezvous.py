"""Asking a broker: what a client makes of every kind of answer, and of none."""

from __future__ import annotations

import asyncio
import contextlib
import functools
from collections.abc import AsyncIterator, Callable
from typing import Any

import aiohttp
import msgspec
import pytest
from aiohttp import web

from freespan.client.http_session import http_session
from freespan.client.rendezvous import Rendezvous
from freespan.client.settings import ClientSettings
from freespan.sealing.requests import open_request
from freespan.wire.errors import NotAdmittedError, RendezvousError, WrongKeyError
from freespan.wire.invite import TOKEN_SIZE
from freespan.wire.limits import RENDEZVOUS_STEPS
from freespan.wire.messages import IceServer, Problem, RendezvousAnswer, RendezvousRequest, TurnCredentials
from tests.support.invites import invite_to
from tests.support.played_broker import OPENER, Handler, answer_to, problem, sealed
from tests.support.sdp import ANSWER, OFFER
from tests.support.serving import serving

SETTINGS = ClientSettings()
GIVEN = RendezvousAnswer(1, ANSWER)
Answer = Problem | RendezvousAnswer | TurnCredentials | bytes | web.Response
"""What a played broker seals, or says in the open."""


def in_the_open(status: int, code: str, detail: str = "because", retry_after: str = "") -> web.Response:
    """A problem that nobody has sealed."""
    body = {"type": f"urn:freespan:problem:{code}", "title": code, "status": status, "detail": detail}
    return web.Response(
        status=status,
        body=msgspec.json.encode(body),
        content_type="application/problem+json",
        headers={"Retry-After": retry_after} if retry_after else None,
    )


async def ask(rendezvous: Rendezvous) -> RendezvousAnswer:
    async with rendezvous.open_request() as request:
        return await request.send(RendezvousRequest(1, OFFER))


async def response_to(request: web.Request, said: Answer) -> web.Response:
    if isinstance(said, web.Response):
        await request.read()
        return web.Response(status=said.status, body=said.body, headers=said.headers)
    return await answer_to(request, said)


class FakeBroker:
    """Answers what `answers` says, and keeps what it was sent."""

    def __init__(self) -> None:
        self.url = ""
        self.answers: Handler | Answer = GIVEN
        self.asked: list[bytes] = []

    async def handle(self, request: web.Request) -> web.StreamResponse:
        self.asked.append(await request.read())
        return await (self.answers(request) if callable(self.answers) else response_to(request, self.answers))

    async def ask(self, settings: ClientSettings = SETTINGS) -> RendezvousAnswer:
        async with http_session() as http:
            return await ask(Rendezvous(http, invite_to(self.url), settings))

    async def failure(self, settings: ClientSettings = SETTINGS) -> RendezvousError:
        with pytest.raises(RendezvousError) as caught:
            await self.ask(settings)
        assert str(caught.value)
        assert "\n" not in str(caught.value)
        return caught.value


@pytest.fixture
async def broker() -> AsyncIterator[FakeBroker]:
    broker = FakeBroker()
    async with asyncio.timeout(60), serving([web.post("/v1/rendezvous", broker.handle)]) as broker.url:
        yield broker


async def test_the_answer_of_a_bridge(broker: FakeBroker) -> None:
    assert await broker.ask() == GIVEN


async def test_what_is_sent_is_sealed_to_the_host_and_padded(broker: FakeBroker) -> None:
    async with aiohttp.ClientSession() as http:
        rendezvous = Rendezvous(http, invite_to(broker.url, token=b"x" * TOKEN_SIZE), SETTINGS)
        await ask(rendezvous)
    (body,) = broker.asked
    assert len(body) == RENDEZVOUS_STEPS[0]
    request = open_request(OPENER, body)
    assert request.token == b"x" * TOKEN_SIZE
    assert msgspec.json.decode(request.message) == {"type": "rendezvous", "version": 1, "offer": OFFER}


async def test_a_request_for_turn_servers_looks_like_one_for_a_bridge(broker: FakeBroker) -> None:
    broker.answers = TurnCredentials(1, [IceServer(["turn:turn.example:3478"], "name", "word")])
    async with aiohttp.ClientSession() as http:
        servers = await Rendezvous(http, invite_to(broker.url), SETTINGS).fetch_turn_servers()
    assert [server.urls for server in servers] == [["turn:turn.example:3478"]]
    (body,) = broker.asked
    assert len(body) == RENDEZVOUS_STEPS[0]
    assert msgspec.json.decode(open_request(OPENER, body).message) == {"type": "turn", "version": 1}


async def test_each_endpoint_gets_a_seal_and_a_reply_key_of_its_own(endpoints: FakeEndpoints) -> None:
    async with endpoints.serving(page(), GIVEN) as rendezvous:
        await ask(rendezvous)
    first, second = endpoints.bodies
    assert first != second
    assert open_request(OPENER, first).reply_key != open_request(OPENER, second).reply_key


async def test_an_answer_to_another_request_is_none(broker: FakeBroker) -> None:
    """Whoever is in between can send what was sealed before, but for nobody else."""

    async def repeat(request: web.Request) -> web.Response:
        return sealed(GIVEN, open_request(OPENER, broker.asked[0]).reply_key)

    broker.answers = repeat
    assert await broker.ask() == GIVEN
    error = await broker.failure()
    assert (error.code, error.retry) == ("protocol_error", True)


async def test_an_answer_that_nobody_has_sealed_is_none(broker: FakeBroker) -> None:
    broker.answers = web.json_response({"version": 1, "answer": ANSWER})
    error = await broker.failure()
    assert (error.code, error.retry) == ("protocol_error", True)


@pytest.mark.parametrize(
    ("status", "code", "retry"),
    [
        (400, "bad_request", False),
        (400, "version", False),
        (429, "too_many_requests", True),
        (503, "no_bridge", True),
        (503, "no_new_bridge", True),
        (503, "no_reachable_bridge", True),
        (503, "busy", True),
        (504, "bridge_timeout", True),
    ],
)
async def test_every_sealed_problem_of_the_protocol(broker: FakeBroker, status: int, code: str, retry: bool) -> None:
    broker.answers = problem(status, code, "this is why")
    error = await broker.failure()
    assert (error.code, error.retry, error.after, str(error)) == (code, retry, None, "this is why")


@pytest.mark.parametrize(
    ("status", "code", "retry"),
    [
        (400, "bad_request", False),
        (408, "bad_request", True),
        (413, "too_large", False),
        (429, "too_many_requests", True),
        (503, "busy", True),
    ],
)
async def test_every_problem_of_the_protocol_in_the_open(
    broker: FakeBroker, status: int, code: str, retry: bool
) -> None:
    broker.answers = in_the_open(status, code, "this is why")
    error = await broker.failure()
    assert (error.code, error.retry, error.after, str(error)) == (code, retry, None, "this is why")


@pytest.mark.parametrize(
    ("status", "code"),
    [
        (503, "no_bridge"),
        (503, "no_reachable_bridge"),
        (504, "bridge_timeout"),
        (425, "too_early"),
        (500, "internal_server_error"),
        (400, "version"),
        (403, "invite_revoked"),
        (404, "not_found"),
    ],
)
async def test_what_a_broker_only_says_under_seal_counts_for_nothing_in_the_open(
    broker: FakeBroker, status: int, code: str
) -> None:
    broker.answers = in_the_open(status, code, "this is why")
    error = await broker.failure()
    assert (error.code, error.retry) == ("protocol_error", True)


async def test_a_host_that_cannot_open_it_has_another_key_or_somebody_says_so(endpoints: FakeEndpoints) -> None:
    """Nobody can prove it, so it is told like a bridge's wrong key: the client goes on."""
    cannot = in_the_open(400, "not_opened")
    async with endpoints.serving(cannot, page()) as rendezvous:
        with pytest.raises(WrongKeyError):
            await ask(rendezvous)
        for others in ((page(), cannot), (cannot, WAIT)):
            endpoints.answers = list(others)
            assert (await refusal(rendezvous)).retry


@pytest.mark.parametrize(
    ("code", "more", "line"),
    [
        ("invite_revoked", {}, "this invite was revoked by the host: ask for a new one"),
        (
            "invite_quota",
            {"amount": 20 * 10**9, "again": "2026-12-01"},
            "this invite has used up its 20 GB of this month: it works again on 1 December",
        ),
    ],
)
async def test_an_invite_that_is_not_admitted(broker: FakeBroker, code: str, more: dict[str, Any], line: str) -> None:
    broker.answers = problem(403, code, "in the words of another version", **more)
    with pytest.raises(NotAdmittedError) as caught:
        await broker.ask()
    assert (caught.value.code, str(caught.value)) == (code, line)


@pytest.mark.parametrize(
    ("header", "seconds"),
    [
        *[
            ("3", 3.0),
            ("0", 0.0),
            ("60", 60.0),
            ("999", 60.0),
            ("", None),
            ("-1", None),
            ("1e9", None),
            ("99999", None),
        ],
        *[("soon", None), ("٣", None)],
    ],
)
async def test_when_to_ask_again(broker: FakeBroker, header: str, seconds: float | None) -> None:
    broker.answers = in_the_open(503, "busy", retry_after=header)
    assert (await broker.failure()).after == seconds


@pytest.mark.parametrize(("said", "seconds"), [(3, 3.0), (0, 0.0), (3_600, 60.0), (None, None)])
async def test_when_to_ask_again_under_seal(broker: FakeBroker, said: int | None, seconds: float | None) -> None:
    broker.answers = problem(503, "no_bridge", retry_after=said)
    assert (await broker.failure()).after == seconds


@pytest.mark.parametrize(
    ("detail", "shown"),
    [
        ("two\nlines\tand \x1b[31mcolour\x07", "two lines and  [31mcolour "),
        ("x" * 1_000, "x" * 200),
        ("", "the broker gave no reason"),
    ],
)
async def test_what_a_broker_says_is_fit_for_a_terminal(broker: FakeBroker, detail: str, shown: str) -> None:
    for said in (problem(503, "no_bridge", detail), in_the_open(503, "busy", detail)):
        broker.answers = said
        assert str(await broker.failure()) == shown


RUBBISH: dict[str, Callable[[], Answer]] = {
    "a page": lambda: web.Response(text="<html>Welcome!</html>", content_type="text/html"),
    "nothing": lambda: web.Response(),
    "bytes": lambda: web.Response(body=bytes(range(256))),
    "10 MB": lambda: web.Response(body=b"x" * 1_000_000 * 10, zlib_executor_size=1 << 30),
    "404 of another server": lambda: web.Response(status=404, text="not found"),
    "502 of another server": lambda: web.Response(status=502, text="bad gateway"),
    "elsewhere": lambda: web.Response(status=302, headers={"Location": "http://127.0.0.1:1/"}),
    "nothing more": lambda: web.Response(status=204),
    "sealed: nothing": lambda: b"",
    "sealed: not UTF-8": lambda: b'{"version": 1, "answer": "\xff"}',
    "sealed: no object": lambda: b"[1]",
    "sealed: another shape": lambda: b'{"ok": true}',
    "sealed: another type": lambda: b'{"version": 1, "answer": 5}',
    "sealed: an answer that is no SDP": lambda: RendezvousAnswer(1, "hello"),
    "sealed: an offer": lambda: RendezvousAnswer(1, OFFER),
    "sealed: too deep": lambda: b"[" * 30_000,
    "sealed: half a problem": lambda: b'{"status": 503}',
    "sealed: a problem without end": lambda: b'{"status": 1' + b"0" * 5_000 + b"}",
}


CAUSES_OF_RUBBISH = {
    "404 of another server": "not_found",
    "502 of another server": "gateway",
    "elsewhere": "redirect",
}


@pytest.mark.filterwarnings("ignore:Sending a large body:ResourceWarning")
@pytest.mark.parametrize("name", RUBBISH)
async def test_rubbish(broker: FakeBroker, name: str) -> None:
    broker.answers = RUBBISH[name]()
    error = await broker.failure()
    assert (error.code, error.retry) == ("protocol_error", True)
    assert error.cause is not None
    assert error.cause.code == CAUSES_OF_RUBBISH.get(name, "bad_answer" if name.startswith("sealed") else "no_host")
    assert "out of date" not in str(error)  # the invite may be as good as ever
    assert len(broker.asked) == 1  # nobody is led elsewhere


async def test_a_later_version(broker: FakeBroker) -> None:
    broker.answers = RendezvousAnswer(2, ANSWER)
    error = await broker.failure()
    assert (error.code, error.retry) == ("version", False)
    assert "update" in str(error)


async def test_a_broker_that_never_answers(broker: FakeBroker) -> None:
    async def never(_: web.Request) -> web.StreamResponse:
        await asyncio.Event().wait()
        raise AssertionError

    broker.answers = never
    error = await broker.failure(ClientSettings(host_seconds=0.2))
    assert (error.code, error.retry) == ("unreachable", True)
    assert str(error).startswith("the host took the request, but did not answer in time")


async def test_a_broker_that_answers_drop_by_drop(broker: FakeBroker) -> None:
    async def drip(request: web.Request) -> web.StreamResponse:
        response = web.StreamResponse()
        await response.prepare(request)
        while True:
            await response.write(b" ")
            await asyncio.sleep(0.02)

    broker.answers = drip
    settings = ClientSettings(host_connect_seconds=0.2, host_last_connect_seconds=0.2, host_answer_seconds=0.1)
    assert (await broker.failure(settings)).code == "unreachable"


async def test_a_broker_that_never_stops(broker: FakeBroker) -> None:
    async def pour(request: web.Request) -> web.StreamResponse:
        response = web.StreamResponse()
        await response.prepare(request)
        while True:
            await response.write(bytes(65_536))

    broker.answers = pour
    assert (await broker.failure()).code == "protocol_error"


@pytest.mark.parametrize(
    "said",
    [b"", b"\x00" * 100, b"HTTP/1.1 200 OK\r\n", b"HTTP/1.1 200 OK\r\nX: " + b"y" * 100_000, b"220 mail ready\r\n"],
    ids=["nothing", "bytes", "half a head", "a long head", "mail"],
)
async def test_what_is_not_http(said: bytes) -> None:
    async def handle(reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        await reader.readuntil(b"\r\n\r\n")
        writer.write(said)
        writer.close()

    server = await asyncio.start_server(handle, "127.0.0.1", 0)
    broker = FakeBroker()
    broker.url = f"http://127.0.0.1:{server.sockets[0].getsockname()[1]}"
    async with server:
        error = await broker.failure()
    assert (error.code, error.retry) == ("unreachable", True)


@pytest.mark.parametrize(
    ("url", "said"),
    [
        ("http://127.0.0.1:1", "the host refuses the connection"),
        ("http://garden-host.invalid", "(DNS)"),
        ("https://127.0.0.1:1", "the host refuses the connection"),
        ("http://[::1]:1", "the host "),
    ],
)
async def test_a_dead_host(url: str, said: str) -> None:
    broker = FakeBroker()
    broker.url = url
    error = await broker.failure()
    assert (error.code, error.retry) == ("unreachable", True)
    assert said in str(error) or str(error).startswith("this machine has no way to the internet")
    assert "127.0.0.1" not in str(error)
    assert "garden" not in str(error)


async def test_plain_http_where_https_is_meant(broker: FakeBroker) -> None:
    broker.url = broker.url.replace("http", "https")
    error = await broker.failure()
    assert error.code == "unreachable"
    assert "does not speak TLS" in str(error)


# --- several endpoints -----------------------------------------------------------------------------


class FakeEndpoints:
    """A host's own URL and its fronts; each answers what is put in its place, `asked` tells who was asked."""

    def __init__(self, http: aiohttp.ClientSession) -> None:
        self.answers: list[Answer | None] = []
        self.bodies: list[bytes] = []
        self.asked: list[int] = []
        self._http = http

    @contextlib.asynccontextmanager
    async def serving(self, *answers: Answer | None, settings: ClientSettings = SETTINGS) -> AsyncIterator[Rendezvous]:
        """None is an endpoint that takes a request and never answers."""
        self.answers = list(answers)
        async with contextlib.AsyncExitStack() as stack:
            urls = [
                await stack.enter_async_context(serving([web.post("/v1/rendezvous", functools.partial(self._on, i))]))
                for i in range(len(answers))
            ]
            yield Rendezvous(self._http, invite_to(urls[0], fronts=tuple(urls[1:])), settings)

    async def _on(self, which: int, request: web.Request) -> web.StreamResponse:
        self.bodies.append(await request.read())
        self.asked.append(which)
        found = self.answers[which]
        if found is None:
            await asyncio.Event().wait()
        assert found is not None
        return await response_to(request, found)


@pytest.fixture
async def endpoints() -> AsyncIterator[FakeEndpoints]:
    async with asyncio.timeout(60), http_session() as http:
        yield FakeEndpoints(http)


def page() -> web.Response:
    return web.Response(text="<h1>blocked</h1>")


OPEN_NO = functools.partial(in_the_open, 413, "too_large")
OPEN_WAIT = functools.partial(in_the_open, 503, "busy")
NO = problem(400, "version")
WAIT = problem(503, "no_bridge")


async def refusal(rendezvous: Rendezvous) -> RendezvousError:
    with pytest.raises(RendezvousError) as caught:
        await ask(rendezvous)
    return caught.value


async def test_the_endpoint_that_served_is_asked_first_the_next_time(endpoints: FakeEndpoints) -> None:
    async with endpoints.serving(page(), GIVEN) as rendezvous:
        for _ in range(3):
            await ask(rendezvous)
    assert endpoints.asked == [0, 1, 1, 1]


@pytest.mark.parametrize("said", [in_the_open(400, "bad_request"), WAIT, NO])
async def test_an_endpoint_that_refuses_is_never_asked_first_for_that(endpoints: FakeEndpoints, said: Answer) -> None:
    async with endpoints.serving(page(), said) as rendezvous:
        await refusal(rendezvous)
        endpoints.answers[0] = GIVEN
        await ask(rendezvous)
    assert endpoints.asked == [0, 1, 0]


@pytest.mark.parametrize(
    "said",
    [
        in_the_open(400, "version"),
        in_the_open(400, "not_opened"),
        in_the_open(503, "no_bridge"),
        in_the_open(503, "busy"),
        in_the_open(403, "forbidden"),
        problem(429, "too_many_requests"),
        problem(503, "no_new_bridge"),
    ],
)
async def test_what_one_front_says_keeps_nobody_from_another(endpoints: FakeEndpoints, said: Answer) -> None:
    """Through another one a client is another source; and what is not sealed may be made up."""
    async with endpoints.serving(page(), said, GIVEN) as rendezvous:
        await ask(rendezvous)


@pytest.mark.parametrize("code", ["no_bridge", "no_new_bridge", "no_reachable_bridge", "busy", "bridge_timeout"])
async def test_when_the_host_itself_has_no_bridge_no_front_is_asked(endpoints: FakeEndpoints, code: str) -> None:
    async with endpoints.serving(problem(503, code), GIVEN) as rendezvous:
        assert (await refusal(rendezvous)).code == code
    assert endpoints.asked == [0]


@pytest.mark.parametrize("code", ["no_bridge", "no_reachable_bridge", "busy", "bridge_timeout"])
async def test_what_the_broker_has_sealed_holds_whoever_carried_it(endpoints: FakeEndpoints, code: str) -> None:
    async with endpoints.serving(page(), problem(503, code), GIVEN) as rendezvous:
        assert (await refusal(rendezvous)).code == code
    assert endpoints.asked == [0, 1]


async def test_an_invite_that_is_not_admitted_is_so_everywhere(endpoints: FakeEndpoints) -> None:
    async with endpoints.serving(page(), problem(403, "invite_revoked"), GIVEN) as rendezvous:
        with pytest.raises(NotAdmittedError):
            await ask(rendezvous)
    assert endpoints.asked == [0, 1]


@pytest.mark.parametrize(
    ("own", "front", "code", "retry"),
    [
        (OPEN_NO, OPEN_NO, "too_large", False),
        (OPEN_NO, page, "too_large", False),
        (OPEN_NO, lambda: WAIT, "no_bridge", True),
        (page, OPEN_NO, "too_large", True),  # what a front alone says in the open ends nobody's client
        (page, lambda: NO, "version", False),  # but what the broker says does
        (OPEN_WAIT, lambda: NO, "version", False),
        (lambda: NO, lambda: GIVEN, "version", False),
        (page, lambda: WAIT, "no_bridge", True),
        (page, page, "protocol_error", True),
    ],
)
async def test_what_ends_a_client_is_sealed_or_comes_from_the_host_itself_and_nobody_contradicts(
    endpoints: FakeEndpoints, own: Callable[[], Answer], front: Callable[[], Answer], code: str, retry: bool
) -> None:
    async with endpoints.serving(own(), front()) as rendezvous:
        error = await refusal(rendezvous)
    assert (error.code, error.retry) == (code, retry)


async def test_endpoints_that_take_all_the_time_are_asked_last_the_next_time(endpoints: FakeEndpoints) -> None:
    async with endpoints.serving(page(), None, GIVEN, settings=ClientSettings(host_seconds=0.3)) as rendezvous:
        assert (await refusal(rendezvous)).retry
        await ask(rendezvous)
    assert endpoints.asked == [0, 1, 2]


async def test_the_last_endpoint_is_given_more_time(monkeypatch: pytest.MonkeyPatch) -> None:
    """There is none to hurry to."""
    patience: list[float] = []

    async def exchange(_: Rendezvous, url: str, seconds: float, *more: object) -> tuple[int, bytes, str]:
        patience.append(seconds)
        raise RendezvousError("unreachable", "no", retry=True)

    monkeypatch.setattr(Rendezvous, "_exchange", exchange)
    async with aiohttp.ClientSession() as http:
        await refusal(Rendezvous(http, invite_to("own", fronts=("front",)), SETTINGS))
        await refusal(Rendezvous(http, invite_to("own"), SETTINGS))
    last = SETTINGS.host_last_connect_seconds
    assert patience == [SETTINGS.host_connect_seconds, last, last]


# --- the connection ----------------------------------------------------------------------------------


async def test_the_connection_to_the_broker_is_opened_before_there_is_an_offer() -> None:
    connected = asyncio.Event()

    async def handle(_: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        connected.set()
        writer.close()

    server = await asyncio.start_server(handle, "127.0.0.1", 0)
    url = f"http://127.0.0.1:{server.sockets[0].getsockname()[1]}"
    async with (
        asyncio.timeout(60),
        server,
        http_session() as http,
        Rendezvous(http, invite_to(url), SETTINGS).open_request() as request,
    ):
        await connected.wait()
        with pytest.raises(RendezvousError):
            await request.send(RendezvousRequest(1, OFFER))
    assert connected.is_set()


async def test_the_time_for_an_answer_begins_when_the_offer_is_sent(broker: FakeBroker) -> None:
    settings = ClientSettings(host_last_connect_seconds=0.1, host_answer_seconds=0.1)
    async with http_session() as http, Rendezvous(http, invite_to(broker.url), settings).open_request() as request:
        await asyncio.sleep(0.5)  # a client that gathers candidates for longer than the broker may take
        await request.send(RendezvousRequest(1, OFFER))
    assert len(broker.asked) == 1


async def test_a_request_that_is_given_up_leaves_no_connection(broker: FakeBroker) -> None:
    async with aiohttp.ClientSession() as http:
        async with Rendezvous(http, invite_to(broker.url), SETTINGS).open_request():
            await asyncio.sleep(0.01)
        assert not [task for task in asyncio.all_tasks() if task.get_name() == "client-rendezvous"]
    assert not any(broker.asked)


async def test_no_redirect_leads_a_client_elsewhere() -> None:
    async def elsewhere(request: web.Request) -> web.Response:
        raise web.HTTPTemporaryRedirect(f"{target}/v1/egress")

    async def taken(request: web.Request) -> web.WebSocketResponse:
        socket = web.WebSocketResponse()
        await socket.prepare(request)
        return socket

    async with (
        serving([web.get("/v1/egress", taken)]) as target,
        serving([web.get("/v1/egress", elsewhere)]) as url,
        http_session() as http,
    ):
        with pytest.raises(RendezvousError):
            await Rendezvous(http, invite_to(url), SETTINGS).open_egress()
