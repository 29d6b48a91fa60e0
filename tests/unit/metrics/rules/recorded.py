"""A log, a head that follows it, and rules over both; the clock is turned by hand."""

import threading
import time

import numpy as np

from madang.core.clock import ManualClock
from madang.core.samples import SAMPLES_SCHEMA, is_stale
from madang.metrics.head.folder import HeadFolder
from madang.metrics.head.follower import HeadFollower
from madang.metrics.head.head import Head
from madang.metrics.head_storage import HeadStorage
from madang.metrics.rules import RuleEngine, RuleLog, RuleSettings
from madang.project.rule_spec import RuleFileSpec
from madang.stream import LogStore
from unit.metrics.pages import page

NOW_MS = 1_767_225_600_000
FILE = "rules/a.yml"


def rules(*groups, file=FILE):
    """A project's rule files: one of these groups, every 10 s unless told."""
    spec = RuleFileSpec.model_validate({"groups": list(groups)})
    return {file: RuleFileSpec(groups=tuple(one.over(10.0, 0.0) for one in spec.groups))}


def group(*pairs, name="g", **more):
    """A group of (record, expr)."""
    made = [{"record": record, "expr": expr} for record, expr in pairs]
    return {"name": name, "rules": made, **more}


class Recorded:
    """Rules at work over a log in ``path``."""

    def __init__(self, path, project, *, catch_up_s=3600.0, clock=None):
        self.clock = clock or ManualClock(NOW_MS * 1000)
        self.project = project
        self.store = LogStore(path / "streams", clock=self.clock)
        self.stream = self.store.open("metrics", SAMPLES_SCHEMA, 2)
        folder = HeadFolder(path / "head")
        self.follower = HeadFollower(self.stream, Head(), folder, clock=self.clock)
        self.follower.restore()
        self.storage = HeadStorage(self.follower)
        self.log = RuleLog(self.stream, self.follower.taken)
        self.settings = RuleSettings(catch_up_s=catch_up_s)
        self.engine = None
        self._stop = threading.Event()
        self._threads = []
        self.follows = threading.Event()
        self.follows.set()

    def start(self):
        """Let follower and engine work."""
        self.engine = RuleEngine(
            self.storage, self.log, lambda: self.project, lambda: self.settings, clock=self.clock
        )
        for target in (lambda: self.engine.run(self._stop), self._follow):
            thread = threading.Thread(target=target)
            thread.start()
            self._threads.append(thread)
        return self

    def _follow(self):
        while not self._stop.is_set():
            if not (self.follows.is_set() and self.follower.poll()):
                self._stop.wait(0.002)

    def stop(self):
        """End them, and close the log."""
        self._stop.set()
        if self.engine:
            self.engine.wake()
        for thread in self._threads:
            thread.join()
        self.store.close()

    def push(self, values, at_ms=None):
        """Append samples: (name, pod) → value."""
        at_ms = self.clock.now_us() // 1000 if at_ms is None else at_ms
        self.stream.submit(page(at_ms, values)).result()

    def pass_time(self, seconds, step_s=10.0, values=None):
        """Turn the clock in steps, push at each step, and wait for each step's evaluations."""
        for _ in range(round(seconds / step_s)):
            self.clock.advance(step_s)
            if values is not None:
                self.push(values)
            self.settle()

    def settle(self):
        """Wait until everything that is due was evaluated, and the head has it."""
        self.engine.wake()
        until = time.monotonic() + 20
        while True:
            now_ms = self.clock.now_us() // 1000
            with self.engine._changed:
                turns = list(self.engine._turns.values())
                soon_ms = (
                    now_ms + 86_400_000
                )  # later: it has not noticed yet that the clock was set back
                done = all(one.running is None and now_ms < one.next_ms < soon_ms for one in turns)
                done = done and len(turns) == sum(len(f.groups) for f in self.project.values())
                done = done and not any(at_ms <= now_ms for at_ms, _ in self.engine._ended)
            if done and not any(self.follower.lag().values()):
                return
            assert time.monotonic() < until, [
                (one.group.key, one.next_ms - now_ms) for one in turns
            ]
            time.sleep(0.002)

    def samples(self, name):
        """By labels without the name: [(ms, value)]; None ends a series."""
        found = self.follower.select([], -(2**60), 2**60)
        values = np.asarray(found.samples.values, np.float64)
        pairs = list(
            zip(
                found.samples.ts_ms.tolist(),
                [None if end else one for one, end in zip(values, is_stale(values), strict=True)],
                strict=True,
            )
        )
        return {
            tuple(pair for pair in labels if pair[0] != "__name__"): pairs[
                found.offsets[place] : found.offsets[place + 1]
            ]
            for place, labels in enumerate(found.labels)
            if dict(labels)["__name__"] == name
        }
