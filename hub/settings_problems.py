"""What is wrong with settings, in lines that name the variable or key and what belongs there."""

import json
from collections.abc import Iterator, Mapping, Sequence
from pathlib import Path
from typing import Any, get_origin

from pydantic import BaseModel

PREFIX = "SUTONG_"
_BETWEEN = "__"  # a dot in the name of a variable
_NOT_OURS = {"SUTONG_CONFIG"}  # names the file; not a setting of the hub
_FOR_TESTS = "SUTONG_TEST_", "SUTONG_UPDATE_", "SUTONG_REQUIRE_"
_PEERS = '{"NAME": {"dialect": "...", ...}}'


def wrong_value(problem: Mapping[str, Any], environment: Mapping[str, str], file: Path) -> str:
    """One problem that pydantic found: the key, where it stands, and what is wrong with it."""
    place = problem["loc"]
    key = ".".join(map(str, place))
    if problem["type"] == "extra_forbidden":
        return f"{key} in {_variable(place, environment) or file}: no such setting"
    words = problem["msg"]
    if place[0] == "peers":
        words = f"a peer is a table of keys; as JSON: {_PEERS}"
    return f"{key} in {_variable(place, environment) or file}: {words}"


def unread_values(
    model: type[BaseModel], environment: Mapping[str, str], file: Path
) -> Iterator[str]:
    """Variables that hold JSON and cannot be read; values are not repeated: they may be secret."""
    for name, value in environment.items():
        path = name.removeprefix(PREFIX).lower().split(_BETWEEN)
        if name.startswith(PREFIX) and (shape := _shape(model, path)) and not _is_json(value):
            key = "peers.NAME" if path == ["peers"] else path[0]
            yield f"{name} in the environment: not JSON; write {shape}, or [{key}] in {file}"


def unknown_variables(model: type[BaseModel], environment: Mapping[str, str]) -> Iterator[str]:
    """SUTONG_ variables that no setting reads: a typo must not hide."""
    known = {PREFIX + name.upper() for name in model.model_fields} | _NOT_OURS
    for name in environment:
        ours = name.startswith(PREFIX) and not name.startswith(_FOR_TESTS)
        if ours and name.partition(_BETWEEN)[0] not in known:
            yield f"{name} in the environment: no such setting"


def _variable(place: Sequence[Any], environment: Mapping[str, str]) -> str | None:
    """The variable that says the value at `place`, or a table round it; None: the file says it."""
    for end in range(len(place), 0, -1):
        name = PREFIX + _BETWEEN.join(map(str, place[:end])).upper()
        if name in environment:
            return name
    return None


def _shape(model: type[BaseModel], path: Sequence[str]) -> str | None:
    """What JSON belongs into a variable; None when it is plain text, or no setting."""
    name, *rest = path
    field = model.model_fields.get(name)
    if field is None:
        return None
    if name == "peers":
        return None if rest else _PEERS
    inner = type(field.default)
    if issubclass(inner, BaseModel):
        return _shape(inner, rest) if rest else '{"KEY": VALUE, ...}'
    return "[1, 2, ...]" if get_origin(field.annotation) is tuple else None


def _is_json(value: str) -> bool:
    try:
        json.loads(value)
    except ValueError:
        return False
    return True
