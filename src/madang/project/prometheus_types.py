"""Field types of Prometheus's configuration, read as Prometheus reads them.

YAML's scalars come as text (``Dialect(typed=False)``): a regular expression ``1.10`` stays as it is
written. What was checked and published comes back as numbers and booleans.
"""

from __future__ import annotations

import re
from typing import Annotated, Any

from pydantic import AfterValidator, BeforeValidator, Field, PlainSerializer, SecretStr
from pydantic import WithJsonSchema as JsonSchema
from pydantic_core import PydanticCustomError

from madang.project.types import DURATION, SIZE, Spec

_DURATION = re.compile(
    r"(?:(\d+)y)?(?:(\d+)w)?(?:(\d+)d)?(?:(\d+)h)?(?:(\d+)m)?(?:(\d+)s)?(?:(\d+)ms)?", re.ASCII
)
_MILLISECONDS = (31_536_000_000, 604_800_000, 86_400_000, 3_600_000, 60_000, 1000, 1)
_LONGEST_MS = (2**63 - 1) // 1_000_000
_SIZE = re.compile(r"(?:\d+(?:\.\d*)?|\.\d+)(?:[KMGTPE]i?)?B", re.ASCII)
_SIZE_PART = re.compile(r"(\d+(?:\.\d*)?|\.\d+)([KMGTPE]?)i?B", re.ASCII)
_POWERS = {unit: 1024**power for power, unit in enumerate(["", *"KMGTPE"])}
_TRUE = frozenset({"y", "Y", "yes", "Yes", "YES", "true", "True", "TRUE", "on", "On", "ON"})
_FALSE = frozenset({"n", "N", "no", "No", "NO", "false", "False", "FALSE", "off", "Off", "OFF"})


def unreadable(text: str, hint: str | None = None) -> PydanticCustomError:
    """The error that a validator raises, with a hint beside the text."""
    return PydanticCustomError("unreadable", "{text}", {"text": text, "hint": hint})


def parse_duration_s(text: str) -> float:
    """Seconds of ``1h30m``, ``15s``, ``500ms`` or ``0``: units from the largest, whole numbers.

    Raises:
        ValueError: it is no duration of Prometheus's, or longer than 292 years.
    """
    if text == "0":
        return 0.0
    found = _DURATION.fullmatch(text)
    if found is None or not text:
        raise ValueError(f"{text!r} is not a duration")
    total_ms = sum(int(n or 0) * ms for n, ms in zip(found.groups(), _MILLISECONDS, strict=True))
    if total_ms > _LONGEST_MS:
        raise ValueError(f"{text!r} is longer than 292 years")
    return total_ms / 1000


def duration_text(seconds: float) -> str:
    """The duration as Prometheus writes it, such as ``1m500ms``; whole milliseconds."""
    left_ms, text = round(seconds * 1000), ""
    for unit, ms in zip(("d", "h", "m", "s", "ms"), _MILLISECONDS[2:], strict=True):
        count, left_ms = divmod(left_ms, ms)
        text += f"{count}{unit}" if count else ""
    return text or "0s"


def parse_size_bytes(text: str) -> int:
    """Bytes of ``10MB`` or ``1.5GiB``; both count in powers of 1024, as Prometheus has it.

    Raises:
        ValueError: it is no size; a bare number is none, but ``0``.
    """
    if text == "0":
        return 0
    if not text or not re.fullmatch(f"(?:{_SIZE.pattern})+", text, re.ASCII):
        raise ValueError(f"{text!r} is not a size")
    parts = _SIZE_PART.findall(text)
    return int(sum(float(number) * _POWERS[unit] for number, unit in parts))


def compile_regex(pattern: str) -> Any:  # noqa: ANN401 - re2 has no types
    """The anchored regular expression over UTF-8 bytes; a dot matches a line's end too.

    Raises:
        ValueError: RE2 cannot read it, such as for look-around and back references.
    """
    import re2

    options = re2.Options()
    options.log_errors = False
    try:
        return re2.compile(f"^(?s:{pattern})$".encode(), options)  # type: ignore[no-untyped-call]
    except re2.error as error:
        reason = error.args[0] if error.args else ""
        text = reason.decode("utf-8", "replace") if isinstance(reason, bytes) else str(reason)
        raise ValueError(text) from None


def _duration(value: object) -> object:
    if not isinstance(value, str):
        return value
    try:
        return parse_duration_s(value)
    except ValueError as error:
        hint = f"write {value}s" if value.isascii() and value.isdigit() else "such as 15s or 1h30m"
        raise unreadable(str(error), hint) from None


def _size(value: object) -> object:
    if not isinstance(value, str):
        return value
    try:
        return parse_size_bytes(value)
    except ValueError as error:
        hint = f"write {value}B" if value.isascii() and value.isdigit() else "such as 10MB"
        raise unreadable(str(error), hint) from None


def _boolean(value: object) -> object:
    if isinstance(value, str):
        if value in _TRUE:
            return True
        if value in _FALSE:
            return False
        raise unreadable(f"{value!r} is not true or false")
    return value


def _count(value: object) -> object:
    if isinstance(value, str) and value.isascii() and value.replace("_", "").isdigit():
        return int(value.replace("_", ""))
    return value


def _regex(value: str) -> str:
    try:
        compile_regex(value)
    except ValueError as error:
        hint = "RE2 has neither look-around nor back references"
        raise unreadable(f"{value!r} is not a regular expression: {error}", hint) from None
    return value


def _label_name(value: str) -> str:
    if not value:
        raise unreadable("a label's name is empty")
    return value


def _reveal(secret: SecretStr) -> str:
    return secret.get_secret_value()


PromDuration = Annotated[
    float,
    Field(ge=0, allow_inf_nan=False),
    BeforeValidator(_duration),
    JsonSchema({"type": "string", "examples": ["15s", "1h30m"]}),
    DURATION,
]
"""Seconds; written as Prometheus's durations."""
PromSize = Annotated[
    int,
    Field(ge=0),
    BeforeValidator(_size),
    JsonSchema({"type": "string", "examples": ["10MB"]}),
    SIZE,
]
"""Bytes; written with a unit."""
PromBool = Annotated[bool, BeforeValidator(_boolean), JsonSchema({"type": "boolean"})]
"""``true``, ``yes``, ``on`` and their opposites."""
PromCount = Annotated[int, Field(ge=0), BeforeValidator(_count)]
"""A whole number; 0 is no limit."""
PromRegex = Annotated[
    str, AfterValidator(_regex), JsonSchema({"type": "string", "format": "regex"})
]
"""An RE2 regular expression, matched from the first to the last character."""
LabelName = Annotated[str, AfterValidator(_label_name)]
"""A label's name: any UTF-8 text but the empty one."""
Secret = Annotated[SecretStr, PlainSerializer(_reveal, when_used="json")]
"""A secret in the file; never shown. It goes to the other processes in a file of their user's."""


class PromSpec(Spec):
    """Base of what Prometheus's configuration holds."""
