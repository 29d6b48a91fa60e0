"""Content-Type, charset and the look of the first bytes → how a body is split into records."""

from __future__ import annotations

import codecs
from dataclasses import dataclass
from email.message import Message
from enum import StrEnum

from madang.core.errors import InvalidInputError
from madang.core.names import near_match
from madang.project import RecordFormat


class ContentFormat(StrEnum):
    """How a body holds its records."""

    JSON = "json"
    NDJSON = "ndjson"
    CSV = "csv"
    PLAIN = "plain"
    ARROW = "arrow"


class UnsupportedMediaError(InvalidInputError):
    """The body's type or encoding is none that can be read."""

    code = "unsupported_media"
    status = 415


@dataclass(frozen=True, slots=True)
class Media:
    """What a body is: its format, and the charset that its text is written in."""

    format: ContentFormat
    charset: str = "utf-8"


_TYPES = {
    "application/json": ContentFormat.JSON,
    "text/json": ContentFormat.JSON,
    "application/x-ndjson": ContentFormat.NDJSON,
    "application/ndjson": ContentFormat.NDJSON,
    "application/jsonl": ContentFormat.NDJSON,
    "application/x-jsonlines": ContentFormat.NDJSON,
    "application/jsonlines": ContentFormat.NDJSON,
    "application/stream+json": ContentFormat.NDJSON,
    "application/json-seq": ContentFormat.NDJSON,
    "application/x-json-stream": ContentFormat.NDJSON,
    "text/csv": ContentFormat.CSV,
    "application/csv": ContentFormat.CSV,
    "text/plain": ContentFormat.PLAIN,
    "application/vnd.apache.arrow.stream": ContentFormat.ARROW,
    "application/vnd.apache.arrow.file": ContentFormat.ARROW,
}
# What clients send when nobody told them the type, such as curl's -d and --data-binary.
_UNTOLD = {
    "",
    "application/octet-stream",
    "application/x-www-form-urlencoded",
    "binary/octet-stream",
}
_BOMS = (
    (codecs.BOM_UTF8, "utf-8"),
    (codecs.BOM_UTF32_LE, "utf-32-le"),  # before UTF-16: its mark begins with UTF-16's
    (codecs.BOM_UTF32_BE, "utf-32-be"),
    (codecs.BOM_UTF16_LE, "utf-16-le"),
    (codecs.BOM_UTF16_BE, "utf-16-be"),
)
_UTF8 = {"utf-8", "ascii"}


def detect_media(
    content_type: str | None,
    *,
    requested: str | None = None,
    head: bytes | memoryview = b"",
    stream_format: RecordFormat = RecordFormat.JSON,
) -> Media:
    """What a body is, by what the client says or, where it says nothing, by its first bytes.

    Args:
        content_type: The Content-Type header.
        requested: The ``format`` parameter of the request; it wins over the header.
        head: The first bytes of the decompressed body (64 are enough).
        stream_format: Decides what untold text is: CSV for a CSV stream, otherwise plain lines.

    Raises:
        UnsupportedMediaError: a type or charset that cannot be read.
        InvalidInputError: an unknown ``requested`` format.
    """
    message = Message()
    message["Content-Type"] = (content_type or "").encode("ascii", "replace").decode("ascii")
    told = (content_type or "").partition(";")[0].strip().lower()
    charset = _charset(message.get_param("charset"))
    if requested is not None:
        try:
            return Media(ContentFormat(requested.lower()), charset)
        except ValueError:
            near = near_match(requested, list(ContentFormat))
            raise InvalidInputError(
                f"there is no body format {requested!r}",
                hint=f"did you mean {near!r}?" if near else "json, ndjson, csv, plain or arrow",
            ) from None
    if told in _TYPES:
        return Media(_TYPES[told], charset)
    if told in _UNTOLD:
        return Media(_sniffed(bytes(head[:64]), stream_format), charset)
    if told.endswith("+json"):
        return Media(ContentFormat.JSON, charset)
    if told.startswith("text/"):
        return Media(ContentFormat.PLAIN, charset)
    raise UnsupportedMediaError(
        f"bodies of type {told!r} cannot be read",
        hint="send application/x-ndjson, application/json, text/csv, text/plain or "
        "application/vnd.apache.arrow.stream",
    )


def to_utf8(body: bytes | memoryview, charset: str) -> bytes | memoryview:
    """``body`` in UTF-8 without a byte order mark; a mark wins over ``charset``.

    UTF-8 itself passes unchecked and uncopied: what is wrong in a record is the record's matter.

    Raises:
        InvalidInputError: the body is not what the charset or its mark says.
    """
    head = bytes(body[:4])
    for mark, marked in _BOMS:
        if head.startswith(mark):
            body, charset = memoryview(body)[len(mark) :], marked
            break
    if charset in _UTF8:
        return body
    try:
        return codecs.decode(body, charset).encode("utf-8")
    except (UnicodeError, ValueError) as error:
        raise InvalidInputError(f"the body is not {charset}: {error}") from None


def _charset(told: object) -> str:
    name = str(told or "utf-8").strip("\"' ").lower()
    try:
        info = codecs.lookup(name)
    except (LookupError, ValueError):
        info = None
    # Python's codecs hold more than text (``zip``, ``rot13``); those are nobody's charset.
    if info is None or not getattr(info, "_is_text_encoding", True) or info.name in _NO_CHARSET:
        raise UnsupportedMediaError(f"there is no charset {name!r}", hint="send UTF-8")
    return info.name


_NO_CHARSET = {"idna", "punycode", "unicode_escape", "raw_unicode_escape", "undefined", "mbcs"}


def _sniffed(head: bytes, stream_format: RecordFormat) -> ContentFormat:
    if head.startswith((b"ARROW1", b"\xff\xff\xff\xff")):
        return ContentFormat.ARROW
    for mark, _ in _BOMS:
        head = head.removeprefix(mark)
    if head.lstrip(b" \t\r\n\0")[:1] in (b"{", b"["):
        return ContentFormat.JSON
    return ContentFormat.CSV if stream_format is RecordFormat.CSV else ContentFormat.PLAIN
