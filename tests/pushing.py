"""A push gateway in a folder, pushed to without HTTP."""

from __future__ import annotations

from contextlib import contextmanager
from pathlib import Path

from madang.collect.pushgateway import PushGateway, grouping_labels
from madang.core.clock import ManualClock
from madang.core.samples import SAMPLES_SCHEMA, labels_of
from madang.project.metrics_spec import PushgatewaySpec
from madang.stream import LogStore

SLOW = PushgatewaySpec(interval=3600.0)
PROTOBUF = (
    "application/vnd.google.protobuf; proto=io.prometheus.client.MetricFamily; encoding=delimited"
)


def delimited(*families) -> bytes:
    """Small messages as a body."""
    messages = [family.SerializeToString() for family in families]
    assert all(len(message) < 128 for message in messages)
    return b"".join(bytes([len(message)]) + message for message in messages)


class Pushing:
    """The gateway, and short ways to use it."""

    def __init__(self, gateway: PushGateway, stream, clock: ManualClock) -> None:
        self.gateway = gateway
        self.stream = stream
        self.clock = clock

    def push(self, path: str, body: str | bytes, *, replaces=False, **headers) -> None:
        """Push as HTTP does; raises what the sender would get."""
        self.clock.advance(1)
        labels = grouping_labels(path.encode())
        chunks = [body.encode() if isinstance(body, str) else body]
        push, error = self.gateway.read(labels, chunks, replaces=replaces, **headers)
        self.gateway.push(push).result(10)
        if error is not None:
            raise error

    def put(self, path: str, body: str | bytes, **headers) -> None:
        self.push(path, body, replaces=True, **headers)

    def delete(self, path: str) -> None:
        self.clock.advance(1)
        self.gateway.delete(grouping_labels(path.encode())).result(10)

    def page(self) -> str:
        return self.gateway.page().decode()

    def lines(self) -> set[str]:
        """The samples of the page, without the groups' own times."""
        lines = self.page().splitlines()
        return {one for one in lines if not one.startswith(("#", "push_"))}

    def group(self, path: str):
        wanted = grouping_labels(path.encode())
        return next(one for one in self.gateway.groups() if one.labels == wanted)


@contextmanager
def pushing(folder: Path, settings: PushgatewaySpec = SLOW, *, clock: ManualClock | None = None):
    """A gateway whose groups and stream are in ``folder``."""
    clock = clock or ManualClock()
    with LogStore(folder / "log", min_free_bytes=0) as store:
        stream = store.open("metrics.samples", SAMPLES_SCHEMA)
        gateway = PushGateway(folder / "groups", lambda: stream, lambda: settings, clock)
        gateway.open()
        try:
            yield Pushing(gateway, stream, clock)
        finally:
            gateway.close()


def rows(stream) -> list[tuple[dict[str, str], float, int]]:
    """All that is in the stream: labels, value, and the time in milliseconds."""
    found, offset, labels = [], 0, {}
    while chunks := stream.read(0, offset):
        for chunk in chunks:
            for row in chunk.batch.to_pylist():
                if row["labels"] is not None:
                    labels[row["series"]] = labels_of(row["labels"])
                at_ms = round(row["ts"].timestamp() * 1000)
                found.append((labels[row["series"]], row["value"], at_ms))
        offset = chunks[-1].end_offset
    return found
