"""What a request to ``/ingest/{stream}`` says: its headers and parameters, taken apart once."""

from __future__ import annotations

from dataclasses import dataclass
from functools import lru_cache
from urllib.parse import parse_qsl

from madang.collect import Media, detect_media
from madang.core.errors import InvalidInputError, Place
from madang.project import RecordFormat

_MAX_KEY_LENGTH = 256


@dataclass(frozen=True, slots=True)
class IngestQuery:
    """The parameters."""

    format: str | None
    key: bytes | None


@dataclass(slots=True)
class IngestHeaders:
    """The headers that matter; None where they are absent."""

    content_length: bytes | None = None
    content_type: str | None = None
    content_encoding: str | None = None
    idempotency_key: str | None = None


@lru_cache(maxsize=256)
def told_media(content_type: str | None, requested: str | None) -> Media | None:
    """The media that headers alone tell, or None where the body must be looked at.

    Raises:
        UnsupportedMediaError: a type or charset that cannot be read.
        InvalidInputError: an unknown ``requested`` format.
    """
    if requested is None and content_type is None:
        return None
    plain = detect_media(content_type, requested=requested, stream_format=RecordFormat.JSON)
    other = detect_media(content_type, requested=requested, stream_format=RecordFormat.CSV)
    # What depends on the stream was not told.
    return plain if plain == other else None


@lru_cache(maxsize=1024)
def parse_query(raw: bytes) -> IngestQuery:
    """The query string.

    Raises:
        InvalidInputError: an unknown parameter, or one that is too long.
    """
    found: dict[str, str] = {}
    for name, value in parse_qsl(raw.decode("latin-1"), keep_blank_values=True):
        if name not in ("format", "key"):
            raise InvalidInputError(
                f"there is no parameter {name!r}", hint="format and key", where=Place(name)
            )
        found[name] = value
    key = found["key"].encode() if found.get("key") else None
    if key is not None and len(key) > _MAX_KEY_LENGTH:
        raise InvalidInputError(
            f"the key takes {len(key)} bytes, more than {_MAX_KEY_LENGTH}", where=Place("key")
        )
    return IngestQuery(found.get("format"), key)


def parse_headers(pairs: list[tuple[bytes, bytes]]) -> IngestHeaders:
    """The headers, in one pass.

    Raises:
        InvalidInputError: an Idempotency-Key that is none.
    """
    found = IngestHeaders()
    for name, value in pairs:
        if name == b"content-length":
            found.content_length = value
        elif name == b"content-type":
            found.content_type = value.decode("latin-1")
        elif name == b"content-encoding":
            if value.strip().lower() not in (b"", b"identity"):
                found.content_encoding = value.decode("latin-1")
        elif name == b"idempotency-key":
            found.idempotency_key = _idempotency_key(value)
    return found


def _idempotency_key(header: bytes) -> str:
    key = header.strip().strip(b'"')
    if not 1 <= len(key) <= _MAX_KEY_LENGTH:
        raise InvalidInputError(
            f"an Idempotency-Key has 1 to {_MAX_KEY_LENGTH} characters, not {len(key)}",
            where=Place("Idempotency-Key"),
        )
    return key.decode("latin-1")
