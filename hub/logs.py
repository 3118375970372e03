"""Structured logs without personal data: fields, not sentences; JSON where a program reads them."""

import logging
import re
import sys
from collections.abc import Mapping, MutableMapping
from typing import Any, TextIO

import structlog

_PHONE = re.compile(r"(?<!\d)((?:(?:00)?86)?1[3-9]\d)\d{4}(\d{4})(?!\d)")
_ID_NO = re.compile(r"(?<!\d)(\d{6})\d{8}(\d{3}[\dXx])(?!\d)")
# Names of fields that hold personal data or secrets wherever they turn up.
_PRIVATE = frozenset({"phone", "name", "id_no", "address", "text", "password", "token", "secret"})
# The chatter of libraries that log every record or request.
_QUIET = (
    "aiohttp.access",
    "aiokafka",
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


_TALKATIVE = ("aiokafka", "faust", "mode")
_REPEAT_SECONDS, _MOST_REMEMBERED = 60.0, 500

# What libraries quote in the words of an error: the row, or the field, that they choked on.
_QUOTED = (
    (re.compile(r"\[parameters: .*?\]$", re.DOTALL | re.MULTILINE), "[parameters: ***]"),
    (re.compile(r"input_value=.*?, input_type=", re.DOTALL), "input_value=***, input_type="),
)


def mask(value: str) -> str:
    """A text with phone and identity numbers masked, and without what libraries quote."""
    for quoted, instead in _QUOTED:
        value = quoted.sub(instead, value)
    return _ID_NO.sub(r"\1********\2", _PHONE.sub(r"\1****\2", value))


def _clean(value: Any) -> Any:
    match value:
        case str():
            return mask(value)
        case Mapping():
            return {
                key: "***" if key in _PRIVATE else _clean(inner) for key, inner in value.items()
            }
        case list() | tuple() | set() | frozenset():
            return [_clean(inner) for inner in value]
        case None | bool() | int() | float():
            return value
    return mask(str(value))


def _without_personal_data(
    _logger: Any, _method: str, event: MutableMapping[str, Any]
) -> MutableMapping[str, Any]:
    for field, value in event.items():
        if not field.startswith("_"):  # those are structlog's own
            event[field] = "***" if field in _PRIVATE else _clean(value)
    return event


class Repeats(logging.Filter):
    """Lets the same words of a library through once a minute: while Kafka is away its client says
    so a hundred times a second, and the disk would fill with it."""

    def __init__(self) -> None:
        super().__init__()
        self._said: dict[tuple[str, str], float] = {}  # when, by logger and words

    def filter(self, record: logging.LogRecord) -> bool:
        if not record.name.startswith(_TALKATIVE):
            return True
        words = (record.name, record.getMessage())
        if record.created - self._said.get(words, float("-inf")) < _REPEAT_SECONDS:
            return False
        if len(self._said) >= _MOST_REMEMBERED:
            self._said.clear()
        self._said[words] = record.created
        return True


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
    handler.addFilter(Repeats())
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
