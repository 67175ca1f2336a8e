"""A link over a real WebSocket: back-pressure, and every way to close."""

import asyncio
import contextlib
from collections.abc import AsyncIterator

import pytest
from aiohttp import WSCloseCode, WSMsgType

from freespan.link.base import OVERRUN
from freespan.link.settings import WebSocketSettings
from freespan.link.turns import STEP_SECONDS, Turns
from freespan.link.websocket import RECEIVE_SECONDS, WebSocketLink
from freespan.wire.limits import LINK_QUEUE_MAX, MESSAGE_MAX, PIPE_WAITING_MAX
from tests.link.pairs import WebSocketRogue, running, sockets
from tests.support.recorder import SECONDS, Recorder, until

impatient = pytest.mark.parametrize("link", [WebSocketSettings(close_seconds=0.05)], indirect=True)
patient = pytest.mark.parametrize("link", [WebSocketSettings(flush_seconds=SECONDS)], indirect=True)


@pytest.fixture
async def link(
    request: pytest.FixtureRequest,
) -> AsyncIterator[tuple[WebSocketLink, WebSocketRogue, "asyncio.Task[None]"]]:
    """A link that runs, a rogue that does not read, and the task; the parameter is the settings of the link."""
    async with sockets() as (left, right):
        link, rogue = WebSocketLink(left, getattr(request, "param", None)), WebSocketRogue(right)
        task = asyncio.create_task(link.run(), name="test-run")
        yield link, rogue, task
        await rogue.die()
        link.close()
        with contextlib.suppress(asyncio.CancelledError):
            await task


Running = tuple[WebSocketLink, WebSocketRogue, "asyncio.Task[None]"]


async def test_a_pause_holds_back_the_other_end_and_a_resume_lets_all_through(link: Running) -> None:
    """The pause reaches the sender through TCP: what it can send is bounded by the buffers of the kernel."""
    one, rogue, _ = link
    owner = Recorder()
    one.start(owner)
    one.pause()
    sent = 0
    message = bytes(MESSAGE_MAX)
    while sent < 4_000:  # 64 MB, more than any kernel keeps
        try:
            async with asyncio.timeout(0.2):
                await rogue.say(message)
        except TimeoutError:
            sent += 1  # it is in aiohttp's hands, which wait for the kernel
            break
        sent += 1
    assert sent < 4_000
    assert len(owner.messages) <= 1
    one.resume()
    await owner.until(lambda recorder: len(recorder.messages) == sent)


async def block_the_writer(link: WebSocketLink) -> None:
    """Send until the kernel and the link are full, the other end not reading."""
    while True:
        while link.send_credit:
            link.send(bytes(MESSAGE_MAX))
        before = link._queued_bytes
        for _ in range(200):
            await asyncio.sleep(0)
        if link._queued_bytes == before:
            return


@impatient
@pytest.mark.parametrize("blocked", [False, True], ids=["in mid-read", "in mid-write"])
async def test_a_cancelled_run_leaves_nothing(link: Running, blocked: bool) -> None:
    one, rogue, task = link
    owner = Recorder()
    one.start(owner)
    await rogue.say(b"alive")
    await owner.until(lambda recorder: bool(recorder.messages))
    if blocked:
        await block_the_writer(one)
    task.cancel()
    with pytest.raises(asyncio.CancelledError):
        await task
    owner.assert_ended_once()
    assert not [one for one in asyncio.all_tasks() if one.get_name().startswith("websocket-link")]


@impatient
async def test_close_gets_past_a_blocked_writer(link: Running) -> None:
    one, rogue, task = link
    owner = Recorder()
    one.start(owner)
    await block_the_writer(one)
    one.close("enough")
    assert await owner.closed() == "enough"
    async with asyncio.timeout(SECONDS):
        await task
        while not rogue.socket.closed:  # the connection is gone for the other end as well
            await rogue.socket.receive()


@impatient
async def test_a_peer_that_does_not_answer_the_goodbye_is_left(link: Running) -> None:
    one, _, task = link
    owner = Recorder()
    one.start(owner)
    one.close("enough")
    async with asyncio.timeout(SECONDS):
        await task
    owner.assert_ended_once()
    assert owner.reason == "enough"


async def test_a_polite_goodbye(link: Running) -> None:
    one, rogue, task = link
    owner = Recorder()
    one.start(owner)
    await rogue.socket.close()
    assert await owner.closed() == "the other end closed the link"
    await task


async def test_the_other_end_gets_a_closing_handshake(link: Running) -> None:
    one, rogue, _ = link
    one.start(Recorder())
    one.send(b"x")
    assert (await rogue.socket.receive()).data == b"x"
    one.close()
    assert (await rogue.socket.receive()).type is WSMsgType.CLOSE


@patient
async def test_what_was_sent_before_the_close_arrives(link: Running) -> None:
    one, rogue, _ = link
    one.start(Recorder())
    await block_the_writer(one)
    one.send(b"goodbye")
    one.close()
    one.send(b"too late")
    received = [await rogue.socket.receive()]
    while received[-1].type is WSMsgType.BINARY:
        received.append(await rogue.socket.receive())
    assert received[-1].type is WSMsgType.CLOSE
    assert received[-2].data == b"goodbye"


