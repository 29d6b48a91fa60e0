"""Evaluates rules ten times a second until somebody kills it: ``rules_until_killed.py FOLDER``."""

import sys
import threading
from pathlib import Path

from madang.core.clock import SystemClock
from madang.core.samples import SAMPLES_SCHEMA
from madang.metrics.head.folder import HeadFolder
from madang.metrics.head.follower import FollowLimits, HeadFollower
from madang.metrics.head.head import Head
from madang.metrics.head_storage import HeadStorage
from madang.metrics.rules import RuleEngine, RuleLog, RuleSettings
from madang.project.rule_spec import RuleFileSpec, RuleGroupSpec
from madang.stream import LogStore

SPEC = {
    "name": "g",
    "interval": "100ms",
    "rules": [
        {"record": "n", "expr": "(n or vector(0)) + 1"},
        {"record": "twice", "expr": "n * 2"},
        {"record": "turning", "expr": "vector(1) and (n % 20 < 10)"},
    ],
}


def group() -> RuleGroupSpec:
    """The group, with its defaults."""
    return RuleGroupSpec.model_validate(SPEC).over(60.0, 0.0)


def main(folder: Path) -> None:
    """Until it is killed."""
    store = open_store(folder, recover=True)
    stream = store.open("metrics.samples", SAMPLES_SCHEMA, partitions=2)
    follower = HeadFollower(
        stream, Head(), HeadFolder(folder / "head"), limits=FollowLimits(write_every_s=0.5)
    )
    follower.restore()
    while follower.poll():
        pass
    rules = {"rules/a.yml": RuleFileSpec(groups=(group(),))}
    engine = RuleEngine(
        HeadStorage(follower), RuleLog(stream, follower.taken), lambda: rules, RuleSettings
    )
    threading.Thread(target=engine.run, args=(threading.Event(),)).start()
    while True:
        if not follower.poll():
            threading.Event().wait(0.01)


def open_store(folder: Path, *, recover: bool = False) -> LogStore:
    """The log in ``folder``."""
    store = LogStore(folder / "log", clock=SystemClock(), min_free_bytes=0)
    if recover:
        store.recover()
    return store


if __name__ == "__main__":
    main(Path(sys.argv[1]))
