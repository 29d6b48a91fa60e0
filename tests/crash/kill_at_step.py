"""Processes that kill themselves at a chosen step, and who runs them."""

from __future__ import annotations

import os
import signal
import subprocess
import sys
from pathlib import Path
from typing import Any

TESTS = Path(__file__).parents[1]


class Steps:
    """Counts steps; at the ``kill_at``-th one it does ``kill -9`` to its process. 0: never.

    Attributes:
        left: How many more it takes.
    """

    def __init__(self, kill_at: int) -> None:
        self.left = kill_at

    def __call__(self, *_: object) -> None:
        """A step was reached."""
        self.left -= 1
        if self.left == 0:
            os.kill(os.getpid(), signal.SIGKILL)

    def watch(self, owner: Any, *names: str) -> None:
        """Make steps of what is before and what is after each call of a function."""
        for name in names:
            setattr(owner, name, self._watched(getattr(owner, name)))

    def _watched(self, inner: Any) -> Any:
        def outer(*args: object, **options: object) -> object:
            self()
            found = inner(*args, **options)
            self()
            return found

        return outer


def run_child(script: Path, *arguments: object, timeout_s: float = 120.0) -> bool:
    """Run a script of this folder that may kill itself; whether it did.

    Raises:
        AssertionError: it ended in another way.
    """
    found = subprocess.run(
        [sys.executable, str(script), *map(str, arguments)],
        env=os.environ | {"PYTHONPATH": os.pathsep.join([str(TESTS.parent / "src"), str(TESTS)])},
        capture_output=True,
        text=True,
        timeout=timeout_s,
        check=False,
    )
    assert found.returncode in (0, -signal.SIGKILL), found.stdout + found.stderr
    return found.returncode != 0
