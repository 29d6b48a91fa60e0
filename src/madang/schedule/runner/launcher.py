"""The process that attempts are forked from: clean, without threads, with everything imported.

A process with threads must not fork and go on in Python, so the scheduler does not. It makes one
launcher before it starts any thread; a launcher forks a keeper (:mod:`.keeper`) for each attempt,
and says when it has ended. If the scheduler's process dies, all of it dies.
"""

from __future__ import annotations

import os
import select
import signal
import socket
from collections.abc import Callable
from contextlib import suppress
from dataclasses import dataclass
from pathlib import Path
from typing import Final, NoReturn

import msgspec

from madang.core.ids import new_id
from madang.schedule.runner import processes
from madang.schedule.runner.keeper import Body, keep
from madang.schedule.runner.outcome import Ending, Outcome
from madang.schedule.runner.wire import REQUESTS, Ended, Frames, Start, frame

BodyOf = Callable[[bytes], Body]
"""Makes the body of an attempt of what its ``work`` says; runs in the attempt's own process."""
_OUTCOME: Final = msgspec.json.Decoder(Outcome)


@dataclass(slots=True)
class _Attempt:
    name: str
    pid: int
    pidfd: int
    control: int
    outcome: Path


def launch(channel: socket.socket, body_of: BodyOf, folder: Path) -> NoReturn:
    """Be a launcher until the other end of ``channel`` closes; then everything below is killed.

    Args:
        channel: To the scheduler's process, which forked this one.
        body_of: Makes bodies.
        folder: Where keepers leave outcomes until they are sent; exists.
    """
    code = 1
    try:
        for number in (signal.SIGTERM, signal.SIGINT, signal.SIGCHLD):
            signal.signal(number, signal.SIG_DFL)
        signal.signal(signal.SIGINT, signal.SIG_IGN)
        processes.adopt_orphans()
        _Launcher(channel, body_of, folder).run()
        code = 0
    finally:
        processes.kill_all(processes.below(os.getpid()), signal.SIGKILL)
        os._exit(code)


class _Launcher:
    def __init__(self, channel: socket.socket, body_of: BodyOf, folder: Path) -> None:
        self.channel = channel
        self.body_of = body_of
        self.folder = folder
        self.frames = Frames()
        self.unsent = bytearray()
        self.by_pidfd: dict[int, _Attempt] = {}
        self.by_name: dict[str, _Attempt] = {}
        self.poll = select.poll()

    def run(self) -> None:
        self.poll.register(self.channel, select.POLLIN)
        with suppress(EOFError, ConnectionError):
            while True:
                for fd, ready in self.poll.poll():
                    if fd == self.channel.fileno():
                        if ready & select.POLLOUT:
                            self._send_on()
                        if ready & ~select.POLLOUT:
                            for message in self.frames.read(self.channel):
                                self._do(message)
                    elif fd in self.by_pidfd:
                        self._end(self.by_pidfd[fd])

    def _do(self, message: bytes) -> None:
        request = REQUESTS.decode(message)
        if isinstance(request, Start):
            try:
                self._start(request)
            except OSError as error:
                outcome = Outcome(
                    ending=Ending.FAILED,
                    error=f"no process could be started: {error}",
                    kind="unstartable",
                )
                self._send(Ended(request.attempt, outcome))
        elif request.attempt in self.by_name:
            attempt = self.by_name[request.attempt]
            if attempt.control >= 0:
                os.close(attempt.control)  # which its keeper sees
                attempt.control = -1

    def _start(self, start: Start) -> None:
        told, control = os.pipe()
        outcome = self.folder / f"{new_id()}.json"
        launcher = os.getpid()
        try:
            pid = os.fork()
        except OSError:
            os.close(told)
            os.close(control)
            raise
        if pid == 0:
            processes.die_with_parent(launcher)
            self._be_keeper(start, told, control, outcome)
        os.close(told)
        attempt = _Attempt(start.attempt, pid, os.pidfd_open(pid), control, outcome)
        self.by_pidfd[attempt.pidfd] = self.by_name[start.attempt] = attempt
        self.poll.register(attempt.pidfd, select.POLLIN)

    def _be_keeper(self, start: Start, told: int, control: int, path: Path) -> NoReturn:
        code = 1
        try:
            os.setsid()
            os.close(control)
            self.channel.close()
            for other in self.by_pidfd.values():
                os.close(other.pidfd)
                if other.control >= 0:
                    os.close(other.control)
            flags = os.O_WRONLY | os.O_CREAT | os.O_APPEND | os.O_CLOEXEC
            log = os.open(start.log, flags, 0o600)
            outcome = keep(self._body_of(start), log, start.limits, told)
            draft = path.with_suffix(".new")
            draft.write_bytes(msgspec.json.encode(outcome))
            draft.rename(path)
            code = 0
        except BaseException as error:  # noqa: BLE001 - nothing may go on as a copy of the launcher
            with suppress(BaseException):
                said = Outcome(ending=Ending.FAILED, error=str(error), kind=type(error).__name__)
                path.write_bytes(msgspec.json.encode(said))
        finally:
            os._exit(code)

    def _body_of(self, start: Start) -> Body:
        def body() -> object:
            # In the attempt's process, so that what it says wrongly is the attempt's fault.
            return self.body_of(start.work)()

        return body

    def _end(self, attempt: _Attempt) -> None:
        os.waitpid(attempt.pid, 0)
        self.poll.unregister(attempt.pidfd)
        del self.by_pidfd[attempt.pidfd], self.by_name[attempt.name]
        os.close(attempt.pidfd)
        if attempt.control >= 0:
            os.close(attempt.control)
        outcome = None
        with suppress(OSError, msgspec.MsgspecError):
            outcome = _OUTCOME.decode(attempt.outcome.read_bytes())
        attempt.outcome.unlink(missing_ok=True)
        if outcome is None:
            self._end_strays()
        self._send(Ended(attempt.name, outcome))

    def _end_strays(self) -> None:
        """Kill what came to this process because its keeper was killed."""
        keepers = {attempt.pid for attempt in self.by_pidfd.values()}
        while strays := [pid for pid in processes.children(os.getpid()) if pid not in keepers]:
            processes.kill_all(iter(strays), signal.SIGKILL)
            for pid in strays:
                with suppress(ChildProcessError):
                    os.waitpid(pid, 0)

    def _send(self, ended: Ended) -> None:
        self.unsent += frame(ended)
        self._send_on()

    def _send_on(self) -> None:
        """Send what the other side takes now; it may be waiting for us to read, too."""
        with suppress(BlockingIOError):
            while self.unsent:
                del self.unsent[: self.channel.send(self.unsent, socket.MSG_DONTWAIT)]
        self.poll.modify(self.channel, select.POLLIN | (select.POLLOUT if self.unsent else 0))
