"""The body of a push: Content-Encoding and Content-Type → families."""

from __future__ import annotations

from collections.abc import Sequence

from google.protobuf.message import DecodeError

from madang.collect.bodies.encoding import decompress
from madang.collect.exposition.problem import MalformedPageError
from madang.collect.exposition.protobuf_wire import read_varint
from madang.collect.pushgateway.messages import family_class
from madang.collect.pushgateway.snappy_frames import unpack_frames
from madang.collect.pushgateway.text import parse_text
from madang.collect.wire_messages import AnyMessage
from madang.core.errors import InvalidInputError, TooLargeError

_PROTOBUF = "application/vnd.google.protobuf"
_MOST_METRICS = 250_000
_PARAMETERS = {"proto": "io.prometheus.client.MetricFamily", "encoding": "delimited"}


def read_families(
    chunks: Sequence[bytes],
    *,
    content_type: str | None = None,
    content_encoding: str | None = None,
    limit_bytes: int = 64 * 2**20,
    utf8_names: bool = False,
) -> list[AnyMessage]:
    """The families that a body holds; of protobuf messages of one name the last.

    Args:
        chunks: The body as it arrived.
        content_type: Of protobuf, delimited, exactly what Prometheus's clients say; anything else
            is text 0.0.4.
        content_encoding: ``gzip``, ``snappy`` (framed), ``zstd`` or ``deflate``.
        limit_bytes: The largest decompressed body.
        utf8_names: Whether names may hold any signs.

    Raises:
        InvalidInputError: it cannot be read.
        TooLargeError: it is larger than ``limit_bytes``.
    """
    if (content_encoding or "").strip().lower() == "snappy":
        body = unpack_frames(b"".join(chunks), limit_bytes)
    elif (content_encoding or "").strip().lower() == "gzip" and not any(chunks):
        raise InvalidInputError("EOF")
    else:
        body = decompress(content_encoding, chunks, limit_bytes)
    if _is_protobuf(content_type):
        families = list(_delimited(body).values())
        _check_count(sum(len(family.metric) for family in families))
        return families
    _check_count(body.count(b"\n"))
    return list(parse_text(body, utf8_names=utf8_names).values())


def _check_count(count: int) -> None:
    if count > _MOST_METRICS:
        raise TooLargeError(
            f"the body has {count} lines or metrics; {_MOST_METRICS} are the most",
            hint="push them in several groups",
        )


def _is_protobuf(content_type: str | None) -> bool:
    media, *parameters = (content_type or "").split(";")
    if media.strip().lower() != _PROTOBUF:
        return False
    given = {}
    for one in parameters:
        name, _, value = one.partition("=")
        given[name.strip().lower()] = value.strip().strip('"')
    return all(given.get(name) == value for name, value in _PARAMETERS.items())


def _delimited(body: bytes) -> dict[bytes, AnyMessage]:
    kind = family_class()
    families: dict[bytes, AnyMessage] = {}
    at, end = 0, len(body)
    while at < end:
        try:
            size, start = read_varint(body, at, end)
        except MalformedPageError as error:
            raise InvalidInputError(f"the protobuf body is broken: {error.message}") from None
        if size > end - start:
            raise InvalidInputError(
                f"unexpected EOF: the family at byte {at} has {size} bytes, {end - start} are left"
            )
        at = start + size
        try:
            family = kind.FromString(body[start:at])
        except DecodeError as error:
            message = f"the protobuf body is broken at byte {start}: {error}"
            raise InvalidInputError(message) from None
        families[family.name] = family
    return families
