"""The limit rules in force: the built-in table, or a city's own file."""

from pathlib import Path

from pydantic import TypeAdapter, ValidationError

from schemas.default_limits import DEFAULT_LIMITS
from schemas.errors import HubError
from schemas.sla import LimitRule

_RULES: TypeAdapter[tuple[LimitRule, ...]] = TypeAdapter(tuple[LimitRule, ...])


class LimitsWrong(HubError):
    """The file of limit rules cannot be used; the message names the row and the key."""


def limits_of(file: Path | None) -> tuple[LimitRule, ...]:
    """The rules of `file` (a JSON list of rows as in docs/time-limits.md), else the built-in.

    Raises: LimitsWrong.
    """
    if file is None:
        return tuple(DEFAULT_LIMITS)
    try:
        rules = _RULES.validate_json(file.read_bytes())
    except OSError as error:
        raise LimitsWrong(
            f"{file}: {error.strerror}; name another in clocks.limits_file"
        ) from error
    except ValidationError as error:
        first = error.errors(include_input=False)[0]
        place = ".".join(map(str, first["loc"])) or "file"
        raise LimitsWrong(f"{file}: row {place}: {first['msg']}") from error
    if not rules:
        raise LimitsWrong(f"{file}: no rule in it; without limits nothing is ever due")
    return rules
