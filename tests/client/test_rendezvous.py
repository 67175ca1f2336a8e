"""Asking a broker: what a client makes of every kind of answer, and of none."""

from __future__ import annotations

import asyncio
import contextlib
import functools
from collections.abc import AsyncIterator, Awaitable, Callable

import aiohttp
import msgspec
import pytest
from aiohttp import web

from freespan.client.dialer import http_session
from freespan.client.rendezvous import Rendezvous
from freespan.client.settings import ClientSettings
from freespan.wire.errors import RendezvousError
from freespan.wire.messages import RendezvousAnswer, RendezvousRequest
from tests.support.sdp import ANSWER, OFFER
from tests.support.serving import serving

SETTINGS = ClientSettings()
PROBLEM = "urn:freespan:problem:"


def problem(status: int, code: str, detail: str = "because", **headers: str) -> web.Response:
    body = {"type": PROBLEM + code, "title": code, "status": status, "detail": detail}
    return web.Response(
        status=status,
        body=msgspec.json.encode(body),
        content_type="application/problem+json",
        headers={name.replace("_", "-"): value for name, value in headers.items()},
    )


def answer(**changes: object) -> web.Response:
    return web.json_response({"version": 1, "answer": ANSWER} | changes)


async def ask(rendezvous: Rendezvous) -> RendezvousAnswer:
    async with rendezvous.open_request() as request:
        return await request.send(RendezvousRequest(1, OFFER))


class FakeBroker:
    """Answers what `answers` says, and keeps what it was asked."""

    def __init__(self) -> None:
        self.url = ""
        self.answers: Callable[[web.Request], Awaitable[web.StreamResponse]] | web.Response = answer()
        self.asked: list[bytes] = []

    async def handle(self, request: web.Request) -> web.StreamResponse:
        self.asked.append(await request.read())
        return await self.answers(request) if callable(self.answers) else self.answers

    async def ask(self, settings: ClientSettings = SETTINGS) -> RendezvousAnswer:
        async with aiohttp.ClientSession() as http:
            return await ask(Rendezvous(http, [self.url], settings))

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
    assert await broker.ask() == RendezvousAnswer(1, ANSWER)
    assert msgspec.json.decode(broker.asked[0]) == {"version": 1, "offer": OFFER}


@pytest.mark.parametrize(
    ("status", "code", "retry"),
    [
        (400, "bad_request", False),
        (400, "version", False),
        (408, "bad_request", True),
        (425, "too_early", True),
        (429, "too_many_requests", True),
        (413, "too_large", False),
        (503, "no_bridge", True),
        (503, "no_reachable_bridge", True),
        (503, "busy", True),
        (504, "bridge_timeout", True),
        (500, "internal_server_error", True),
        (404, "not_found", False),
    ],
)
async def test_every_problem_of_the_protocol(broker: FakeBroker, status: int, code: str, retry: bool) -> None:
    broker.answers = problem(status, code, "this is why")
    error = await broker.failure()
    assert (error.code, error.retry, error.after, str(error)) == (code, retry, None, "this is why")


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
    broker.answers = problem(503, "no_bridge", Retry_After=header)
    assert (await broker.failure()).after == seconds


@pytest.mark.parametrize(
    ("detail", "shown"),
    [
        ("two\nlines\tand \x1b[31mcolour\x07", "two lines and  [31mcolour "),
        ("x" * 5_000, "x" * 200),
        ("", "the broker gave no reason"),
    ],
)
async def test_what_a_broker_says_is_fit_for_a_terminal(broker: FakeBroker, detail: str, shown: str) -> None:
    broker.answers = problem(503, "no_bridge", detail)
    assert str(await broker.failure()) == shown


