"""``collect``: follows files and polls the host."""

from __future__ import annotations

import orjson

from madang.collect import Collector
from madang.operate.role import RoleContext
from madang.operate.streams import open_stream
from madang.operate.wiring import open_store
from madang.project import ProjectFollower
from madang.stream import LogStream

_STATES_EVERY_S = 2.0


def run_collect(context: RoleContext) -> None:
    """Run the sources of the published project until told to stop, then drain them."""
    follower = ProjectFollower(context.data)
    store = open_store(context.data, follower.current())

    def stream(name: str) -> LogStream:
        return open_stream(store, follower.current(), name)

    collector = Collector(follower, stream, data=context.data)
    collector.start()
    context.ready()
    states = context.data.run / "sources.json"
    while not context.stop.wait(_STATES_EVERY_S):
        collector.refresh()
        states.write_bytes(orjson.dumps(collector.source_states()))
    collector.stop()
    store.close()
