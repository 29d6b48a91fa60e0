"""Grouping keys: ``/job/<job>{/<label>/<value>}`` → the labels that name a group."""

from __future__ import annotations

import base64
import binascii
import re
from collections.abc import Mapping
from urllib.parse import unquote_to_bytes

from madang.core.errors import InvalidInputError

BASE64_SUFFIX = "@base64"
JOB, INSTANCE = "job", "instance"
_LEGACY_NAME = re.compile(r"[a-zA-Z_][a-zA-Z0-9_]*")
_ESCAPED = "U__"
_ESCAPE = re.compile(r"__|_([0-9a-fA-F]{1,5})_|[^_]+")
_BASE64_URL = re.compile(r"[A-Za-z0-9_-]*")


def grouping_labels(path: bytes, *, utf8_names: bool = False) -> dict[str, str]:
    """The labels of a group.

    Args:
        path: What follows ``/metrics/`` in the URL, percent signs and all.
        utf8_names: Whether names are unescaped (``U__``) and may hold any signs.

    Raises:
        InvalidInputError: the path names no group.
        KeyError: it does not begin with ``job/`` or ``job@base64/`` and a name.
    """
    first, *parts = _texts(path)
    if first not in (JOB, JOB + BASE64_SUFFIX) or not parts or not parts[0]:
        raise KeyError(first)
    job = parts.pop(0)
    if first != JOB:
        job = _decoded(job, f'invalid base64 encoding in job name "{job}"')
    if parts == [""]:  # a slash at the end
        parts = []
    if len(parts) % 2:
        text = "/" + "/".join(parts)
        raise InvalidInputError(f'odd number of components in label string "{text}"')
    labels: dict[str, str] = {}
    for raw_name, value in zip(parts[::2], parts[1::2], strict=True):
        trimmed = raw_name.removesuffix(BASE64_SUFFIX)
        name = unescape_name(trimmed) if utf8_names else trimmed
        if not is_label_name(name, utf8_names=utf8_names) or trimmed.startswith("__"):
            raise InvalidInputError(f'improper label name "{trimmed}"')
        if raw_name != trimmed:
            said = f'invalid base64 encoding for label {trimmed}="{value}"'
            labels[name] = _decoded(value, said)
        else:
            labels[name] = value
    if not job:
        raise InvalidInputError("job name is required")
    labels[JOB] = job
    return labels


def group_key(labels: Mapping[str, str]) -> bytes:
    """The labels as bytes, so that equal labels are equal bytes; empty values count."""
    return b"\xff".join(part.encode() for pair in sorted(labels.items()) for part in pair)


def is_label_name(name: str, *, utf8_names: bool) -> bool:
    """Whether a label may have this name."""
    return bool(name) if utf8_names else _LEGACY_NAME.fullmatch(name) is not None


def unescape_name(name: str) -> str:
    """A name that was escaped for a URL (``U__a_2e_b`` → ``a.b``); any other stays as it is."""
    escaped = name.removeprefix(_ESCAPED)
    if escaped == name:
        return name
    signs: list[str] = []
    at = 0
    while at < len(escaped):
        match = _ESCAPE.match(escaped, at)
        if match is None:
            return name
        if match[1] is not None:
            code = int(match[1], 16)
            if 0xD800 <= code < 0xE000:
                return name
            signs.append(chr(code))
        else:
            signs.append("_" if match[0] == "__" else match[0])
        at = match.end()
    return "".join(signs)


def _texts(path: bytes) -> list[str]:
    try:
        return unquote_to_bytes(path).decode().split("/")
    except UnicodeDecodeError:
        raise InvalidInputError(f"the path {path!r} is not valid UTF-8") from None


def _decoded(text: str, said: str) -> str:
    plain = text.rstrip("=")
    if _BASE64_URL.fullmatch(plain) is None or len(plain) % 4 == 1:
        raise InvalidInputError(f"{said}: illegal base64 data")
    try:
        return base64.urlsafe_b64decode(plain + "=" * (-len(plain) % 4)).decode()
    except binascii.Error as error:
        raise InvalidInputError(f"{said}: {error}") from None
    except UnicodeDecodeError:
        raise InvalidInputError(f"{said}: it is not valid UTF-8") from None
