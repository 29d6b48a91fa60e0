"""Attempts of tasks, each in processes of its own that end with it, whatever it does.

``Runner`` starts and cancels attempts and tells their ``Outcome``; below it a launcher forks a
keeper for each attempt, which runs its body.
"""

from madang.schedule.runner.keeper import keep
from madang.schedule.runner.outcome import Ending, Limits, Outcome
from madang.schedule.runner.runner import Runner
from madang.schedule.runner.wire import Ended

__all__ = ["Ended", "Ending", "Limits", "Outcome", "Runner", "keep"]
