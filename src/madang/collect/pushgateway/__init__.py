"""A push gateway: groups of metrics that short-lived jobs push, kept until they are replaced.

Main type: :class:`PushGateway`. Each group is on disk before its push is acknowledged; a thread
samples all of them into the stream of samples, as a Prometheus that scrapes them would.
"""

from madang.collect.pushgateway.families import InconsistentPushError
from madang.collect.pushgateway.gateway import PushGateway
from madang.collect.pushgateway.group import Group
from madang.collect.pushgateway.grouping import grouping_labels
from madang.collect.pushgateway.page import PROTOBUF, TEXT

__all__ = [
    "PROTOBUF",
    "TEXT",
    "Group",
    "InconsistentPushError",
    "PushGateway",
    "grouping_labels",
]
