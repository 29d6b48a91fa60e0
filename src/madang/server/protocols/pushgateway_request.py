"""What a request to a push gateway asks for: paths, methods, and headers of its own."""

from __future__ import annotations

import re
from dataclasses import dataclass
from urllib.parse import parse_qsl, unquote_to_bytes

from starlette.types import Scope

from madang.collect.pushgateway import grouping_labels
from madang.core.errors import InvalidInputError, MadangError, NotFoundError
from madang.core.units import parse_duration
from madang.server.errors import MethodNotAllowedError
from madang.server.protocols.push import header_text

PREFIX = "/pushgateway"
TTL_HEADER = b"x-madang-ttl"
_TTL_PARAMETER = "ttl"
_GROUP = re.compile(r"/metrics/job(?:@base64)?/[^/]")
_SECONDS = re.compile(r"[0-9]{1,12}(?:\.[0-9]{1,6})?")
_LONGEST_TTL_S = 3e10
_PROTOBUF = "application/vnd.google.protobuf"
_MOST_PARAMETERS = 100


@dataclass(frozen=True, slots=True)
class Asked:
    """What is asked for.

    ``action`` is ``push`` or ``delete`` of the group ``labels``, or the name of a page.
    """

    action: str
    route: str
    labels: dict[str, str] | None = None


class UncleanPathError(InvalidInputError):
    """A path with empty segments."""


_PAGES: dict[str, dict[str, str]] = {
    "/metrics": {"GET": "metrics"},
    "/-/healthy": {"GET": "healthy"},
    "/-/ready": {"GET": "ready"},
    "/-/quit": {"PUT": "quit", "POST": "quit", "GET": "quit_by_get"},
    "/api/v1/metrics": {"GET": "listing", "OPTIONS": "options"},
    "/api/v1/status": {"GET": "status", "OPTIONS": "options"},
    "/api/v1/admin/wipe": {"PUT": "wipe", "OPTIONS": "options"},
    "/": {"GET": "front"},
    "/status": {"GET": "front"},
}
_GROUP_METHODS = {"PUT": "push", "POST": "push", "DELETE": "delete"}


def asked_of(scope: Scope, *, utf8_names: bool) -> Asked:
    """What a request asks for.

    Raises:
        NotFoundError: the path is none.
        MethodNotAllowedError: not by this method; the hint has those it takes.
        InvalidInputError: the path names no group.
    """
    raw = below_prefix(scope)
    method: str = scope["method"]
    path = unquote_to_bytes(raw).decode("utf-8", "replace")
    page = _PAGES.get(path)
    if page is not None:
        return Asked(_by_method(page, method, path), PREFIX + path)
    if _GROUP.match(path) is None:
        raise _nothing_at(path)
    action = _by_method(_GROUP_METHODS, method, path)
    if "//" in path or "/./" in path or "/../" in path:
        raise UncleanPathError(
            f"the path {path!r} has an empty segment: of a label without a value, write the name "
            "with @base64 behind it, and the value as ="
        )
    labels = grouping_labels(raw.removeprefix(b"/metrics/"), utf8_names=utf8_names)
    return Asked(action, f"{PREFIX}/metrics/job/{{job}}", labels)


def below_prefix(scope: Scope) -> bytes:
    """The path below the prefix, as it came."""
    raw: bytes = scope.get("raw_path") or scope["path"].encode()
    return raw.partition(b"?")[0].removeprefix(PREFIX.encode()) or b"/"


def life_of(scope: Scope) -> float | None:
    """How long a push says that its group lives, in seconds; 0 for ever, None: it says nothing.

    Raises:
        InvalidInputError: it is no duration.
    """
    text = header_text(scope, TTL_HEADER).strip()
    if not text:
        text = _parameters(scope["query_string"]).get(_TTL_PARAMETER, "").strip()
    if not text:
        return None
    try:
        life_s = float(text) if _SECONDS.fullmatch(text) else parse_duration(text)
    except MadangError as error:
        raise InvalidInputError(f"the ttl {text[:40]!r} is none: {error.message}") from None
    if not 0 <= life_s <= _LONGEST_TTL_S:
        raise InvalidInputError(f"the ttl {text[:40]!r} is none: from 0s (for ever) on")
    return life_s


def wants_protobuf(accept: str) -> bool:
    """Whether the header ``Accept`` wants protobuf more than text."""
    best, found = -1.0, False
    for one in accept.split(","):
        media, *parameters = (part.strip() for part in one.split(";"))
        given = dict(part.partition("=")[::2] for part in parameters)
        is_protobuf = media == _PROTOBUF and given.get("encoding", "") == "delimited"
        if not is_protobuf and media not in ("text/plain", "*/*", "text/*"):
            continue
        try:
            weight = float(given.get("q", "1"))
        except ValueError:
            continue
        if weight > best:
            best, found = weight, is_protobuf
    return found


def _parameters(query: bytes) -> dict[str, str]:
    try:
        pairs = parse_qsl(query.decode("latin-1"), max_num_fields=_MOST_PARAMETERS)
    except ValueError as error:
        raise InvalidInputError(f"the parameters cannot be read: {error}") from None
    return dict(pairs)


def _by_method(methods: dict[str, str], method: str, path: str) -> str:
    action = methods.get(method)
    if action is None:
        raise MethodNotAllowedError(f"{path} does not take {method}", hint=", ".join(methods))
    return action


def _nothing_at(path: str) -> NotFoundError:
    return NotFoundError(f"there is nothing at {path}")
