"""The files source: which files there are, whose turn it is, and what is on its way."""

from __future__ import annotations

import contextlib
import logging
import math
import os
import socket
import stat
import threading
from collections import deque
from concurrent.futures import FIRST_COMPLETED, Future, wait
from dataclasses import dataclass
from pathlib import Path

from madang.collect.files.content import PackedContent, PlainContent
from madang.collect.files.followed import FollowedFile, Prepared, TruncatedError
from madang.collect.files.framing import LineFraming, MultilineFraming
from madang.collect.files.globs import GlobSet
from madang.collect.files.identity import HEAD_BYTES, FileKey, key_of
from madang.collect.files.marks import Mark, MarkBook
from madang.collect.files.opening import Opener, Opening, Skip
from madang.collect.files.placing import Placer, reopened
from madang.collect.source import SourceContext, SourceStatus
from madang.core.errors import InvalidInputError, MadangError, OverloadedError
from madang.project import FilesSourceSpec, RecordFormat
from madang.stream import RECORD_SCHEMA, Appended

_log = logging.getLogger(__name__)

_CATCH_UP_FACTOR = 16
_MAX_PREPARED_BYTES = 64 * 2**20
_RETRY_DENIED_S = 60.0
_ACK_WAIT_S = 0.5
_MAX_TOGETHER = 64

FileId = tuple[int, int]
_Found = tuple[str, os.stat_result, FileId]


@dataclass(frozen=True, slots=True)
class Patience:
    """How long a file that is no longer where it was found is still read.

    ``partial_s`` without growth, and what is at its end counts as a record without its newline;
    ``linger_s`` without growth, and it is let go of. A file with the same bytes as another that is
    there waits ``copy_s`` without growth, in case it is the copy made before a truncation.
    """

    partial_s: float = 5.0
    linger_s: float = 30.0
    copy_s: float = 5.0


