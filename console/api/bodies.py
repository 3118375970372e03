"""Reads bodies of requests as JSON objects, within limits; writes answers as JSON."""

import re
from collections.abc import Iterator
from typing import Any

from aiohttp import web
from pydantic import BaseModel
from pydantic_core import from_json, to_json

from console.api.problems import BAD_REQUEST, HEADERS, TOO_LARGE, WRONG_TYPE, Problem, fields_wrong
from console.say_fields import Wrong

LARGEST_JSON = 1 << 19  # bytes: 20,000 characters of text in their longest escapes, and the rest
_UNPRINTABLE = re.compile(r"[\x00-\x08\x0b\x0c\x0e-\x1f\x7f]")
_JSON_TYPE = re.compile(r"application/(?:[\w.+-]+\+)?json", re.ASCII)
_UTF8 = frozenset({"utf-8", "utf8", "us-ascii"})


async def read_body(request: web.Request, most: int) -> bytes:
    """Raises: Problem 413 for more than `most` bytes, 415 for a compressed body."""
    if (request.content_length or 0) > most:
        raise Problem(TOO_LARGE, "body_too_large", f"at most {most} bytes")
    parts: list[bytes] = []
    size = 0
    async for part in request.content.iter_any():
        size += len(part)
        if size > most:
            raise Problem(TOO_LARGE, "body_too_large", f"at most {most} bytes")
        parts.append(part)
    if request.headers.get("Content-Encoding", "identity").strip().lower() != "identity":
        raise Problem(WRONG_TYPE, "content_type", "compressed bodies are not taken")
    return b"".join(parts)


async def read_json(request: web.Request, *, may_be_empty: bool = False) -> dict[str, Any]:
    """The JSON object of the body. Raises: Problem 413, 415, 400, 422."""
    content = await read_body(request, LARGEST_JSON)
    if not content and may_be_empty:
        return {}
    if not _is_json(request):
        raise Problem(WRONG_TYPE, "content_type", "application/json in UTF-8 is expected")
    try:
        found = from_json(content, allow_inf_nan=False, cache_strings="keys")
    except ValueError as error:
        raise Problem(BAD_REQUEST, "not_json", str(error)[:200]) from error
    if not isinstance(found, dict):
        raise Problem(BAD_REQUEST, "not_json", "a JSON object is expected")
    if odd := tuple(_unprintable(found, "")):
        raise fields_wrong(*odd)
    return found


def has_unprintable(text: str) -> bool:
    """Whether there is a control character in it other than tab and line ends."""
    return _UNPRINTABLE.search(text) is not None


def _is_json(request: web.Request) -> bool:
    if _JSON_TYPE.fullmatch(request.content_type) is None:
        return False
    return (request.charset or "utf-8").lower() in _UTF8


def _unprintable(value: Any, place: str) -> Iterator[Wrong]:
    if isinstance(value, str):
        if has_unprintable(value):
            yield Wrong(place, "含有不可见的控制字符")
    elif isinstance(value, dict):
        for name, inner in value.items():
            yield from _unprintable(inner, f"{place}.{name}" if place else name)
    elif isinstance(value, list):
        for number, inner in enumerate(value):
            yield from _unprintable(inner, f"{place}.{number}")


def answer(value: Any, status: int = 200) -> web.Response:
    body = value.model_dump_json().encode() if isinstance(value, BaseModel) else to_json(value)
    return raw_answer(body, status)


def raw_answer(body: bytes, status: int = 200) -> web.Response:
    return web.Response(
        status=status, body=body, headers={**HEADERS, "Content-Type": "application/json"}
    )
