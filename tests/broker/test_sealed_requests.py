"""What clients ask for comes sealed: what opens, what is said in the open, and what a copy of it gets."""

from __future__ import annotations

import asyncio
import logging

import msgspec
import pytest

from freespan.broker.guests import Anybody, Guest
from freespan.broker.settings import BrokerSettings
from freespan.sealing.hpke import seal
from freespan.sealing.replies import new_reply_key
from freespan.sealing.requests import open_answer
from freespan.sources.rate import Rate
from freespan.sources.shares import Places
from freespan.wire.admission import INVITE_QUOTA, INVITE_REVOKED
from freespan.wire.errors import NotAdmittedError, SealError
from freespan.wire.invite import TOKEN_SIZE
from freespan.wire.limits import RENDEZVOUS_STEPS
from freespan.wire.messages import Problem
from tests.broker.conftest import SECONDS, TURN, Lab, request, running_lab, sealed
from tests.support.invites import SEALING_KEY
from tests.support.sdp import ANSWER

OTHER_KEY = b"\x09" + bytes(31)
PUBLIC = SEALING_KEY.public_key().public_bytes_raw()
KEYS = bytes(TOKEN_SIZE) + bytes(32)
UNOPENED = {
    "nothing": b"",
    "JSON, as it was once": request().removeprefix(b'{"type":"rendezvous",'),
    "bytes": bytes(2_048),
    "sealed to another host": seal(OTHER_KEY, b"rendezvous", KEYS + request()),
    "sealed for another purpose": seal(PUBLIC, b"hello", KEYS + request()),
    "cut": sealed(request())[:-1],
    "longer": sealed(request()) + b"\0",
    "changed": bytes([sealed(request())[0] ^ 1]) + sealed(request())[1:],
}


@pytest.mark.parametrize("body", UNOPENED.values(), ids=UNOPENED.keys())
async def test_what_does_not_open_is_refused_in_the_open(lab: Lab, body: bytes) -> None:
    status, said, headers = await lab.send(body)
    problem = msgspec.json.decode(said, type=Problem)
    assert (status, problem.status, problem.code) == (400, 400, "not_opened")
    assert "ask for a new invite" in problem.detail
    assert headers["Content-Type"].startswith("application/problem+json")
    assert lab.outcome("not_opened") == 1
    await lab.still_serves()


async def test_what_opens_and_is_too_short_is_a_bad_request(lab: Lab) -> None:
    status, said, _ = await lab.send(seal(PUBLIC, b"rendezvous", bytes(40)))
    assert (status, msgspec.json.decode(said, type=Problem).code) == (400, "bad_request")


async def test_whoever_carries_answers_cannot_tell_one_from_another(turn_lab: Lab) -> None:
    """A bridge, TURN servers, and every refusal: one status, one size, the same headers."""
    bridge = await turn_lab.join()
    client = asyncio.create_task(turn_lab.send(sealed(request())), name="client")
    await bridge.answer(await bridge.offer())
    others = (TURN, request(), request(version=9), request(offer="hello"), b"{", request(extra=True))
    answers = [await client, *[await turn_lab.send(sealed(message)) for message in others]]
    assert {status for status, _, _ in answers} == {200}
    assert {len(body) for _, body, _ in answers} == {RENDEZVOUS_STEPS[0]}
    headers = [{name: value for name, value in all_of_them.items() if name != "Date"} for _, _, all_of_them in answers]
    assert headers == headers[:1] * len(headers)


async def test_an_answer_opens_with_the_key_of_its_request_alone(lab: Lab) -> None:
    key = new_reply_key()
    _, body, _ = await lab.send(sealed(request(), key))
    assert msgspec.json.decode(open_answer(key, body), type=Problem).code == "no_bridge"
    with pytest.raises(SealError):
        open_answer(new_reply_key(), body)


# --- copies ----------------------------------------------------------------------------------------
async def test_a_copy_gets_the_stored_answer_and_no_other_bridge(lab: Lab) -> None:
    bridge = await lab.join(capacity=4)
    body = sealed(request())
    client = asyncio.create_task(lab.send(body), name="client")
    await bridge.answer(await bridge.offer())
    original = await client
    async with lab.elsewhere("127.9.9.9") as front:
        copies = [await front.send(body) for _ in range(3)]
    assert {copy[1] for copy in copies} == {original[1]}
    assert (lab.outcome("answered"), lab.outcome("copied")) == (1, 3)
    await bridge.socket.ping()
    assert (await bridge.receive()).type.name == "PONG", "and no second offer"


async def test_a_copy_waits_while_the_original_is_under_way(lab: Lab) -> None:
    bridge = await lab.join(capacity=4)
    body = sealed(request())
    clients = [asyncio.create_task(lab.send(body), name="client")]
    offer = await bridge.offer()
    clients += [asyncio.create_task(lab.send(body), name="copy") for _ in range(3)]
    async with asyncio.timeout(SECONDS):
        while lab.outcome("copied") < 3:
            await asyncio.sleep(0.005)
    assert not any(client.done() for client in clients)
    await bridge.answer(offer)
    answers = await asyncio.gather(*clients)
    assert len({body for _, body, _ in answers}) == 1
    assert lab.outcome("answered") == 1


async def test_a_copy_of_a_refused_request_gets_the_same_refusal(lab: Lab) -> None:
    key = new_reply_key()
    body = sealed(request(), key)
    _, refused, _ = await lab.send(body)
    await lab.join()
    _, again, _ = await lab.send(body)
    assert again == refused
    assert (await lab.post(TURN))[0] == 200


