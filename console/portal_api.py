"""Adds the portal API to the web process's application."""

from aiohttp import web

from console.api.openapi import add_document
from console.api.operations import add_operations
from console.portal import acts, matters, uploads
from console.portal.deps import PORTAL, Portal, PortalDeps

__all__ = ["OPERATIONS", "PortalDeps", "add_portal_api"]

OPERATIONS = (*matters.OPERATIONS, *acts.OPERATIONS, *uploads.OPERATIONS)


def add_portal_api(app: web.Application, deps: PortalDeps) -> None:
    """/api/portal/v1/..., and its part of /api/openapi.json."""
    app[PORTAL] = Portal(deps)
    add_operations(app, OPERATIONS)
    add_document(app)
