"""PromQL between processes: ``serve`` relays what the role ``metrics`` answers."""

from madang.query.prometheus.answering import Answering, no_such_endpoint
from madang.query.prometheus.exchange import FEDERATE, READ, ApiMeta, ApiRequest, ApiStats
from madang.query.prometheus.records import Answered, history_row
from madang.query.prometheus.relay import ApiRelay, Relayed

__all__ = [
    "FEDERATE",
    "READ",
    "Answered",
    "Answering",
    "ApiMeta",
    "ApiRelay",
    "ApiRequest",
    "ApiStats",
    "Relayed",
    "history_row",
    "no_such_endpoint",
]