async def test_a_copy_of_what_was_cut_off_is_told_to_come_back_and_a_later_one_is_a_new_request(lab: Lab) -> None:
    bridge = await lab.join(capacity=4)
    body = sealed(request())
    client = asyncio.create_task(lab.send(body), name="client")
    await bridge.offer()
    copy = asyncio.create_task(lab.send(body), name="copy")
    async with asyncio.timeout(SECONDS):
        while not lab.outcome("copied"):
            await asyncio.sleep(0.005)
    client.cancel()
    await asyncio.gather(client, return_exceptions=True)
    status, said, headers = await copy
    assert (status, msgspec.json.decode(said, type=Problem).code) == (503, "busy")
    assert "Retry-After" in headers
    later = asyncio.create_task(lab.send(body), name="later")
    await bridge.answer(await bridge.offer())
    assert (await later)[0] == 200


async def test_copies_that_wait_are_shared_out_by_source() -> None:
    settings = BrokerSettings(rendezvous_max=4, rendezvous_for_newcomers=1, rendezvous_places=Places(2, 8))
    async with running_lab(settings) as lab, lab.elsewhere("127.9.9.9") as greedy:
        bridge = await lab.join(capacity=4)
        body = sealed(request())
        client = asyncio.create_task(lab.send(body), name="client")
        offer = await bridge.offer()
        copies = [asyncio.create_task(greedy.send(body), name="copy") for _ in range(10)]
        done, waiting = await asyncio.wait(copies, timeout=SECONDS, return_when=asyncio.FIRST_COMPLETED)
        while len(done) < 7:
            more, waiting = await asyncio.wait(waiting, timeout=SECONDS, return_when=asyncio.FIRST_COMPLETED)
            done |= more
        assert {task.result()[0] for task in done} == {503}
        await bridge.answer(offer)
        answers = await asyncio.gather(client, *waiting)
        assert len({body for _, body, _ in answers}) == 1


async def test_copies_count_against_whoever_sends_them() -> None:
    settings = BrokerSettings(rendezvous_of_host=Rate(per_second=0.1, burst=3))
    async with running_lab(settings) as lab, lab.elsewhere("127.9.9.9") as front:
        body = sealed(TURN)
        assert [(await front.send(body))[0] for _ in range(4)] == [200, 200, 200, 429]
        assert (await lab.send(body))[0] == 200


async def test_after_ten_minutes_a_copy_is_a_request() -> None:
    async with running_lab(BrokerSettings(answers_seconds=0.0)) as lab:
        body = sealed(TURN)
        first, second = await lab.send(body), await lab.send(body)
        assert first[1] != second[1], "sealed anew, and with another nonce"
        assert lab.outcome("copied") == 0


# --- who may ask -----------------------------------------------------------------------------------
class OneInvite:
    """Admits one token, and says why not to others."""

    is_invited = True

    def __init__(self, token: bytes, reason: NotAdmittedError) -> None:
        self._token = token
        self._reason = reason

    def recognise(self, token: bytes) -> Guest:
        if token != self._token:
            raise self._reason
        return self


async def test_an_invite_that_is_not_admitted_gets_no_bridge_and_no_turn_servers() -> None:
    good, bad = b"g" * TOKEN_SIZE, b"b" * TOKEN_SIZE
    quota = NotAdmittedError(INVITE_QUOTA, 20 * 10**9, "2026-12-01")
    async with running_lab(guests=OneInvite(good, quota)) as lab:
        for message in (request(), TURN, b"{"):
            status, problem, headers = await lab.post(message, token=bad)
            assert (status, problem["type"]) == (403, "urn:freespan:problem:invite_quota")
            assert problem["detail"] == str(quota)
            assert (problem["amount"], problem["again"]) == (20 * 10**9, "2026-12-01")
            assert "Retry-After" not in headers
        bridge = await lab.join()
        client = asyncio.create_task(lab.post(token=good), name="client")
        await bridge.answer(await bridge.offer())
        assert (await client)[1]["answer"] == ANSWER
        assert (lab.outcome("invite_quota"), lab.outcome("answered")) == (3, 1)


class Open:
    """Admits everybody, some of them with an invite."""

    def __init__(self, token: bytes) -> None:
        self._token = token

    def recognise(self, token: bytes) -> Guest:
        return OneInvite(token, NotAdmittedError(INVITE_REVOKED)) if token == self._token else Anybody()


async def test_where_all_places_are_taken_those_without_an_invite_leave_first() -> None:
    invite = b"i" * TOKEN_SIZE
    settings = BrokerSettings(rendezvous_max=2, rendezvous_for_newcomers=0)
    async with running_lab(settings, guests=Open(invite)) as lab, lab.elsewhere("127.9.9.9") as greedy:
        bridge = await lab.join(capacity=8)
        invited = [asyncio.create_task(greedy.post(token=invite), name="invited")]
        offers = [await bridge.offer()]
        anonymous = lab.ask()
        offers.append(await bridge.offer())
        invited.append(asyncio.create_task(greedy.post(token=invite), name="invited"))
        status, problem, _ = await anonymous
        assert (status, problem["type"]) == (503, "urn:freespan:problem:busy")
        offers.append(await bridge.offer())
        assert (await lab.post())[1]["type"] == "urn:freespan:problem:busy", "nor is there a place for another one"
        for offer in offers:
            await bridge.answer(offer)
        assert [(await task)[0] for task in invited] == [200, 200]


async def test_neither_tokens_nor_offers_reach_the_log(caplog: pytest.LogCaptureFixture) -> None:
    caplog.set_level(logging.DEBUG)
    token = b"g" * TOKEN_SIZE
    async with running_lab(guests=OneInvite(b"x" * TOKEN_SIZE, NotAdmittedError(INVITE_REVOKED))) as lab:
        await lab.post(token=token)
        await lab.send(b"not sealed")
    assert "ggg" not in caplog.text
    assert token.hex() not in caplog.text
    assert "candidate" not in caplog.text
