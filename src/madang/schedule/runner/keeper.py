"""Keeping one attempt: its processes, its output, its limits, its end.

The keeper is a process of its own, forked for the attempt; the attempt's body runs in another one
below it. Every process that the body starts stays below the keeper, also when it makes itself
independent (double fork, ``setsid``), for orphans come to it. So the attempt is over when nothing
is left, and nothing of it outlives the keeper: whoever kills the keeper kills the body with it.

Not thread-safe: it forks, waits for any child, and takes the process's signals for itself.
"""

from __future__ import annotations

import os
import resource
import select
import signal
import sys
import time
import traceback
from collections.abc import Callable
from contextlib import suppress
from typing import Any, Final, NoReturn

import msgspec

from madang.core.errors import MadangError
from madang.core.units import format_size
from madang.schedule.runner import processes
from madang.schedule.runner.outcome import Ending, Limits, Outcome

_LOOK_S: Final = 0.25
_PIECE_BYTES: Final = 2**16
_MEMORY_CODE: Final = 86
"""What the body's process exits with where Python found no memory."""
Body = Callable[[], object]


def keep(body: Body, log_fd: int, limits: Limits, control_fd: int | None = None) -> Outcome:
    """Run ``body`` below this process until nothing of it is left.

    What it prints goes to ``log_fd``; what it returns has to become JSON. A body that replaces
    itself by a program (``os.exec…``) is judged by the program's exit code.

    Args:
        body: What is to be done; runs in a forked process.
        log_fd: Where its output goes.
        limits: What it may take.
        control_fd: Becomes readable when it is to be cancelled.

    Returns:
        What became of it; it never raises for what the body does.
    """
    return _Keeper(log_fd, limits, control_fd).run(body)


