"""What each kind of frame costs an egress, compared with honest bytes; and that the event loop can always go on.

Costs are CPU time of this thread. The bounds are several times what was measured, so that other work on the machine
changes nothing.
"""

import asyncio
from time import thread_time
from typing import NamedTuple

import pytest
from aioquic.quic.packet import QuicFrameType

from freespan.tunnel.bounded_quic import FRAMES_MAX
from freespan.tunnel.driver import QuicDriver
from tests.support.quic_attacks import FLOODS, packets
from tests.support.tunnels import bonded_session

pytestmark = pytest.mark.timeout(120)

SIZE = 96 * 1024
STEP_MAX = 0.05
"""The longest that the event loop may wait, in seconds of CPU."""
MARGIN = 10
TOO_COSTLY = "the other end makes too much work"
TWICE_BOUNDED = {"crypto, one endless message"}
"""Where the bound on work may be reached before the one in the table."""
GAP = "a frame that leaves a gap"
COSTS: dict[str, int | str] = {
    "padding": 15,
    "padding between pings": "too many frames in a datagram",
    "ping": 300,
    "ack, again and again": 300,
    "ack, ecn": 200,
    "ack of what was never sent": "an ACK of what was never sent",
    "ack with many ranges": "an ACK with too many ranges",
    "reset_stream": 200,
    "stop_sending": 300,
    "crypto, old": 300,
    "crypto, with gaps": GAP,
    "crypto, one endless message": "too long a handshake",
    "new_token": "Clients must not send NEW_TOKEN frames",
    "stream, as an honest one": 3,
    "stream, byte by byte": 350,
    "stream, the same byte": 300,
    "stream, with gaps": GAP,
    "streams, far out": GAP,
    "streams, opened and reset": 400,
    "streams, unidirectional": 400,
    "max_data": 100,
    "max_stream_data": 150,
    "max_streams_bidi": 200,
    "max_streams_uni": 200,
    "data_blocked": 75,
    "stream_data_blocked": 150,
    "streams_blocked_bidi": 150,
    "streams_blocked_uni": 150,
    "new_connection_id": "Too many active connection IDs",
    "new_connection_id, retiring": "Too many pending retired connection IDs",
    "retire_connection_id": 350,
    "path_challenge": 40,
    "path_response": 50,
    "handshake_done": "Clients must not send HANDSHAKE_DONE frames",
    "datagram": "Unexpected DATAGRAM frame",
    "http/3: data, byte by byte": 35,
    "http/3: data, empty": 40,
    "http/3: data in long numbers": 300,
    "http/3: unknown frames": 300,
    "http/3: unknown frames, control stream": 300,
    "http/3: goaway": 250,
    "http/3: max_push_id": 350,
    "http/3: fields": 120,
    "qpack: cancelled streams": 5,
    "qpack: capacities": 5,
}
"""What a byte of each kind costs, in honest bytes of a large STREAM frame; or why the connection ends.

Most are costly because they are small: an honest client sends them too, a few at a time. They do not cost more in a
datagram than `FRAMES_MAX` of them do, a session that sends nothing else ends, and until then the others come first.
"""


class Cost(NamedTuple):
    per_byte: float
    longest_step: float
    reason: str
    """Why the connection ended, empty if it did not."""


async def cost_of(kind: str, size: int = SIZE) -> Cost:
    """Let an egress receive packets with frames of a kind, and do one step after the other."""
    async with bonded_session() as ends:
        driver, quic = ends.server._driver, ends.client._driver.quic
        assert quic is not None
        driver._effort._slowness = 1.0
        sent = packets(quic, FLOODS[kind], size, frames_max=FRAMES_MAX)
        total = longest = 0.0
        handled = 0
        for one in sent:
            handled += len(one)
            driver.on_message(one)
            while True:
                before = thread_time()
                has_more = driver._step()
                seconds = thread_time() - before
                total, longest = total + seconds, max(longest, seconds)
                if not has_more:
                    break
            if reason := end_of(driver):
                return Cost(total / handled, longest, reason)
        return Cost(total / handled, longest, "")


def end_of(driver: QuicDriver) -> str:
    """Why a session ends, or will; empty if it does not."""
    if driver.is_over:
        return driver.ended.result()
    closed = driver.quic._close_event if driver.quic is not None else None
    return closed.reason_phrase if closed is not None else ""


@pytest.fixture(scope="module")
def honest_byte() -> float:
    return min(asyncio.run(cost_of("stream, as an honest one", 384 * 1024)).per_byte for _ in range(2))


@pytest.mark.parametrize("kind", FLOODS)
async def test_no_frame_holds_the_loop_or_costs_more_than_the_table_says(kind: str, honest_byte: float) -> None:
    expected = COSTS[kind]
    cost = await cost_of(kind)
    assert cost.longest_step < STEP_MAX
    if isinstance(expected, str):
        assert cost.reason == expected or (kind in TWICE_BOUNDED and cost.reason == TOO_COSTLY)
    else:
        assert cost.reason in ("", TOO_COSTLY)
        assert cost.per_byte < MARGIN * expected * honest_byte


def test_every_type_of_frame_is_in_the_table() -> None:
    """The names are those of RFC 9000, and aioquic's list is the one that counts."""
    assert COSTS.keys() == FLOODS.keys()
    named = {kind.partition(",")[0].partition(" ")[0].removesuffix("_bidi").removesuffix("_uni") for kind in FLOODS}
    for frame_type in QuicFrameType:
        name = frame_type.name.lower().removesuffix("_base").removesuffix("_ecn").removesuffix("_with_length")
        if name not in ("transport_close", "application_close"):  # after one of these nothing is read
            assert name.removesuffix("_bidi").removesuffix("_uni") in named, name


@pytest.mark.parametrize("kind", ["crypto, old", "stop_sending", "http/3: unknown frames"])
async def test_a_megabyte_that_costs_twenty_times_an_honest_one_ends_the_session(kind: str) -> None:
    assert (await cost_of(kind, 1024 * 1024)).reason == TOO_COSTLY
