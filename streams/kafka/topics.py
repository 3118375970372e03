"""Topics on Kafka are made ahead, with partitions, retention and compaction of our own choosing.

A producer that meets a missing topic fails, and a topic that the broker makes by itself has the
broker's number of partitions, which would tear tickets and their clocks apart.
"""

from collections.abc import AsyncIterator, Sequence
from contextlib import asynccontextmanager
from dataclasses import dataclass
from typing import Any

from aiokafka.admin import AIOKafkaAdminClient, NewTopic
from aiokafka.errors import KafkaConnectionError, KafkaError, for_code

from schemas.errors import HubError
from streams.kafka.access import KafkaAccess
from streams.tables import TABLES
from streams.topics import TOPICS

APP_ID = "sutong"
_TIMEOUT_MS = 15_000


class KafkaAway(HubError):
    """The cluster does not answer, or refuses us. Look at its address, its log and our access."""


@dataclass(frozen=True)
class KafkaTopic:
    """As it should be. config: Kafka's own names."""

    name: str
    partitions: int
    config: dict[str, str]


def wanted() -> list[KafkaTopic]:
    """Every topic of streams/topics.py, and the changelog of every table."""
    plain = [
        KafkaTopic(
            spec.name,
            spec.partitions,
            {
                "cleanup.policy": "delete",
                "retention.ms": str(int(spec.retention.total_seconds() * 1000)),
            },
        )
        for spec in TOPICS
    ]
    changelogs = [
        KafkaTopic(
            f"{APP_ID}-{table.name}-changelog", table.partitions, {"cleanup.policy": "compact"}
        )
        for table in TABLES
    ]
    return plain + changelogs


async def missing(access: KafkaAccess) -> list[str]:
    """Topics that are not there, and those whose partitions are too few. Raises: KafkaAway."""
    async with _admin(access) as admin:
        held = await _partitions(admin)
    return [
        topic.name if topic.name not in held else f"{topic.name} (partitions)"
        for topic in wanted()
        if held.get(topic.name, 0) < topic.partitions
    ]


async def ensure(access: KafkaAccess) -> list[str]:
    """Make what is missing; the names of what was made. A topic that is there is left as it is.

    Raises: KafkaAway; TopicsWrong when one has another number of partitions.
    """
    async with _admin(access) as admin:
        held = await _partitions(admin)
        torn = [
            f"{topic.name} has {held[topic.name]} partitions instead of {topic.partitions}"
            for topic in wanted()
            if topic.name in held and held[topic.name] != topic.partitions
        ]
        if torn:
            raise TopicsWrong("; ".join(torn))
        fresh = [topic for topic in wanted() if topic.name not in held]
        if fresh:
            await _create(admin, fresh, access.replicas)
    return [topic.name for topic in fresh]


class TopicsWrong(HubError):
    """A topic was made by somebody else with other partitions; delete it while the hub stands."""


async def _create(admin: Any, topics: Sequence[KafkaTopic], replicas: int) -> None:
    answer = await admin.create_topics(
        [
            NewTopic(
                name=topic.name,
                num_partitions=topic.partitions,
                replication_factor=replicas,
                topic_configs=topic.config,
            )
            for topic in topics
        ]
    )
    refused = [
        f"{name}: {for_code(code).__name__} {text or ''}".strip()
        for name, code, text in answer.topic_errors
        if code not in {0, _EXISTS}
    ]
    if refused:
        raise KafkaAway("; ".join(refused))


_EXISTS = 36  # TOPIC_ALREADY_EXISTS: another process was quicker


async def _partitions(admin: Any) -> dict[str, int]:
    names = [name for name in await admin.list_topics() if not name.startswith("__")]
    if not names:
        return {}
    return {
        found["topic"]: len(found["partitions"]) for found in await admin.describe_topics(names)
    }


@asynccontextmanager
async def _admin(access: KafkaAccess) -> AsyncIterator[Any]:
    admin = AIOKafkaAdminClient(**access.client(), client_id=APP_ID, request_timeout_ms=_TIMEOUT_MS)
    try:
        await admin.start()
        yield admin
    except KafkaConnectionError as error:
        raise KafkaAway(f"no broker answers at {', '.join(access.servers)}") from error
    except KafkaError as error:
        raise KafkaAway(f"{type(error).__name__}: {error}") from error
    finally:
        await admin.close()
