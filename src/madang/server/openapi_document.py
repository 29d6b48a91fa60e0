"""The OpenAPI document: what the UI's types are made from.

Each operation's ``security`` names the permission it asks for, taken from the route itself.
"""

from __future__ import annotations

import json
from collections.abc import Iterator
from typing import Any

from fastapi import FastAPI
from fastapi.dependencies.models import Dependant
from fastapi.openapi.utils import get_openapi
from fastapi.routing import APIRoute

from madang.server.auth import SESSION_COOKIE, caller
from madang.server.examples import Example, examples

_SCHEMES = {
    "token": {"type": "http", "scheme": "bearer", "description": "An API token, `mdg_…`."},
    "session": {
        "type": "apiKey",
        "in": "cookie",
        "name": SESSION_COOKIE,
        "description": "A signed-in person; unsafe methods need the header `X-Madang-Request: 1`.",
    },
}
_TAGS = [
    {"name": "session", "description": "Signing in and out."},
    {"name": "users", "description": "Users, for admins."},
    {"name": "tokens", "description": "API tokens."},
    {"name": "ingest", "description": "Appending records."},
    {"name": "overview", "description": "How everything flows."},
    {"name": "streams", "description": "Streams, their records, live tails and dead letters."},
    {"name": "tables", "description": "Tables of the lake."},
    {"name": "sql", "description": "Queries."},
    {"name": "project", "description": "The project directory."},
    {"name": "health", "description": "For machines."},
]


def permission_of(route: APIRoute) -> str | None:
    """The permission that a route asks for; None for an open one."""
    for dependant in _dependants(route.dependant):
        if dependant.call is caller:
            return str(next(iter(dependant.own_oauth_scopes or ())))
    return None


def api_routes(app: FastAPI) -> Iterator[APIRoute]:
    """The routes that the document describes."""
    for route in app.routes:
        if isinstance(route, APIRoute) and route.include_in_schema:
            yield route


def add_openapi(app: FastAPI) -> None:
    """Make ``app.openapi()`` give the document; it is built when first asked for."""

    def document() -> dict[str, Any]:
        if app.openapi_schema is None:
            app.openapi_schema = _document(app)
        return app.openapi_schema

    app.openapi = document  # type: ignore[method-assign]


def _document(app: FastAPI) -> dict[str, Any]:
    found = get_openapi(
        title=app.title,
        version=app.version,
        description="Errors of every route have the shape `ErrorAnswer`.",
        routes=app.routes,
        tags=_TAGS,
    )
    found.setdefault("components", {})["securitySchemes"] = _SCHEMES
    for route in api_routes(app):
        permission = permission_of(route)
        for method in route.methods or ():
            operation = found["paths"][route.path_format][method.lower()]
            operation["operationId"] = route.name
            _add_example(operation, examples().get(f"{method} {route.path_format}"))
            # Validation errors have the one shape too, with status 400.
            operation["responses"].pop("422", None)
            if permission is None:
                operation["security"] = []
            else:
                operation["security"] = [{"token": [permission]}, {"session": [permission]}]
    schemas = found["components"].get("schemas", {})
    for unused in ("HTTPValidationError", "ValidationError"):
        schemas.pop(unused, None)
    return found


def _add_example(operation: dict[str, Any], example: Example | None) -> None:
    """Give the example's body and answer to the media types that they are of."""
    if example is None:
        return
    content = operation["responses"].get(str(example.status), {}).get("content", {})
    if example.answer is not None and "application/json" in content:
        content["application/json"]["example"] = example.answer
    asked = operation.get("requestBody", {}).get("content", {})
    kind = example.headers.get("Content-Type", "application/json")
    if example.body and kind in asked:
        is_json = kind == "application/json"
        asked[kind]["example"] = json.loads(example.body) if is_json else example.body


def _dependants(dependant: Dependant) -> Iterator[Dependant]:
    yield dependant
    for child in dependant.dependencies:
        yield from _dependants(child)
