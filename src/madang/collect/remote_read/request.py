"""What somebody who reads remotely asks for."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass

from google.protobuf.message import DecodeError

from madang.collect.remote_read.messages import MATCH_SIGNS, MESSAGES, SAMPLES
from madang.collect.remote_write.snappy import unpack
from madang.collect.wire_messages import AnyMessage
from madang.core.errors import InvalidInputError, TooLargeError

_Request = MESSAGES["ReadRequest"]
_LIMIT_BYTES = 32 << 20
_MOST_QUERIES = 1_000
_MOST_MATCHERS = 1_000


@dataclass(frozen=True, slots=True)
class ReadQuery:
    """Series, by matchers that hold all at once, and a time, both ends inclusive.

    ``matchers`` are label name, one of ``= != =~ !~``, and value.
    """

    start_ms: int
    end_ms: int
    matchers: Sequence[tuple[str, str, str]]


@dataclass(frozen=True, slots=True)
class ReadRequest:
    """The queries of a request; each has its own place in the response."""

    queries: Sequence[ReadQuery]


def read_request(body: bytes) -> ReadRequest:
    """Decode a request.

    Args:
        body: As received, packed with snappy.

    Raises:
        InvalidInputError: it is no such request, or takes chunks alone.
        TooLargeError: it asks for too much at once.
    """
    try:
        request = _Request.FromString(unpack(body, _LIMIT_BYTES))
    except DecodeError:
        raise InvalidInputError("the body is no ReadRequest of remote read") from None
    accepted = list(request.accepted_response_types)
    if accepted and SAMPLES not in accepted:
        raise InvalidInputError(
            f"none of requested response types are supported: {accepted[:10]}",
            hint=f"samples ({SAMPLES}) are offered, streamed chunks are not",
        )
    if len(request.queries) > _MOST_QUERIES:
        raise TooLargeError(f"{len(request.queries):,} queries are over {_MOST_QUERIES:,}")
    return ReadRequest([_query(query) for query in request.queries])


def _query(query: AnyMessage) -> ReadQuery:
    matchers: list[tuple[str, str, str]] = []
    wanted = query.matchers
    if len(wanted) > _MOST_MATCHERS:
        raise TooLargeError(f"{len(wanted):,} matchers are over {_MOST_MATCHERS:,}")
    for one in wanted:
        if not 0 <= one.type < len(MATCH_SIGNS):
            raise InvalidInputError(f"invalid matcher type {one.type}")
        try:
            matchers.append((one.name.decode(), MATCH_SIGNS[one.type], one.value.decode()))
        except UnicodeDecodeError:
            raise InvalidInputError("a matcher is not valid UTF-8") from None
    return ReadQuery(query.start_timestamp_ms, query.end_timestamp_ms, matchers)
