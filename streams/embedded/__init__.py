"""The broker of a one-machine hub: a Faust transport over one SQLite file, URL scheme `sqlite://`.

Topics with partitions, offsets, consumer groups, retention and compaction as on Kafka, for one
worker per file. An acknowledged send is on the disk; a killed worker loses nothing.

To run a worker inside a loop of one's own, without Faust's web server, signal handlers,
redirected stdout and root logger (those are `faust.Worker`'s, which is not used):

    app = faust.App("hub", broker="sqlite:///var/log.db", web_enabled=False,
                    topic_disable_leader=True, datadir="var")
    await app.start()  # returns when the tables are recovered; raises LogInUse
    await app.wait_until_stopped()  # or anything else; afterwards ask app.crashed
    await app.stop()  # also after a crash and during a start: it frees the file

Surprising rule: `sqlite:///x` is relative, `sqlite:////x` absolute. `BrokerSettings` lists what
the URL's query may say. `inspect(path)` reports topics, sizes and lag, also beside a worker.
A topic that nobody in the worker reads should be declared (`await topic.maybe_declare()`) before
the first send, or it gets the app's default partitions and retention.
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
