"""What a driver does in one turn of the event loop: a transcript of its calls to QUIC and to its link."""

from __future__ import annotations

import asyncio
from time import thread_time
from types import SimpleNamespace
from typing import cast

from aioquic.quic.events import (
    ConnectionTerminated,
    HandshakeCompleted,
    PingAcknowledged,
    QuicEvent,
    StreamDataReceived,
)

from freespan.link.base import LinkOwner
from freespan.link.turns import STEP_SECONDS, Share
from freespan.tunnel.drain import DrainWaiters
from freespan.tunnel.driver import FLUSH_MAX, WAITING_AT_MOST, WAITING_MAX, QuicDriver, TunnelEnded, TunnelEvent
from freespan.tunnel.effort import DEBT_MAX_SECONDS
from freespan.tunnel.quic import LinkQuic
from freespan.wire.errors import TunnelError
from freespan.wire.limits import BOND_PACKET_COST
from tests.support.virtual_time import run

COMPLETED = HandshakeCompleted(alpn_protocol="h3", early_data_accepted=False, session_resumed=False)


class Stage:
    """A driver between a link and QUIC, both of which write into `transcript`. Times are in seconds."""

    def __init__(self) -> None:
        self.transcript: list[str] = []
        self.has_something_to_send = False
        self.timer_at: float | None = None
        self.send_credit = 48_000
        self.control = SimpleNamespace(send_credit=0, min_rtt=0.0)
        self._loop = asyncio.get_running_loop()
        self._began_at = self._loop.time()
        self._events: list[QuicEvent] = []
        self._outbox: list[bytes] = []
        self.driver = QuicDriver(self, self._on_event, DrainWaiters(100))
        self.driver.start(cast(LinkQuic, self))

    async def turn(self) -> list[str]:
        """Let the loop run until nothing is ready; returns what has happened since the last call."""
        for _ in range(5):
            await asyncio.sleep(0)
        transcript, self.transcript = self.transcript, []
        return transcript

    def take_progressed(self) -> set[int]:
        return set()

    def will_report(self, *events: QuicEvent) -> None:
        self._events.extend(events)

    def will_send(self, *datagrams: bytes) -> None:
        self._outbox.extend(datagrams)
        self.has_something_to_send = True

    def _on_event(self, event: TunnelEvent) -> None:
        reason = f" {event.reason}" if isinstance(event, TunnelEnded) else ""
        self.transcript.append(f"event {type(event).__name__}{reason}")

    # --- the link ----------------------------------------------------------------------------
    def start(self, owner: LinkOwner) -> None: ...

    def send(self, message: bytes) -> None:
        self.transcript.append(f"link sends {message.decode()}")

    # --- QUIC, and the link once more ----------------------------------------------------------
    def close(self, reason: str | None = None, error_code: int = 0) -> None:
        self.transcript.append("quic closes" if reason is None else f"link closes: {reason}")

    def receive_datagram(self, data: bytes, addr: object, now: float) -> None:
        self.transcript.append(f"quic receives {data.decode()}")

    def next_event(self) -> QuicEvent | None:
        return self._events.pop(0) if self._events else None

    def datagrams_to_send(self, now: float) -> list[tuple[bytes, object]]:
        self.transcript.append(f"quic is asked, with credit for {self.control.send_credit}")
        outbox, self._outbox, self.has_something_to_send = self._outbox, [], False
        return [(datagram, None) for datagram in outbox]

    def get_timer(self) -> float | None:
        return None if self.timer_at is None else self._began_at + self.timer_at

    def handle_timer(self, now: float) -> None:
        self.transcript.append(f"quic's timer at {now - self._began_at:.1f}")
        self.timer_at = None


def test_what_arrives_in_one_turn_is_handled_together_and_answered_by_one_flush() -> None:
    async def main() -> None:
        stage = Stage()
        assert await stage.turn() == ["quic is asked, with credit for 48000"]  # the first flight
        stage.will_report(COMPLETED)
        stage.will_send(b"A", b"B")
        for message in (b"1", b"2", b"3"):
            stage.driver.on_message(message)
        assert stage.transcript == []
        assert await stage.turn() == [
            "quic receives 1",
            "event HandshakeCompleted",
            "quic receives 2",
            "quic receives 3",
            "quic is asked, with credit for 48000",
            "link sends A",
            "link sends B",
        ]
        assert stage.driver.bytes_received == 3
        assert stage.driver.is_established

    run(main())