RUBBISH: dict[str, Callable[[], web.Response]] = {
    "a page": lambda: web.Response(text="<html>Welcome!</html>", content_type="text/html"),
    "nothing": lambda: web.Response(),
    "bytes": lambda: web.Response(body=bytes(range(256))),
    "not UTF-8": lambda: web.Response(body=b'{"version": 1, "answer": "\xff"}'),
    "no object": lambda: web.json_response([1]),
    "another shape": lambda: web.json_response({"ok": True}),
    "another type": lambda: answer(answer=5),
    "an answer that is no SDP": lambda: answer(answer="hello"),
    "an offer": lambda: answer(answer=OFFER),
    "too deep": lambda: web.Response(body=b"[" * 30_000),
    "10 MB": lambda: web.Response(body=b"x" * 1_000_000 * 10, zlib_executor_size=1 << 30),
    "404 of another server": lambda: web.Response(status=404, text="not found"),
    "502 of another server": lambda: web.Response(status=502, text="bad gateway"),
    "elsewhere": lambda: web.Response(status=302, headers={"Location": "http://127.0.0.1:1/"}),
    "nothing more": lambda: web.Response(status=204),
}


@pytest.mark.filterwarnings("ignore:Sending a large body:ResourceWarning")
@pytest.mark.parametrize("make", RUBBISH.values(), ids=RUBBISH.keys())
async def test_rubbish(broker: FakeBroker, make: Callable[[], web.Response]) -> None:
    broker.answers = make()
    error = await broker.failure()
    assert (error.code, error.retry) == ("protocol_error", True)
    assert "invite may be out of date" in str(error)
    assert len(broker.asked) == 1  # nobody is led elsewhere


async def test_a_later_version(broker: FakeBroker) -> None:
    broker.answers = answer(version=2)
    error = await broker.failure()
    assert (error.code, error.retry) == ("version", False)
    assert "update" in str(error)


async def test_a_broker_that_never_answers(broker: FakeBroker) -> None:
    async def never(_: web.Request) -> web.StreamResponse:
        await asyncio.Event().wait()
        raise AssertionError

    broker.answers = never
    error = await broker.failure(ClientSettings(host_seconds=0.2))
    assert (error.code, error.retry, str(error)) == ("unreachable", True, "the broker took too long to answer")


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


@pytest.mark.parametrize("url", ["http://127.0.0.1:1", "http://host.invalid", "https://127.0.0.1:1", "http://[::1]:1"])
async def test_a_dead_host(url: str) -> None:
    broker = FakeBroker()
    broker.url = url
    error = await broker.failure()
    assert (error.code, error.retry) == ("unreachable", True)
    assert "(check the invite and your connection)" in str(error)
    assert "127.0.0.1" not in str(error)


async def test_plain_http_where_https_is_meant(broker: FakeBroker) -> None:
    broker.url = broker.url.replace("http", "https")
    assert (await broker.failure()).code == "unreachable"


# --- several endpoints -----------------------------------------------------------------------------


class FakeEndpoints:
    """A host's own URL and its fronts; each answers what is put in its place, `asked` tells who was asked."""

    def __init__(self, http: aiohttp.ClientSession) -> None:
        self.answers: list[web.Response | None] = []
        self.asked: list[int] = []
        self._http = http

    @contextlib.asynccontextmanager
    async def serving(
        self, *answers: web.Response | None, settings: ClientSettings = SETTINGS
    ) -> AsyncIterator[Rendezvous]:
        """None is an endpoint that takes a request and never answers."""
        self.answers = list(answers)
        async with contextlib.AsyncExitStack() as stack:
            urls = [
                await stack.enter_async_context(serving([web.post("/v1/rendezvous", functools.partial(self._on, i))]))
                for i in range(len(answers))
            ]
            yield Rendezvous(self._http, urls, settings)

    async def _on(self, which: int, request: web.Request) -> web.StreamResponse:
        await request.read()
        self.asked.append(which)
        found = self.answers[which]
        if found is None:
            await asyncio.Event().wait()
        assert found is not None
        return web.Response(status=found.status, body=found.body, headers=found.headers)


@pytest.fixture
async def endpoints() -> AsyncIterator[FakeEndpoints]:
    async with asyncio.timeout(60), aiohttp.ClientSession() as http:
        yield FakeEndpoints(http)


def page() -> web.Response:
    return web.Response(text="<h1>blocked</h1>")


async def refusal(rendezvous: Rendezvous) -> RendezvousError:
    with pytest.raises(RendezvousError) as caught:
        await ask(rendezvous)
    return caught.value


async def test_the_endpoint_that_served_is_asked_first_the_next_time(endpoints: FakeEndpoints) -> None:
    async with endpoints.serving(page(), answer()) as rendezvous:
        for _ in range(3):
            await ask(rendezvous)
    assert endpoints.asked == [0, 1, 1, 1]


