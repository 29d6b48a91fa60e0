"""OTLP in JSON: protobuf's JSON with identifiers in hexadecimal and enumerations as numbers."""

from __future__ import annotations

from typing import Any

import orjson
from google.protobuf import json_format

from madang.collect.otlp.messages import JSON_MESSAGES
from madang.collect.wire_messages import AnyMessage
from madang.core.errors import InvalidInputError

# Also the names, which some senders write.
_TEMPORALITIES = {
    "AGGREGATION_TEMPORALITY_UNSPECIFIED": 0,
    "AGGREGATION_TEMPORALITY_DELTA": 1,
    "AGGREGATION_TEMPORALITY_CUMULATIVE": 2,
}


def read_json(body: bytes) -> AnyMessage:
    """The request that a body of JSON holds; fields that are not known are passed over.

    Raises:
        InvalidInputError: it is none.
    """
    try:
        told = orjson.loads(body)
    except orjson.JSONDecodeError as error:
        raise InvalidInputError(f"the body is not JSON: {error}") from None
    if not isinstance(told, dict):
        raise InvalidInputError("the body is no ExportMetricsServiceRequest: it is no object")
    _number_temporalities(told)
    try:
        return json_format.ParseDict(told, JSON_MESSAGES["Request"](), ignore_unknown_fields=True)
    except (json_format.ParseError, ValueError, TypeError, AttributeError) as error:
        raise InvalidInputError(
            f"the body is no ExportMetricsServiceRequest of OTLP: {error}"
        ) from None


def _number_temporalities(told: Any) -> None:  # noqa: ANN401  # whatever JSON has
    inside = [told]
    for keys in (
        ("resourceMetrics", "resource_metrics"),
        ("scopeMetrics", "scope_metrics"),
        ("metrics",),
        ("sum", "histogram", "exponentialHistogram", "exponential_histogram"),
    ):
        found = [one[key] for one in inside for key in keys if key in one]
        inside = [
            one
            for listed in found
            for one in (listed if isinstance(listed, list) else [listed])
            if isinstance(one, dict)
        ]
    for data in inside:
        for key in ("aggregationTemporality", "aggregation_temporality"):
            if isinstance(given := data.get(key), str):
                data[key] = _TEMPORALITIES.get(given, given)
