"""Errors as the API shows them, whoever raised them."""

from __future__ import annotations

import http
import logging
import math
from typing import Any

import orjson
from fastapi import FastAPI, Request, Response
from fastapi.exceptions import RequestValidationError
from starlette.exceptions import HTTPException

from madang.core.errors import InvalidInputError, MadangError, NotFoundError, OverloadedError, Place
from madang.core.ids import new_id
from madang.core.names import near_match
from madang.server.asked_path import PREFIX_KEY, asked_path

_log = logging.getLogger(__name__)
_CODES = {405: "method_not_allowed", 404: "not_found", 413: "too_large", 415: "unsupported_media"}
_WAITING = {429, 503, 507}


class MethodNotAllowedError(MadangError):
    """The path exists, but not for this method."""

    code = "method_not_allowed"
    status = 405


class ForeignHostError(InvalidInputError):
    """The Host header names none of this server's names."""

    code = "foreign_host"
    status = 421


def error_headers(error: MadangError) -> dict[str, str]:
    """``Retry-After`` where waiting helps, ``WWW-Authenticate`` where a credential does."""
    headers = {"Cache-Control": "no-store"}
    if error.status in _WAITING:
        wait_s = error.retry_after_s if isinstance(error, OverloadedError) else 1.0
        headers["Retry-After"] = str(max(1, math.ceil(wait_s)))
    if error.status == http.HTTPStatus.UNAUTHORIZED:
        headers["WWW-Authenticate"] = "Bearer"
    return headers


def error_body(error: MadangError) -> bytes:
    """``{"error": {…}}``."""
    return orjson.dumps({"error": error.as_dict()}, default=str)


def error_response(error: MadangError) -> Response:
    """The whole answer to a request that failed with ``error``."""
    return Response(
        error_body(error),
        status_code=error.status,
        headers=error_headers(error),
        media_type="application/json",
    )


def unexpected(error: BaseException, method: str, path: str) -> MadangError:
    """What a client is told of our own bug: an id that stands in the log beside the traceback."""
    error_id = new_id()
    _log.error(
        "a request failed with a bug of ours",
        exc_info=error,
        extra={"error_id": error_id, "method": method, "path": path},
    )
    return MadangError(
        f"something went wrong inside Madang (error {error_id})",
        hint="the log of the serve role has the details under that id",
    )


def add_error_handlers(app: FastAPI) -> None:
    """Give every kind of error the API's one shape."""

    async def known(_request: Request, error: Exception) -> Response:
        assert isinstance(error, MadangError)
        return error_response(error)

    async def invalid(_request: Request, error: Exception) -> Response:
        assert isinstance(error, RequestValidationError)
        return error_response(_from_validation(error))

    async def by_status(request: Request, error: Exception) -> Response:
        assert isinstance(error, HTTPException)
        response = error_response(_from_status(request, error))
        response.headers.update(error.headers or {})
        return response

    app.add_exception_handler(MadangError, known)
    app.add_exception_handler(RequestValidationError, invalid)
    app.add_exception_handler(HTTPException, by_status)


def _from_validation(error: RequestValidationError) -> MadangError:
    details: list[dict[str, Any]] = list(error.errors())
    first = details[0]
    place = [str(part) for part in first["loc"][1:]] or [str(part) for part in first["loc"]]
    field = ".".join(place)
    if first["type"] == "json_invalid":
        message, field = f"the body is not JSON: {first['ctx']['error']}", "body"
    else:
        message = f"{field}: {first['msg'].removeprefix('Value error, ')}"
    further = f"{len(details) - 1} further fields are wrong too" if len(details) > 1 else None
    return InvalidInputError(message, hint=further, where=Place(field))


_PROTOCOLS = (
    *(("/api/v1/", "/prometheus"), ("/federate", "/prometheus")),
    *(("/metrics/job", "/pushgateway"), ("/v1/metrics", "/otlp")),
    *(("/api/v2/write", "/influx"), ("/write", "/influx")),
)
"""How paths begin that programs know, and behind which prefix they are here."""


class _StatusError(MadangError):
    """An answer that the framework decided on."""

    def __init__(self, message: str, status: int) -> None:
        super().__init__(message)
        self.status = status  # type: ignore[misc]
        self.code = _CODES.get(status, "invalid_input")  # type: ignore[misc]


def _protocol_path(path: str) -> str | None:
    """Where a protocol's path is, for whoever left its prefix out."""
    return next((prefix + path for head, prefix in _PROTOCOLS if path.startswith(head)), None)


def _from_status(request: Request, error: HTTPException) -> MadangError:
    scope, path = request.scope, request.url.path
    if error.status_code == http.HTTPStatus.NOT_FOUND:
        paths = {getattr(route, "path", "") for route in request.app.routes} - {"/{path:path}"}
        # A port of its own has its protocol's paths and no others.
        within = scope.get(PREFIX_KEY, "")
        known = {one for one in paths if one.startswith(within)}
        near = (None if within else _protocol_path(path)) or near_match(path, known)
        return NotFoundError(
            f"there is nothing at {asked_path(scope, path)}",
            hint=f"did you mean {asked_path(scope, near)}?" if near else None,
        )
    if error.status_code == http.HTTPStatus.METHOD_NOT_ALLOWED:
        return MethodNotAllowedError(
            f"{asked_path(scope, path)} does not take {request.method}",
            hint=f"it takes {allowed}" if (allowed := (error.headers or {}).get("Allow")) else None,
        )
    return _StatusError(str(error.detail), error.status_code)
