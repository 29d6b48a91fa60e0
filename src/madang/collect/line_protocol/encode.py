"""Points → line protocol, written as InfluxData's own encoder writes it."""

from __future__ import annotations

import re
from decimal import Decimal

from madang.collect.line_protocol.point import FieldValue, Point, Unsigned
from madang.core.errors import InvalidInputError

_CONTROL = re.compile(r"[\x00-\x1f\x7f]")
_LINE_END = re.compile(r"[\r\n]")


def encode_point(point: Point, unit_ns: int = 1) -> str:
    """A line, without its line end.

    Args:
        point: What to write; its tags are written sorted by name.
        unit_ns: The nanoseconds of one unit of the timestamp; what is finer is cut off.

    Raises:
        InvalidInputError: line protocol cannot say it: an empty name or tag value, control
            characters in a name, NaN, infinities, an integer beyond 64 bits, no field.
    """
    if not point.fields:
        raise InvalidInputError(f"the point {point.measurement!r} has no field")
    if point.measurement.startswith("#"):
        raise InvalidInputError(f"the measurement {point.measurement!r} would read as a comment")
    head = [_escaped(_name(point.measurement, "measurement"), ", ")]
    for tag, value in sorted(point.tags):
        if not value or _LINE_END.search(value) or value.endswith("\\"):
            raise InvalidInputError(f"the tag {tag!r} cannot have the value {value!r}")
        head.append(f"{_escaped(_name(tag, 'tag'), ',= ')}={_escaped(value, ',= ')}")
    fields = ",".join(
        f"{_escaped(_name(key, 'field'), ',= ')}={_value(key, value)}"
        for key, value in point.fields
    )
    line = f"{','.join(head)} {fields}"
    return line if point.time_ns is None else f"{line} {point.time_ns // unit_ns}"


def _name(name: str, what: str) -> str:
    # A backslash at the end would escape what follows it.
    if not name or _CONTROL.search(name) or name.endswith("\\"):
        raise InvalidInputError(f"{name!r} cannot be the name of a {what}")
    return name


def _escaped(text: str, special: str) -> str:
    for sign in special:
        text = text.replace(sign, f"\\{sign}")
    return text


def _value(key: str, value: FieldValue) -> str:
    if isinstance(value, bool):
        return "true" if value else "false"
    if isinstance(value, str):
        escaped = value.replace("\\", "\\\\").replace('"', '\\"')
        return f'"{escaped}"'
    if isinstance(value, float):
        if value - value != 0:
            raise InvalidInputError(f"the field {key!r} cannot be {value}")
        return _float(value)
    unsigned = isinstance(value, Unsigned)
    low, high = (0, 1 << 64) if unsigned else (-(1 << 63), 1 << 63)
    if not low <= value < high:
        raise InvalidInputError(f"the field {key!r} is out of range: {value}")
    return f"{int(value)}{'u' if unsigned else 'i'}"


def _float(value: float) -> str:
    # The shortest digits that read back the same, with an exponent from 1e6 on and below 1e-4.
    sign, digits, exponent = Decimal(repr(value)).normalize().as_tuple()
    assert isinstance(exponent, int)
    if not value:
        return "-0" if sign else "0"
    text = "".join(map(str, digits))
    power = len(digits) + exponent - 1
    minus = "-" if sign else ""
    if -4 <= power < 6:
        return minus + format(Decimal((0, digits, exponent)), "f")
    mantissa = text[0] + (f".{text[1:]}" if len(text) > 1 else "")
    return f"{minus}{mantissa}e{power:+03d}"
