"""The hub on a real Kafka. One file, so one process: the topics have fixed names."""

import asyncio
import json
import os
import uuid
from pathlib import Path

import pytest
from aiokafka.admin import AIOKafkaAdminClient, NewTopic

from hub.broker_watch import BrokerWatch
from hub.demo.day import DemoOptions, play
from streams.kafka.access import KafkaAccess, KafkaSettingsWrong
from streams.kafka.topics import KafkaAway, KafkaTopic, TopicsWrong, ensure, missing, wanted
from streams.tables import TABLES
from streams.topics import TOPICS
from tests.hub.commands import sutong
from tests.postgresql import own_database

PATIENCE = 30.0  # seconds
BROKER = os.environ.get("SUTONG_TEST_BROKER_URL", "")
NOBODY = "kafka://127.0.0.1:1"


def test_every_topic_and_changelog_is_wanted() -> None:
    names = [topic.name for topic in wanted()]
    assert names == [one.name for one in TOPICS] + [
        f"sutong-{one.name}-changelog" for one in TABLES
    ]
    policies = {topic.name: topic.config["cleanup.policy"] for topic in wanted()}
    assert policies["tickets.events.v1"] == "delete"
    assert policies["sutong-sla-clocks-changelog"] == "compact"


@pytest.mark.parametrize(
    ("given", "said"),
    [
        ({"mechanism": "GSSAPI"}, "mechanism"),
        ({"tls": True, "cert_file": Path("c.pem")}, "go together"),
        ({"ca_file": Path("ca.pem")}, "tls = true"),
    ],
)
def test_access_that_cannot_be_meant_is_refused(given: dict[str, object], said: str) -> None:
    with pytest.raises(KafkaSettingsWrong, match=said):
        KafkaAccess.of("kafka://h", **given)


def test_a_certificate_that_is_not_there_is_said(tmp_path: Path) -> None:
    access = KafkaAccess.of("kafka://h", tls=True, ca_file=tmp_path / "ca.pem")
    with pytest.raises(KafkaSettingsWrong, match="TLS files"):
        access.context()


@pytest.mark.parametrize(
    ("given", "protocol"),
    [
        ({}, "PLAINTEXT"),
        ({"tls": True}, "SSL"),
        ({"user": "hub", "password": "p"}, "SASL_PLAINTEXT"),
        ({"user": "hub", "password": "p", "tls": True}, "SASL_SSL"),
    ],
)
def test_faust_and_the_admin_client_get_the_same_access(
    given: dict[str, object], protocol: str
) -> None:
    access = KafkaAccess.of("kafka://h", **given)
    assert access.client()["security_protocol"] == protocol
    credentials = access.credentials()
    assert (credentials.protocol.value if credentials else "PLAINTEXT") == protocol


async def test_nobody_there_is_said_with_the_address() -> None:
    with pytest.raises(KafkaAway, match=r"127\.0\.0\.1:1"):
        await missing(KafkaAccess.of(NOBODY))
    watch = BrokerWatch(NOBODY, lambda: 100.0)
    assert "127.0.0.1:1" in (await watch.problem() or "")
    await watch.require()  # what comes in is a row first, whatever the cluster does


def test_check_and_migrate_say_what_to_do_without_a_cluster(
    home: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv("SUTONG_HOME", str(home))
    monkeypatch.setenv("SUTONG_BROKER_URL", NOBODY)
    ran = sutong("migrate")
    assert ran.code == 1
    assert "no broker answers at 127.0.0.1:1" in ran.err
    findings = {one["part"]: one for one in sutong("check", "--json").json["findings"]}
    assert not findings["broker"]["ok"]
    assert findings["broker"]["remedy"]


@pytest.mark.kafka
async def test_topics_are_made_once_with_partitions_of_our_own() -> None:
    access = KafkaAccess.of(BROKER)
    await ensure(access)
    assert await missing(access) == []
    assert await ensure(access) == []


@pytest.mark.kafka
async def test_a_topic_of_other_partitions_is_refused_not_used(
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    access = KafkaAccess.of(BROKER)
    torn = KafkaTopic(f"torn-{uuid.uuid4().hex}", 3, {})
    monkeypatch.setattr("streams.kafka.topics.wanted", lambda: [torn])
    admin = AIOKafkaAdminClient(**access.client())
    await admin.start()
    try:
        await admin.create_topics([NewTopic(torn.name, 2, 1)])
        async with asyncio.timeout(PATIENCE):  # until the broker's own list has it
            while await missing(access) == [torn.name]:
                pass
        assert await missing(access) == [f"{torn.name} (partitions)"]
        with pytest.raises(TopicsWrong, match="2 partitions instead of 3"):
            await ensure(access)
        await admin.delete_topics([torn.name])
    finally:
        await admin.close()


@pytest.mark.kafka
@pytest.mark.postgresql
@pytest.mark.slow
async def test_two_workers_and_two_webs_of_which_one_each_is_killed_lose_nothing() -> None:
    said: list[str] = []
    async with own_database("fleet_test") as url:
        summary = await play(
            DemoOptions(
                tickets=30,
                leave=True,
                faults="some",
                broker_url=BROKER,
                database_url=url,
                workers=2,
                webs=2,
                kill=True,
                say=said.append,
            )
        )
    assert not summary.problems()
    facts = summary.as_json()
    assert facts["tickets"] == 30
    assert facts["lost"] == facts["doubled"] == 0
    assert any(line.startswith("killed: worker") for line in said), json.dumps(said)
