"""Evaluates rules until somebody kills it: ``rules_until_killed.py FOLDER``.

Its clock goes on when an evaluation is in the log, and not before: on a machine that is busy it
takes longer, and nothing is late.
"""

import sys
import threading
import time
from pathlib import Path

from madang.core.clock import Clock, ManualClock
from madang.core.samples import SAMPLES_SCHEMA
from madang.metrics.head.folder import HeadFolder
from madang.metrics.head.follower import FollowLimits, HeadFollower
from madang.metrics.head.head import Head
from madang.metrics.head_storage import HeadStorage
from madang.metrics.rules import RuleEngine, RuleLog, RuleSettings
from madang.metrics.rules.times import EvaluationTimes
from madang.project.rule_spec import RuleFileSpec, RuleGroupSpec
from madang.stream import LogStore

SPEC = {
    "name": "g",
    "interval": "10s",
    "rules": [
        {"record": "n", "expr": "(n or vector(0)) + 1"},
        {"record": "twice", "expr": "n * 2"},
        {"record": "turning", "expr": "vector(1) and (n % 20 < 10)"},
    ],
}
INTERVAL_S = 10.0
MISSED = 5
PRODUCER = "rules:rules/a.yml;g"


def group() -> RuleGroupSpec:
    """The group, with its defaults."""
    return RuleGroupSpec.model_validate(SPEC).over(60.0, 0.0)


class StepClock(ManualClock):
    """Wall time as it is set; only pauses take real time."""

    def monotonic_s(self) -> float:
        """The machine's."""
        return time.monotonic()


def main(folder: Path) -> None:
    """Until it is killed."""
    clock = StepClock()
    store = open_store(folder, clock, recover=True)
    stream = store.open("metrics.samples", SAMPLES_SCHEMA, partitions=2)
    limits = FollowLimits(write_every_s=0.5)
    follower = HeadFollower(stream, Head(), HeadFolder(folder / "head"), clock=clock, limits=limits)
    log = RuleLog(stream, follower.taken)
    came_ms = log.last_sequence(PRODUCER)
    if came_ms is not None:
        # A few evaluations were missed meanwhile.
        clock.advance((came_ms * 1000 - clock.now_us()) / 1e6 + MISSED * INTERVAL_S)
    follower.restore()
    while follower.poll():
        pass
    rules = {"rules/a.yml": RuleFileSpec(groups=(group(),))}
    engine = RuleEngine(HeadStorage(follower), log, lambda: rules, RuleSettings, clock=clock)
    threading.Thread(target=engine.run, args=(threading.Event(),)).start()
    times = EvaluationTimes.of("rules/a.yml", "g", INTERVAL_S)
    if came_ms is None:
        came_ms = times.last(clock.now_us() // 1000)
    while True:
        came_ms = log.last_sequence(PRODUCER) or came_ms
        if engine.views() and came_ms >= times.last(clock.now_us() // 1000):
            clock.advance(INTERVAL_S)
            engine.wake()
        if not follower.poll():
            threading.Event().wait(0.002)


def open_store(folder: Path, clock: Clock | None = None, *, recover: bool = False) -> LogStore:
    """The log in ``folder``."""
    store = LogStore(folder / "log", clock=clock, min_free_bytes=0)
    if recover:
        store.recover()
    return store


if __name__ == "__main__":
    main(Path(sys.argv[1]))
