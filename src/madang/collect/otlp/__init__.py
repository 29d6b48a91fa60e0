"""OTLP/HTTP metrics, protobuf and JSON: bodies → samples.

Entry: :class:`OtlpDecoder`; ``answer`` and ``refusal`` write what the sender gets
back. How names and units become
Prometheus's is told in ``naming``.
"""

from madang.collect.otlp.answer import answer, refusal
from madang.collect.otlp.decoder import OtlpDecoder
from madang.collect.otlp.naming import label_name, metric_name

__all__ = ["OtlpDecoder", "answer", "label_name", "metric_name", "refusal"]
