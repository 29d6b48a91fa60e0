"""The files source: which files there are, whose turn it is, and what is on its way."""

from __future__ import annotations

import contextlib
import logging
import os
import socket
import stat
import threading
from pathlib import Path

from madang.collect.files.content import PACKED, PackedContent, PlainContent
from madang.collect.files.followed import FollowedFile, Patience
from madang.collect.files.framing import LineFraming, MultilineFraming
from madang.collect.files.globs import GlobSet
from madang.collect.files.identity import FileKey, key_of
from madang.collect.files.marks import Mark, MarkBook
from madang.collect.files.opening import Opener, Opening, Skip
from madang.collect.files.placing import Placer, reopened
from madang.collect.files.sending import Sender
from madang.collect.source import SourceContext, SourceStatus
from madang.core.errors import InvalidInputError, MadangError, OverloadedError
from madang.project import FilesSourceSpec, RecordFormat
from madang.stream import RECORD_SCHEMA

_log = logging.getLogger(__name__)

_RETRY_DENIED_S = 60.0

FileId = tuple[int, int]
_Found = tuple[str, os.stat_result, FileId]


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
        self._claims = context.claims
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
        self._scan_number = 0
        self._sender = Sender(
            spec=spec,
            stream=self._stream,
            clock=self._clock,
            patience=self._patience,
            book=self._book,
            opener=self._opener,
            placer=self._placer,
            leave_out=self._skip,
            problems=self._problems,
        )
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
                if self._sender.busy:
                    pause_s = 0.0
                if self._sender.waiting_for is not None:
                    pause_s = max(pause_s, _pause_of(self._sender.waiting_for))
                if pause_s > 0:
                    stop.wait(pause_s)
        finally:
            # Whoever follows next asks the stream how far it came: nothing may land after that.
            self._sender.land_all()

    def poll(self, stop: threading.Event | None = None) -> None:
        """Look at all files once, and read for at most about one poll interval."""
        self._sender.waiting_for = None
        new = self._scan()
        self._sender.drain(stop)
        # Only now: a new file may be the copy of a known one, and that was read just before.
        self._discover_all(new)
        self._sender.drain(stop)

    def status(self) -> SourceStatus:
        """Files, records and bytes; what is waited for; what cannot be read."""
        problems = [*self._problems.values()]
        problems += [f"{path}: {error.strerror}" for path, error in self._globs.problems.items()]
        problems += [reason for _, _, reason, _ in list(self._skipped.values()) if reason]
        counts = {
            "files": len(self._files),
            "skipped_files": len(self._skipped),
            "records": self._sender.records,
            "bytes": self._sender.size_bytes,
        }
        return SourceStatus(self._sender.waiting_for, tuple(problems), counts)

    def close(self) -> None:
        """Close all files."""
        for file in self._files.values():
            file.close()
        self._files.clear()
        self._followed.clear()
        self._claims.release_all(self._spec.stream, self._spec.name)
        with contextlib.suppress(OSError):
            self._book.close()

    # What is there

    def _scan(self) -> list[_Found]:
        """Look at every file that is followed; returns those that are not yet."""
        new: list[_Found] = []
        now_s = self._clock.monotonic_s()
        self._scan_number += 1
        number = self._scan_number
        paths = self._globs.files(self._clock.now_us() * 1000)
        for path in paths:
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
            self._sender.look_after_held(file, now_s)
        for identity, file in list(self._files.items()):
            if file.scan != number:
                self._look_after_gone(identity, file, now_s)
        if self._problems:
            self._forget_problems(paths)
        return new

    def _forget_problems(self, paths: list[str]) -> None:
        """A file that is gone is no problem any more."""
        there = {*paths, *(file.path for file in self._files.values())}
        for path in self._problems.keys() - there:
            del self._problems[path]
            self._denied.pop(path, None)

    def _discover_all(self, new: list[_Found]) -> None:
        now_s = self._clock.monotonic_s()
        self._opener.forget_gone({path for path, _, _ in new})
        self._forget_skipped({identity for _, _, identity in new})
        found = [
            (key_of(Path(path), status), path, status, identity)
            for path, status, identity in new
            if not self._is_skipped(status, identity)
        ]
        found.sort(key=_originals_first)
        present = {key for key, *_ in found} | {key for *_, key in self._skipped.values()}
        self._placer.forget_waiting(present)
        # First those that may hold what they held: a copy is told from what its original holds.
        known = self._book.holders()
        for key, path, status, identity in found:
            if key in known and identity not in self._files:
                self._discover(key, path, status, identity, now_s, known=True)
        if new or self._scan_number == 1:
            for missing in known - present - self._followed.keys():
                self._book.end(missing, "missing")
        for key, path, status, identity in found:
            if identity not in self._files:
                self._discover(key, path, status, identity, now_s)
        if self._scan_number == 1:
            self._placer.end_first_look()
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
        if now_s < self._denied.get(path, now_s) or not self._claim(key, path):
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
            self._claims.release(self._spec.stream, key, self._spec.name)
            return
        except InvalidInputError as error:
            opening = Skip(error.message)
        if isinstance(opening, Skip):
            self._skip(file, opening.reason)
        if not isinstance(opening, Opening):
            self._claims.release(self._spec.stream, key, self._spec.name)
            return
        self._skipped.pop(identity, None)
        self._denied.pop(path, None)
        self._problems.pop(path, None)
        file.scan = self._scan_number
        self._files[identity] = self._followed[key] = file
        self._placer.follow(file)
        self._sender.enqueue(file)

    def _claim(self, key: FileKey, path: str) -> bool:
        """Take a file, unless another source brings it into the same stream."""
        owner = self._claims.take(self._spec.stream, key, self._spec.name)
        if owner == self._spec.name:
            return True
        if path not in self._problems:
            told = f"{path}: left to the source {owner!r}, which brings it into the same stream"
            self._problems[path] = told
            _log.warning("%s", told)
        return False

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
        self._claims.release(self._spec.stream, file.key, self._spec.name)
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
        self._sender.enqueue(file)

    def _renamed(self, file: FollowedFile, path: str, now_s: float) -> None:
        file.now_at, file.gone_since_s, file.grown_at_s = path, None, now_s
        if isinstance(file.content, PackedContent):
            file.content.path = Path(path)

    def _look_after_gone(self, identity: FileId, file: FollowedFile, now_s: float) -> None:
        """A file whose name is gone, or matches no more: read on until it is still."""
        if file.gone_since_s is None:
            file.gone_since_s = file.grown_at_s = now_s
            file.exhausted = False
            self._sender.enqueue(file)
        if file.content is None:
            file.content = reopened(file)
        named = file.content is not None
        if isinstance(file.content, PlainContent):
            status = file.content.status()
            named = status.st_nlink > 0
            if (status.st_size, status.st_mtime_ns) != (file.size, file.mtime_ns):
                self._changed(file, status.st_size, status.st_mtime_ns, now_s)
        self._sender.look_after_held(file, now_s)
        idle = self._sender.is_idle(file)
        still_s = now_s - file.grown_at_s
        if idle and (file.content is None or still_s >= self._patience.linger_s):
            self._let_go(file)
            self._book.end(file.key, "missing" if named else "deleted")

    def _close_idle(self) -> None:
        opened = [file for file in self._files.values() if file.content is not None]
        opened.sort(key=lambda file: file.grown_at_s)
        for file in opened[: max(0, len(opened) - self._max_open)]:
            if self._sender.is_idle(file):
                file.close()

    def _has_landed(self, mark: Mark) -> bool:
        if mark.partition >= self._stream.partitions:
            return False
        last = self._stream.last_sequence(mark.partition, mark.origin.producer)
        return last is not None and last >= mark.origin.sequence


def _absolute(glob: str, context: SourceContext) -> str:
    glob = glob.replace("${data}", str(context.data))
    return os.path.normpath(context.directory / Path(glob).expanduser())


def _originals_first(found: tuple[FileKey, str, os.stat_result, FileId]) -> tuple[bool, int, int]:
    """Of files that are new in one look a copy, even one under way, comes behind its original.

    That is plain and as long at least, and of two that are as long the one with the shorter name.
    """
    _, path, status, _ = found
    return Path(path).suffix.lower() in PACKED, -status.st_size, len(path)


def _pause_of(error: MadangError) -> float:
    return error.retry_after_s if isinstance(error, OverloadedError) else 1.0


def _descriptor_limit() -> int:
    try:
        import resource
    except ImportError:
        return 1024
    return resource.getrlimit(resource.RLIMIT_NOFILE)[0]
