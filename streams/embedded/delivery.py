"""The loop that hands fetched records to the streams; the hot path of the consumer.

Faust's own loop makes two tasks a record, to be able to stop waiting when the flow is suspended.
Here a record whose streams have room is handed over directly; only a full stream is waited for
in the slow way.
"""

import asyncio
from typing import TYPE_CHECKING, Any

from faust.types import TP

if TYPE_CHECKING:
    from streams.embedded.consumer import Consumer, Cursor

_TURN = 32  # records of one partition before it is the next one's turn
_BREATH = 96  # records before everybody else on the loop has a turn


async def drain(consumer: "Consumer", fetcher: Any) -> None:
    """Deliver records until the consumer or the fetcher stops; sleep when there are none."""
    try:
        while not (consumer.should_stop or fetcher.should_stop):
            if not consumer.flow_active:
                await consumer.can_resume_flow.wait()
                continue
            consumer.wake.clear()
            found = consumer.fetched()
            if found:
                await _deliver(consumer, found)
            elif consumer.app.rebalancing:
                await consumer.sleep(consumer.rebalance_poll_seconds)
            else:
                await consumer.wake.wait()
    except asyncio.CancelledError:
        if not (consumer.app.should_stop or fetcher.should_stop):
            raise
    except Exception:
        consumer.log.exception("Delivering records failed")
        raise


async def _deliver(consumer: "Consumer", found: "list[tuple[TP, Cursor]]") -> None:
    """Deliver a turn of each partition in rotation until all are empty or something changed."""
    since_breath = 0
    generation = consumer.app.consumer_generation_id
    for tp, cursor in found:
        consumer.app.monitor.track_tp_end_offset(tp, consumer.broker.log.end(cursor.part))
    while found:
        left = []
        for tp, cursor in found:
            if not await _take_turn(consumer, tp, cursor, generation):
                return
            since_breath += _TURN
            if since_breath >= _BREATH:
                since_breath = 0
                await asyncio.sleep(0)
            # a buffer that filled up takes its partition out of the active ones
            if cursor.ready and tp in consumer.active_partitions:
                left.append((tp, cursor))
        found = left


async def _take_turn(
    consumer: "Consumer", tp: TP, cursor: "Cursor", generation: int | None
) -> bool:
    """Deliver some records of one partition; False if the flow stopped or a rebalance came."""
    app: Any = consumer.app
    conductor = app.topics
    acks = conductor.acks_enabled_for(tp.topic)
    every = consumer.commit_every
    ready = cursor.ready
    for _ in range(min(_TURN, len(ready))):
        if (
            not consumer.flow_active
            or consumer.should_stop
            or app.consumer_generation_id != generation
        ):
            return False
        if not ready:  # a seek emptied it while we waited below
            break
        record = ready.popleft()
        cursor.position = record.offset + 1
        message = consumer.message(tp, record)
        ledger = consumer.ledger(tp) if acks else None
        if ledger is not None:
            ledger.hand_out(record.offset)
        if conductor.has_room(tp):  # nothing in the callback waits then
            await consumer.callback(message)
        else:
            await consumer.wait_first(consumer.callback(message), consumer.suspend_flow.wait())
        if ledger is not None:
            if not message.refcount and not message.acked:
                ledger.done(record.offset)  # no stream wants it
            if every is not None and consumer.commit_due(every):
                await consumer.commit()
    if acks:
        consumer.broker.note_reader({cursor.part: cursor.position})
    return True
