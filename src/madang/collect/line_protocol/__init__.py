"""Influx line protocol, as InfluxDB 1 and 2 take it at ``/write``: text ↔ samples.

Entry: :class:`LineProtocolDecoder`; ``precision_ns`` reads the parameter ``precision``. How names
become Prometheus's is told in ``naming``; ``encode_point`` writes a line.
"""

from madang.collect.line_protocol.body import STRING_FIELD
from madang.collect.line_protocol.decoder import LineProtocolDecoder
from madang.collect.line_protocol.encode import encode_point
from madang.collect.line_protocol.parse import LineError, parse_line
from madang.collect.line_protocol.point import FieldValue, Point, Unsigned, precision_ns

__all__ = [
    "STRING_FIELD",
    "FieldValue",
    "LineError",
    "LineProtocolDecoder",
    "Point",
    "Unsigned",
    "encode_point",
    "parse_line",
    "precision_ns",
]
