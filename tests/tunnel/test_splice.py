"""A program on one side, a site on the other, real sockets on loopback, and a session in between."""

import asyncio
import socket
import struct
from collections.abc import AsyncIterator, Awaitable, Callable
from contextlib import asynccontextmanager
from dataclasses import dataclass, field

import pytest

from freespan.tunnel import splice as splice_module
from freespan.tunnel.server import ServerTunnel
from freespan.tunnel.settings import TunnelSettings
from freespan.tunnel.splice import Direction, TcpConnection, splice
from freespan.tunnel.stream import TunnelStream
from freespan.wire.proxy_status import ProxyStatus
from tests.support.tunnels import SECONDS, Ends, pattern, session, site, until

DEFAULTS = TunnelSettings()

pytestmark = pytest.mark.timeout(60)

Site = Callable[[asyncio.StreamReader, asyncio.StreamWriter], Awaitable[None]]
KERNEL_AT_MOST = 32_000_000
"""More than the buffers of the sockets on the way hold, which the kernel widens as it likes (16 MB have been seen on a
busy machine), and far less than what a test that is not held back sends."""


@dataclass
class Path:
    """The program's end of the connection, and what is known of the two splices."""

    ends: Ends
    reader: asyncio.StreamReader
    writer: asyncio.StreamWriter
    splices: "list[asyncio.Task[None]]" = field(default_factory=list)
    up: list[int] = field(default_factory=list)
    down: list[int] = field(default_factory=list)

    async def splices_end(self) -> None:
        async with asyncio.timeout(SECONDS):
            await asyncio.wait(self.splices)


