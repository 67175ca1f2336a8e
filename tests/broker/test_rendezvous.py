"""Every status of docs/protocol/rendezvous.md, and offers that go from bridge to bridge."""

from __future__ import annotations

import asyncio
import io
import socket
from typing import Any

import msgspec
import pytest

from freespan.broker.settings import BrokerSettings
from freespan.wire.limits import AVOID_MAX, RENDEZVOUS_BODY_MAX, RENDEZVOUS_STEPS, SDP_MAX
from tests.broker.conftest import SECONDS, Lab, request, running_lab, sealed
from tests.support.sdp import ANSWER, OFFER

BAD: dict[str, tuple[bytes, str]] = {
    "nothing": (b"", "message"),
    "not JSON": (b"{", "message"),
    "not UTF-8": (b'{"type": "rendezvous", "version": 1, "offer": "\xff"}', "message"),
    "no object": (b"[1, 2]", "message"),
    "too deep": (b"[" * 30_000, "message"),
    "no type": (msgspec.json.encode({"version": 1, "offer": OFFER}), "type"),
    "another type": (request(type="dance"), "type"),
    "no version": (msgspec.json.encode({"type": "rendezvous", "offer": OFFER}), "version"),
    "no offer": (msgspec.json.encode({"type": "rendezvous", "version": 1}), "offer"),
    "version of another type": (request(version="1"), "version"),
    "offer of another type": (request(offer={"sdp": OFFER}), "offer"),
    "no SDP": (request(offer="hello"), "offer"),
    "an answer": (request(offer=ANSWER), "offer"),
    "too long": (request(offer=OFFER + "a=x\n" * (SDP_MAX // 4)), "offer"),
    "too many lines": (request(offer=OFFER + "c=\n" * 200), "offer"),
    "too long as JSON": (request(offer=OFFER.replace("s=-", "s=" + '"' * (SDP_MAX // 2))), "offer"),
    "sound": (request(offer=OFFER.replace("m=application", "m=audio")), "offer"),
    "two sections": (request(offer=OFFER + "m=application 9 UDP/DTLS/SCTP webrtc-datachannel\r\n"), "offer"),
    "network of another type": (request(network="cone"), "network"),
    "network of an unknown kind": (request(network={"ipv4": "full cone"}), "network.ipv4"),
    "network of a number": (request(network={"ipv6": 6}), "network.ipv6"),
    "network of a list": (request(network=["cone"]), "network"),
    "avoid of another type": (request(avoid="bridge"), "avoid"),
    "avoid nothing at all": (request(avoid=None), "avoid"),
    "avoid a number": (request(avoid=[5]), "avoid"),
    "avoid an empty name": (request(avoid=["a", ""]), "avoid"),
    "avoid a long name": (request(avoid=["x" * 65]), "avoid"),
    "avoid too many": (request(avoid=["x"] * (AVOID_MAX + 1)), "avoid"),
    "extra a number": (request(extra=1), "extra"),
    "no fingerprint": (request(offer=OFFER.replace("a=fingerprint", "a=thumb")), "offer"),
}


async def test_200_with_the_answer_of_the_bridge(lab: Lab) -> None:
    bridge = await lab.join()
    client = lab.ask()
    await bridge.answer(await bridge.offer())
    status, answer, headers = await client
    assert status == 200
    assert answer.pop("bridge")
    assert answer.pop("source")[0] == "4"
    assert answer == {"version": 1, "answer": ANSWER}
    assert headers["Access-Control-Allow-Origin"] == "*"
    assert lab.outcome("answered") == 1


@pytest.mark.parametrize(("sent", "field"), BAD.values(), ids=BAD.keys())
async def test_400_bad_request_names_the_field(lab: Lab, sent: bytes, field: str) -> None:
    status, problem, _ = await lab.post(sent)
    assert (status, problem["status"], problem["type"]) == (400, 400, "urn:freespan:problem:bad_request")
    assert problem["field"].partition("[")[0] == field  # which one of a list differs between versions of msgspec
    assert problem["detail"]
    assert "\n" not in problem["detail"]
    await lab.still_serves()


@pytest.mark.parametrize("version", [0, 2, -1, 10**9])
async def test_400_version(lab: Lab, version: int) -> None:
    status, problem, _ = await lab.post(request(version=version))
    assert (status, problem["type"], problem["field"]) == (400, "urn:freespan:problem:version", "version")
    assert "update" in problem["detail"]


@pytest.mark.parametrize("chunked", [False, True])
@pytest.mark.parametrize("size", [RENDEZVOUS_BODY_MAX + 1, 10_000_000], ids=["a byte", "10 MB"])
async def test_413_too_large(lab: Lab, size: int, chunked: bool) -> None:
    status, body, _ = await lab.send(io.BytesIO(bytes(size)), chunked=chunked or None)
    assert (status, msgspec.json.decode(body)["type"]) == (413, "urn:freespan:problem:too_large")
    await lab.still_serves()


async def test_a_body_of_just_the_size_is_read(lab: Lab) -> None:
    longest = RENDEZVOUS_BODY_MAX - len(sealed(b"")) + RENDEZVOUS_STEPS[0]
    message = request(more="x" * (RENDEZVOUS_STEPS[-2])).ljust(longest - 200)
    assert len(sealed(message)) == RENDEZVOUS_BODY_MAX
    status, problem, _ = await lab.post(message)
    assert (status, problem["type"]) == (503, "urn:freespan:problem:no_bridge")


async def test_503_no_bridge_has_retry_after(lab: Lab) -> None:
    status, problem, headers = await lab.post()
    assert (status, problem["type"]) == (503, "urn:freespan:problem:no_bridge")
    assert headers["Retry-After"] == str(BrokerSettings().retry_after_seconds)
    assert lab.outcome("no_bridge") == 1


async def test_503_no_bridge_while_the_only_one_is_full(lab: Lab) -> None:
    bridge = await lab.join(capacity=1)
    first = lab.ask()
    offer = await bridge.offer()
    status, problem, _ = await lab.post()  # the one place is promised
    assert (status, problem["type"]) == (503, "urn:freespan:problem:no_bridge")
    await bridge.send("load", sessions=1)
    await bridge.answer(offer)
    assert (await first)[0] == 200
    assert (await lab.post())[0] == 503  # and then taken
    await bridge.send("load", sessions=0)
    await bridge.send("answer", id="nothing", sdp=ANSWER)  # nobody waits for it, and that is no harm
    second = lab.ask()
    await bridge.answer(await bridge.offer())
    assert (await second)[0] == 200


async def test_an_extra_bridge_is_given_while_most_places_are_free(lab: Lab) -> None:
    bridge = await lab.join(capacity=4)
    extra = lab.ask(extra=True)
    await bridge.answer(await bridge.offer())
    assert (await extra)[0] == 200
    await bridge.send("load", sessions=2)
    await bridge.send("answer", id="nothing", sdp=ANSWER)
    first = lab.ask()
    offer = await bridge.offer()
    status, problem, headers = await lab.post(request(extra=True))
    assert (status, problem["type"]) == (503, "urn:freespan:problem:no_bridge")
    assert "Retry-After" in headers
    await bridge.answer(offer)
    assert (await first)[0] == 200, "a client without a bridge gets one of the places that are kept"


async def test_503_busy() -> None:
    async with running_lab(BrokerSettings(rendezvous_max=1)) as lab:
        bridge = await lab.join(capacity=2)
        first = lab.ask()
        offer = await bridge.offer()
        status, problem, headers = await lab.post()
        assert (status, problem["type"]) == (503, "urn:freespan:problem:busy")
        assert headers["Retry-After"] == str(BrokerSettings().retry_after_seconds)
        await bridge.answer(offer)
        assert (await first)[0] == 200
        await lab.still_serves()


async def test_a_client_that_sends_half_a_body_takes_no_place() -> None:
    async with running_lab(BrokerSettings(rendezvous_max=1)) as lab:
        reader, writer = await asyncio.open_connection("127.0.0.1", lab.port)
        writer.write(b"POST /v1/rendezvous HTTP/1.1\r\nHost: x\r\nContent-Length: 100\r\nExpect: 100-continue\r\n\r\n{")
        await reader.readuntil(b"100 Continue")  # the broker waits for the rest
        await lab.still_serves()
        writer.close()


async def test_504_when_the_only_bridge_is_silent() -> None:
    async with running_lab(BrokerSettings(answer_seconds=0.1)) as lab:
        bridge = await lab.join()
        status, problem, _ = await lab.post()
        assert (status, problem["type"]) == (504, "urn:freespan:problem:bridge_timeout")
        await bridge.answer(await bridge.offer())  # too late: no harm
        await lab.still_serves()


async def test_504_when_all_together_take_too_long() -> None:
    async with running_lab(BrokerSettings(rendezvous_seconds=0.2)) as lab:
        silent = [await lab.join() for _ in range(3)]
        status, problem, _ = await lab.post()
        assert (status, problem["type"]) == (504, "urn:freespan:problem:bridge_timeout")
        assert not any(bridge.socket.closed for bridge in silent)


async def test_408_when_the_body_never_ends() -> None:
    async with running_lab(BrokerSettings(body_seconds=0.1)) as lab:
        reader, writer = await asyncio.open_connection("127.0.0.1", lab.port)
        writer.write(b"POST /v1/rendezvous HTTP/1.1\r\nHost: x\r\nContent-Length: 100\r\n\r\n{")
        head = await asyncio.wait_for(reader.readuntil(b"\r\n\r\n"), SECONDS)
        assert head.startswith(b"HTTP/1.1 408 ")
        writer.close()
        await lab.still_serves()


async def test_a_silent_bridge_costs_its_time_and_the_next_one_answers() -> None:
    async with running_lab(BrokerSettings(answer_seconds=0.1)) as lab:
        silent = await lab.join()
        client = lab.ask()
        await silent.offer()
        helpful = await lab.join()
        await helpful.answer(await helpful.offer())
        assert (await client)[0] == 200


async def test_a_refusing_bridge_is_not_asked_twice(lab: Lab) -> None:
    full = await lab.join(capacity=4)
    client = lab.ask()
    offer = await full.offer()
    helpful = await lab.join()
    await full.send("refusal", id=offer, reason="full")
    await helpful.answer(await helpful.offer())
    assert (await client)[0] == 200
    await helpful.send("load", sessions=1)
    await helpful.send("hello", version=1, capacity=1)  # ends it: its load has been read
    await helpful.closed()
    second = lab.ask()  # the refusal was for that offer alone
    await full.answer(await full.offer())
    assert (await second)[0] == 200


async def test_three_bridges_are_asked_and_no_more(lab: Lab) -> None:
    bridges = [await lab.join() for _ in range(5)]
    asked = 0

    async def refuse(bridge: Any) -> None:
        nonlocal asked
        while True:
            offer = await bridge.offer()
            asked += 1
            await bridge.send("refusal", id=offer, reason="full")

    refusing = [asyncio.create_task(refuse(bridge), name="bridge") for bridge in bridges]
    status, problem, _ = await lab.post()
    assert (status, problem["type"]) == (504, "urn:freespan:problem:bridge_timeout")
    assert asked == BrokerSettings().attempts_max
    for task in refusing:
        task.cancel()
    await asyncio.gather(*refusing, return_exceptions=True)


async def test_all_bridges_refuse(lab: Lab) -> None:
    bridges = [await lab.join(), await lab.join()]

    async def refuse(bridge: Any) -> None:
        await bridge.send("refusal", id=await bridge.offer(), reason="full")

    client = lab.ask()
    await asyncio.gather(*(refuse(bridge) for bridge in bridges))
    status, problem, _ = await client
    assert (status, problem["type"]) == (504, "urn:freespan:problem:bridge_timeout")


async def test_the_offers_of_a_bridge_that_leaves_go_to_another(lab: Lab) -> None:
    leaving = await lab.join(capacity=4)
    clients = [lab.ask(), lab.ask()]
    for _ in clients:
        await leaving.offer()
    staying = await lab.join(capacity=4)
    await leaving.socket.close()
    for _ in clients:
        await staying.answer(await staying.offer())
    assert [(await client)[0] for client in clients] == [200, 200]


async def test_two_answers_to_one_offer(lab: Lab) -> None:
    bridge = await lab.join(capacity=4)
    client = lab.ask()
    offer = await bridge.offer()
    await bridge.answer(offer)
    await bridge.answer(offer)
    assert (await client)[0] == 200
    second = lab.ask()
    await bridge.answer(await bridge.offer())
    assert (await second)[0] == 200


async def test_the_answer_of_a_bridge_that_was_not_asked_does_not_count(lab: Lab) -> None:
    asked = await lab.join()
    client = lab.ask()
    offer = await asked.offer()
    stranger = await lab.join()
    await stranger.send("answer", id=offer, sdp=ANSWER.replace("abcd", "evil"))
    await stranger.send("refusal", id=offer, reason="mine")
    await stranger.send("hello", version=1, capacity=1)  # ends it: what it sent before has been read
    await stranger.closed()
    await asked.answer(offer)
    assert (await client)[1]["answer"] == ANSWER


async def test_a_client_that_goes_away_frees_its_bridge(lab: Lab) -> None:
    bridge = await lab.join(capacity=1)
    client = lab.ask()
    await bridge.offer()
    client.cancel()
    await asyncio.gather(client, return_exceptions=True)

    async def answer_all() -> None:
        while True:
            await bridge.answer(await bridge.offer())

    answering = asyncio.create_task(answer_all(), name="bridge")
    async with asyncio.timeout(SECONDS):
        while (await lab.post())[0] != 200:
            pass  # until the broker has noticed
    answering.cancel()
    await asyncio.gather(answering, return_exceptions=True)


async def test_rendezvous_from_a_page_of_any_origin(lab: Lab) -> None:
    async with lab.http.options("/v1/rendezvous") as response:
        assert response.status == 204
        assert response.headers["Access-Control-Allow-Origin"] == "*"
        assert "Content-Type" in response.headers["Access-Control-Allow-Headers"]


@pytest.mark.parametrize(
    "data",
    [
        b"\x00\x01\x02" * 1000,
        b"GET\r\n\r\n",
        b"POST /v1/rendezvous HTTP/1.1\r\nHost: x\r\nTransfer-Encoding: chunked\r\n\r\nzz\r\n",
        b"POST /v1/rendezvous HTTP/1.1\r\nHost: x\r\nContent-Length: -1\r\n\r\n",
        b"POST /v1/rendezvous HTTP/1.1\r\n" + b"X: " + b"y" * 100_000 + b"\r\n\r\n",
    ],
    ids=["bytes", "no version", "bad chunk", "negative length", "long head"],
)
async def test_bytes_that_are_not_http(lab: Lab, data: bytes) -> None:
    reader, writer = await asyncio.open_connection("127.0.0.1", lab.port)
    writer.write(data)
    head = await asyncio.wait_for(reader.read(65_536), SECONDS)
    assert head.startswith((b"HTTP/1.1 400 ", b"HTTP/1.0 400 "))
    writer.close()
    await lab.still_serves()


async def test_a_client_that_stops_in_the_middle(lab: Lab) -> None:
    stopped = socket.create_connection(("127.0.0.1", lab.port), SECONDS)
    with stopped:
        stopped.sendall(b"POST /v1/rendezvous HTTP/1.1\r\nHost: x\r\nContent-Length: 100\r\n\r\n{")
        await lab.still_serves()
    await lab.still_serves()


async def test_on_the_open_internet_private_addresses_are_not_passed_on(lab: Lab) -> None:
    lab.hides_private = True
    bridge = await lab.join()
    client = lab.ask()
    message = await bridge.next()
    assert "127.0.0.1 9 typ host" not in message["sdp"]
    await bridge.answer(message["id"])
    assert "127.0.0.1 9 typ host" not in (await client)[1]["answer"]


async def test_candidates_of_tcp_are_not_passed_on_in_a_private_network_either(lab: Lab) -> None:
    tcp = "a=candidate:9 1 tcp 1518280447 127.0.0.1 25 typ host tcptype passive\r\n"
    bridge = await lab.join()
    client = lab.ask(offer=OFFER + tcp)
    message = await bridge.next()
    assert message["sdp"] == OFFER
    await bridge.send("answer", id=message["id"], sdp=ANSWER + tcp)
    assert (await client)[1]["answer"] == ANSWER
