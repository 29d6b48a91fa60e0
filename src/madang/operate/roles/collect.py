"""``collect``: follows files and polls the host."""

from __future__ import annotations

import pyarrow as pa

from madang.collect import Collector
from madang.operate.health import SOURCES_FILE
from madang.operate.role import RoleContext
from madang.operate.state_file import StateFile
from madang.operate.streams import open_stream
from madang.operate.wiring import open_store
from madang.project import ProjectFollower
from madang.query.process_io import give_memory_back
from madang.stream import LogStream

_LOOK_S = 1.0
_STATES_EVERY = 2
_TRIM_EVERY = 20
"""Looks between two times that memory of a catch-up is given back."""


def run_collect(context: RoleContext) -> None:
    """Run the sources of the published project until told to stop, then drain them."""
    follower = ProjectFollower(context.data)
    store = open_store(context.data, follower.current())

    def stream(name: str) -> LogStream:
        return open_stream(store, follower.current(), name)

    pa.set_memory_pool(pa.system_memory_pool())  # trimming it gives back what is free
    collector = Collector(follower, stream, data=context.data)
    collector.start()
    context.ready()
    turn, states = 0, StateFile(context.data.run / SOURCES_FILE)
    while not context.stop.wait(_LOOK_S):
        collector.refresh()
        turn += 1
        if turn % _STATES_EVERY == 0:
            states.write(collector.source_states())
        if turn % _TRIM_EVERY == 0:
            give_memory_back()
    collector.stop()
    store.close()
