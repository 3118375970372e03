"""/api/openapi.json says what is there: every route, every action with its fields, no more."""

import re
from collections.abc import AsyncIterator, Iterator
from pathlib import Path
from typing import Any

import pytest

from console.api.actions import FIELDS, PEOPLES
from console.api.openapi import PATH
from schemas.commands import COMMANDS
from tests.console.portal_stage import PortalStage, portal_stage


@pytest.fixture
async def stage(tmp_path: Path) -> AsyncIterator[PortalStage]:
    async with portal_stage(tmp_path / "tickets.db") as stage:
        yield stage


async def document(stage: PortalStage) -> dict[str, Any]:
    answer = await stage.api.call("GET", PATH)
    assert (answer.status, answer.content_type) == (200, "application/json")
    made: dict[str, Any] = await answer.json()
    return made


async def test_every_route_is_documented_and_nothing_else(stage: PortalStage) -> None:
    made = await document(stage)
    documented = {(method, path) for path, item in made["paths"].items() for method in item}
    served = {
        (route.method.lower(), route.resource.canonical)
        for route in stage.api.app.router.routes()
        if route.resource is not None and route.method != "HEAD"
    }
    assert documented == served - {("get", PATH)}


async def test_every_action_is_documented_with_its_fields(stage: PortalStage) -> None:
    made = await document(stage)
    operation = made["paths"]["/api/v1/tickets/{ticket_id}/actions/{action}"]["post"]
    (action,) = [one for one in operation["parameters"] if one["name"] == "action"]
    assert set(action["schema"]["enum"]) == set(PEOPLES)
    bodies = operation["requestBody"]["content"]["application/json"]["schema"]["anyOf"]
    schemas = {
        schema["title"]: schema
        for body in bodies
        if (schema := made["components"]["schemas"][body["$ref"].rpartition("/")[2]])
    }
    assert set(schemas) == set(PEOPLES)
    for name, schema in schemas.items():
        command = COMMANDS[PEOPLES[name]]
        assert set(schema.get("properties", {})) == FIELDS[PEOPLES[name]]
        needed = {field for field, info in command.model_fields.items() if info.is_required()}
        assert set(schema.get("required", [])) == needed & FIELDS[PEOPLES[name]]
    assert "派发" in schemas["dispatch"]["description"]


async def test_every_reference_leads_somewhere(stage: PortalStage) -> None:
    made = await document(stage)
    known = {f"#/components/schemas/{name}" for name in made["components"]["schemas"]}
    used = {value for key, value in _leaves(made) if key == "$ref"}
    assert used == known  # all are found, none is idle


async def test_the_document_has_the_shape_of_openapi(stage: PortalStage) -> None:
    made = await document(stage)
    assert made["openapi"] == "3.1.0"
    assert {"title", "version"} <= set(made["info"])
    names = [operation["operationId"] for _, _, operation in _operations(made)]
    assert len(names) == len(set(names))
    for path, method, operation in _operations(made):
        in_path = {one["name"] for one in operation.get("parameters", []) if one["in"] == "path"}
        assert in_path == set(re.findall(r"{(\w+)}", path)), (method, path)
        keys = [(one["in"], one["name"]) for one in operation.get("parameters", [])]
        assert len(keys) == len(set(keys))
        assert all(re.fullmatch(r"[1-5]\d\d", status) for status in operation["responses"])
        assert all("description" in one for one in operation["responses"].values())
        bearer = path.startswith("/api/v1/")
        assert operation["security"] == ([{"bearer": []}] if bearer else [])
        assert ("requestBody" in operation) == (method == "post")


def _operations(made: dict[str, Any]) -> Iterator[tuple[str, str, dict[str, Any]]]:
    for path, item in made["paths"].items():
        for method, operation in item.items():
            yield path, method, operation


def _leaves(value: Any, key: str = "") -> Iterator[tuple[str, Any]]:
    if isinstance(value, dict):
        for name, inner in value.items():
            yield from _leaves(inner, name)
    elif isinstance(value, list):
        for inner in value:
            yield from _leaves(inner)
    else:
        yield key, value
