"""What Prometheus's API tells beside samples, from where this platform has it."""

from __future__ import annotations

import os
import socket
import threading
from collections.abc import Callable, Sequence

from madang import __version__
from madang.collect.scrape import read_metadata, read_targets
from madang.core.datadir import DataDir
from madang.metrics.api.knowledge import Build, Knowledge, Replay, Runtime
from madang.metrics.api.rule_view import RuleGroupView
from madang.metrics.head.follower import HeadFollower
from madang.operate.health import is_project_broken
from madang.operate.prometheus_config import config_text, external_labels
from madang.project import Project
from madang.project.prometheus_types import duration_text

LANGUAGE_VERSION = "3.0.0"
"""The Prometheus that clients may take this server for: they decide by it what they may ask."""


def knowledge_of(
    data: DataDir,
    project: Callable[[], Project],
    follower: HeadFollower,
    *,
    started_at_us: int,
    replay: Callable[[], Replay],
    rules: Callable[[], Sequence[RuleGroupView]] = tuple,
) -> Knowledge:
    """The knowledge of the role ``metrics``.

    Args:
        data: The data directory, in which other roles leave their lists.
        project: As it is now.
        follower: The head's.
        started_at_us: When the role began.
        replay: How far the head has followed.
        rules: The groups that are evaluated.
    """
    collect = data.root / "collect"
    return Knowledge(
        targets=lambda: read_targets(collect),
        metadata=lambda: read_metadata(collect),
        rules=rules,
        config=lambda: config_text(project()),
        flags=lambda: _flags(data, project()),
        build=Build(version=f"{LANGUAGE_VERSION}+madang-{__version__}"),
        runtime=lambda: _runtime(data, project(), started_at_us),
        cardinality=follower.cardinality,
        replay=replay,
        external_labels=lambda: external_labels(project()),
    )


def _flags(data: DataDir, project: Project) -> dict[str, str]:
    """Settings, by the names of the flags by which Prometheus has them."""
    query = project.platform.metrics.query
    features = ["promql-experimental-functions"] if query.experimental else []
    return {
        "config.file": f"{project.directory}/madang.yml",
        "enable-feature": ",".join(features),
        "query.lookback-delta": duration_text(query.lookback),
        "query.max-concurrency": str(query.concurrency),
        "query.max-samples": str(query.max_samples),
        "query.timeout": duration_text(query.timeout),
        "storage.tsdb.path": str(data.head),
        "web.enable-admin-api": "false",
        "web.enable-lifecycle": "true",
        "web.enable-otlp-receiver": "true",
        "web.enable-remote-write-receiver": "true",
    }


def _runtime(data: DataDir, project: Project, started_at_us: int) -> Runtime:
    try:
        loaded_us = data.published_project.stat().st_mtime_ns // 1000
    except OSError:
        loaded_us = started_at_us
    return Runtime(
        start_us=started_at_us,
        folder=project.directory,
        hostname=socket.gethostname(),
        reloaded=not is_project_broken(data),
        reloaded_us=loaded_us,
        threads=threading.active_count(),
        cores=os.cpu_count() or 1,
        retention=duration_text(project.platform.metrics.retention),
    )
