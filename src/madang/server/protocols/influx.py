"""``/influx/…``: line protocol as InfluxDB 1 (``/write``) and 2 (``/api/v2/write``) take it.

A database, or a bucket, is a label of its series (``db``, ``bucket``), so that what two of them
call the same stays apart. Organisations and ``autogen``, the retention policy that everybody has,
are none.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from urllib.parse import parse_qsl

import orjson
from starlette.types import Scope

from madang.collect.added_labels import AddedLabels
from madang.collect.bodies import decompress
from madang.collect.line_protocol import LineProtocolDecoder, precision_ns
from madang.collect.pushed import Pushed
from madang.core.errors import InvalidInputError, MadangError
from madang.server.context import ServerContext
from madang.server.protocols.push import Answer, Decoding, header_text

_INLINE_BYTES = 8192
_KNOWN_BYTES = 512 << 20
_TOLD = 10
JSON = (b"content-type", b"application/json")
VERSION = "1.8.10"
"""The version whose ways are followed; some clients look at it."""
VERSION_HEADERS = ((b"x-influxdb-version", VERSION.encode()), (b"x-influxdb-build", b"OSS"))
_MOST_PARAMETERS = 100
_MOST_NAME_LENGTH = 256
_CODES = {
    401: "unauthorized",
    403: "forbidden",
    404: "not found",
    405: "method not allowed",
    413: "request too large",
    429: "too many requests",
    503: "unavailable",
}


class Lines:
    """Bodies of line protocol; one serves both versions.

    Args:
        context: What the server works with.
    """

    def __init__(self, context: ServerContext) -> None:
        self._context = context
        self._decoder = LineProtocolDecoder(known_limit_bytes=_KNOWN_BYTES)
        self._added = AddedLabels()

    def decoding(self, scope: Scope, precision: str, added: Mapping[str, str]) -> Decoding:
        """How a request's lines are read.

        Raises:
            InvalidInputError: the precision is none.
        """
        unit_ns = precision_ns(precision)
        encoding = header_text(scope, b"content-encoding")
        limit_bytes = self._context.project().platform.server.max_body_size
        arrived_at_ms = self._context.clock.now_us() // 1000

        def decode(pieces: Sequence[bytes]) -> Pushed:
            body = decompress(encoding, pieces, limit_bytes)
            pushed = self._decoder.decode(body, unit_ns=unit_ns, arrived_at_ms=arrived_at_ms)
            return self._added.give(pushed, added)

        return Decoding(decode, 0 if encoding else _INLINE_BYTES)


class InfluxWrite1:
    """What InfluxDB 1 does its own way: ``/write?db=…&precision=…&u=…&p=…``."""

    route = "/influx/write"
    source = "influx"

    def __init__(self, lines: Lines) -> None:
        self._lines = lines

    def token(self, scope: Scope) -> bytes | None:
        """The password in the parameters."""
        return token_of(parameters(scope["query_string"]))

    def decoding(self, scope: Scope) -> Decoding:
        """By the parameters."""
        given = parameters(scope["query_string"])
        policy = given.get("rp", "")
        added = {"db": name_of(given, "db"), "rp": "" if policy == "autogen" else policy}
        return self._lines.decoding(scope, given.get("precision", ""), added)

    def accepted(self, _scope: Scope, pushed: Pushed) -> Answer:
        """204, or 400 after a partial write."""
        if not pushed.refused_count:
            return Answer(204, VERSION_HEADERS)
        text = f"{partial_write(pushed)} dropped={pushed.refused_count}"
        return _error_of_1(400, text)

    def refused(self, _scope: Scope, error: MadangError) -> Answer:
        """The error's own status."""
        return _error_of_1(error.status, told(error))


class InfluxWrite2:
    """What InfluxDB 2 does its own way: ``/api/v2/write?org=…&bucket=…&precision=…``."""

    route = "/influx/api/v2/write"
    source = "influx"

    def __init__(self, lines: Lines) -> None:
        self._lines = lines

    def token(self, _scope: Scope) -> bytes | None:
        """None: it is in the headers."""
        return None

    def decoding(self, scope: Scope) -> Decoding:
        """By the parameters."""
        given = parameters(scope["query_string"])
        added = {"bucket": name_of(given, "bucket")}
        return self._lines.decoding(scope, given.get("precision", ""), added)

    def accepted(self, _scope: Scope, pushed: Pushed) -> Answer:
        """204, or 400 after a partial write, with the first line that was refused."""
        if not pushed.refused_count:
            return Answer(204, VERSION_HEADERS)
        body: dict[str, object] = {
            "code": "invalid",
            "message": partial_write(pushed),
        }
        if first := min((one.position for one in pushed.refused if one.position), default=0):
            body["line"] = first
        return Answer(400, (JSON, *VERSION_HEADERS), orjson.dumps(body))

    def refused(self, _scope: Scope, error: MadangError) -> Answer:
        """The error's own status."""
        code = _CODES.get(error.status, "internal error" if error.status >= 500 else "invalid")
        body = orjson.dumps({"code": code, "message": told(error)})
        return Answer(error.status, (JSON, *VERSION_HEADERS), body)


def parameters(query: bytes) -> dict[str, str]:
    """The parameters of a request, the first one of each name.

    Raises:
        InvalidInputError: they are too many.
    """
    try:
        pairs = parse_qsl(
            query.decode("latin-1"), keep_blank_values=True, max_num_fields=_MOST_PARAMETERS
        )
    except ValueError as error:
        raise InvalidInputError(f"the parameters cannot be read: {error}") from None
    return dict(reversed(pairs))


def token_of(given: Mapping[str, str]) -> bytes | None:
    """The token that stands as the password ``p`` in the parameters."""
    password = given.get("p", "")
    return password.encode("utf-8", "replace") if password else None


def name_of(given: Mapping[str, str], parameter: str) -> str:
    """The name of a database or bucket.

    Raises:
        InvalidInputError: it is too long.
    """
    name = given.get(parameter, "")
    if len(name) > _MOST_NAME_LENGTH:
        raise InvalidInputError(f"{parameter} has more than {_MOST_NAME_LENGTH} characters")
    return name


def partial_write(pushed: Pushed) -> str:
    """What was refused, line by line; the others are stored."""
    lines = [f"{one.where('line ')}{one.reason}: '{one.text}'" for one in pushed.refused[:_TOLD]]
    if (more := pushed.refused_count - len(lines)) > 0:
        lines.append(f"and {more} more")
    return f"partial write: unable to take {'; '.join(lines)}"


def told(error: MadangError) -> str:
    """An error as one line."""
    return f"{error.message} ({error.hint})" if error.hint else error.message


def _error_of_1(status: int, text: str) -> Answer:
    shown = text.encode("ascii", "backslashreplace")[:1024]
    headers = (JSON, (b"x-influxdb-error", shown), *VERSION_HEADERS)
    return Answer(status, headers, orjson.dumps({"error": text}))
