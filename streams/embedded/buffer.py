"""What table writes and other synchronous code send: straight to the writer, without a queue."""

from collections.abc import Callable

from faust.topics import Topic
from faust.transport.producer import ProducerBuffer
from faust.types import FutureMessage

from streams.embedded.broker import Broker


class Buffer(ProducerBuffer):
    """Holds nothing itself but what must wait for its topic's creation."""

    broker: Broker
    send_future: Callable[[FutureMessage], None]  # set by the producer, like the broker

    def put(self, fut: FutureMessage) -> None:
        if isinstance(fut.message.channel, Topic):
            self.send_future(fut)
        else:
            super().put(fut)

    def queue_up(self, fut: FutureMessage) -> None:
        """Leave the message to a task that may wait, for example for its topic's creation."""
        super().put(fut)

    async def on_stop(self) -> None:
        """Nothing: the producer has flushed, and let go of the log, before it stops its parts."""

    async def flush(self) -> None:
        await super().flush()
        await self.broker.writer.flush()

    @property
    def size(self) -> int:
        """Messages waiting in the queue of the base class; the writer counts its own."""
        return self.pending.qsize()

    async def wait_until_ebb(self) -> None:
        """Hold the consumer back while table writes outrun the disk."""
        writer = self.broker.writer
        if writer.full:
            await writer.room()