def test_what_can_wait_for_the_timer_waits() -> None:
    async def main() -> None:
        stage = Stage()
        await stage.turn()
        stage.timer_at = 0.3
        stage.driver.on_message(b"1")
        assert await stage.turn() == ["quic receives 1"]
        stage.timer_at = 0.5  # it was put off meanwhile
        await asyncio.sleep(0.4)
        assert await stage.turn() == []
        await asyncio.sleep(0.2)
        assert await stage.turn() == ["quic's timer at 0.5", "quic is asked, with credit for 48000"]

    run(main())


def test_many_wishes_to_send_are_one_flush_and_a_writable_link_is_one_too() -> None:
    async def main() -> None:
        stage = Stage()
        await stage.turn()
        for _ in range(3):
            stage.driver.flush_soon()
        stage.send_credit = 16_000
        assert await stage.turn() == ["quic is asked, with credit for 16000"]
        stage.send_credit = 32_000
        stage.driver.on_writable()
        assert await stage.turn() == ["quic is asked, with credit for 32000"]

    run(main())


def test_what_came_before_the_end_of_the_link_is_handled_before_it() -> None:
    async def main() -> None:
        stage = Stage()
        await stage.turn()
        stage.will_report(PingAcknowledged(uid=0), ConnectionTerminated(0x100, None, ""))
        stage.driver.on_message(b"1")
        stage.driver.on_closed("the volunteer has left")
        assert stage.transcript == [
            "quic receives 1",
            "event PingAcknowledged",
            "link closes: the other end did not complete the handshake",
            "event TunnelEnded the other end did not complete the handshake",
        ]
        stage.driver.on_message(b"2")
        stage.driver.close("again")
        assert len(await stage.turn()) == 4  # nothing more

    run(main())


def test_a_close_is_sent_before_the_link_closes() -> None:
    async def main() -> None:
        stage = Stage()
        await stage.turn()
        stage.will_send(b"CONNECTION_CLOSE")
        stage.driver.close("the reader is done")
        assert stage.transcript == [
            "quic closes",
            "quic is asked, with credit for 48000",
            "link sends CONNECTION_CLOSE",
            "link closes: the reader is done",
            "event TunnelEnded the reader is done",
        ]

    run(main())


def test_a_first_message_that_opens_no_connection_ends_the_session() -> None:
    def refuse(message: bytes) -> LinkQuic:
        raise TunnelError(f"not QUIC: {message.decode()}")

    async def main() -> None:
        stage = Stage()
        driver = QuicDriver(stage, stage._on_event, DrainWaiters(100), accept=refuse)
        driver.start()
        await stage.turn()
        driver.on_message(b"hello")
        driver.on_message(b"again")
        assert await stage.turn() == ["link closes: not QUIC: hello", "event TunnelEnded not QUIC: hello"]
        assert await driver.wait_ended() == "not QUIC: hello"

    run(main())


# --- more than fits into a turn ---------------------------------------------------------------------------
class SlowStage(Stage):
    """Each datagram takes longer than a step may."""

    def receive_datagram(self, data: bytes, addr: object, now: float) -> None:
        super().receive_datagram(data, addr, now)
        end = thread_time() + STEP_SECONDS
        while thread_time() < end:
            pass


class PausedStage(Stage):
    """Its link can be asked to stop reading."""

    def pause(self) -> None:
        self.transcript.append("link pauses")

    def resume(self) -> None:
        self.transcript.append("link reads on")

    def share_turns(self, share: Share) -> None:
        self.share = share


