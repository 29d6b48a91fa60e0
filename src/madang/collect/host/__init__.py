"""Metrics of this machine, in node exporter's names and units; one batch a poll.

Entry: :class:`HostSource`, into a typed stream of ``HOST_SCHEMA``.
"""

from madang.collect.host.samples import HOST_SCHEMA
from madang.collect.host.source import HostSource

__all__ = ["HOST_SCHEMA", "HostSource"]
