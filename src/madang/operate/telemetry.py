"""Metrics of all roles on one page: prometheus_client in its multi-process mode.

Every process maps its counters into files of ``run/metrics``; ``serve`` adds them up for
``/metrics``. The directory must be named in the environment before the first metric is made, so
:func:`use_folder` runs before the roles' modules are imported.
"""

from __future__ import annotations

import os
import shutil
from pathlib import Path

_VARIABLE = "PROMETHEUS_MULTIPROC_DIR"


def use_folder(folder: Path) -> None:
    """Empty ``folder`` and make it the place of this platform's metrics."""
    shutil.rmtree(folder, ignore_errors=True)
    folder.mkdir(parents=True)
    os.environ[_VARIABLE] = str(folder)


def forget_process(pid: int) -> None:
    """Drop the gauges of a process that ended; its counters stay in the sums."""
    if _VARIABLE in os.environ:
        from prometheus_client import multiprocess

        multiprocess.mark_process_dead(pid)  # type: ignore[no-untyped-call]


def exposition() -> bytes:
    """The metrics of all processes in Prometheus' text format 0.0.4."""
    from prometheus_client import REGISTRY, CollectorRegistry, generate_latest, multiprocess

    if _VARIABLE not in os.environ:
        return generate_latest(REGISTRY)
    registry = CollectorRegistry()
    multiprocess.MultiProcessCollector(registry)  # type: ignore[no-untyped-call]
    return generate_latest(registry)
