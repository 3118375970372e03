"""Each toxic does what it says: seen from both ends of a connection through the proxy."""

import asyncio
import itertools
import random
import time
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager, suppress

import pytest

from tests.faults.proxy import FaultProxy
from tests.faults.toxics import (
    Bandwidth,
    Latency,
    LimitData,
    ResetPeer,
    Slicer,
    SlowClose,
    Stream,
    Timeout,
    Toxic,
)
from tests.ticket_store.hub_case import seeded

PATIENCE = 20.0
HELD_SECONDS = 0.1  # for so long nothing must come
Ends = tuple[asyncio.StreamReader, asyncio.StreamWriter]


class Echo:
    """A server that sends back what it gets, and notes the pieces as they came."""

    def __init__(self) -> None:
        self.pieces: list[bytes] = []
        self.gone = asyncio.Event()

    async def __call__(self, reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        try:
            while data := await reader.read(1 << 16):
                self.pieces.append(data)
                writer.write(data)
                await writer.drain()
        except OSError:
            pass  # the proxy ends connections without a word, as it is told to
        finally:
            writer.close()
            self.gone.set()


@asynccontextmanager
async def proxied(rng: random.Random | None = None) -> AsyncIterator[tuple[FaultProxy, Echo]]:
    echo = Echo()
    server = await asyncio.start_server(echo, "127.0.0.1", 0)
    port = server.sockets[0].getsockname()[1]
    async with asyncio.timeout(PATIENCE), FaultProxy(port, rng or seeded(1)) as proxy:
        yield proxy, echo
    server.close()
    await server.wait_closed()


@asynccontextmanager
async def connected(proxy: FaultProxy) -> AsyncIterator[Ends]:
    reader, writer = await asyncio.open_connection("127.0.0.1", proxy.port)
    try:
        yield reader, writer
    finally:
        writer.transport.abort()


async def said_and_heard(ends: Ends, data: bytes) -> float:
    """Seconds until all of it came back."""
    reader, writer = ends
    begun = time.monotonic()
    writer.write(data)
    assert await reader.readexactly(len(data)) == data
    return time.monotonic() - begun


async def nothing_comes(ends: Ends) -> None:
    with pytest.raises(TimeoutError):
        async with asyncio.timeout(HELD_SECONDS):
            await ends[0].read(1)


async def test_without_a_toxic_all_bytes_go_through_both_ways_and_so_does_the_end() -> None:
    data = seeded(3).randbytes(1 << 20)
    async with proxied() as (proxy, echo), connected(proxy) as ends:
        await said_and_heard(ends, data)
        ends[1].write_eof()
        assert await ends[0].read() == b""
        await echo.gone.wait()
        assert proxy.accepted == 1


@pytest.mark.parametrize("stream", Stream)
async def test_latency_delays_and_is_gone_when_it_is_removed(stream: Stream) -> None:
    async with proxied() as (proxy, _), connected(proxy) as ends:
        await said_and_heard(ends, b"a")
        name = proxy.add(Latency(120, jitter=20), stream)
        assert await said_and_heard(ends, b"b") >= 0.1
        proxy.remove(name)
        assert await said_and_heard(ends, b"c") < 0.1


def test_jitter_is_repeatable_and_within_its_bounds() -> None:
    latency = Latency(100, jitter=50)
    drawn = [latency.seconds(seeded(7)) for _ in range(2)]
    assert drawn[0] == drawn[1]
    rng = seeded(7)
    many = [latency.seconds(rng) for _ in range(200)]
    assert 0.05 <= min(many) < 0.06
    assert 0.14 < max(many) <= 0.15


async def test_pieces_that_came_together_are_late_together() -> None:
    async with proxied() as (proxy, _), connected(proxy) as (reader, writer):
        proxy.add(Latency(150))
        begun = time.monotonic()
        for _ in range(10):
            writer.write(b"x")
            await writer.drain()
        await reader.readexactly(10)
        assert time.monotonic() - begun < 10 * 0.15


async def test_bandwidth_lets_so_many_bytes_a_second_through() -> None:
    async with proxied() as (proxy, _), connected(proxy) as ends:
        name = proxy.add(Bandwidth(rate=100), Stream.UPSTREAM)
        assert 0.25 <= await said_and_heard(ends, bytes(30_000)) < 2
        begun = asyncio.create_task(said_and_heard(ends, bytes(3_000_000)))
        await asyncio.sleep(0)
        proxy.remove(name)  # 30 s of waiting are over
        assert await begun < 10


async def test_the_slicer_cuts_and_loses_nothing() -> None:
    data = seeded(5).randbytes(400)
    async with proxied() as (proxy, echo), connected(proxy) as ends:
        proxy.add(Slicer(average_size=20, size_variation=5, delay=2_000), Stream.UPSTREAM)
        await said_and_heard(ends, data)
        assert b"".join(echo.pieces) == data
        assert len(echo.pieces) > 5
        assert {len(piece) for piece in Slicer(20, 5).slices(data, seeded(1))[:-1]} <= set(
            range(15, 26)
        )


@pytest.mark.parametrize("stream", Stream)
async def test_timeout_0_holds_the_data_until_it_is_removed(stream: Stream) -> None:
    async with proxied() as (proxy, _), connected(proxy) as ends:
        name = proxy.add(Timeout(), stream)
        ends[1].write(b"kept")
        await nothing_comes(ends)
        proxy.remove(name)
        assert await ends[0].readexactly(4) == b"kept"
        await said_and_heard(ends, b"more")


async def test_timeout_closes_the_connection_after_its_time() -> None:
    async with proxied() as (proxy, echo), connected(proxy) as ends:
        await said_and_heard(ends, b"a")
        proxy.add(Timeout(50))
        ends[1].write(b"never comes back")
        with suppress(ConnectionError):
            assert await ends[0].read(1) == b""
        await echo.gone.wait()
        await proxy.down()
        assert proxy.connections == 0


@pytest.mark.parametrize("milliseconds", [0, 50])
async def test_reset_peer_resets_open_and_new_connections(milliseconds: float) -> None:
    async with proxied() as (proxy, _), connected(proxy) as ends:
        await said_and_heard(ends, b"a")
        proxy.add(ResetPeer(milliseconds))
        with pytest.raises(ConnectionResetError):
            await ends[0].read(1)
        async with connected(proxy) as others:
            with pytest.raises(ConnectionResetError):
                await others[0].read(1)
        proxy.heal()
        async with connected(proxy) as others:
            await said_and_heard(others, b"b")


async def test_slow_close_passes_the_end_on_late() -> None:
    async with proxied() as (proxy, _), connected(proxy) as ends:
        proxy.add(SlowClose(delay=150))
        await said_and_heard(ends, b"a")
        begun = time.monotonic()
        ends[1].write_eof()
        assert await ends[0].read() == b""
        assert time.monotonic() - begun >= 0.15


async def test_limit_data_closes_after_so_many_bytes() -> None:
    async with proxied() as (proxy, _), connected(proxy) as (reader, writer):
        proxy.add(LimitData(bytes=100))
        writer.write(bytes(80))
        await reader.readexactly(80)
        writer.write(bytes(80))
        got = 0
        try:
            while piece := await reader.read(100):
                got += len(piece)
        except ConnectionError:
            pass
        assert got <= 20


async def test_down_refuses_and_ends_connections_and_up_takes_the_same_port() -> None:
    async with proxied() as (proxy, echo), connected(proxy) as ends:
        await said_and_heard(ends, b"a")
        port = proxy.port
        await proxy.down()
        assert proxy.connections == 0
        await echo.gone.wait()
        with pytest.raises(ConnectionRefusedError):
            await asyncio.open_connection("127.0.0.1", port)
        await proxy.up()
        assert proxy.port == port
        async with connected(proxy) as others:
            await said_and_heard(others, b"b")


async def test_a_server_that_is_not_there_ends_the_connection() -> None:
    async with FaultProxy(1, seeded(1)) as proxy, connected(proxy) as ends:
        async with asyncio.timeout(PATIENCE):
            with suppress(ConnectionError):
                assert await ends[0].read(1) == b""


async def test_toxicity_strikes_its_share_of_the_connections() -> None:
    async with proxied(seeded(2)) as (proxy, _):
        proxy.add(ResetPeer(), toxicity=0.5)
        struck = 0
        for _ in range(30):
            async with connected(proxy) as ends:
                try:
                    await said_and_heard(ends, b"a")
                except (ConnectionError, asyncio.IncompleteReadError):
                    struck += 1
        assert 5 < struck < 25


@pytest.mark.parametrize(
    ("toxic", "stream"),
    list(itertools.product([Latency(1), Slicer(3), Bandwidth(1e6)], Stream)),
)
async def test_toxics_stand_together(toxic: Toxic, stream: Stream) -> None:
    async with proxied() as (proxy, _), connected(proxy) as ends:
        proxy.add(Latency(1), stream, name="one")
        proxy.add(toxic, stream, name="two")
        with pytest.raises(ValueError, match="there is a toxic two"):
            proxy.add(toxic, stream, name="two")
        with pytest.raises(ValueError, match="share of 0 to 1"):
            proxy.add(toxic, stream, toxicity=2)
        await said_and_heard(ends, bytes(200))
