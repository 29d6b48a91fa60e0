"""How the tasks of one run follow each other, whatever happens to each of them.

``Graph`` says what comes after what; ``Run`` is the state of one run over it: it takes events and
says what is to be started. Nothing here knows a clock, a process or a database.
"""

from madang.schedule.runs.graph import Edge, Graph, On, TaskNode
from madang.schedule.runs.run import Run, TaskRow
from madang.schedule.runs.states import RunState, TaskState
from madang.schedule.runs.trigger_rules import TriggerRule, Upstream, decide

__all__ = [
    "Edge",
    "Graph",
    "On",
    "Run",
    "RunState",
    "TaskNode",
    "TaskRow",
    "TaskState",
    "TriggerRule",
    "Upstream",
    "decide",
]