class _Keeper:
    def __init__(self, log_fd: int, limits: Limits, control_fd: int | None) -> None:
        self.limits = limits
        self.log_fd = log_fd
        self.control_fd = control_fd
        self.answer = bytearray()
        self.written = self.dropped = 0
        self.peak_bytes = 0
        self.ending: Ending | None = None
        self.kill_at_s: float | None = None
        self.status = 0

    def run(self, body: Body) -> Outcome:
        started_s = time.monotonic()
        ooms = processes.oom_kills()
        processes.adopt_orphans()
        output_r, output_w = os.pipe()
        answer_r, answer_w = os.pipe()
        keeper = os.getpid()
        child = os.fork()
        if child == 0:
            processes.die_with_parent(keeper)
            os.close(output_r)
            os.close(answer_r)
            _be_body(body, output_w, answer_w, self.limits)
        os.close(output_w)
        os.close(answer_w)
        try:
            self._watch(child, output_r, answer_r, started_s)
            strays = self._end_strays()
            self._drain(output_r)
        finally:
            os.close(output_r)
            os.close(answer_r)
        outcome = self._judged(ooms)
        outcome.strays = strays
        outcome.output_bytes, outcome.dropped_bytes = self.written, self.dropped
        outcome.duration_s = time.monotonic() - started_s
        used = resource.getrusage(resource.RUSAGE_CHILDREN)
        outcome.cpu_s = used.ru_utime + used.ru_stime
        outcome.peak_bytes = self.peak_bytes or used.ru_maxrss * 1024
        return outcome

    def _watch(self, child: int, output: int, answer: int, started_s: float) -> None:
        """Until the body's own process has ended."""
        ended = os.pidfd_open(child)
        poll = select.poll()
        for fd in (output, answer, ended, self.control_fd):
            if fd is not None:
                poll.register(fd, select.POLLIN)
        try:
            while True:
                ready = {fd for fd, _ in poll.poll(self._pause_ms(started_s))}
                if output in ready and not self._take_output(output):
                    poll.unregister(output)
                if answer in ready and not self._take_answer(answer):
                    poll.unregister(answer)
                if ended in ready:
                    self.status = os.waitpid(child, 0)[1]
                    while self._take_answer(answer):
                        pass
                    return
                if self.control_fd in ready:
                    poll.unregister(self.control_fd)
                    self._ask_to_end(Ending.CANCELLED)
                self._hold_to_limits(started_s)
        finally:
            os.close(ended)

    def _pause_ms(self, started_s: float) -> int | None:
        now_s = time.monotonic()
        until = [at for at in (self._deadline_s(started_s), self.kill_at_s) if at is not None]
        if self.limits.memory_bytes is not None:
            until.append(now_s + _LOOK_S)
        return max(0, round((min(until) - now_s) * 1000) + 1) if until else None

    def _deadline_s(self, started_s: float) -> float | None:
        if self.limits.timeout_s is None or self.ending is not None:
            return None
        return started_s + self.limits.timeout_s

    def _hold_to_limits(self, started_s: float) -> None:
        now_s = time.monotonic()
        if self.kill_at_s is not None:
            if now_s >= self.kill_at_s:
                processes.kill_all(processes.below(os.getpid()), signal.SIGKILL)
                self.kill_at_s = now_s + _LOOK_S  # again, for those that were just forked
            return
        deadline_s = self._deadline_s(started_s)
        if deadline_s is not None and now_s >= deadline_s:
            self._ask_to_end(Ending.TIMED_OUT)
        if self.limits.memory_bytes is not None:
            taken = processes.private_bytes(processes.below(os.getpid()))
            self.peak_bytes = max(self.peak_bytes, taken)
            if taken > self.limits.memory_bytes:
                # Nothing that it still does would be of use, and all of it takes memory.
                self.ending = self.ending or Ending.OUT_OF_MEMORY
                self.kill_at_s = now_s

    def _ask_to_end(self, why: Ending) -> None:
        if self.ending is None:
            self.ending = why
            self.kill_at_s = time.monotonic() + self.limits.grace_s
            processes.kill_all(processes.below(os.getpid()), signal.SIGTERM)

    def _take_output(self, output: int) -> bool:
        """Write some of what it printed to the log, as far as that may grow; False at the end."""
        data = os.read(output, _PIECE_BYTES)
        room = self.limits.output_bytes - self.written
        kept = data[: max(0, room)]
        if kept:
            try:
                self.written += _write_all(self.log_fd, kept)
            except OSError:
                kept = b""  # a full disk does not end the task
        self.dropped += len(data) - len(kept)
        return bool(data)

    def _take_answer(self, answer: int) -> bool:
        data = os.read(answer, _PIECE_BYTES) if _is_readable(answer) else b""
        if len(self.answer) <= self.limits.value_bytes + _PIECE_BYTES:
            self.answer += data
        return bool(data)

    def _drain(self, output: int) -> None:
        while self._take_output(output):
            pass
        if self.dropped:
            note = f"\n({format_size(self.dropped)} of further output were not kept)\n".encode()
            with suppress(OSError):
                _write_all(self.log_fd, note)

    def _end_strays(self) -> int:
        """Kill what the body left running; how many there were."""
        strays: set[int] = set()
        while True:
            found = list(processes.below(os.getpid()))
            strays.update(found)
            processes.kill_all(iter(found), signal.SIGKILL)
            try:
                while os.waitpid(-1, 0 if found else os.WNOHANG)[0]:
                    found = list(processes.below(os.getpid()))
                    strays.update(found)
                    processes.kill_all(iter(found), signal.SIGKILL)
            except ChildProcessError:
                return len(strays)

    def _judged(self, ooms: int) -> Outcome:
        if self.ending is not None:
            return self._ended_by_us(self.ending)
        if os.WIFSIGNALED(self.status):
            number = os.WTERMSIG(self.status)
            if number == signal.SIGKILL and processes.oom_kills() > ooms:
                what = "the kernel ended it: the machine ran out of memory"
                return Outcome(
                    ending=Ending.OUT_OF_MEMORY, error=what, kind="out_of_memory", signal=number
                )
            name = signal.Signals(number).name
            error = f"it was ended by {name}"
            return Outcome(ending=Ending.KILLED, error=error, kind=name, signal=number)
        code = os.WEXITSTATUS(self.status)
        said = self._said()
        if code == _MEMORY_CODE and said is not None and said.get("kind") == "MemoryError":
            what = self._memory_sentence()
            return Outcome(
                ending=Ending.OUT_OF_MEMORY, error=what, kind="out_of_memory", exit_code=code
            )
        if code:
            said = said or {"error": f"it exited with {code}", "kind": "exit"}
            return Outcome(
                ending=Ending.FAILED, error=said["error"], kind=said["kind"], exit_code=code
            )
        value = msgspec.json.decode(bytes(self.answer)) if self.answer else None
        return Outcome(ending=Ending.DONE, value=value, exit_code=0)

    def _ended_by_us(self, ending: Ending) -> Outcome:
        if ending is Ending.TIMED_OUT:
            error = f"it ran longer than {self.limits.timeout_s:g} s"
        elif ending is Ending.OUT_OF_MEMORY:
            error = self._memory_sentence()
        else:
            error = "it was cancelled"
        killed = os.WTERMSIG(self.status) if os.WIFSIGNALED(self.status) else None
        return Outcome(ending=ending, error=error, kind=ending.value, signal=killed)

    def _memory_sentence(self) -> str:
        most = self.limits.memory_bytes
        return f"it took more than {format_size(most)} of memory" if most else "it found no memory"

    def _said(self) -> dict[str, Any] | None:
        """The error that the body's process told before it ended."""
        try:
            said = msgspec.json.decode(bytes(self.answer))
        except msgspec.DecodeError:
            return None
        return said if isinstance(said, dict) and {"error", "kind"} <= said.keys() else None