@pytest.mark.parametrize("status", [400, 503])
async def test_an_endpoint_that_refuses_is_never_asked_first_for_that(endpoints: FakeEndpoints, status: int) -> None:
    async with endpoints.serving(
        page(), problem(status, "no_bridge" if status == 503 else "bad_request")
    ) as rendezvous:
        await refusal(rendezvous)
        endpoints.answers[0] = answer()
        await ask(rendezvous)
    assert endpoints.asked == [0, 1, 0]


@pytest.mark.parametrize("said", [problem(400, "version"), problem(503, "no_bridge"), problem(403, "forbidden")])
async def test_what_one_front_says_keeps_nobody_from_another(endpoints: FakeEndpoints, said: web.Response) -> None:
    async with endpoints.serving(page(), said, answer()) as rendezvous:
        await ask(rendezvous)


async def test_when_the_host_itself_has_no_bridge_no_front_is_asked(endpoints: FakeEndpoints) -> None:
    async with endpoints.serving(problem(503, "no_bridge"), answer()) as rendezvous:
        assert (await refusal(rendezvous)).code == "no_bridge"
    assert endpoints.asked == [0]


NO = functools.partial(problem, 400, "version")
WAIT = functools.partial(problem, 503, "no_bridge")


@pytest.mark.parametrize(
    ("own", "front", "code", "retry"),
    [
        (NO, NO, "version", False),
        (NO, page, "version", False),
        (NO, WAIT, "no_bridge", True),
        (page, NO, "version", True),  # a front alone ends nobody's client
        (page, WAIT, "no_bridge", True),
        (page, page, "protocol_error", True),
    ],
)
async def test_only_the_host_itself_ends_a_client_and_only_if_nobody_contradicts(
    endpoints: FakeEndpoints, own: Callable[[], web.Response], front: Callable[[], web.Response], code: str, retry: bool
) -> None:
    async with endpoints.serving(own(), front()) as rendezvous:
        error = await refusal(rendezvous)
    assert (error.code, error.retry) == (code, retry)


async def test_endpoints_that_take_all_the_time_are_asked_last_the_next_time(endpoints: FakeEndpoints) -> None:
    async with endpoints.serving(page(), None, answer(), settings=ClientSettings(host_seconds=0.3)) as rendezvous:
        assert (await refusal(rendezvous)).retry
        await ask(rendezvous)
    assert endpoints.asked == [0, 1, 2]


async def test_the_last_endpoint_is_given_more_time(monkeypatch: pytest.MonkeyPatch) -> None:
    """There is none to hurry to."""
    patience: list[float] = []

    async def exchange(_: Rendezvous, method: str, url: str, seconds: float, body: object) -> tuple[int, bytes, str]:
        patience.append(seconds)
        raise RendezvousError("unreachable", "no", retry=True)

    monkeypatch.setattr(Rendezvous, "_exchange", exchange)
    async with aiohttp.ClientSession() as http:
        await refusal(Rendezvous(http, ["own", "front"], SETTINGS))
        await refusal(Rendezvous(http, ["own"], SETTINGS))
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
        Rendezvous(http, [url], SETTINGS).open_request() as request,
    ):
        await connected.wait()
        with pytest.raises(RendezvousError):
            await request.send(RendezvousRequest(1, OFFER))
    assert connected.is_set()


async def test_the_time_for_an_answer_begins_when_the_offer_is_sent(broker: FakeBroker) -> None:
    settings = ClientSettings(host_last_connect_seconds=0.1, host_answer_seconds=0.1)
    async with http_session() as http, Rendezvous(http, [broker.url], settings).open_request() as request:
        await asyncio.sleep(0.5)  # a client that gathers candidates for longer than the broker may take
        await request.send(RendezvousRequest(1, OFFER))
    assert len(broker.asked) == 1


async def test_a_request_that_is_given_up_leaves_no_connection(broker: FakeBroker) -> None:
    async with aiohttp.ClientSession() as http:
        async with Rendezvous(http, [broker.url], SETTINGS).open_request():
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
            await Rendezvous(http, [url], SETTINGS).open_egress()
