"""What OTLP/HTTP answers: all taken, what was rejected, or why nothing was taken."""

from __future__ import annotations

import orjson

from madang.collect.otlp.messages import RESPONSE, STATUS
from madang.collect.pushed import Pushed

_TOLD = 10


def answer(pushed: Pushed, *, is_json: bool = False) -> bytes:
    """The body of a 200: an ExportMetricsServiceResponse, in the form of the request.

    A partial success counts the rejected data points; a sender must not send them again.
    """
    if not pushed.refused_count:
        return b"{}" if is_json else b""
    lines = [f"{one.where('point ')}{one.text}: {one.reason}" for one in pushed.refused[:_TOLD]]
    message = "; ".join(lines)
    if is_json:
        count = str(pushed.refused_count)
        told = {"rejectedDataPoints": count, "errorMessage": message}
        return orjson.dumps({"partialSuccess": told})
    response = RESPONSE()
    response.partial_success.rejected_data_points = pushed.refused_count
    response.partial_success.error_message = message.encode()
    wire: bytes = response.SerializeToString()
    return wire


def refusal(message: str, *, is_json: bool = False) -> bytes:
    """The body of a 4xx or 5xx: a ``google.rpc.Status``, in the form of the request."""
    if is_json:
        return orjson.dumps({"message": message})
    wire: bytes = STATUS(message=message.encode()).SerializeToString()
    return wire
