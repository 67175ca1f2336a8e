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
from hypothesis import given
from hypothesis import strategies as st

from freespan.client import rendezvous as rendezvous_module
from freespan.client.endpoints import Endpoints
from freespan.client.rendezvous import Rendezvous
from freespan.wire import limits
from freespan.wire.errors import RendezvousError
from freespan.wire.messages import RendezvousAnswer, RendezvousRequest
from tests.support.sdp import ANSWER, OFFER
from tests.support.serving import serving

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


async def request() -> RendezvousRequest:
    return RendezvousRequest(1, OFFER)


class FakeBroker:
    """Answers what `answers` says, and keeps what it was asked."""

    def __init__(self) -> None:
        self.url = ""
        self.answers: Callable[[web.Request], Awaitable[web.StreamResponse]] | web.Response = answer()
        self.asked: list[bytes] = []

    async def handle(self, request: web.Request) -> web.StreamResponse:
        self.asked.append(await request.read())
        return await self.answers(request) if callable(self.answers) else self.answers

    async def ask(self) -> RendezvousAnswer:
        async with aiohttp.ClientSession() as http:
            return await Rendezvous(http, [self.url]).ask_for_bridge(request)

    async def failure(self) -> RendezvousError:
        with pytest.raises(RendezvousError) as caught:
            await self.ask()
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


async def test_a_broker_that_never_answers(broker: FakeBroker, monkeypatch: pytest.MonkeyPatch) -> None:
    async def never(_: web.Request) -> web.StreamResponse:
        await asyncio.Event().wait()
        raise AssertionError

    monkeypatch.setattr(rendezvous_module, "HOST_SECONDS", 0.2)
    broker.answers = never
    error = await broker.failure()
    assert (error.code, error.retry, str(error)) == ("unreachable", True, "the broker took too long to answer")


async def test_a_broker_that_answers_drop_by_drop(broker: FakeBroker, monkeypatch: pytest.MonkeyPatch) -> None:
    async def drip(request: web.Request) -> web.StreamResponse:
        response = web.StreamResponse()
        await response.prepare(request)
        while True:
            await response.write(b" ")
            await asyncio.sleep(0.02)

    monkeypatch.setattr(rendezvous_module, "HOST_CONNECT_SECONDS", 0.2)
    monkeypatch.setattr(rendezvous_module, "HOST_LAST_CONNECT_SECONDS", 0.2)
    monkeypatch.setattr(rendezvous_module, "HOST_ANSWER_SECONDS", 0.1)
    broker.answers = drip
    assert (await broker.failure()).code == "unreachable"


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
    assert "is the invite still good" in str(error)
    assert "127.0.0.1" not in str(error)


async def test_plain_http_where_https_is_meant(broker: FakeBroker) -> None:
    broker.url = broker.url.replace("http", "https")
    assert (await broker.failure()).code == "unreachable"


# --- several addresses -----------------------------------------------------------------------------


class Addresses:
    """A host's own address and its fronts; each answers what is put in its place, `asked` tells who was asked."""

    def __init__(self, http: aiohttp.ClientSession) -> None:
        self.answers: list[web.Response | None] = []
        self.asked: list[int] = []
        self._http = http

    @contextlib.asynccontextmanager
    async def serving(self, *answers: web.Response | None) -> AsyncIterator[Rendezvous]:
        """None is an address that takes a request and never answers."""
        self.answers = list(answers)
        async with contextlib.AsyncExitStack() as stack:
            urls = [
                await stack.enter_async_context(serving([web.post("/v1/rendezvous", functools.partial(self._on, i))]))
                for i in range(len(answers))
            ]
            yield Rendezvous(self._http, urls)

    async def _on(self, which: int, request: web.Request) -> web.StreamResponse:
        await request.read()
        self.asked.append(which)
        found = self.answers[which]
        if found is None:
            await asyncio.Event().wait()
        assert found is not None
        return web.Response(status=found.status, body=found.body, headers=found.headers)


@pytest.fixture
async def addresses() -> AsyncIterator[Addresses]:
    async with asyncio.timeout(60), aiohttp.ClientSession() as http:
        yield Addresses(http)


def page() -> web.Response:
    return web.Response(text="<h1>blocked</h1>")


async def refusal(rendezvous: Rendezvous) -> RendezvousError:
    with pytest.raises(RendezvousError) as caught:
        await rendezvous.ask_for_bridge(request)
    return caught.value


async def test_the_address_that_served_is_asked_first_the_next_time(addresses: Addresses) -> None:
    async with addresses.serving(page(), answer()) as rendezvous:
        for _ in range(3):
            await rendezvous.ask_for_bridge(request)
    assert addresses.asked == [0, 1, 1, 1]


