"""The role ``metrics`` evaluates the project's rules, and leaves in ``run/`` how they stand."""

from __future__ import annotations

import dataclasses
import threading

from madang.metrics.rules import RuleEngine, RuleLog, RuleSettings
from madang.operate.health import RULES_FILE
from madang.operate.metrics_engine import MetricsEngine, Part
from madang.operate.state_file import StateFile

_TELL_EVERY_S = 2.0
_MARGIN_S = 60.0
_LATE_S = 60.0
"""A group is told to be behind when it is later than this, and than two intervals."""


def add_rules(engine: MetricsEngine) -> RuleEngine:
    """Let rules be evaluated over what the engine reads now; call it before the engine's start."""
    rules = RuleEngine(
        engine.storage,
        RuleLog(engine.stream, engine.follower.taken),
        lambda: engine.project().rules,
        lambda: _settings(engine),
        engine.project().platform.metrics.rules.threads,
        engine.clock,
    )

    def evaluate(stop: threading.Event) -> None:
        while not engine.caught_up.wait(0.2):
            if stop.is_set():
                return
        rules.run(stop)

    def tell(stop: threading.Event) -> None:
        states = StateFile(engine.data.run / RULES_FILE)
        while not stop.is_set():
            late = {key: round(s) for key, s in rules.behind_s().items() if s > _LATE_S}
            states.write({"failing": rules.failing(), "late_s": late})
            stop.wait(_TELL_EVERY_S)

    engine.knowledge = dataclasses.replace(engine.knowledge, rules=rules.views)
    engine.add(Part("rules", evaluate))
    engine.add(Part("rule-states", tell))
    return rules


def _settings(engine: MetricsEngine) -> RuleSettings:
    spec = engine.project().platform.metrics
    # What is made up for is late, and samples that are too late are refused.
    catch_up_s = min(spec.rules.catch_up, max(spec.out_of_order - _MARGIN_S, 0.0))
    return RuleSettings(engine.options(), catch_up_s=catch_up_s)
