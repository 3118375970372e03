"""Structured logs without personal data: fields, not sentences; JSON where a program reads them."""

import logging
import re
import sys
from collections.abc import MutableMapping
from typing import Any, TextIO

import structlog

_PHONE = re.compile(r"(?<!\d)(1[3-9]\d)\d{4}(\d{4})(?!\d)")
_ID_NO = re.compile(r"(?<!\d)(\d{6})\d{8}(\d{3}[\dXx])(?!\d)")
# Names of fields that hold personal data or secrets wherever they turn up.
_PRIVATE = frozenset({"phone", "name", "id_no", "address", "text", "password", "token", "secret"})
# The chatter of libraries that log every record or request.
_QUIET = (
    "aiohttp.access",
    "aiokafka",
    "aiosqlite",
    "alembic",
    "asyncio",
    "faust",
    "httpcore",
    "httpx",
    "jieba",
    "mode",
    "streams.embedded",
    "zeep",
)


def mask(value: str) -> str:
    """A text with phone and identity numbers masked."""
    return _ID_NO.sub(r"\1********\2", _PHONE.sub(r"\1****\2", value))


def _without_personal_data(
    _logger: Any, _method: str, event: MutableMapping[str, Any]
) -> MutableMapping[str, Any]:
    for field, value in event.items():
        if field in _PRIVATE:
            event[field] = "***"
        elif isinstance(value, str):
            event[field] = mask(value)
    return event


def set_up(level: str, form: str, stream: TextIO | None = None) -> None:
    """Send every log of the process to `stream` (default: stderr) in one form.

    form: "json", "text", or "auto" (text on a terminal).
    """
    stream = stream or sys.stderr
    text = form == "text" or (form == "auto" and stream.isatty())
    shared: list[Any] = [
        structlog.contextvars.merge_contextvars,
        structlog.stdlib.add_logger_name,
        structlog.stdlib.add_log_level,
        structlog.processors.TimeStamper(fmt="iso", utc=True),
        structlog.processors.format_exc_info,
        _without_personal_data,
    ]
    renderer: Any = (
        structlog.dev.ConsoleRenderer(
            colors=stream.isatty(), exception_formatter=structlog.dev.plain_traceback
        )
        if text
        else structlog.processors.JSONRenderer(ensure_ascii=False)
    )
    structlog.configure(
        processors=[*shared, structlog.stdlib.ProcessorFormatter.wrap_for_formatter],
        logger_factory=structlog.stdlib.LoggerFactory(),
        wrapper_class=structlog.stdlib.BoundLogger,
        cache_logger_on_first_use=False,
    )
    handler = logging.StreamHandler(stream)
    handler.setFormatter(
        structlog.stdlib.ProcessorFormatter(
            foreign_pre_chain=shared,
            processors=[structlog.stdlib.ProcessorFormatter.remove_processors_meta, renderer],
        )
    )
    root = logging.getLogger()
    root.handlers = [handler]
    root.setLevel(level.upper())
    for name in _QUIET:
        logging.getLogger(name).setLevel(max(logging.WARNING, root.level))