@pytest.mark.parametrize("status", [400, 503])
async def test_an_address_that_refuses_is_never_asked_first_for_that(addresses: Addresses, status: int) -> None:
    async with addresses.serving(
        page(), problem(status, "no_bridge" if status == 503 else "bad_request")
    ) as rendezvous:
        await refusal(rendezvous)
        addresses.answers[0] = answer()
        await rendezvous.ask_for_bridge(request)
    assert addresses.asked == [0, 1, 0]


@pytest.mark.parametrize("said", [problem(400, "version"), problem(503, "no_bridge"), problem(403, "forbidden")])
async def test_what_one_front_says_keeps_nobody_from_another(addresses: Addresses, said: web.Response) -> None:
    async with addresses.serving(page(), said, answer()) as rendezvous:
        await rendezvous.ask_for_bridge(request)


async def test_when_the_host_itself_has_no_bridge_no_front_is_asked(addresses: Addresses) -> None:
    async with addresses.serving(problem(503, "no_bridge"), answer()) as rendezvous:
        assert (await refusal(rendezvous)).code == "no_bridge"
    assert addresses.asked == [0]


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
    addresses: Addresses, own: Callable[[], web.Response], front: Callable[[], web.Response], code: str, retry: bool
) -> None:
    async with addresses.serving(own(), front()) as rendezvous:
        error = await refusal(rendezvous)
    assert (error.code, error.retry) == (code, retry)


async def test_addresses_that_take_all_the_time_are_asked_last_the_next_time(
    addresses: Addresses, monkeypatch: pytest.MonkeyPatch
) -> None:
    async with addresses.serving(page(), None, answer()) as rendezvous:
        with monkeypatch.context() as patched:
            patched.setattr(rendezvous_module, "HOST_SECONDS", 0.3)
            assert (await refusal(rendezvous)).retry
        await rendezvous.ask_for_bridge(request)
    assert addresses.asked == [0, 1, 2]


async def test_the_last_address_is_given_more_time(monkeypatch: pytest.MonkeyPatch) -> None:
    """There is none to hurry to."""
    patience: list[float] = []

    async def exchange(_: Rendezvous, method: str, url: str, seconds: float, body: object) -> tuple[int, bytes, str]:
        patience.append(seconds)
        raise RendezvousError("unreachable", "no", retry=True)

    monkeypatch.setattr(Rendezvous, "_exchange", exchange)
    async with aiohttp.ClientSession() as http:
        await refusal(Rendezvous(http, ["own", "front"]))
        await refusal(Rendezvous(http, ["own"]))
    assert patience == [limits.HOST_CONNECT_SECONDS, limits.HOST_LAST_CONNECT_SECONDS, limits.HOST_LAST_CONNECT_SECONDS]


def test_one_address_alone_has_time_to_answer() -> None:
    assert limits.HOST_LAST_CONNECT_SECONDS + limits.HOST_ANSWER_SECONDS < limits.HOST_SECONDS
    assert limits.RENDEZVOUS_SECONDS < limits.HOST_ANSWER_SECONDS


# --- the order of addresses --------------------------------------------------------------------------


def test_the_order_of_addresses_is_the_invite_s_again_after_a_while() -> None:
    endpoints = Endpoints(["own", "one", "two", "one"])
    assert endpoints.in_order(5.0) == ["own", "one", "two"]
    endpoints.put_first("two", 5.0)
    assert endpoints.in_order(6.0) == ["two", "own", "one"]
    for now in (100.0, 200.0):  # whoever serves is not asked first for ever because of that
        endpoints.put_first("two", now)
    assert endpoints.in_order(limits.BEGIN_ANEW_SECONDS + 5.0) == ["own", "one", "two"]


def test_what_did_not_serve_comes_last() -> None:
    endpoints = Endpoints(["own", "one", "two"])
    endpoints.put_last("own", 0.0)
    endpoints.put_last("one", 1.0)
    assert endpoints.in_order(2.0) == ["two", "own", "one"]
    assert endpoints.own == "own"


@given(st.lists(st.tuples(st.booleans(), st.sampled_from(["own", "one", "two"]), st.floats(0, 2000))))
def test_no_address_is_ever_lost(moves: list[tuple[bool, str, float]]) -> None:
    endpoints = Endpoints(["own", "one", "two"])
    for is_first, endpoint, now in moves:
        (endpoints.put_first if is_first else endpoints.put_last)(endpoint, now)
        assert sorted(endpoints.in_order(now)) == ["one", "own", "two"]
