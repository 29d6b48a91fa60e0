"""What the API tells beside samples: where it learns of targets, rules, settings."""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass, field
from typing import Any

from madang.metrics.api.rule_view import RuleGroupView
from madang.metrics.head.cardinality import Cardinality


@dataclass(frozen=True, slots=True, kw_only=True)
class Build:
    """What was built, of which sources."""

    version: str = ""
    revision: str = ""
    branch: str = ""
    build_user: str = ""
    build_date: str = ""


@dataclass(frozen=True, slots=True, kw_only=True)
class Runtime:
    """The process that answers.

    Times are microseconds since 1970; ``retention`` is a text such as ``15d or 20GiB``.
    """

    start_us: int
    folder: str = ""
    hostname: str = ""
    reloaded: bool = True
    reloaded_us: int = 0
    corruptions: int = 0
    threads: int = 1
    cores: int = 1
    retention: str = ""


@dataclass(frozen=True, slots=True)
class Replay:
    """How far the head has followed the stream since the start, in samples."""

    begin: int = 0
    end: int = 0
    current: int = 0


@dataclass(frozen=True, slots=True, kw_only=True)
class Knowledge:
    """Sources of what is told beside samples: each is called for each request that needs it.

    Attributes:
        targets: Prometheus's answer of ``/api/v1/targets``, unfiltered: ``activeTargets``,
            ``droppedTargets``, ``droppedTargetCounts``; further keys are passed over.
        metadata: By family: ``type``, ``help``, ``unit``.
        rules: All groups, in order.
        config: The settings in force, as YAML.
        flags: How the process was started: name → value.
        build: What runs here.
        runtime: Of this process; None where that is not told.
        cardinality: What the series of the head are, with at most so many entries a list; None
            where there is no head.
        replay: How far the head is.
        external_labels: What ``/federate`` and remote read add.
    """

    targets: Callable[[], Mapping[str, Any]] = dict
    metadata: Callable[[], Mapping[str, Mapping[str, str]]] = dict
    rules: Callable[[], Sequence[RuleGroupView]] = tuple
    config: Callable[[], str] = str
    flags: Callable[[], Mapping[str, str]] = dict
    build: Build = field(default_factory=Build)
    runtime: Callable[[], Runtime | None] = lambda: None
    cardinality: Callable[[int], Cardinality | None] = lambda limit: None
    replay: Callable[[], Replay] = Replay
    external_labels: Callable[[], Mapping[str, str]] = dict