class FilesSource:
    """Follows files by globs; see docs of ``FilesSourceSpec``.

    Exactly once: a batch carries ``Origin("file:<identity>", byte offset behind it)``; where a file
    goes on after a restart is asked of the stream. One batch of a file is on its way at a time,
    because a batch that was refused (a full disk) must not be overtaken by the next; several files,
    and reading ahead, keep the disk busy.

    Raises:
        InvalidInputError: the stream is typed, or a pattern is wrong.
    """

    def __init__(
        self, spec: FilesSourceSpec, context: SourceContext, *, patience: Patience | None = None
    ) -> None:
        if not context.stream.schema.equals(RECORD_SCHEMA):
            raise InvalidInputError(
                f"the source {spec.name!r} brings lines, but the stream {spec.stream!r} is typed",
                hint="give it a stream of another format",
            )
        self._spec = spec
        self._stream = context.stream
        self._clock = context.clock
        self._patience = patience or Patience()
        self._globs = GlobSet(
            tuple(_absolute(glob, context) for glob in spec.paths),
            tuple(_absolute(glob, context) if "/" in glob else glob for glob in spec.exclude),
        )
        self._followed: dict[FileKey, FollowedFile] = {}
        self._book = MarkBook(context.state / "marks.jsonl", self._has_landed)
        self._placer = Placer(
            self._stream,
            self._book,
            self._followed.get,
            self._clock,
            start_at_end=spec.start_at == "end" and self._book.is_new,
            grace_s=max(3 * spec.poll_interval, self._patience.copy_s),
        )
        self._opener = Opener(self._stream, self._book, self._placer)
        stream_spec = context.stream_spec
        self._with_header = (
            stream_spec is not None
            and stream_spec.format is RecordFormat.CSV
            and not stream_spec.header
        )
        if spec.multiline is not None:
            MultilineFraming(spec.multiline)  # a wrong pattern is told at once
        self._attributes = {"source": "files", "host": socket.gethostname()}
        self._files: dict[FileId, FollowedFile] = {}
        self._skipped: dict[FileId, tuple[int, int, str, FileKey]] = {}
        self._denied: dict[str, float] = {}
        self._problems: dict[str, str] = {}
        self._ready: deque[FollowedFile] = deque()
        self._queued: set[int] = set()
        self._in_flight: dict[Future[Appended], tuple[FollowedFile, Prepared]] = {}
        self._prepared_bytes = 0
        self._waiting_for: MadangError | None = None
        self._scan_number = 0
        self._book_fails = False
        self._records = self._bytes = 0
        # Descriptors keep a rotated file readable; beyond this many, the idle ones are closed.
        self._max_open = max(64, _descriptor_limit() // 2)

    def run(self, stop: threading.Event) -> None:
        """Follow until ``stop`` is set, then wait for what is in flight."""
        try:
            while not stop.is_set():
                begun_s = self._clock.monotonic_s()
                self.poll(stop)
                took_s = self._clock.monotonic_s() - begun_s
                pause_s = self._spec.poll_interval - took_s
                if self._ready:
                    pause_s = 0.0
                if self._waiting_for is not None:
                    pause_s = max(pause_s, _pause_of(self._waiting_for))
                if pause_s > 0:
                    stop.wait(pause_s)
        finally:
            # Whoever follows next asks the stream how far it came: nothing may land after that.
            wait(self._in_flight)
            self._settle(wait_s=10.0)

    def poll(self, stop: threading.Event | None = None) -> None:
        """Look at all files once, and read for at most about one poll interval."""
        self._waiting_for = None
        new = self._scan()
        self._drain(stop)
        # Only now: a new file may be the copy of a known one, and that was read just before.
        self._discover_all(new)
        self._drain(stop)

    def _drain(self, stop: threading.Event | None) -> None:
        """Read and append what is ready, for at most about one poll interval."""
        self._note()
        deadline_s = self._clock.monotonic_s() + max(self._spec.poll_interval, 0.05)
        while (self._ready or self._in_flight) and self._waiting_for is None:
            self._submit_some()
            self._acknowledge(_ACK_WAIT_S)
            if stop is not None and stop.is_set():
                break
            if self._clock.monotonic_s() >= deadline_s:
                break
        self._settle(wait_s=10.0)
        self._note()

    def status(self) -> SourceStatus:
        """Files, records and bytes; what is waited for; what cannot be read."""
        problems = [*self._problems.values()]
        problems += [f"{path}: {error.strerror}" for path, error in self._globs.problems.items()]
        problems += [reason for _, _, reason, _ in list(self._skipped.values()) if reason]
        counts = {
            "files": len(self._files),
            "skipped_files": len(self._skipped),
            "records": self._records,
            "bytes": self._bytes,
        }
        return SourceStatus(self._waiting_for, tuple(problems), counts)

    def close(self) -> None:
        """Close all files."""
        for file in self._files.values():
            file.close()
        self._files.clear()
        self._followed.clear()
        with contextlib.suppress(OSError):
            self._book.close()

    # What is there

    def _scan(self) -> list[_Found]:
        """Look at every file that is followed; returns those that are not yet."""
        new: list[_Found] = []
        now_s = self._clock.monotonic_s()
        self._scan_number += 1
        number = self._scan_number
        for path in self._globs.files(self._clock.now_us() * 1000):
            try:
                status = os.stat(path)  # noqa: PTH116 - a thousand a second, Path costs
            except OSError as error:
                if not isinstance(error, FileNotFoundError):
                    self._deny(path, error, now_s)
                continue
            identity = (status.st_dev, status.st_ino)
            file = self._files.get(identity)
            if file is None:
                new.append((path, status, identity))
                continue
            if file.scan == number:  # another name of the same file
                continue
            file.scan = number
            if file.size != status.st_size or file.mtime_ns != status.st_mtime_ns:
                self._changed(file, status.st_size, status.st_mtime_ns, now_s)
            if file.now_at != path or file.gone_since_s is not None:
                self._renamed(file, path, now_s)
            if file.held:
                self._enqueue_if_held(file, now_s)
            elif not file.placed and file.size:
                self._enqueue(file)
        for identity, file in list(self._files.items()):
            if file.scan != number:
                self._look_after_gone(identity, file, now_s)
        return new

    def _discover_all(self, new: list[_Found]) -> None:
        now_s = self._clock.monotonic_s()
        self._opener.forget_gone({path for path, _, _ in new})
        found = [
            (key_of(Path(path), status), path, status, identity)
            for path, status, identity in new
            if not self._is_skipped(status, identity)
        ]
        present = {key for key, *_ in found}
        self._placer.forget_waiting(present)
        self._forget_skipped({identity for _, _, identity in new})
        # First those that may hold what they held: a copy is told from what its original holds.
        known = self._book.keys()
        for key, path, status, identity in found:
            if key in known and identity not in self._files:
                self._discover(key, path, status, identity, now_s, known=True)
        if self._scan_number == 1:
            for missing in known - present:
                self._book.end(missing, "missing")
        for key, path, status, identity in found:
            if identity not in self._files:
                self._discover(key, path, status, identity, now_s)
        if self._scan_number == 1:
            self._placer.start_at_end = False
            with contextlib.suppress(OSError):
                self._book.begin()
        if len(self._files) > self._max_open:
            self._close_idle()

    def _is_skipped(self, status: os.stat_result, identity: FileId) -> bool:
        skipped = self._skipped.get(identity)
        return skipped is not None and skipped[:2] == (status.st_size, status.st_mtime_ns)

    def _forget_skipped(self, present: set[FileId]) -> None:
        for identity in self._skipped.keys() - present:
            key = self._skipped.pop(identity)[3]
            self._book.end(key, "missing")

    def _discover(
        self,
        key: FileKey,
        path: str,
        status: os.stat_result,
        identity: FileId,
        now_s: float,
        *,
        known: bool = False,
    ) -> None:
        """Begin to follow a file, unless it is left out, or for now."""
        if not stat.S_ISREG(status.st_mode):
            return
        if now_s < self._denied.get(path, now_s):
            return
        stamp = (status.st_size, status.st_mtime_ns)
        file = FollowedFile(
            key, key, status.st_dev, path, path, None, self._framing(),
            attributes=self._attributes,
        )  # fmt: skip
        file.with_header = self._with_header
        file.size, file.mtime_ns, file.grown_at_s = *stamp, now_s
        try:
            now_ns = self._clock.now_us() * 1000
            opening = self._opener.open(file, status, now_s, now_ns, known=known)
        except OSError as error:
            if not isinstance(error, FileNotFoundError):
                self._deny(path, error, now_s)
            return
        except InvalidInputError as error:
            opening = Skip(error.message)
        if isinstance(opening, Skip):
            self._skip(file, opening.reason)
        if not isinstance(opening, Opening):
            return
        self._skipped.pop(identity, None)
        self._denied.pop(path, None)
        self._problems.pop(path, None)
        file.scan = self._scan_number
        self._files[identity] = self._followed[key] = file
        self._placer.follow(file)
        self._enqueue(file)

    def _skip(self, file: FollowedFile, reason: str) -> None:
        """Leave a file alone until it changes."""
        self._let_go(file)
        identity = (file.device, file.key.inode)
        if reason and identity not in self._skipped:
            _log.warning("%s is left out: %s", file.path, reason)
        told = f"{file.path}: {reason}" if reason else ""
        self._skipped[identity] = (file.size, file.mtime_ns, told, file.key)

    def _let_go(self, file: FollowedFile) -> None:
        file.close()
        self._placer.forget(file)
        self._files.pop((file.device, file.key.inode), None)
        if self._followed.get(file.key) is file:
            del self._followed[file.key]

    def _framing(self) -> LineFraming | MultilineFraming:
        multiline = self._spec.multiline
        return LineFraming() if multiline is None else MultilineFraming(multiline)

    def _deny(self, path: str, error: OSError, now_s: float) -> None:
        if path not in self._problems:
            _log.warning("%s cannot be read: %s", path, error.strerror)
        self._problems[path] = f"{path}: {error.strerror}"
        self._denied[path] = now_s + _RETRY_DENIED_S

    def _changed(self, file: FollowedFile, size: int, mtime_ns: int, now_s: float) -> None:
        file.size, file.mtime_ns, file.grown_at_s = size, mtime_ns, now_s
        file.exhausted = False
        self._enqueue(file)

    def _renamed(self, file: FollowedFile, path: str, now_s: float) -> None:
        file.now_at, file.gone_since_s, file.grown_at_s = path, None, now_s
        if isinstance(file.content, PackedContent):
            file.content.path = Path(path)

    def _look_after_gone(self, identity: FileId, file: FollowedFile, now_s: float) -> None:
        """A file whose name is gone, or matches no more: read on until it is still."""
        if file.gone_since_s is None:
            file.gone_since_s = file.grown_at_s = now_s
            file.exhausted = False
            self._enqueue(file)
        named = file.content is not None or self._reopen(file)
        if isinstance(file.content, PlainContent):
            status = file.content.status()
            named = status.st_nlink > 0
            if (status.st_size, status.st_mtime_ns) != (file.size, file.mtime_ns):
                self._changed(file, status.st_size, status.st_mtime_ns, now_s)
        if file.held:
            self._enqueue_if_held(file, now_s)
        elif not file.placed and file.size:
            self._enqueue(file)
        idle = not file.in_flight and not file.prepared and id(file) not in self._queued
        still_s = now_s - file.grown_at_s
        if idle and (file.content is None or still_s >= self._patience.linger_s):
            self._let_go(file)
            self._book.end(file.key, "missing" if named else "deleted")

    def _wait_s(self, file: FollowedFile) -> float:
        """How long what is at the end waits for more before it is a record as it stands."""
        if file.rotated:
            return self._patience.partial_s
        return math.inf if self._spec.multiline is None else self._spec.multiline.wait

    def _enqueue_if_held(self, file: FollowedFile, now_s: float) -> None:
        if now_s - file.grown_at_s >= self._wait_s(file):
            self._enqueue(file)

    def _enqueue(self, file: FollowedFile) -> None:
        if id(file) not in self._queued and not file.in_flight:
            self._queued.add(id(file))
            self._ready.append(file)

    def _close_idle(self) -> None:
        opened = [file for file in self._files.values() if file.content is not None]
        opened.sort(key=lambda file: file.grown_at_s)
        for file in opened[: max(0, len(opened) - self._max_open)]:
            if not file.in_flight and id(file) not in self._queued:
                file.close()

    # Reading and appending

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
            if file.content is None and not self._reopen(file):
                return False
            content = file.content
            assert content is not None
            if not file.placed:
                placed = self._opener.place_late(file, self._clock.monotonic_s())
                if isinstance(placed, str):
                    self._skip(file, placed)
                if placed is not True:
                    file.exhausted = True
                    return False
            if not file.sniffed:
                reason = self._opener.sniff(file, content.read(0, HEAD_BYTES))
                if reason is not None:
                    self._skip(file, reason)
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
        self._records += prepared.batch.num_rows
        self._bytes += prepared.batch.nbytes
        if file.prepared or not file.exhausted or not _grows(file):
            self._enqueue(file)

    def _refused(self, file: FollowedFile, prepared: Prepared, error: MadangError) -> None:
        """The very same batch goes again after a pause, before anything else of the file."""
        if self._waiting_for is None:
            _log.warning("the stream %s takes nothing now: %s", self._spec.stream, error)
        self._waiting_for = error
        file.prepared.appendleft(prepared)
        if id(file) not in self._queued:
            self._queued.add(id(file))
            self._ready.appendleft(file)

    def _reopen(self, file: FollowedFile) -> bool:
        file.content = reopened(file)
        return file.content is not None

    def _has_landed(self, mark: Mark) -> bool:
        if mark.partition >= self._stream.partitions:
            return False
        last = self._stream.last_sequence(mark.partition, mark.origin.producer)
        return last is not None and last >= mark.origin.sequence

    def _settle(self, *, wait_s: float) -> None:
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


def _grows(file: FollowedFile) -> bool:
    return file.content is None or file.content.growing


def _absolute(glob: str, context: SourceContext) -> str:
    glob = glob.replace("${data}", str(context.data))
    return os.path.normpath(context.directory / Path(glob).expanduser())


def _pause_of(error: MadangError) -> float:
    return error.retry_after_s if isinstance(error, OverloadedError) else 1.0


def _descriptor_limit() -> int:
    try:
        import resource
    except ImportError:
        return 1024
    return resource.getrlimit(resource.RLIMIT_NOFILE)[0]
