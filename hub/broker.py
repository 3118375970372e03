"""The broker as the settings name it: embedded, or a Kafka cluster whose topics are made ahead."""

from hub.settings import Settings
from streams.kafka.access import SCHEME, KafkaAccess
from streams.kafka.topics import ensure, missing


def kafka_named(settings: Settings) -> bool:
    """Whether the broker is Kafka, however well its URL is written."""
    return settings.broker.startswith(f"{SCHEME}:")


def kafka_of(settings: Settings) -> KafkaAccess | None:
    """None with the embedded broker. Raises: KafkaSettingsWrong."""
    if not kafka_named(settings):
        return None
    told = settings.kafka
    return KafkaAccess.of(
        settings.broker,
        tls=told.tls,
        ca_file=told.ca_file,
        cert_file=told.cert_file,
        key_file=told.key_file,
        user=told.user,
        password=told.password.get_secret_value(),
        mechanism=told.mechanism,
        replicas=told.replicas,
    )


async def prepare_broker(settings: Settings) -> list[str]:
    """Make the topics that are missing; their names. Raises: KafkaAway, TopicsWrong."""
    access = kafka_of(settings)
    return await ensure(access) if access else []


async def missing_topics(settings: Settings) -> list[str]:
    """Raises: KafkaAway."""
    access = kafka_of(settings)
    return await missing(access) if access else []
