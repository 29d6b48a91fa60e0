"""``server: ports:`` in ``madang.yml``: ports on which protocols have the paths known of them.

Their names are those of the prefixes on the main port: what is at ``/influx/write`` there is at
``/write`` here.
"""

from __future__ import annotations

from collections.abc import Mapping

from pydantic import Field

from madang.project.types import Spec


class OwnPortSpec(Spec):
    """A port of one protocol."""

    port: int = Field(ge=0, le=65_535)
    """Port to listen on; 0 takes a free one."""
    host: str = "127.0.0.1"
    """Address to listen on; ``0.0.0.0`` for every one."""
    anonymous: bool | None = None
    """Whether requests without a token may append (and on ``prometheus`` and ``pushgateway`` also
    read what is there); by default on a loopback address only."""


class PortsSpec(Spec):
    """Ports on which a protocol has the paths that it is known by; opened at the start."""

    prometheus: OwnPortSpec | None = None
    """Prometheus's API and remote write: ``/api/v1/write``, ``/api/v1/query``; usually 9090."""
    pushgateway: OwnPortSpec | None = None
    """Pushgateway: ``/metrics/job/<name>``; usually 9091."""
    influx: OwnPortSpec | None = None
    """Line protocol of InfluxDB 1 and 2: ``/write``, ``/api/v2/write``; usually 8086."""
    otlp: OwnPortSpec | None = None
    """OTLP over HTTP: ``/v1/metrics``; usually 4318."""

    def given(self) -> Mapping[str, OwnPortSpec]:
        """Those that are to be opened, by protocol."""
        found = {name: getattr(self, name) for name in type(self).model_fields}
        return {name: spec for name, spec in found.items() if spec is not None}
