"""满意率 and 解决率: what citizens said in the follow-up calls of a span of time."""

from dataclasses import dataclass
from datetime import datetime
from typing import Any

from sqlalchemy import ColumnElement, Select, case, exists, func, select

from ticket_store.scope import Scope
from ticket_store.search_models import follow_ups, ticket_departments

_CALL, _SHARE = follow_ups.c, ticket_departments.c


@dataclass(frozen=True)
class Rates:
    """calls: that reached the citizen; a ticket that was reworked may have had several."""

    calls: int
    satisfied: int
    resolved: int


def rates_between(since: datetime, before: datetime, scope: Scope) -> Select[Any]:
    """calls, satisfied, resolved; for a scope that sees something.

    before: not included.
    """
    wanted: list[ColumnElement[bool]] = [_CALL.at >= since, _CALL.at < before]
    if scope.department is not None:
        wanted.append(
            exists().where(
                _SHARE.department == scope.department, _SHARE.ticket_id == _CALL.ticket_id
            )
        )
    counts: list[Any] = [func.count(), _yes(_CALL.satisfied), _yes(_CALL.resolved)]
    return select(*counts).where(*wanted)


def _yes(column: ColumnElement[bool]) -> ColumnElement[int]:
    return func.coalesce(func.sum(case((column, 1), else_=0)), 0)
