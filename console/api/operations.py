"""A route and what is documented about it in one place: neither is there without the other."""

from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass, field
from typing import Any

from aiohttp import web
from pydantic import BaseModel

from console.api.problems import Handler, explain_in

Schema = dict[str, Any]


@dataclass(frozen=True)
class Parameter:
    """place: query or header; those of the path are read from it."""

    name: str
    description: str
    schema: Mapping[str, Any] = field(default_factory=lambda: {"type": "string"})
    place: str = "query"
    required: bool = False
    many: bool = False  # may be given several times


@dataclass(frozen=True)
class Operation:
    """
    body:     the model of the JSON body; or media type -> schema for other bodies; or several
              models of which one fits.
    answer:   status and model of what is answered when all goes well.
    media:    media types of an answer that is a file instead of a model.
    problems: statuses of problem+json beside 400, 413, 415, 422 (with a body) and 500, 503.
    """

    method: str
    path: str
    handler: Handler
    name: str
    summary: str
    tag: str
    answer: tuple[int, type[BaseModel] | None]
    body: type[BaseModel] | Sequence[type[BaseModel]] | Mapping[str, Schema] | None = None
    body_required: bool = True
    parameters: Sequence[Parameter] = ()
    problems: Sequence[int] = ()
    bearer: bool = True
    notes: str = ""
    media: Sequence[str] = ()


@dataclass
class Documented:
    """The operations that an app has so far; the document is made from them."""

    operations: list[Operation] = field(default_factory=list)


DOCUMENTED: web.AppKey[Documented] = web.AppKey("documented", Documented)


def add_operations(app: web.Application, operations: Iterable[Operation]) -> None:
    explain_in(app)
    known = app.get(DOCUMENTED)
    if known is None:
        known = app[DOCUMENTED] = Documented()
    for one in operations:
        app.router.add_route(one.method, one.path, one.handler)
        known.operations.append(one)