def test_what_takes_long_is_done_in_several_turns_and_others_come_between() -> None:
    async def main() -> None:
        stage = SlowStage()
        await stage.turn()
        for message in (b"1", b"2", b"3"):
            stage.driver.on_message(message * 501)

        async def other() -> None:
            while len(stage.transcript) < 5:
                if stage.transcript and stage.transcript[-1] != "another":
                    stage.transcript.append("another")
                await asyncio.sleep(0)

        await other()
        assert [line[:15] for line in stage.transcript] == [
            "quic receives 1",
            "another",
            "quic receives 2",
            "another",
            "quic receives 3",
        ]

    run(main())


def test_events_that_take_long_are_handed_on_in_several_turns() -> None:
    async def main() -> None:
        stage = Stage()
        await stage.turn()

        def on_event(event: TunnelEvent) -> None:
            stage._on_event(event)
            end = thread_time() + STEP_SECONDS
            while thread_time() < end:
                pass

        stage.driver._on_event = on_event
        stage.will_report(*(StreamDataReceived(bytes(501), end_stream=False, stream_id=0) for _ in range(3)))
        stage.driver.on_message(b"1")
        stage.driver.on_message(b"2")
        assert stage.driver._step()
        assert stage.transcript == ["quic receives 1", "event StreamDataReceived"]
        assert stage.driver._step()
        assert stage.driver._step()
        assert stage.transcript == ["quic receives 1", *["event StreamDataReceived"] * 3]
        assert not stage.driver._step()
        assert stage.transcript[-1] == "quic receives 2"

    run(main())


def test_a_link_stops_reading_while_much_waits() -> None:
    async def main() -> None:
        stage = PausedStage()
        await stage.turn()
        assert stage.driver._share is stage.share
        size = 16_000
        messages = WAITING_MAX // (size + BOND_PACKET_COST) + 1
        for _ in range(messages):
            stage.driver.on_message(b"x" * size)
        assert stage.transcript == ["link pauses"]
        assert stage.driver.waiting_cost > WAITING_MAX
        while stage.driver.waiting_cost > WAITING_MAX // 2 + size + BOND_PACKET_COST:
            stage.driver._next_arrived()
        assert stage.transcript == ["link pauses"]
        stage.driver._next_arrived()
        assert stage.transcript == ["link pauses", "link reads on"]

    run(main())


def test_small_messages_wait_for_what_they_cost() -> None:
    async def main() -> None:
        stage = PausedStage()
        await stage.turn()
        for _ in range(WAITING_MAX // BOND_PACKET_COST + 1):
            stage.driver.on_message(b"x")
        assert stage.transcript == ["link pauses"]

    run(main())


def test_whoever_sends_on_and_on_is_left() -> None:
    async def main() -> None:
        stage = Stage()
        await stage.turn()
        stage.driver.on_message(b"x" * (WAITING_AT_MOST // 2))
        stage.driver.on_message(b"x" * (WAITING_AT_MOST // 2))
        assert not stage.driver.waiting_cost
        await stage.turn()
        assert stage.driver.ended.result() == "the other end sent more than can wait"

    run(main())


def test_a_session_that_costs_too_much_ends() -> None:
    async def main() -> None:
        stage = Stage()
        await stage.turn()
        effort = stage.driver._effort
        effort.clock, effort.debt = effort._clocks[1], 2 * DEBT_MAX_SECONDS
        stage.driver.on_message(b"1")
        await stage.turn()
        assert stage.driver.ended.result() == "the other end makes too much work"

    run(main())


def test_no_more_is_sent_at_once_than_a_step_takes_and_the_rest_follows() -> None:
    async def main() -> None:
        stage = Stage()
        await stage.turn()
        stage.send_credit = 8_000_000
        stage.will_send(*[bytes(16_000)] * 20)
        stage.driver.flush_soon()
        asked = f"quic is asked, with credit for {FLUSH_MAX}"
        assert [line for line in await stage.turn() if line.startswith("quic")] == [asked, asked]
        stage.driver.flush_soon()
        assert await stage.turn() == [asked]  # nothing was left

    run(main())


def test_what_is_sent_counts_as_work_of_the_session() -> None:
    async def main() -> None:
        stage = Stage()
        await stage.turn()
        had = stage.driver._share.had
        stage.driver.flush_soon()
        await stage.turn()
        assert stage.driver._share.had > had

    run(main())
