"""What InfluxDB's clients ask before they write: ``/ping``, ``/health``, ``/query``."""

from __future__ import annotations

import re

import orjson
from starlette.types import Receive, Scope, Send

from madang.core.errors import InvalidInputError, MadangError
from madang.operate.accounts import Permission
from madang.server.auth import Authenticator
from madang.server.body import ClientGoneError
from madang.server.errors import MethodNotAllowedError
from madang.server.protocols.form import read_form
from madang.server.protocols.influx import (
    JSON,
    VERSION,
    VERSION_HEADERS,
    parameters,
    token_of,
    told,
)
from madang.server.protocols.push import Answer, reply, waiting_headers

_HEADERS = (JSON, *VERSION_HEADERS)
_MOST_FORM_BYTES = 64 * 2**10
_FORM_S = 10.0
_DONE = re.compile(
    r"\s*(CREATE|ALTER|DROP)\s+(DATABASE|RETENTION\s+POLICY)\b.*", re.IGNORECASE | re.DOTALL
)
_LISTS = {
    "DATABASES": ("databases", ["name"]),
    "RETENTION POLICIES": (None, ["name", "duration", "replicaN", "default"]),
}
_SHOW = re.compile(r"\s*SHOW\s+(DATABASES|RETENTION\s+POLICIES)\b[^;]*;?\s*", re.IGNORECASE)


class InfluxPing:
    """``/ping``: 204, or 200 with ``verbose``. Anybody may ask."""

    route = "/influx/ping"

    async def __call__(self, scope: Scope, _receive: Receive, send: Send) -> None:
        """One request."""
        scope["madang.route"] = self.route
        if scope["method"] not in ("GET", "HEAD", "POST"):
            await reply(send, _not_allowed())
        elif b"verbose=" in scope["query_string"] and scope["method"] == "GET":
            await reply(send, Answer(200, _HEADERS, orjson.dumps({"version": VERSION})))
        else:
            await reply(send, Answer(204, VERSION_HEADERS))


class InfluxHealth:
    """``/health`` and ``/ready``. Anybody may ask."""

    def __init__(self, route: str, told: dict[str, object]) -> None:
        self.route = route
        self._body = orjson.dumps(told)

    async def __call__(self, scope: Scope, _receive: Receive, send: Send) -> None:
        """One request."""
        scope["madang.route"] = self.route
        if scope["method"] not in ("GET", "HEAD"):
            await reply(send, _not_allowed())
            return
        await reply(send, Answer(200, _HEADERS, self._body))


HEALTH = InfluxHealth(
    "/influx/health",
    {
        "name": "influxdb",
        "message": "ready for queries and writes",
        "status": "pass",
        "checks": [],
        "version": VERSION,
    },
)
READY = InfluxHealth("/influx/ready", {"status": "ready"})


class InfluxQuery:
    """``/query``: only what clients ask before they write; the samples are asked by PromQL or SQL.

    Args:
        authenticator: Who may append.
    """

    route = "/influx/query"

    def __init__(self, authenticator: Authenticator) -> None:
        self._authenticator = authenticator

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        """One request."""
        scope["madang.route"] = self.route
        try:
            answer = await self._answer(scope, receive)
        except ClientGoneError:
            return
        except MadangError as error:
            body = orjson.dumps({"error": told(error)})
            answer = Answer(error.status, (*_HEADERS, *waiting_headers(error)), body)
        await reply(send, answer)

    async def _answer(self, scope: Scope, receive: Receive) -> Answer:
        if scope["method"] not in ("GET", "POST"):
            raise MethodNotAllowedError("/query takes GET and POST")
        given = parameters(scope["query_string"])
        await self._authenticator.admit(scope, Permission.INGEST, token=token_of(given))
        if scope["method"] == "POST":
            form = await read_form(receive, most_bytes=_MOST_FORM_BYTES, within_s=_FORM_S)
            given = {**parameters(form), **given}
        query = given.get("q", "")
        if not query.strip():
            raise InvalidInputError('missing required parameter "q"')
        result: dict[str, object] = {"statement_id": 0}
        if found := _SHOW.fullmatch(query):
            # A database is made by writing to it; who asks for one is told that it is there.
            name, columns = _LISTS[" ".join(found.group(1).upper().split())]
            values = [["autogen", "0s", 1, True]] if name is None else []
            series: dict[str, object] = {"columns": columns, "values": values}
            result["series"] = [series if name is None else {"name": name, **series}]
        elif not _DONE.fullmatch(query):
            result["error"] = "InfluxQL is not answered here: ask in PromQL or SQL"
        return Answer(200, _HEADERS, orjson.dumps({"results": [result]}) + b"\n")


def _not_allowed() -> Answer:
    body = orjson.dumps({"error": "this path takes GET"})
    return Answer(405, (*_HEADERS, (b"allow", b"GET, HEAD")), body)