async def test_writing_to_a_closed_socket_closes_the_link() -> None:
    async with sockets() as (left, right):
        await asyncio.gather(left.close(), right.close())
        link, owner = WebSocketLink(left), Recorder()
        link.start(owner)
        link.pause()  # so that the writer is the one to notice
        link.send(b"x")
        async with asyncio.timeout(SECONDS):
            await link.run()
        assert owner.reason == "the connection was lost"
        owner.assert_ended_once()


class Broken(Recorder):
    def on_message(self, message: bytes) -> None:
        raise ZeroDivisionError


async def test_a_mistake_of_the_owner_ends_the_link_and_is_not_hidden(
    link: Running, caplog: pytest.LogCaptureFixture
) -> None:
    one, rogue, task = link
    owner = Broken()
    one.start(owner)
    await rogue.say(b"x")
    assert await owner.closed() == "the connection was lost"
    await rogue.die()
    await task
    assert "ZeroDivisionError" in caplog.text


async def test_send_credit_comes_back_while_the_other_end_reads() -> None:
    async with sockets() as (left, right), running(WebSocketLink(left)) as one, running(WebSocketLink(right)) as other:
        sender, receiver = Recorder(), Recorder()
        one.start(sender)
        other.start(receiver)
        for rounds in range(3):
            while one.send_credit:
                one.send(bytes(MESSAGE_MAX))
            await sender.until(lambda recorder, rounds=rounds: recorder.calls.count("writable") == rounds + 1)  # type: ignore[misc]
            assert one.send_credit >= LINK_QUEUE_MAX // 4


async def test_what_was_sent_before_the_run_is_not_lost() -> None:
    async with sockets() as (left, right):
        link = WebSocketLink(left)
        link.send(b"early")
        async with running(link):
            assert (await right.receive()).data == b"early"
            task = asyncio.create_task(right.close(), name="test-close")
            await until(lambda: link._deliveries.is_closed)
            await task


async def test_cutting_ends_the_connection_at_once_and_a_second_time_does_no_harm() -> None:
    async with sockets() as (left, right):
        link = WebSocketLink(right)
        link._cut_socket()
        async with asyncio.timeout(SECONDS):
            assert (await left.receive()).type is WSMsgType.CLOSED
            assert (await right.receive()).type is WSMsgType.CLOSED
        assert (left.close_code, right.close_code) == (WSCloseCode.ABNORMAL_CLOSURE,) * 2  # nobody said goodbye
        link._cut_socket()
        await asyncio.gather(left.close(), right.close())
        link._cut_socket()


# --- a reader that lets others go on ---------------------------------------------------------------------
class CountsTurns(Recorder):
    """Counts how many messages came at most before something else had its turn."""

    def __init__(self) -> None:
        super().__init__()
        self.together = self.most = 0

    def on_message(self, message: bytes) -> None:
        super().on_message(message)
        self.together += 1
        self.most = max(self.most, self.together)

    async def watch(self) -> None:
        while True:
            self.together = 0
            await asyncio.sleep(0)


@pytest.mark.parametrize("has_share", [False, True])
async def test_however_many_messages_are_there_others_have_their_turn(has_share: bool) -> None:
    """aiohttp hands over what has come without a pause. So many bytes fit into its buffers and the kernel's."""
    count = 4_000
    async with sockets() as (left, right):
        link, owner = WebSocketLink(left), CountsTurns()
        link.start(owner)
        if has_share:
            link.share_turns(Turns().share())
        for _ in range(count):
            await right.send_bytes(b"x")
        watching = asyncio.create_task(owner.watch(), name="test-watch")
        async with running(link):
            await owner.until(lambda one: len(one.messages) == count)
        watching.cancel()
        assert owner.most <= STEP_SECONDS / RECEIVE_SECONDS + 1


@pytest.mark.parametrize("kind", [WSMsgType.PING, WSMsgType.PONG])
async def test_others_have_their_turn_while_pings_are_answered(kind: WSMsgType) -> None:
    loops = 0

    async def watch() -> None:
        nonlocal loops
        while True:
            loops += 1
            await asyncio.sleep(0)

    async with sockets(autoping=False) as (left, right):
        link, owner = WebSocketLink(left), Recorder()
        link.start(owner)
        for _ in range(3_000):
            await (right.ping(b"?") if kind is WSMsgType.PING else right.pong(b"?"))
        await right.send_bytes(b"behind them")
        watching = asyncio.create_task(watch(), name="test-watch")
        async with running(link):
            await owner.until(lambda one: one.messages == [b"behind them"])
        watching.cancel()
        assert loops >= 3_000 * RECEIVE_SECONDS / STEP_SECONDS


async def test_pings_are_answered() -> None:
    async with sockets(autoping=False) as (left, right), running(WebSocketLink(left)):
        await right.ping(b"are you there?")
        async with asyncio.timeout(SECONDS):
            answer = await right.receive()
        assert (answer.type, answer.data) == (WSMsgType.PONG, b"are you there?")


async def test_the_smallest_messages_count_for_what_they_take(link: Running) -> None:
    one, _, _ = link
    owner = Recorder()
    one.start(owner)
    for _ in range(PIPE_WAITING_MAX // 65 + 1):
        one.send(b"x")
    assert one.held >= PIPE_WAITING_MAX
    assert await owner.closed() == OVERRUN
