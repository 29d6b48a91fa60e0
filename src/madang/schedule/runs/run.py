"""The state of one run: events in, what is to be started out.

Invariants, which the property tests hold against every order of events and every restart:

1. A task starts only when its trigger rule said so, or a person cleared it.
2. An attempt has a number of its own, one more than the last; only the running attempt's outcome
   is taken, and only once: what an older one says is refused.
3. A task that is over stays as it is until it is cleared.
4. Failed attempts are at most ``retries + 1``; attempts that were lost with the process that ran
   them are counted apart and are made again, a few times.
5. The run is over exactly when every task is, and its state follows from theirs.
6. The rows alone tell everything: a run that is read from its rows goes on as the one they are of.
"""

from __future__ import annotations

from collections.abc import Collection, Iterable
from dataclasses import dataclass, replace
from typing import Final

from madang.core.errors import ConflictError
from madang.core.names import unknown
from madang.schedule.runs.graph import Graph, On
from madang.schedule.runs.states import RunState, TaskState
from madang.schedule.runs.trigger_rules import TriggerRule, Upstream, decide

MOST_LOST: Final = 5


@dataclass(frozen=True, slots=True)
class TaskRow:
    """What is kept of a task in a run.

    ``attempt`` numbers the last attempt, from 1; 0: there was none. ``failures`` of them failed
    since the task was last cleared, and ``lost`` were lost. ``chosen``: what a branch chose of the
    tasks after it; None: all of them.
    """

    task: str
    state: TaskState = TaskState.WAITING
    attempt: int = 0
    failures: int = 0
    lost: int = 0
    chosen: tuple[str, ...] | None = None


