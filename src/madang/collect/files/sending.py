"""What is on its way: files whose turn it is, batches that were read, appends not yet answered."""

from __future__ import annotations

import contextlib
import logging
import math
import threading
from collections import deque
from collections.abc import Callable
from concurrent.futures import FIRST_COMPLETED, Future, wait
from pathlib import Path

from madang.collect.files.content import Content
from madang.collect.files.followed import FollowedFile, Patience, Prepared, TruncatedError
from madang.collect.files.identity import HEAD_BYTES
from madang.collect.files.marks import MarkBook
from madang.collect.files.opening import Opener
from madang.collect.files.placing import Placer, reopened
from madang.core.clock import Clock
from madang.core.errors import InvalidInputError, MadangError
from madang.project import FilesSourceSpec
from madang.stream import Appended, Stream

_log = logging.getLogger(__name__)

_CATCH_UP_FACTOR = 16
_MAX_PREPARED_BYTES = 64 * 2**20
_MAX_TOGETHER = 64
_ACK_WAIT_S = 0.5


class Sender:
    """Reads files in turn and appends what they bring.

    One batch of a file is on its way at a time, because a batch that was refused (a full disk) must
    not be overtaken by the next; several files, and reading ahead, keep the disk busy. Not
    thread-safe.

    Args:
        spec: The source.
        stream: Where the lines go.
        clock: Injected time.
        patience: How long an unfinished line waits.
        book: Written before each append.
        opener: Marks the batches.
        placer: Begins what follows a truncation.
        leave_out: Called with a file that is not to be read any more, and why.
        problems: What cannot be read, by path.
    """

    def __init__(
        self,
        *,
        spec: FilesSourceSpec,
        stream: Stream,
        clock: Clock,
        patience: Patience,
        book: MarkBook,
        opener: Opener,
        placer: Placer,
        leave_out: Callable[[FollowedFile, str], None],
        problems: dict[str, str],
    ) -> None:
        self._spec = spec
        self._stream = stream
        self._clock = clock
        self._patience = patience
        self._book = book
        self._opener = opener
        self._placer = placer
        self._skip = leave_out
        self._problems = problems
        self._ready: deque[FollowedFile] = deque()
        self._queued: set[int] = set()
        self._in_flight: dict[Future[Appended], tuple[FollowedFile, Prepared]] = {}
        self._prepared_bytes = 0
        self._book_fails = False
        self._undecided: list[FollowedFile] = []
        self.waiting_for: MadangError | None = None
        """Why the stream takes nothing now."""
        self.records = 0
        self.size_bytes = 0

    @property
    def busy(self) -> bool:
        """Whether there is more to read or append."""
        return bool(self._ready)

    def is_idle(self, file: FollowedFile) -> bool:
        """Whether nothing of the file waits or is on its way."""
        return not file.in_flight and not file.prepared and id(file) not in self._queued

    def enqueue(self, file: FollowedFile) -> None:
        """Put the file in the row, once."""
        if id(file) not in self._queued and not file.in_flight:
            self._queued.add(id(file))
            self._ready.append(file)

    def look_after_held(self, file: FollowedFile, now_s: float) -> None:
        """Enqueue a file whose end waits for more, once it has waited long enough."""
        if not file.held:
            if not file.placed and file.size:
                self.enqueue(file)
            return
        if now_s - file.grown_at_s >= self._wait_s(file):
            self.enqueue(file)

    def drain(self, stop: threading.Event | None) -> None:
        """Read and append what is ready, for at most about one poll interval."""
        self._note()
        self._undecided.clear()
        deadline_s = self._clock.monotonic_s() + max(self._spec.poll_interval, 0.05)
        while (self._ready or self._in_flight) and self.waiting_for is None:
            self._submit_some()
            self._acknowledge(_ACK_WAIT_S)
            if stop is not None and stop.is_set():
                break
            if self._clock.monotonic_s() >= deadline_s:
                break
        self.settle(wait_s=10.0)
        self._note()

    def _wait_s(self, file: FollowedFile) -> float:
        """How long what is at the end waits for more before it is a record as it stands."""
        if file.rotated:
            return self._patience.partial_s
        return math.inf if self._spec.multiline is None else self._spec.multiline.wait

    def _submit_some(self) -> None:
        chosen: list[FollowedFile] = []
        while self._ready and len(chosen) < _MAX_TOGETHER:
            file = self._ready[0]
            if not file.prepared and self._prepared_bytes >= _MAX_PREPARED_BYTES:
                break
            self._ready.popleft()
            self._queued.discard(id(file))
            if file.prepared or self._prepare(file):
                chosen.append(file)
        self._submit(chosen)
        for file in chosen:
            if not file.prepared and not file.exhausted:
                self._prepare(file)

    def _prepare(self, file: FollowedFile) -> bool:
        """Read the next batch of a file into ``file.prepared``; False where there is none."""
        still_s = self._clock.monotonic_s() - file.grown_at_s
        want_bytes = self._spec.batch_size
        if file.size - file.read_to > 2 * want_bytes:
            want_bytes *= _CATCH_UP_FACTOR
        try:
            if file.content is None:
                file.content = reopened(file)
            if file.content is None:
                return False
            content = file.content
            assert content is not None
            if not self._is_decided(file, content):
                return False
            final = not content.growing or still_s >= self._wait_s(file)
            prepared = file.prepare(want_bytes, self._clock.now_us(), final=final)
        except TruncatedError:
            file.exhausted = False
            if file.in_flight or file.prepared:
                return False  # the new generation begins when what is left of the old one landed
            self._begin_anew(file)
            return self._prepare(file)
        except (OSError, InvalidInputError) as error:
            reason = error.message if isinstance(error, MadangError) else str(error)
            if file.path not in self._problems:
                _log.warning("%s cannot be read: %s", file.path, reason)
            self._problems[file.path] = f"{file.path}: {reason}"
            file.exhausted = True
            return False
        if prepared is not None:
            file.prepared.append(prepared)
            self._prepared_bytes += prepared.batch.nbytes
            return True
        if not file.in_flight and not content.growing and not file.held:
            self._finish_packed(file)
        return False

    def _is_decided(self, file: FollowedFile, content: Content) -> bool:
        """Whether it can be told where the file goes on; it is left out where it holds no text."""
        if not file.placed:
            placed = self._opener.place_late(file, self._clock.monotonic_s())
            if isinstance(placed, str):
                self._skip(file, placed)
            if placed is False:
                self._undecided.append(file)
            if placed is not True:
                file.exhausted = True
                return False
        if not file.sniffed:
            reason = self._opener.sniff(file, content.read(0, HEAD_BYTES))
            if reason is not None:
                self._skip(file, reason)
                return False
        return True

    def _finish_packed(self, file: FollowedFile) -> None:
        """A compressed file was read to its end: leave it alone until it is another."""
        assert file.content is not None
        status = None
        with contextlib.suppress(OSError):
            status = Path(file.now_at).stat()
        self._opener.finish(file, status)
        self._skip(file, "")

    def _begin_anew(self, file: FollowedFile) -> None:
        _log.info("%s was truncated: it is read from its start", file.path)
        self._book.end(file.key, "truncated")
        self._placer.begin_generation(file)
        # One of them may be the copy of what was let go, and comes before files that are not
        # followed yet: of a copy and the compressed copy of that, the latter.
        for undecided in self._undecided:
            self.enqueue(undecided)
        self._undecided.clear()

    def _submit(self, chosen: list[FollowedFile]) -> None:
        """Append the next batch of each file; what it takes to recognise them comes first."""
        for file in chosen:
            self._opener.intend(file, file.prepared[0])
        self._note()
        for file in chosen:
            prepared = file.prepared.popleft()
            future = self._stream.submit(
                prepared.batch,
                partition=file.partition,
                origin=file.origin(prepared),
                attributes=prepared.attributes,
            )
            file.in_flight = True
            self._in_flight[future] = (file, prepared)

    def _acknowledge(self, wait_s: float) -> None:
        if not self._in_flight:
            return
        done, _ = wait(self._in_flight, timeout=wait_s, return_when=FIRST_COMPLETED)
        for future in done:
            file, prepared = self._in_flight.pop(future)
            file.in_flight = False
            error = future.exception()
            if error is None:
                self._landed(file, prepared)
            elif isinstance(error, MadangError) and error.retryable:
                self._refused(file, prepared, error)
            else:
                raise error
        self._note()

    def _landed(self, file: FollowedFile, prepared: Prepared) -> None:
        self._prepared_bytes -= prepared.batch.nbytes
        self._problems.pop(file.path, None)
        file.position = prepared.end
        self.records += prepared.batch.num_rows
        self.size_bytes += prepared.batch.nbytes
        if file.prepared or not file.exhausted or not _grows(file):
            self.enqueue(file)

    def _refused(self, file: FollowedFile, prepared: Prepared, error: MadangError) -> None:
        """The very same batch goes again after a pause, before anything else of the file."""
        if self.waiting_for is None:
            _log.warning("the stream %s takes nothing now: %s", self._spec.stream, error)
        self.waiting_for = error
        file.prepared.appendleft(prepared)
        if id(file) not in self._queued:
            self._queued.add(id(file))
            self._ready.appendleft(file)

    def settle(self, *, wait_s: float) -> None:
        """Wait for what is on its way."""
        deadline_s = self._clock.monotonic_s() + wait_s
        while self._in_flight and self._clock.monotonic_s() < deadline_s:
            self._acknowledge(min(_ACK_WAIT_S, wait_s))

    def _note(self) -> None:
        """Write what the book of marks has to remember."""
        try:
            self._book.flush()
        except OSError as error:
            # The book only helps to recognise copies; a full disk must not stop the lines.
            if not self._book_fails:
                _log.warning("the marks of %s cannot be written: %s", self._spec.name, error)
            self._book_fails = True
        else:
            self._book_fails = False

    def land_all(self) -> None:
        """Wait, however long, until nothing can land any more."""
        wait(self._in_flight)
        self.settle(wait_s=10.0)


def _grows(file: FollowedFile) -> bool:
    return file.content is None or file.content.growing
