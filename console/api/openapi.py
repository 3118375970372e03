"""/api/openapi.json: OpenAPI 3.1 from the operations and their models, so it cannot fall behind."""

import re
from collections.abc import Mapping, Sequence
from typing import Any

from aiohttp import web
from pydantic import BaseModel
from pydantic.json_schema import JsonSchemaMode, models_json_schema
from pydantic_core import to_json

from console import say
from console.api.actions import RESERVED
from console.api.answers import ProblemJson
from console.api.bodies import raw_answer
from console.api.operations import DOCUMENTED, Documented, Operation, Parameter, Schema
from schemas.commands import Command
from schemas.lifecycle import TICKET

PATH = "/api/openapi.json"
_TEMPLATE = "#/components/schemas/{model}"
_IN_PATH = re.compile(r"{(\w+)}")
_PATH_WORDS = {
    "ticket_id": "id (a number) or number (ST...) of the ticket",
    "ticket_no": "number of the ticket (ST...)",
    "attachment_id": "as the list of the ticket's attachments says",
    "action": "what is asked for",
}
_DOCUMENT: web.AppKey[list[bytes]] = web.AppKey("openapi_document", list)


def add_document(app: web.Application) -> None:
    """Serve the document; it is made on the first call, when all routes are there."""
    if _DOCUMENT in app:
        return
    app[_DOCUMENT] = []

    async def document(request: web.Request) -> web.Response:
        made = request.app[_DOCUMENT]
        if not made:
            made.append(to_json(document_of(request.app[DOCUMENTED])))
        return raw_answer(made[0])

    app.router.add_get(PATH, document)


def document_of(documented: Documented) -> dict[str, Any]:
    operations = documented.operations
    schemas = _Schemas(operations)
    paths: dict[str, dict[str, Any]] = {}
    for one in operations:
        paths.setdefault(one.path, {})[one.method.lower()] = _operation(one, schemas)
    return {
        "openapi": "3.1.0",
        "info": {
            "title": "Sutong",
            "version": "1",
            "summary": "Tickets of the city's complaint hub, for programs and for the portal",
        },
        "paths": paths,
        "components": {
            "schemas": schemas.components,
            "securitySchemes": {"bearer": {"type": "http", "scheme": "bearer"}},
        },
    }


class _Schemas:
    """Every model once, by reference."""

    def __init__(self, operations: Sequence[Operation]) -> None:
        bodies = dict.fromkeys(model for one in operations for model in _body_models(one))
        answers: dict[type[BaseModel], None] = {}
        for one in operations:
            if one.answer[1] is not None:
                answers[one.answer[1]] = None
        asked: list[tuple[type[BaseModel], JsonSchemaMode]] = []
        asked.extend((model, "validation") for model in bodies)
        asked.extend((model, "serialization") for model in answers)
        asked.append((ProblemJson, "serialization"))
        self._references, whole = models_json_schema(asked, ref_template=_TEMPLATE)
        self.components: dict[str, Schema] = whole.get("$defs", {})
        for model in bodies:
            if issubclass(model, Command):
                _describe_command(model, self._component(model))
        self._drop_unused()

    def of(self, model: type[BaseModel], mode: JsonSchemaMode) -> Schema:
        return dict(self._references[model, mode])

    def _component(self, model: type[BaseModel]) -> Schema:
        return self.components[self._references[model, "validation"]["$ref"].rpartition("/")[2]]

    def _drop_unused(self) -> None:
        """Commands bring along what their callers do not give (the actor and his roles)."""
        used = {str(found["$ref"]).rpartition("/")[2] for found in self._references.values()}
        waiting = set(used)
        while waiting:
            text = to_json(self.components[waiting.pop()]).decode()
            fresh = set(re.findall(r'"#/components/schemas/([^"]+)"', text)) - used
            used |= fresh
            waiting |= fresh
        self.components = {name: one for name, one in self.components.items() if name in used}


