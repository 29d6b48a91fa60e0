"""The built web UI: hashed assets for ever, everything else is its first page."""

from __future__ import annotations

import mimetypes
from dataclasses import dataclass
from email.utils import formatdate, parsedate_to_datetime
from pathlib import Path

from fastapi import Request, Response
from fastapi.responses import FileResponse, HTMLResponse
from starlette.exceptions import HTTPException

from madang.server.gate import PROTOCOL_PREFIXES

_FOREVER = "public, max-age=31536000, immutable"
_ASK_AGAIN = "no-cache"
_ENCODINGS = (("br", ".br"), ("gzip", ".gz"))
# Never the UI's: a mistyped address of the API must not look like a page.
_NOT_PAGES = (
    *("api/", "ingest/", "metrics", "federate", "healthz", "readyz", "login"),
    *(prefix.strip("/") for prefix in PROTOCOL_PREFIXES),
)
_TYPES = {".js": "text/javascript", ".mjs": "text/javascript", ".woff2": "font/woff2"}
_UNBUILT = """<!doctype html>
<html lang="en"><meta charset="utf-8"><title>Madang</title>
<style>body{font:16px/1.6 system-ui,sans-serif;max-width:40rem;margin:4rem auto;padding:0 1rem}
code{background:#eee;padding:.1em .3em;border-radius:3px}</style>
<h1>Madang runs</h1>
<p>Its web UI is not built yet. In the folder of the source code, <code>make run</code> builds it
and starts the platform again.</p>
<p>화면이 아직 빌드되지 않았습니다. 소스 폴더에서 <code>make run</code>을 실행하면 화면을 빌드하고
플랫폼을 다시 시작합니다.</p>
<p>The API is up: <code>GET /api/overview</code> with a token, <code>madang status</code>,
<code>madang sql</code>.</p>
</html>
"""


@dataclass(frozen=True, slots=True)
class _Asset:
    path: Path
    encoding: str | None
    kind: str


class WebUi:
    """Serves the folder that Vite built.

    Args:
        folder: With ``index.html`` and ``assets/``; may be missing.
    """

    def __init__(self, folder: Path) -> None:
        self._folder = folder.resolve()

    def page(self, request: Request, path: str) -> Response:
        """The file at ``path``, or the first page, which routes by itself.

        Raises:
            HTTPException: 404 for what cannot be a page.
        """
        if path.startswith(_NOT_PAGES):
            raise HTTPException(404)
        accept = request.headers.get("accept-encoding", "")
        found = self._find(path, accept) if path else None
        if found is not None:
            # Vite's names of assets hold a digest of their content.
            hashed = path.startswith("assets/")
            return _answer(request, found, _FOREVER if hashed else _ASK_AGAIN)
        if path.startswith("assets/"):
            raise HTTPException(404)
        index = self._find("index.html", accept)
        if index is None:
            return HTMLResponse(_UNBUILT, headers={"Cache-Control": "no-store"})
        return _answer(request, index, _ASK_AGAIN)

    def _find(self, path: str, accept: str) -> _Asset | None:
        try:
            file = (self._folder / path).resolve()
            if not file.is_relative_to(self._folder) or not file.is_file():
                return None
        except (OSError, ValueError):
            return None
        kind = _TYPES.get(file.suffix) or mimetypes.guess_type(file.name)[0]
        kind = kind or "application/octet-stream"
        for encoding, suffix in _ENCODINGS:
            packed = file.with_name(file.name + suffix)
            if encoding in accept and packed.is_file():
                return _Asset(packed, encoding, kind)
        return _Asset(file, None, kind)


def _answer(request: Request, asset: _Asset, caching: str) -> Response:
    status = asset.path.stat()
    tag = f'"{status.st_mtime_ns:x}-{status.st_size:x}"'
    headers = {"Cache-Control": caching, "ETag": tag, "Vary": "Accept-Encoding"}
    headers["Last-Modified"] = formatdate(status.st_mtime, usegmt=True)
    if _unchanged(request, tag, status.st_mtime):
        return Response(status_code=304, headers=headers)
    if asset.encoding:
        headers["Content-Encoding"] = asset.encoding
    return FileResponse(asset.path, media_type=asset.kind, headers=headers, stat_result=status)


def _unchanged(request: Request, tag: str, changed_s: float) -> bool:
    known = request.headers.get("if-none-match")
    if known is not None:
        return tag in [one.strip() for one in known.split(",")]
    since = request.headers.get("if-modified-since")
    if since is None:
        return False
    try:
        return int(changed_s) <= parsedate_to_datetime(since).timestamp()
    except (TypeError, ValueError):
        return False
