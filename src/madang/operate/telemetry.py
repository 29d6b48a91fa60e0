"""Metrics of all roles on one page: prometheus_client in its multi-process mode.

Every process maps its counters into files of ``run/metrics``; ``serve`` adds them up for
``/metrics``. The directory must be named in the environment before the first metric is made, so
:func:`use_folder` runs before the roles' modules are imported.
"""

from __future__ import annotations

import os
import shutil
import tempfile
from pathlib import Path

_VARIABLE = "PROMETHEUS_MULTIPROC_DIR"
_MEMORY = Path("/dev/shm")  # noqa: S108 - mkdtemp makes a folder that only this user may enter
_PREFIX = "madang-metrics-"
_ROOM_BYTES = 32 << 20


def use_folder(folder: Path) -> None:
    """Empty ``folder`` and make it the place of this platform's metrics.

    The files are mapped and grow by being written to. On a disk that is full such a write ends the
    process (SIGBUS), so where there is a file system in memory ``folder`` is a link into it.
    """
    drop_folder(folder)
    if _has_room(_MEMORY):
        folder.parent.mkdir(parents=True, exist_ok=True)
        folder.symlink_to(tempfile.mkdtemp(prefix=_PREFIX, dir=_MEMORY))
    else:
        folder.mkdir(parents=True)
    os.environ[_VARIABLE] = str(folder)


def drop_folder(folder: Path) -> None:
    """Remove ``folder`` and what it links to; what a platform that was killed left, too."""
    if not folder.is_symlink():
        shutil.rmtree(folder, ignore_errors=True)
        return
    target = folder.readlink()
    if target.parent == _MEMORY and target.name.startswith(_PREFIX):
        shutil.rmtree(target, ignore_errors=True)
    folder.unlink()


def _has_room(memory: Path) -> bool:
    try:
        space = os.statvfs(memory)
    except OSError:
        return False
    return os.access(memory, os.W_OK) and space.f_bavail * space.f_frsize >= _ROOM_BYTES


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
