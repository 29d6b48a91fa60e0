"""The web UI, behind every path that is nothing else."""

from __future__ import annotations

from fastapi import APIRouter, Request, Response
from starlette.exceptions import HTTPException
from starlette.routing import Match

from madang.server.static import WebUi

router = APIRouter(include_in_schema=False)
_METHODS = ["GET", "HEAD", "POST", "PUT", "PATCH", "DELETE", "OPTIONS"]


@router.api_route("/{path:path}", methods=_METHODS)
def page(request: Request, path: str) -> Response:
    """A file of the UI, or its first page; 404 and 405 for what the API does not have."""
    allowed = _other_methods(request)
    if allowed:
        raise HTTPException(405, headers={"Allow": ", ".join(sorted(allowed))})
    if request.method not in ("GET", "HEAD"):
        raise HTTPException(404)
    ui: WebUi = request.app.state.ui
    return ui.page(request, path)


def _other_methods(request: Request) -> set[str]:
    """The methods that other routes take at this path."""
    found: set[str] = set()
    for route in request.app.routes:
        if route.matches(request.scope)[0] is Match.PARTIAL:
            found |= getattr(route, "methods", None) or set()
    return found
