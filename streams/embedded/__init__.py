"""The broker of a one-machine hub: a Faust transport over one SQLite file, URL scheme `sqlite://`.

Topics with partitions, offsets, consumer groups, retention and compaction as on Kafka, for one
worker per file. An acknowledged send is on the disk; a killed worker loses nothing.

    app = faust.App("hub", broker="sqlite:///var/log.db", web_enabled=False)

Surprising rule: `sqlite:///x` is relative, `sqlite:////x` absolute. `BrokerSettings` lists what
the URL's query may say. `inspect(path)` reports topics, sizes and lag, also beside a worker.
"""

from streams.embedded.inspection import PartitionInfo, inspect
from streams.embedded.lock import LogInUse
from streams.embedded.settings import BrokerSettings, BrokerUrlRefused
from streams.embedded.transport import Transport

__all__ = [
    "BrokerSettings",
    "BrokerUrlRefused",
    "LogInUse",
    "PartitionInfo",
    "Transport",
    "inspect",
]
