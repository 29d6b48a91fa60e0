"""The states of a task in a run, and of a run."""

from __future__ import annotations

from enum import StrEnum


class TaskState(StrEnum):
    """Where one task of one run stands."""

    WAITING = "waiting"
    """For tasks before it."""
    READY = "ready"
    """To be started, as soon as limits let it."""
    RUNNING = "running"
    """An attempt is under way."""
    RETRYING = "retrying"
    """The last attempt failed; the next one comes later."""
    HELD = "held"
    """A person has to approve it."""
    SUCCESS = "success"
    FAILED = "failed"
    """The last attempt failed, and there is no further one."""
    SKIPPED = "skipped"
    """It was not to run: a branch went elsewhere, or what it waits for did not come about."""
    UPSTREAM_FAILED = "upstream_failed"
    """It cannot run, for something before it failed."""
    CANCELLED = "cancelled"
    """A person or a limit ended it."""

    @property
    def is_over(self) -> bool:
        """Whether nothing more becomes of it by itself."""
        return self in _OVER

    @property
    def is_failure(self) -> bool:
        """Whether tasks after it see it as failed."""
        return self in _FAILURES


_OVER = frozenset(
    {
        TaskState.SUCCESS,
        TaskState.FAILED,
        TaskState.SKIPPED,
        TaskState.UPSTREAM_FAILED,
        TaskState.CANCELLED,
    }
)
_FAILURES = frozenset({TaskState.FAILED, TaskState.UPSTREAM_FAILED, TaskState.CANCELLED})


class RunState(StrEnum):
    """Where a run stands."""

    RUNNING = "running"
    SUCCESS = "success"
    FAILED = "failed"
    CANCELLED = "cancelled"
