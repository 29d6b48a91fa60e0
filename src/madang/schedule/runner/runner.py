"""The scheduler's side: start attempts, cancel them, hear of their ends."""

from __future__ import annotations

import os
import signal
import socket
import threading
from contextlib import suppress
from pathlib import Path

from madang.core.errors import UnavailableError
from madang.schedule.runner import processes
from madang.schedule.runner.launcher import BodyOf, launch
from madang.schedule.runner.outcome import Limits
from madang.schedule.runner.wire import ENDS, Cancel, Ended, Frames, Request, Start, frame


class Runner:
    """A launcher below this process. Make it before any thread: it forks.

    ``start`` and ``cancel`` may be called by any thread, ``ended`` by one.

    Args:
        body_of: Makes the body of an attempt of what its ``work`` says, in the attempt's process.
        folder: A folder of its own for outcomes on their way; what is in it is removed.
    """

    def __init__(self, body_of: BodyOf, folder: Path) -> None:
        folder.mkdir(parents=True, exist_ok=True)
        for left in folder.iterdir():
            left.unlink()
        self._channel, theirs = socket.socketpair()
        parent = os.getpid()
        self.pid = os.fork()
        if self.pid == 0:
            processes.die_with_parent(parent)
            self._channel.close()
            launch(theirs, body_of, folder)
        theirs.close()
        self._frames = Frames()
        self._turn = threading.Lock()

    def fileno(self) -> int:
        """Readable when ``ended`` has something, or the launcher is gone."""
        return self._channel.fileno()

    def start(self, attempt: str, work: bytes, log: Path, limits: Limits) -> None:
        """Begin an attempt, under a name that no other one under way has.

        Raises:
            UnavailableError: the launcher is gone, and every attempt with it.
        """
        self._send(Start(attempt, work, str(log), limits))

    def cancel(self, attempt: str) -> None:
        """End an attempt; ``ended`` tells when it is over. Nothing happens if it already is.

        Raises:
            UnavailableError: as ``start``.
        """
        self._send(Cancel(attempt))

    def ended(self) -> list[Ended]:
        """Wait for attempts to end; which ones did.

        Raises:
            UnavailableError: as ``start``.
        """
        found: list[Ended] = []
        while not found:
            try:
                found = [ENDS.decode(message) for message in self._frames.read(self._channel)]
            except (EOFError, OSError) as error:
                raise self._gone() from error
        return found

    def close(self) -> None:
        """Kill every attempt that is under way, and wait until all is gone."""
        with suppress(OSError):
            self._channel.shutdown(socket.SHUT_RDWR)
        self._channel.close()
        with suppress(ProcessLookupError):
            os.kill(self.pid, signal.SIGCONT)
        with suppress(ChildProcessError):
            os.waitpid(self.pid, 0)

    def _send(self, request: Request) -> None:
        try:
            with self._turn:
                self._channel.sendall(frame(request))
        except OSError as error:
            raise self._gone() from error

    def _gone(self) -> UnavailableError:
        return UnavailableError("the process that starts tasks is gone, and all tasks with it")