@asynccontextmanager
async def listening(handle: Site) -> AsyncIterator[int]:
    """A server on loopback; its connections end with it."""
    tasks: set[asyncio.Task[None]] = set()

    async def accept(reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        task = asyncio.current_task()
        assert task is not None
        tasks.add(task)
        try:
            await handle(reader, writer)
        except (OSError, asyncio.IncompleteReadError, asyncio.CancelledError):
            pass
        finally:
            writer.close()

    server = await asyncio.start_server(accept, "127.0.0.1", 0)
    try:
        yield server.sockets[0].getsockname()[1]
    finally:
        server.close()
        for task in tasks:
            task.cancel()
        await asyncio.gather(*tasks)


@asynccontextmanager
async def path(at_site: Site, idle_seconds: float = DEFAULTS.stream_idle_seconds) -> AsyncIterator[Path]:
    """A program is connected to `at_site`: program, splice, session, splice, site."""
    async with listening(at_site) as port:
        up: list[int] = []
        down: list[int] = []
        splices: list[asyncio.Task[None]] = []

        async def egress(tunnel: ServerTunnel, stream: TunnelStream) -> None:
            reader, writer = await asyncio.open_connection("127.0.0.1", port)
            tunnel.accept(stream)
            task = asyncio.current_task()
            assert task is not None
            splices.append(task)
            try:
                connection = TcpConnection(reader, writer)
                await splice(
                    upload=Direction(stream, connection, up.append),
                    download=Direction(connection, stream, down.append),
                    reset=connection.reset,
                    idle_seconds=idle_seconds,
                )
            finally:
                writer.close()

        async with session(egress) as ends:

            async def local_proxy(reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
                stream = await ends.client.connect(site("any"))
                task = asyncio.current_task()
                assert task is not None
                splices.append(task)
                try:
                    await splice_program(TcpConnection(reader, writer), stream, idle_seconds)
                finally:
                    ends.client.release(stream)

            async with listening(local_proxy) as proxy:
                reader, writer = await asyncio.open_connection("127.0.0.1", proxy)
                await until(lambda: len(splices) == 2)
                yield Path(ends, reader, writer, splices, up, down)
                writer.close()


def ignore(_: int) -> None: ...


async def splice_program(
    program: TcpConnection, stream: TunnelStream, idle_seconds: float = DEFAULTS.stream_idle_seconds
) -> None:
    """As the local proxy does it."""
    upload, download = Direction(program, stream, ignore), Direction(stream, program, ignore)
    await splice(upload=upload, download=download, reset=program.reset, idle_seconds=idle_seconds)


async def read_to_end(reader: asyncio.StreamReader) -> bytes:
    async with asyncio.timeout(SECONDS):
        return await reader.read()


def reset(writer: asyncio.StreamWriter) -> None:
    """Be gone with an RST."""
    connection: socket.socket = writer.get_extra_info("socket")
    connection.setsockopt(socket.SOL_SOCKET, socket.SO_LINGER, struct.pack("ii", 1, 0))
    writer.transport.abort()


async def assert_reset(reader: asyncio.StreamReader) -> None:
    """The other side did not end, it broke off: nobody can take what came for the whole."""
    async with asyncio.timeout(SECONDS):
        with pytest.raises(ConnectionError):
            while await reader.read(65_536):
                pass


# --- ends ------------------------------------------------------------------------------------------
async def test_both_directions_at_once() -> None:
    received: list[bytes] = []

    async def at_site(reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        writer.write(pattern(2_000_000))
        received.append(await reader.read())
        writer.write_eof()

    async with path(at_site) as way:
        way.writer.write(pattern(1_500_000))
        way.writer.write_eof()
        assert await read_to_end(way.reader) == pattern(2_000_000)
        await way.splices_end()
    assert received == [pattern(1_500_000)]
    assert sum(way.up) == 1_500_000
    assert sum(way.down) == 2_000_000


async def test_an_answer_may_come_after_the_question_has_ended() -> None:
    async def at_site(reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        question = await reader.read()
        writer.write(b"you asked: " + question)

    async with path(at_site) as way:
        way.writer.write(b"why?")
        way.writer.write_eof()
        assert await read_to_end(way.reader) == b"you asked: why?"
        await way.splices_end()


async def test_a_question_may_go_on_after_the_answer_has_ended() -> None:
    received: list[bytes] = []

    async def at_site(reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        writer.write_eof()
        received.append(await reader.read())

    async with path(at_site) as way:
        assert await read_to_end(way.reader) == b""
        way.writer.write(b"still talking")
        way.writer.write_eof()
        await way.splices_end()
    assert received == [b"still talking"]


# --- back-pressure -----------------------------------------------------------------------------------
async def test_a_program_that_does_not_read_holds_the_site_back() -> None:
    sent = 0

    async def at_site(reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        nonlocal sent
        while True:
            writer.write(bytes(65_536))
            await writer.drain()
            sent += 65_536

    async with path(at_site) as way:
        (stream,) = way.ends.client._streams.by_id.values()
        await until(lambda: stream.unread > DEFAULTS.stream_window_first - 20_000)
        assert stream.unread <= stream.window.size
        at_rest = await come_to_rest(lambda: sent)
        assert at_rest < KERNEL_AT_MOST
        while sent < at_rest + 10_000_000:  # it is read at last, and everything moves again
            assert await way.reader.read(1_000_000)


async def test_a_site_that_does_not_read_holds_the_program_back() -> None:
    async def at_site(reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        reader._transport.pause_reading()  # type: ignore[attr-defined]
        await asyncio.Event().wait()

    sent = 0
    async with path(at_site) as way:

        async def talk() -> None:
            nonlocal sent
            while True:
                way.writer.write(bytes(65_536))
                await way.writer.drain()
                sent += 65_536

        talking = asyncio.create_task(talk(), name="test-talk")
        await until(lambda: any(stream.unread for stream in way.ends.server._streams.by_id.values()))
        assert await come_to_rest(lambda: sent) < KERNEL_AT_MOST
        (stream,) = way.ends.server._streams.by_id.values()
        assert stream.unread <= stream.window.size
        talking.cancel()
        await asyncio.gather(talking, return_exceptions=True)


async def come_to_rest(value: Callable[[], int]) -> int:
    """Wait until `value` has not changed for many turns of the loop."""
    last, same = -1, 0
    while same < 300:
        await asyncio.sleep(0.001)
        last, same = (last, same + 1) if value() == last else (value(), 0)
    return last


# --- cuts ------------------------------------------------------------------------------------------
async def test_a_site_that_resets() -> None:
    async def at_site(reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        writer.write(b"half of i")
        await reader.read(1)
        reset(writer)

    async with path(at_site) as way:
        assert await way.reader.readexactly(9) == b"half of i"
        way.writer.write(b"x")
        await assert_reset(way.reader)
        await way.splices_end()
        assert not way.ends.client.is_over


async def test_a_program_that_resets() -> None:
    outcome: asyncio.Future[BaseException | None] = asyncio.get_running_loop().create_future()

    async def at_site(reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        try:
            while await reader.read(65_536):
                pass
            outcome.set_result(None)
        except ConnectionError as error:
            outcome.set_result(error)

    async with path(at_site) as way:
        way.writer.write(b"half of i")
        await until(lambda: sum(way.up) == 9)
        reset(way.writer)
        async with asyncio.timeout(SECONDS):
            assert isinstance(await outcome, ConnectionError)
        await way.splices_end()


async def test_a_session_that_ends_cuts_both_sides() -> None:
    met: asyncio.Future[type[BaseException] | None] = asyncio.get_running_loop().create_future()

    async def at_site(reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        try:
            await reader.read()
            met.set_result(None)
        except ConnectionError as error:
            met.set_result(type(error))

    async with path(at_site) as way:
        way.ends.client_link.close("the volunteer has left")
        await assert_reset(way.reader)
        async with asyncio.timeout(SECONDS):
            assert await met is not None
        await way.splices_end()


async def test_a_splice_that_is_cancelled_leaves_nothing_and_no_false_end() -> None:
    async def at_site(reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        writer.write(b"half of i")
        await asyncio.Event().wait()

    async with path(at_site) as way:
        assert await way.reader.readexactly(9) == b"half of i"
        way.splices[0].cancel()
        await assert_reset(way.reader)
        await way.splices_end()
        assert not [task for task in asyncio.all_tasks() if task.get_name().startswith("splice-")]


# --- time --------------------------------------------------------------------------------------------
async def test_a_connection_on_which_nothing_moves_is_closed() -> None:

    async def at_site(reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        await asyncio.Event().wait()

    async with path(at_site, idle_seconds=0.05) as way:
        await assert_reset(way.reader)
        await way.splices_end()


async def test_movement_in_one_direction_is_enough(monkeypatch: pytest.MonkeyPatch) -> None:
    """Whatever the limit: what was noted since the last look counts."""
    activity = splice_module._Activity()
    looks: list[bool] = []

    async def sleep(_: float) -> None:
        if len(looks) < 3:
            activity.note()
        looks.append(True)

    monkeypatch.setattr(asyncio, "sleep", sleep)
    await activity.wait_idle(1.0)
    assert len(looks) == 4


# --- odd writers -------------------------------------------------------------------------------------
class OddWriter:
    """A connection that cannot be half-closed, or takes nothing more, or has no socket left."""

    def __init__(self, error: Exception | None = None) -> None:
        self.written: list[bytes] = []
        self.aborted = False
        self._error = error

    @property
    def transport(self) -> "OddWriter":
        return self

    def write(self, data: bytes) -> None:
        self.written.append(data)

    async def drain(self) -> None:
        if self._error is not None:
            raise self._error

    def can_write_eof(self) -> bool:
        return False

    def get_extra_info(self, name: str) -> "OddWriter":
        return self

    def setsockopt(self, *_: object) -> None:
        raise OSError(9, "Bad file descriptor")

    def abort(self) -> None:
        self.aborted = True


async def splice_with(writer: OddWriter, reader: asyncio.StreamReader, stream: TunnelStream) -> None:
    async with asyncio.timeout(SECONDS):
        await splice_program(TcpConnection(reader, writer), stream)  # type: ignore[arg-type]


async def test_a_connection_that_cannot_be_half_closed() -> None:
    async with session() as ends:
        stream = await ends.client.connect(site("sized", 100))
        reader = asyncio.StreamReader()
        reader.feed_eof()
        writer = OddWriter()
        await splice_with(writer, reader, stream)
        assert b"".join(writer.written) == pattern(100 * 1024)
        assert not writer.aborted


async def test_what_a_target_sent_before_it_took_no_more_still_arrives() -> None:
    async with session() as ends:
        stream = await ends.client.connect(site("echo"), b"x")
        reader = asyncio.StreamReader()
        writer = OddWriter(BrokenPipeError())
        splicing = asyncio.create_task(splice_with(writer, reader, stream), name="test-splice")
        await until(lambda: bool(writer.written))
        reader.feed_data(b"last words")
        reader.feed_eof()
        await splicing
        assert not writer.aborted


async def test_a_socket_that_is_gone_can_still_be_given_up() -> None:
    async with session() as ends:
        stream = await ends.client.connect(site("silent"))
        stream.cut(ProxyStatus("connection_terminated"))
        writer = OddWriter()
        await splice_with(writer, asyncio.StreamReader(), stream)
        assert writer.aborted
