"""What is said at the terminal of ``madang up`` while it runs: short, and only what matters."""

from __future__ import annotations

import sys
from contextlib import suppress

from madang.project import PublishResult

_SHOWN = 3


def say(text: str) -> None:
    """Write a line to standard error; a terminal that is gone is no reason to fail."""
    with suppress(OSError, ValueError):
        sys.stderr.write(f"{text}\n")
        sys.stderr.flush()


class ProjectNotices:
    """Says when the project's files were changed, broken or mended. For ``ProjectWatch.run``."""

    def __init__(self) -> None:
        self._broken: tuple[str, ...] | None = None

    def __call__(self, result: PublishResult) -> None:
        """Say what is new; a state that was told is not told again."""
        errors = tuple(f"  {one}" for one in result.errors)
        before, self._broken = self._broken, errors
        # What is broken at the start was said before the roles were there.
        if before is None or before == errors:
            if before is not None and result.changed:
                say("The project was changed; the change is in use.")
            return
        if not errors:
            say("The project is good again, and in use.")
            return
        more = len(errors) - _SHOWN
        say("The project was changed and is broken now; the last good state goes on:")
        say("\n".join(errors[:_SHOWN]))
        if more > 0:
            say(f"  and {more} more: madang check shows all of them")
