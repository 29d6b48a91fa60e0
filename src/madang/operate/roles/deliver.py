"""``deliver``: brings streams into tables, keeps tables tidy and streams short."""

from __future__ import annotations

import os
import threading
import time

import pyarrow as pa

from madang.core.clock import SystemClock
from madang.lake import Lake
from madang.operate.delivery import Deliveries
from madang.operate.role import RoleContext
from madang.operate.tidying import Tidying
from madang.operate.wiring import open_store
from madang.project import ProjectFollower
from madang.query.process_io import give_memory_back

_IDLE_S = 0.1
_NICE = 5
_TRIM_AFTER_S = 2.0
_STATES_EVERY_S = 2.0


def run_deliver(context: RoleContext) -> None:
    """Deliver until told to stop, then commit what was read.

    One thread polls the deliveries in turn; another keeps tables and streams tidy, so that a
    compaction never keeps a commit waiting.
    """
    # Acknowledging comes first: the stream keeps what delivery has no time for yet.
    os.nice(_NICE)
    pa.set_memory_pool(pa.system_memory_pool())  # trimming it gives back what is free
    follower = ProjectFollower(context.data)
    store = open_store(context.data, follower.current())
    lake = Lake(context.data, clock=SystemClock())
    deliveries = Deliveries(follower, store, lake, context.data)
    # A follower belongs to one thread.
    tidying = Tidying(ProjectFollower(context.data), store, lake)
    tidy = threading.Thread(target=tidying.run, args=(context.stop,), name="tidy")
    tidy.start()
    context.ready()
    report_at_s, last_work_s, trimmed = 0.0, time.monotonic(), False
    while not context.stop.is_set():
        deliveries.follow_project()
        worked = deliveries.poll()
        now_s = time.monotonic()
        if now_s >= report_at_s:
            deliveries.write_states()
            report_at_s = now_s + _STATES_EVERY_S
        if worked:
            last_work_s, trimmed = now_s, False
        elif not trimmed and now_s - last_work_s > _TRIM_AFTER_S:
            give_memory_back()
            trimmed = True
        if not worked:
            context.stop.wait(_IDLE_S)
    deliveries.flush()
    deliveries.write_states()
    tidy.join()
    store.close()
