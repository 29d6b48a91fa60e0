"""What comes after what: the tasks of a pipeline and their edges, without a cycle."""

from __future__ import annotations

from collections.abc import Iterable, Iterator, Mapping
from dataclasses import dataclass, field
from enum import StrEnum
from graphlib import CycleError, TopologicalSorter

from madang.core.errors import InvalidInputError
from madang.core.names import unknown
from madang.schedule.runs.trigger_rules import TriggerRule


class On(StrEnum):
    """Which outcome of a task an edge is for."""

    ANY = "any"
    """The trigger rule of the task after it decides."""
    SUCCESS = "success"
    """The task after it is skipped unless the one before succeeds."""
    FAILURE = "failure"
    """The task after it is skipped unless the one before fails."""


@dataclass(frozen=True, slots=True)
class Edge:
    """``after`` comes after ``before``."""

    before: str
    after: str
    on: On = On.ANY


@dataclass(frozen=True, slots=True)
class TaskNode:
    """What a run has to know of a task.

    Attributes:
        name: Unique in the graph.
        rule: When it starts.
        retries: Attempts after the first.
        is_held: A person approves it before it starts.
        is_teardown: It cleans up: it starts when what is before it is over, unless all of it was
            skipped, and its own failure does not fail the run.
    """

    name: str
    rule: TriggerRule = TriggerRule.ALL_SUCCESS
    retries: int = 0
    is_held: bool = False
    is_teardown: bool = False


@dataclass(frozen=True, slots=True)
class Graph:
    """Tasks in an order in which each comes after those before it. Make it with ``of``."""

    tasks: Mapping[str, TaskNode]
    before: Mapping[str, tuple[Edge, ...]] = field(repr=False)
    after: Mapping[str, tuple[Edge, ...]] = field(repr=False)

    @classmethod
    def of(cls, tasks: Iterable[TaskNode], edges: Iterable[Edge]) -> Graph:
        """The graph of these.

        Raises:
            InvalidInputError: two tasks have one name, two edges join the same tasks, or there is
                a cycle, which the message names.
            NotFoundError: an edge names no task; the hint carries the near match.
        """
        known: dict[str, TaskNode] = {}
        for task in tasks:
            if task.name in known:
                raise InvalidInputError(f"two tasks are called {task.name}")
            known[task.name] = task
        before: dict[str, list[Edge]] = {name: [] for name in known}
        after: dict[str, list[Edge]] = {name: [] for name in known}
        for edge in dict.fromkeys(edges):
            for name in (edge.before, edge.after):
                if name not in known:
                    raise unknown("task", name, list(known))
            if any(one.before == edge.before for one in before[edge.after]):
                raise InvalidInputError(
                    f"{edge.after} comes after {edge.before} by two edges that differ",
                    hint="one of them: on success, on failure, or whatever the trigger rule says",
                )
            before[edge.after].append(edge)
            after[edge.before].append(edge)
        order = _ordered({name: [one.before for one in each] for name, each in before.items()})
        return cls(
            {name: known[name] for name in order},
            {name: tuple(before[name]) for name in order},
            {name: tuple(after[name]) for name in order},
        )

    def downstream(self, names: Iterable[str]) -> Iterator[str]:
        """Everything after these, in order; not they themselves, unless after each other."""
        reached: set[str] = set()
        ways = [edge.after for name in names for edge in self.after[name]]
        while ways:
            name = ways.pop()
            if name not in reached:
                reached.add(name)
                ways += [edge.after for edge in self.after[name]]
        return (name for name in self.tasks if name in reached)


def _ordered(before: Mapping[str, list[str]]) -> list[str]:
    try:
        return list(TopologicalSorter(before).static_order())
    except CycleError as error:
        # It names each one before the next: read backwards, each comes after the one before.
        circle = " → ".join(error.args[1])
        raise InvalidInputError(
            f"each of these waits for the one before it, in a circle: {circle}",
            hint="take one of these dependencies away",
        ) from None
