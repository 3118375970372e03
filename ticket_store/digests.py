"""The digests of the audit (SM3, as the national standard asks), and the facts that they cover."""

import json
from collections.abc import Mapping, Sequence
from typing import Any

from cryptography.hazmat.primitives import hashes

START = b"\0" * 32  # the digest before the first row
BODY = "body"  # the fact that holds the digest of the body which a command brought


def sm3(*parts: bytes | str | int | None) -> bytes:
    """The digest of the parts, each led by its length, so that no two lists read the same."""
    digest = hashes.Hash(hashes.SM3())
    joined = []
    for part in parts:
        content = part if isinstance(part, bytes) else ("" if part is None else str(part)).encode()
        joined.append(b"%d:%b" % (len(content), content))
    digest.update(b"".join(joined))
    return digest.finalize()


def events_digest(rows: Sequence[Mapping[str, Any]]) -> bytes:
    """The digest of event rows, as they are stored."""
    return sm3(
        *(
            part
            for row in rows
            for part in (
                row["event_id"], row["at"], row["command_id"], row["actor"], row["kind"],
                row["body"],
            )
        )
    )  # fmt: skip


def row_digest(before: bytes, row: Mapping[str, Any]) -> bytes:
    return sm3(
        before, row["row_no"], row["at"], row["actor_id"], row["action"], row["subject"],
        row["facts"], row["events_digest"],
    )  # fmt: skip


_COMPACT = json.JSONEncoder(ensure_ascii=False, sort_keys=True, separators=(",", ":"))


def compact(facts: Mapping[str, Any]) -> str:
    return _COMPACT.encode(facts)


def body_digest(event_id: int, body: str) -> str:
    """Of a registration's or supplement's body as it is stored, with its place; hex."""
    return sm3(event_id, body).hex()
