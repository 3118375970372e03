"""Every table in one place: name, key, value, who writes and reads it."""

from dataclasses import dataclass
from typing import Any

import faust

from streams.topics import PARTITIONS


@dataclass(frozen=True)
class TableSpec:
    """partitions: those of the topic whose stream writes the table, or the two drift apart."""

    name: str
    key: str
    value: str
    written_by: str
    read_by: str
    partitions: int


SLA_CLOCKS = TableSpec(
    name="sla-clocks",
    key="ticket id",
    value="`Sheet` (JSON, deflated, base64) of a ticket that has not ended: its head, its clocks",
    written_by="sla-clocks",
    read_by="sla-clocks",
    partitions=PARTITIONS,
)
TABLES: tuple[TableSpec, ...] = (SLA_CLOCKS,)


def declared(app: faust.App, spec: TableSpec) -> Any:
    """Faust's table of plain texts; its changelog is compacted and never expires."""
    return app.Table(spec.name, key_type=str, value_type=str, partitions=spec.partitions)
