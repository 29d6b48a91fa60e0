"""The role ``metrics`` sends samples on, and leaves in ``run/`` how its senders stand."""

from __future__ import annotations

import dataclasses
import threading

from madang.onward import Onward
from madang.operate.health import ONWARD_FILE
from madang.operate.metrics_engine import MetricsEngine, Part
from madang.operate.state_file import StateFile

_TELL_EVERY_S = 2.0


def add_onward(engine: MetricsEngine) -> Onward:
    """Let samples be sent on to the project's receivers; call it before the engine's start."""
    follower = engine.follower
    onward = Onward(engine.stream, follower.view, follower.taken, engine.project, engine.tables)

    def send(stop: threading.Event) -> None:
        while not engine.caught_up.wait(0.2):
            if stop.is_set():
                return
        onward.run(stop)

    def tell(stop: threading.Event) -> None:
        states = StateFile(engine.data.run / ONWARD_FILE)
        while not stop.is_set():
            states.write({"senders": [dataclasses.asdict(one) for one in onward.states()]})
            stop.wait(_TELL_EVERY_S)

    engine.add(Part("onward", send))
    engine.add(Part("onward-states", tell))
    return onward