class Run:
    """One run. Not thread-safe.

    Args:
        graph: Its tasks.
        rows: What was kept of it; tasks without a row have not begun.
        is_cancelled: Whether it was cancelled: nothing starts any more.
    """

    def __init__(
        self, graph: Graph, rows: Iterable[TaskRow] = (), *, is_cancelled: bool = False
    ) -> None:
        self.graph = graph
        self.is_cancelled = is_cancelled
        self._rows = {name: TaskRow(name) for name in graph.tasks}
        self._rows.update({row.task: row for row in rows if row.task in graph.tasks})
        self._changed: dict[str, TaskRow] = {}
        self._before: dict[str, Upstream] = {}
        self._open = 0
        self._count_anew()
        self._settle(graph.tasks)

    @property
    def rows(self) -> tuple[TaskRow, ...]:
        """All tasks, in the order of the graph."""
        return tuple(self._rows.values())

    def row(self, task: str) -> TaskRow:
        """One task's.

        Raises:
            NotFoundError: there is none of that name.
        """
        if task not in self._rows:
            raise unknown("task", task, list(self._rows))
        return self._rows[task]

    def take_changes(self) -> tuple[TaskRow, ...]:
        """The rows that changed since this was last asked: what has to be kept."""
        changed, self._changed = tuple(self._changed.values()), {}
        return changed

    @property
    def state(self) -> RunState:
        """The run's."""
        if self._open:
            return RunState.RUNNING
        if self.is_cancelled:
            return RunState.CANCELLED
        return RunState.FAILED if any(map(self._fails, self._rows.values())) else RunState.SUCCESS

    def _fails(self, row: TaskRow) -> bool:
        # A failure that something after it was there for is dealt with.
        if not row.state.is_failure or self.graph.tasks[row.task].is_teardown:
            return False
        return row.state is TaskState.CANCELLED or not any(
            self._rows[edge.after].state is TaskState.SUCCESS
            and (edge.on is On.FAILURE or self._mends(edge.after))
            for edge in self.graph.after[row.task]
        )

    def _mends(self, task: str) -> bool:
        node = self.graph.tasks[task]
        return node.rule in {TriggerRule.ALL_FAILED, TriggerRule.ONE_FAILED}

    def start(self, task: str) -> int:
        """An attempt begins; its number.

        Raises:
            ConflictError: the task is not ready.
        """
        row = self.row(task)
        if row.state not in {TaskState.READY, TaskState.RETRYING}:
            raise ConflictError(f"{task} is {row.state}: it cannot start")
        self._put(replace(row, state=TaskState.RUNNING, attempt=row.attempt + 1))
        return row.attempt + 1

    def succeed(
        self,
        task: str,
        attempt: int,
        *,
        chosen: Collection[str] | None = None,
    ) -> None:
        """An attempt succeeded; of a branch, with the names of the tasks after it that are to run.

        Raises:
            ConflictError: that attempt is not the one that runs.
            NotFoundError: it chose what does not come after it.
        """
        row = self._running(task, attempt)
        names = [edge.after for edge in self.graph.after[task]]
        for name in chosen or ():
            if name not in names:
                raise unknown("task after " + task, name, names)
        kept = None if chosen is None else tuple(name for name in names if name in set(chosen))
        self._end(replace(row, state=TaskState.SUCCESS, chosen=kept))

    def fail(self, task: str, attempt: int, *, is_final: bool = False) -> bool:
        """An attempt failed; whether another one follows. With ``is_final`` none does.

        Raises:
            ConflictError: that attempt is not the one that runs.
        """
        row = self._running(task, attempt)
        row = replace(row, failures=row.failures + 1)
        retries = self.graph.tasks[task].retries
        if is_final or self.is_cancelled or row.failures > retries:
            self._end(replace(row, state=TaskState.FAILED))
            return False
        self._put(replace(row, state=TaskState.RETRYING))
        return True

    def lose(self, task: str, attempt: int) -> None:
        """What ran an attempt is gone, and nobody knows what became of it: it is made again.

        A task that it happens to again and again may be why: it fails.

        Raises:
            ConflictError: that attempt is not the one that runs.
        """
        row = self._running(task, attempt)
        row = replace(row, lost=row.lost + 1)
        if self.is_cancelled:
            self._end(replace(row, state=TaskState.CANCELLED))
        elif row.lost > MOST_LOST:
            self._end(replace(row, state=TaskState.FAILED))
        else:
            self._put(replace(row, state=TaskState.READY))

    def skip(self, task: str, attempt: int) -> None:
        """An attempt found that it has nothing to do: a short circuit.

        Raises:
            ConflictError: that attempt is not the one that runs.
        """
        self._end(replace(self._running(task, attempt), state=TaskState.SKIPPED))

    def approve(self, task: str) -> None:
        """A person let it start.

        Raises:
            ConflictError: it does not wait for approval.
        """
        self._put(replace(self._held(task), state=TaskState.READY))

    def reject(self, task: str) -> None:
        """A person did not let it start.

        Raises:
            ConflictError: it does not wait for approval.
        """
        self._end(replace(self._held(task), state=TaskState.FAILED))

    def cancel(self) -> tuple[str, ...]:
        """Nothing starts any more; the tasks whose attempts have to be ended."""
        self.is_cancelled = True
        running = []
        for name in self.graph.tasks:
            row = self._rows[name]  # which may have ended with one before it
            if row.state is TaskState.RUNNING:
                running.append(row.task)
            elif not row.state.is_over:
                self._end(replace(row, state=TaskState.CANCELLED))
        return tuple(running)

    def stop(self, task: str, attempt: int) -> None:
        """An attempt was ended from outside.

        Raises:
            ConflictError: that attempt is not the one that runs.
        """
        self._end(replace(self._running(task, attempt), state=TaskState.CANCELLED))

    def clear(self, tasks: Iterable[str], *, downstream: bool = True) -> tuple[str, ...]:
        """Let tasks run again, and with ``downstream`` all that comes after them; which they are.

        Raises:
            ConflictError: one of them runs.
            NotFoundError: there is no such task.
        """
        asked = list(tasks)
        for name in asked:
            self.row(name)
        names = set(asked) | (set(self.graph.downstream(asked)) if downstream else set())
        for name in names:
            if self._rows[name].state is TaskState.RUNNING:
                raise ConflictError(
                    f"{name} is running", hint="cancel it, or wait until it is over"
                )
        cleared = tuple(name for name in self.graph.tasks if name in names)
        self.is_cancelled = False
        for name in cleared:
            row = TaskRow(name, attempt=self._rows[name].attempt)
            self._rows[name] = self._changed[name] = row
        self._count_anew()
        self._settle(cleared)
        return cleared

    def _running(self, task: str, attempt: int) -> TaskRow:
        row = self.row(task)
        if row.state is not TaskState.RUNNING or row.attempt != attempt:
            raise ConflictError(
                f"attempt {attempt} of {task} is not running: it is {row.state}, "
                f"and its last attempt is {row.attempt}"
            )
        return row

    def _held(self, task: str) -> TaskRow:
        row = self.row(task)
        if row.state is not TaskState.HELD:
            raise ConflictError(f"{task} does not wait for approval: it is {row.state}")
        return row

    def _put(self, row: TaskRow) -> None:
        self._rows[row.task] = self._changed[row.task] = row

    def _end(self, row: TaskRow) -> None:
        self._put(row)
        self._open -= 1
        self._pass_on(row)
        self._settle([edge.after for edge in self.graph.after[row.task]])

    def _pass_on(self, row: TaskRow) -> None:
        for edge in self.graph.after[row.task]:
            self._before[edge.after].count(_seen(row, edge.on, edge.after))

    def _count_anew(self) -> None:
        self._before = {
            name: Upstream(total=len(edges)) for name, edges in self.graph.before.items()
        }
        self._open = 0
        for row in self._rows.values():
            if row.state.is_over:
                self._pass_on(row)
            else:
                self._open += 1

    def _settle(self, names: Iterable[str]) -> None:
        """Decide what can be decided of tasks that wait, and of those after them."""
        waiting = list(names)
        while waiting:
            name = waiting.pop()
            row = self._rows[name]
            if row.state is not TaskState.WAITING:
                continue
            state = self._decide(name)
            if state is TaskState.WAITING:
                continue
            row = replace(row, state=state)
            self._put(row)
            if state.is_over:
                self._open -= 1
                self._pass_on(row)
                waiting += [edge.after for edge in self.graph.after[name]]

    def _decide(self, name: str) -> TaskState:
        node, before = self.graph.tasks[name], self._before[name]
        if self.is_cancelled:
            return TaskState.CANCELLED
        if node.is_teardown and before.total:
            if before.done < before.total:
                return TaskState.WAITING
            state = TaskState.SKIPPED if before.skipped == before.total else TaskState.READY
        else:
            state = decide(node.rule, before)
        return TaskState.HELD if state is TaskState.READY and node.is_held else state


def _seen(row: TaskRow, on: On, after: str) -> TaskState:
    """What a task after it sees of a task that is over."""
    if row.chosen is not None and after not in row.chosen:
        return TaskState.SKIPPED
    if on is On.ANY:
        return row.state
    fits = row.state is TaskState.SUCCESS if on is On.SUCCESS else row.state is TaskState.FAILED
    return TaskState.SUCCESS if fits else TaskState.SKIPPED