def _body_models(one: Operation) -> Sequence[type[BaseModel]]:
    if one.body is None or isinstance(one.body, Mapping):
        return ()
    return one.body if isinstance(one.body, Sequence) else (one.body,)


def _describe_command(model: type[Command], schema: Schema) -> None:
    """What the caller gives of a command, who may ask for it and from where."""
    properties: dict[str, Any] = schema.get("properties", {})
    for name in RESERVED:
        properties.pop(name, None)
    schema["required"] = [name for name in schema.get("required", []) if name in properties]
    if not schema["required"]:
        del schema["required"]
    rows = [(state, row) for (state, action), row in TICKET.items() if action is model.action]
    roles = sorted({role for _, row in rows for role in row.roles})
    states = ", ".join(str(state) for state, _ in rows if state is not None)
    schema["title"] = model.action.value
    own = model.__doc__ if model.__doc__ != Command.__doc__ else ""
    schema["description"] = (
        f"{say.text(model.action)}. By {', '.join(roles)}; from {states}. {own or ''}".strip()
    )


def _operation(one: Operation, schemas: _Schemas) -> dict[str, Any]:
    made: dict[str, Any] = {
        "operationId": one.name,
        "summary": one.summary,
        "tags": [one.tag],
        "responses": _responses(one, schemas),
    }
    if one.notes:
        made["description"] = one.notes
    parameters = [_path_parameter(name, one) for name in _IN_PATH.findall(one.path)]
    parameters += [_parameter(parameter) for parameter in one.parameters]
    if parameters:
        made["parameters"] = parameters
    if one.body is not None:
        made["requestBody"] = {"required": one.body_required, "content": _content(one, schemas)}
    made["security"] = [{"bearer": []}] if one.bearer else []
    return made


def _content(one: Operation, schemas: _Schemas) -> dict[str, Any]:
    if isinstance(one.body, Mapping):
        return {media: {"schema": schema} for media, schema in one.body.items()}
    references = [schemas.of(model, "validation") for model in _body_models(one)]
    schema = references[0] if len(references) == 1 else {"anyOf": references}
    return {"application/json": {"schema": schema}}


def _responses(one: Operation, schemas: _Schemas) -> dict[str, Any]:
    status, model = one.answer
    good: dict[str, Any] = {"description": "done"}
    if model is not None:
        good["content"] = {"application/json": {"schema": schemas.of(model, "serialization")}}
    if one.media:  # without a schema: bytes as they are
        good["content"] = {media: {} for media in one.media}
    statuses = {*one.problems, 500, 503} | ({400, 413, 415, 422} if one.body is not None else set())
    problem = {"application/problem+json": {"schema": schemas.of(ProblemJson, "serialization")}}
    return {str(status): good} | {
        str(other): {"description": _WORDS[other], "content": problem} for other in sorted(statuses)
    }


_WORDS = {
    400: "not understood",
    401: "no valid token",
    403: "wrong role or department",
    404: "unknown, or out of scope",
    409: "not possible now; code says why",
    413: "too large",
    415: "wrong content type",
    422: "wrong fields; errors lists them",
    429: "too often; Retry-After says when",
    500: "failed and logged",
    503: "the store takes nothing now; Retry-After says when",
}


def _path_parameter(name: str, one: Operation) -> dict[str, Any]:
    schema: Schema = {"type": "string"}
    if name == "action":
        commands = [model for model in _body_models(one) if issubclass(model, Command)]
        schema["enum"] = [model.action.value for model in commands]
    return {
        "name": name, "in": "path", "required": True, "description": _PATH_WORDS[name],
        "schema": schema,
    }  # fmt: skip


def _parameter(parameter: Parameter) -> dict[str, Any]:
    schema: Schema = dict(parameter.schema)
    if parameter.many:
        schema = {"type": "array", "items": schema}
    made: dict[str, Any] = {
        "name": parameter.name, "in": parameter.place, "description": parameter.description,
        "required": parameter.required, "schema": schema,
    }  # fmt: skip
    if parameter.many:
        made |= {"style": "form", "explode": True}
    return made
