"""A TCP proxy on loopback that is bad on purpose, in Toxiproxy's words, in the test's own loop."""

import asyncio
import random
import socket
import struct
from collections.abc import Sequence
from typing import Self

from tests.faults.link import Changes, Link
from tests.faults.toxics import Placed, Stream, Toxic

_RESET = struct.pack("ii", 1, 0)  # SO_LINGER on, for no time: closing sends a reset


class FaultProxy:
    """Listens on 127.0.0.1:`port` for as long as it is up, and hands on to 127.0.0.1:`to`.

    port: 0 takes a free one, and keeps it over `down` and `up`.
    rng:  throws all dice: jitter, sizes of slices, toxicity.
    """

    def __init__(self, to: int, rng: random.Random, port: int = 0) -> None:
        self._to, self._rng, self.port = to, rng, port
        self._server: asyncio.Server | None = None
        self._placed: dict[str, Placed] = {}
        self._changes = Changes()
        self._open: set[_Connection] = set()
        self.accepted = 0  # connections so far

    @property
    def url(self) -> str:
        """Of the proxy, for a server that speaks HTTP; without a slash at its end."""
        return f"http://127.0.0.1:{self.port}"

    @property
    def connections(self) -> int:
        """That are open now."""
        return len(self._open)

    async def __aenter__(self) -> Self:
        await self.up()
        return self

    async def __aexit__(self, *exc_info: object) -> None:
        await self.down()

    async def up(self) -> None:
        """Listen; Toxiproxy's enabled=true."""
        if self._server is None:
            self._server = await asyncio.start_server(self._accept, "127.0.0.1", self.port)
            self.port = int(self._server.sockets[0].getsockname()[1])

    async def down(self) -> None:
        """Refuse new connections and end those that are open; Toxiproxy's enabled=false."""
        server, self._server = self._server, None
        if server is None:
            return
        server.close()
        connections = list(self._open)
        for one in connections:
            one.close()
        await asyncio.gather(*(one.ended.wait() for one in connections))
        await server.wait_closed()

    def add(
        self,
        toxic: Toxic,
        stream: Stream = Stream.DOWNSTREAM,
        toxicity: float = 1.0,
        name: str | None = None,
    ) -> str:
        """Make it worse, open connections too; the toxic's name. Raises: ValueError."""
        name = name or f"{type(toxic).__name__.lower()}_{stream}"
        if name in self._placed:
            raise ValueError(f"there is a toxic {name}")
        if not 0 <= toxicity <= 1:
            raise ValueError(f"toxicity is a share of 0 to 1, not {toxicity}")
        self._placed[name] = Placed(name, toxic, stream, toxicity)
        self._changes.tell()
        return name

    def remove(self, name: str) -> None:
        """Raises: KeyError."""
        del self._placed[name]
        self._changes.tell()

    def heal(self) -> None:
        """Remove every toxic."""
        self._placed.clear()
        self._changes.tell()

    def _of(self, stream: Stream) -> Sequence[Placed]:
        return [one for one in self._placed.values() if one.stream is stream]

    async def _accept(self, reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        self.accepted += 1
        connection = _Connection(reader, writer)
        self._open.add(connection)
        try:
            if self._server is None:  # it went down while this one was at the door
                return
            await connection.run(self)
        finally:
            connection.close()
            self._open.discard(connection)
            connection.ended.set()

    async def open_other(self) -> tuple[asyncio.StreamReader, asyncio.StreamWriter]:
        """Raises: OSError when the server is not there."""
        return await asyncio.open_connection("127.0.0.1", self._to)

    def link(
        self,
        stream: Stream,
        reader: asyncio.StreamReader,
        writer: asyncio.StreamWriter,
        connection: "_Connection",
    ) -> Link:
        return Link(
            reader,
            writer,
            placed=lambda: self._of(stream),
            changes=self._changes,
            rng=self._rng,
            reset=connection.reset,
            close=connection.close,
        )


class _Connection:
    """A client's connection and ours to the server behind it."""

    def __init__(self, reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        self._reader, self._writers = reader, [writer]
        self._links: asyncio.Task[None] | None = None
        self.ended = asyncio.Event()

    async def run(self, proxy: FaultProxy) -> None:
        try:
            reader, writer = await proxy.open_other()
        except OSError:
            return
        client = self._writers[0]
        self._writers.append(writer)
        links = [
            proxy.link(Stream.UPSTREAM, self._reader, writer, self),
            proxy.link(Stream.DOWNSTREAM, reader, client, self),
        ]
        self._links = asyncio.create_task(_all(links))
        await asyncio.gather(self._links, return_exceptions=True)

    def reset(self) -> None:
        for writer in self._writers:
            raw: socket.socket | None = writer.get_extra_info("socket")
            if raw is not None and raw.fileno() >= 0:
                raw.setsockopt(socket.SOL_SOCKET, socket.SO_LINGER, _RESET)
        self.close()

    def close(self) -> None:
        """At once, with what is still in our buffers."""
        for writer in self._writers:
            writer.transport.abort()
        if self._links is not None:
            self._links.cancel()


async def _all(links: Sequence[Link]) -> None:
    async with asyncio.TaskGroup() as group:
        for link in links:
            group.create_task(link.run())
