"""PromQL between processes: ``serve`` relays what the role ``metrics`` answers."""

from madang.query.prometheus.answering import Answering
from madang.query.prometheus.exchange import ApiMeta, ApiRequest, ApiStats
from madang.query.prometheus.relay import ApiRelay, Relayed

__all__ = ["Answering", "ApiMeta", "ApiRelay", "ApiRequest", "ApiStats", "Relayed"]