def _be_body(body: Body, output: int, answer: int, limits: Limits) -> NoReturn:
    code = 1
    try:
        for number in (signal.SIGTERM, signal.SIGINT, signal.SIGPIPE, signal.SIGCHLD):
            signal.signal(number, signal.SIG_DFL)
        os.setpgid(0, 0)
        with open(os.devnull, "rb") as nothing:  # noqa: PTH123 - a descriptor is wanted
            os.dup2(nothing.fileno(), 0)
        os.dup2(output, 1)
        os.dup2(output, 2)
        os.close(output)
        resource.setrlimit(resource.RLIMIT_CORE, (0, 0))
        if limits.memory_bytes is not None:
            most = processes.data_bytes() + limits.memory_bytes
            resource.setrlimit(resource.RLIMIT_DATA, (most, most))
        code = _answer(body, answer, limits)
        sys.stdout.flush()
        sys.stderr.flush()
    except BaseException:  # noqa: BLE001 - nothing may go on as a copy of the keeper
        with suppress(BaseException):
            traceback.print_exc()
    finally:
        os._exit(code)


def _answer(body: Body, answer: int, limits: Limits) -> int:
    """Do it, and tell the keeper what came of it; the exit code."""
    try:
        value = _encoded(body(), limits)
    except SystemExit as error:
        return error.code if isinstance(error.code, int) else int(error.code is not None)
    except MemoryError:
        _write_all(answer, b'{"error":"","kind":"MemoryError"}')
        return _MEMORY_CODE
    except BaseException as error:  # noqa: BLE001 - whatever a task raises is its outcome
        traceback.print_exc()
        kind = error.code if isinstance(error, MadangError) else type(error).__name__
        text = str(error) or type(error).__name__
        said = {"error": text.encode("utf-8", "replace")[:4096].decode("utf-8", "ignore")}
        _write_all(answer, msgspec.json.encode({**said, "kind": kind}))
        return 1
    _write_all(answer, value)
    return 0


def _encoded(value: object, limits: Limits) -> bytes:
    if value is None:
        return b""
    try:
        text = msgspec.json.encode(value)
    except (TypeError, ValueError, RecursionError, msgspec.MsgspecError) as error:
        raise TypeError(
            f"what it returned cannot be kept: {error}; return what JSON can hold, "
            "and write larger things to a table or a file"
        ) from None
    if len(text) > limits.value_bytes:
        raise ValueError(
            f"what it returned takes {format_size(len(text))}, at most "
            f"{format_size(limits.value_bytes)} are kept; write it to a table or a file"
        )
    return text


def _write_all(fd: int, data: bytes) -> int:
    view = memoryview(data)
    while view:
        view = view[os.write(fd, view) :]
    return len(data)


def _is_readable(fd: int) -> bool:
    return bool(select.select([fd], [], [], 0)[0])
