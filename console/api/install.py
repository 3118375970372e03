"""Adds /api/v1 to the web process's application."""

from aiohttp import web

from console.api import actions, attachments, departments, openapi, tickets
from console.api.calls import API, Api
from console.api.deps import ApiDeps
from console.api.operations import add_operations
from console.api.tokens import Tokens

OPERATIONS = (
    *tickets.OPERATIONS,
    *actions.OPERATIONS,
    *attachments.OPERATIONS,
    *departments.OPERATIONS,
)


def add_api(app: web.Application, deps: ApiDeps) -> None:
    """/api/v1/..., and /api/openapi.json of everything documented in this app."""
    app[API] = Api(deps, Tokens(deps.find_token, deps.token_keep_seconds, deps.monotonic))
    add_operations(app, OPERATIONS)
    openapi.add_document(app)
