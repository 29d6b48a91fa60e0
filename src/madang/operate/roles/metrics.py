"""``metrics``: the newest samples in memory, PromQL over them, and their way into tables."""

from __future__ import annotations

import os

import pyarrow as pa

from madang.operate.metrics_engine import MetricsEngine
from madang.operate.metrics_onward import add_onward
from madang.operate.metrics_rules import add_rules
from madang.operate.role import RoleContext
from madang.operate.wiring import open_store
from madang.project import Project, ProjectFollower
from madang.query.process_io import give_memory_back

_LOOK_S = 1.0
_NICE = 5
_TRIM_EVERY = 20
_CATCH_UP_S = 20.0
"""Behind more than this takes, the platform is ready before PromQL is."""


def run_metrics(context: RoleContext) -> None:
    """Follow the samples and answer requests until told to stop."""
    # Acknowledging comes first: the stream keeps what waits to be followed.
    os.nice(_NICE)
    pa.set_memory_pool(pa.system_memory_pool())  # trimming it gives back what is free
    follower = ProjectFollower(context.data)
    known = [follower.current()]

    def project() -> Project:
        return known[0]

    store = open_store(context.data, project())
    engine = MetricsEngine(context.data, store, project)
    add_rules(engine)
    add_onward(engine)
    engine.start(context.stop)
    engine.caught_up.wait(_CATCH_UP_S)
    context.ready()
    turn = 0
    while not context.stop.wait(_LOOK_S):
        known[0] = follower.current()
        engine.look()
        turn += 1
        if turn % _TRIM_EVERY == 0:
            give_memory_back()
    engine.close()
    store.close()
