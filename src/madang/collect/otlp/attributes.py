"""Attributes → labels."""

from __future__ import annotations

import base64
import json
from collections.abc import Iterable, Sequence
from decimal import Decimal
from typing import Any

from google.protobuf.message import DecodeError

from madang.collect.otlp.messages import KEY_VALUE
from madang.collect.otlp.naming import label_name
from madang.collect.sender_labels import SeriesError
from madang.collect.wire_messages import AnyMessage

Attributes = dict[str, str]
"""Values as texts by the attributes' names."""


def attributes_of(pairs: Iterable[AnyMessage]) -> Attributes:
    """Attributes with their values as texts; of a name that is given twice the last one counts."""
    return {pair.key: text_of(pair.value) for pair in pairs}


def read_attributes(wires: Sequence[bytes]) -> Attributes:
    """The same of attributes that are still bytes.

    Raises:
        SeriesError: they are not as protobuf writes them.
    """
    try:
        return attributes_of(map(KEY_VALUE.FromString, wires))
    except DecodeError:
        raise SeriesError("an attribute is not as protobuf writes it") from None


def labels_of_attributes(attributes: Attributes) -> dict[str, str]:
    """Labels; the values of attributes that become one are joined by ``;``, in their names' order.

    Raises:
        SeriesError: no label can be made of a name.
    """
    labels: dict[str, str] = {}
    for name in sorted(attributes):
        try:
            label = label_name(name)
        except ValueError as error:
            raise SeriesError(str(error)) from None
        value = attributes[name]
        labels[label] = f"{labels[label]};{value}" if label in labels else value
    return labels


def number_text(number: float) -> str:
    """A number for a label: the shortest digits, without an exponent."""
    if number - number != 0:
        return {float("inf"): "+Inf", float("-inf"): "-Inf"}.get(number, "NaN")
    text = format(Decimal(repr(number)), "f")
    return text.rstrip("0").rstrip(".") if "." in text else text


def text_of(value: AnyMessage) -> str:
    """A value as a text: lists and maps as JSON, bytes as base64."""
    plain = _plain(value)
    match plain:
        case None:
            return ""
        case str():
            return plain
        case bool():
            return "true" if plain else "false"
        case float():
            return number_text(plain)
        case int():
            return str(plain)
    return json.dumps(plain, ensure_ascii=False, separators=(",", ":"))


def _plain(value: AnyMessage) -> Any:  # noqa: ANN401  # whatever JSON has
    for scalar in ("string_value", "bool_value", "int_value", "double_value"):
        if value.HasField(scalar):
            return getattr(value, scalar)
    if value.HasField("bytes_value"):
        return base64.b64encode(value.bytes_value).decode()
    if value.HasField("array_value"):
        return [_plain(one) for one in value.array_value.values]
    if value.HasField("kvlist_value"):
        return {one.key: _plain(one.value) for one in value.kvlist_value.values}
    return None
